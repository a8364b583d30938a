// Command quickstart submits a recording of 3 to 45 minutes, waits for its end and prints the
// scores.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"mime/multipart"
	"net/http"
	"os"
	"time"
)

type run struct {
	ID                  string         `json:"id"`
	Status              string         `json:"status"`
	CompletedAt         *string        `json:"completedAt"`
	PollIntervalSeconds int            `json:"pollIntervalSeconds"`
	Error               map[string]any `json:"error"`
	Scores              map[string]any `json:"scores"`
}

func main() {
	if err := score(context.Background(), os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func score(ctx context.Context, file string) error {
	audio, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the recording: %w", err)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, _ := w.CreateFormFile("audio", "interview") // a buffer takes everything
	_, _ = part.Write(audio)
	_ = w.WriteField("externalId", "interview-1042")
	_ = w.Close()
	r, err := call(ctx, http.MethodPost, "/speech/analyze", w.FormDataContentType(), &form)
	for err == nil && r.CompletedAt == nil {
		if r, err = call(ctx, http.MethodGet, "/speech/analyze/"+r.ID, "", nil); err == nil && r.CompletedAt == nil {
			time.Sleep(time.Duration(r.PollIntervalSeconds) * time.Second)
		}
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"id": r.ID, "status": r.Status, "error": r.Error, "scores": r.Scores})
}

func call(ctx context.Context, method, path, kind string, body io.Reader) (r run, err error) {
	req, err := http.NewRequestWithContext(ctx, method, os.Getenv("PARLEY_URL")+"/api/v1"+path, body)
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	req.Header.Set("X-API-Key", os.Getenv("PARLEY_API_KEY"))
	req.Header.Set("Content-Type", kind)
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	defer func() { _ = answer.Body.Close() }()
	raw, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s: %s", answer.Status, raw)
	}
	if err == nil {
		err = json.Unmarshal(raw, &r)
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}
