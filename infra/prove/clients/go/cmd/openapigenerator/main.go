// Command openapigenerator submits and reads with the client that openapi-generator's go makes.
package main

import (
	"context"
	"net/http"
	"os"
	"time"

	"clients/openapigenerator"
	"clients/try"
)

func main() {
	settings := openapigenerator.NewConfiguration()
	settings.Servers = openapigenerator.ServerConfigurations{{URL: try.URL}}
	settings.AddDefaultHeader("X-API-Key", try.Key)
	c := openapigenerator.NewAPIClient(settings).SpeechAPI
	ctx := context.Background()

	var said try.Said
	_, answer, err := form(c.SubmitRecording(ctx), try.Short).Execute()
	if answer == nil || answer.StatusCode != http.StatusBadRequest {
		try.Must(err)
	}
	if refused, ok := err.(*openapigenerator.GenericOpenAPIError).Model().(openapigenerator.Error); ok {
		said.Refusal = refused.Error.Code
	}

	accepted, _, err := form(c.SubmitRecording(ctx), try.Recording).IdempotencyKey(try.Repeat).Execute()
	try.Must(err)
	said.ID = accepted.Id
	for {
		run, answer, err := c.GetRun(ctx, said.ID).Execute()
		if answer != nil && answer.StatusCode == http.StatusTooManyRequests {
			time.Sleep(time.Second)
			continue
		}
		try.Must(err)
		if run.LiveRun != nil {
			time.Sleep(time.Duration(run.LiveRun.PollIntervalSeconds) * time.Second)
			continue
		}
		end := run.FinishedRun
		said.Status, said.Fluency, said.Level = end.Status, *end.Scores.Get().Fluency.Get(), *end.Scores.Get().AccentCefr.Get()
		said.Measures = len(end.Analysis.Get().Fluency.Measures)
		for _, s := range end.Transcript.Get().Segments {
			said.Words += len(s.Words)
		}
		try.Say(said)
		return
	}
}

// form leaves out metadata and cutSettings: openapi-generator's Go writes an object in a form as
// one field for each of its members, metadata[position], not as JSON.
func form(r openapigenerator.ApiSubmitRecordingRequest, file string) openapigenerator.ApiSubmitRecordingRequest {
	f, err := os.Open(file)
	try.Must(err)
	return r.Audio(f).ExternalId(try.ExternalID).Tags([]string{try.Tag, try.Other}).AllowPartial("true")
}
