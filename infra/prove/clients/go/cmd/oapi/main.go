// Command oapi submits and reads with the client that oapi-codegen makes.
package main

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"clients/oapi"
	"clients/try"
)

func main() {
	ctx := context.Background()
	c, err := oapi.NewClientWithResponses(try.URL, oapi.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("X-API-Key", try.Key)
		return nil
	}))
	try.Must(err)

	kind, body := form(try.Short, [2]string{"cutSettings", `{"minSilenceMs":300}`})
	refused, err := c.SubmitRecordingWithBodyWithResponse(ctx, nil, kind, body)
	try.Must(err)
	said := try.Said{Refusal: string(refused.JSON400.Error.Code)}

	kind, body = form(try.Recording)
	accepted, err := c.SubmitRecordingWithBodyWithResponse(ctx, &oapi.SubmitRecordingParams{IdempotencyKey: &try.Repeat}, kind, body)
	try.Must(err)
	said.ID = accepted.JSON202.Id
	for {
		got, err := c.GetRunWithResponse(ctx, said.ID)
		try.Must(err)
		if got.JSON429 != nil {
			time.Sleep(time.Duration(*got.JSON429.Error.RetryAfterSeconds) * time.Second)
			continue
		}
		run, err := got.JSON200.ValueByDiscriminator()
		try.Must(err)
		switch run := run.(type) {
		case oapi.LiveRun:
			time.Sleep(time.Duration(run.PollIntervalSeconds) * time.Second)
		case oapi.FinishedRun:
			said.Status, said.Fluency, said.Level = string(run.Status), *run.Scores.Fluency, string(*run.Scores.AccentCefr)
			said.Measures = len(run.Analysis.Fluency.Measures)
			for _, s := range run.Transcript.Segments {
				said.Words += len(s.Words)
			}
			try.Say(said)
			return
		}
	}
}

// form makes the form of a submit: oapi-codegen leaves that to the caller.
func form(file string, more ...[2]string) (kind string, body io.Reader) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("audio", "interview")
	try.Must(err)
	_, err = io.Copy(part, try.Open(file))
	try.Must(err)
	for _, f := range append([][2]string{
		{"externalId", try.ExternalID}, {"tags", try.Tag}, {"tags", try.Other}, {"allowPartial", string(oapi.True)},
		{"metadata", `{"position":"support","hours":2.5,"remote":true}`},
	}, more...) {
		try.Must(w.WriteField(f[0], f[1]))
	}
	try.Must(w.Close())
	return w.FormDataContentType(), &b
}
