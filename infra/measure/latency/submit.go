package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"parley/shared/api"
	"parley/shared/api/gateway"
	"parley/shared/process"
	"parley/shared/speech/installed"
)

// recordingBytes is the size of a recording: the function behind the gateway still accepts it in
// base64.
const recordingBytes = 4_000_000

// formats lists the recordings. Each has about four minutes, at a bit rate that makes 4 MB of them.
var formats = []struct {
	name   string
	encode []string
}{
	{"mp3", []string{"-c:a", "libmp3lame", "-b:a", "128k", "-f", "mp3"}},
	{"ogg", []string{"-c:a", "libopus", "-b:a", "128k", "-vbr", "off", "-f", "ogg"}},
	{"webm", []string{"-c:a", "libopus", "-b:a", "128k", "-vbr", "off", "-f", "webm"}},
	{"m4a", []string{"-c:a", "aac", "-b:a", "128k", "-f", "ipod"}},
	{"wav", []string{"-ac", "1", "-ar", "8000", "-c:a", "pcm_s16le", "-f", "wav"}},
}

// warmups are calls before those that count. They bring the files that a first call reads into
// memory, as on a function that was called before.
const warmups = 3

// submit times submits one after the other, as one function's process receives them: from the
// event's bytes to the answer's.
func submit(ctx context.Context, w io.Writer, dir, interview string, n int) error {
	for _, format := range formats {
		recording, err := encode(ctx, interview, filepath.Join(dir, "recording."+format.name), format.encode)
		if err != nil {
			return fmt.Errorf("make a recording as %s: %w", format.name, err)
		}
		f, err := newFront(ctx, dir)
		if err != nil {
			return err
		}
		event, err := f.event(recording)
		if err != nil {
			return err
		}
		h := lambda.NewHandler(gateway.Handler(api.Submit(f.deps)))
		times := make([]time.Duration, 0, n)
		var before time.Duration
		for i := range warmups + n {
			if i == warmups {
				if before, err = processor(); err != nil {
					return err
				}
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			began := time.Now()
			raw, err := h.Invoke(ctx, event)
			took := time.Since(began)
			if err != nil {
				return fmt.Errorf("submit %s: %w", format.name, err)
			}
			var answer events.APIGatewayProxyResponse
			if err := json.Unmarshal(raw, &answer); err != nil {
				return fmt.Errorf("submit %s: %w", format.name, err)
			}
			if answer.StatusCode != http.StatusAccepted {
				return fmt.Errorf("submit %s: HTTP %d %s", format.name, answer.StatusCode, answer.Body)
			}
			if i >= warmups {
				times = append(times, took)
			}
		}
		after, err := processor()
		if err != nil {
			return err
		}
		show(w, fmt.Sprintf("submit of %.2f MB, %s", float64(len(recording))/1e6, format.name), times, after-before)
	}
	return nil
}

// encode makes a recording of the interview, repeated until it is long enough.
func encode(ctx context.Context, interview, path string, how []string) ([]byte, error) {
	interview, err := filepath.Abs(interview)
	if err != nil {
		return nil, err
	}
	args := append([]string{"-nostdin", "-v", "error", "-stream_loop", "-1", "-i", interview, "-map", "0:a:0", "-t", "250"}, how...)
	_, err = process.Run(ctx, process.Command{Path: installed.FFmpeg(installed.Dir()), Args: append(args, "-y", path), Limits: process.Limits{CPU: time.Minute, File: 2 * recordingBytes}})
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// event returns what the gateway passes on for a submit of the recording.
func (f *front) event(recording []byte) ([]byte, error) {
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	part, err := m.CreateFormFile("audio", "interview")
	if err != nil {
		return nil, err
	}
	if _, err := part.Write(recording); err != nil {
		return nil, err
	}
	if err := m.Close(); err != nil {
		return nil, err
	}
	return json.Marshal(events.APIGatewayProxyRequest{
		HTTPMethod: http.MethodPost, Path: api.Base + "/speech/analyze", IsBase64Encoded: true, Body: base64.StdEncoding.EncodeToString(body.Bytes()),
		MultiValueHeaders: map[string][]string{"Content-Type": {m.FormDataContentType()}, "X-API-Key": {f.secret}},
		RequestContext:    events.APIGatewayProxyRequestContext{RequestID: "latency", Identity: events.APIGatewayRequestIdentity{SourceIP: "192.0.2.1"}},
	})
}
