// Command ogen submits and reads with the client that ogen makes.
package main

import (
	"context"
	"fmt"
	"time"

	ht "github.com/ogen-go/ogen/http"
	"github.com/ogen-go/ogen/ogenerrors"

	"clients/ogen"
	"clients/try"
)

type keys struct{}

func (keys) Key(context.Context, ogen.OperationName) (ogen.Key, error) {
	return ogen.Key{APIKey: try.Key}, nil
}

func (keys) Bearer(context.Context, ogen.OperationName) (ogen.Bearer, error) {
	return ogen.Bearer{}, ogenerrors.ErrSkipClientSecurity
}

func main() {
	ctx := context.Background()
	c, err := ogen.NewClient(try.URL, keys{})
	try.Must(err)

	var said try.Said
	short := form(try.Short)
	short.CutSettings = ogen.NewOptCutSettings(ogen.CutSettings{MinSilenceMs: ogen.NewOptInt(300)})
	answer, err := c.SubmitRecording(ctx, short, ogen.SubmitRecordingParams{})
	try.Must(err)
	if refused, ok := answer.(*ogen.SubmitRecordingBadRequest); ok {
		said.Refusal = string(refused.Response.Error.Code)
	}

	answer, err = c.SubmitRecording(ctx, form(try.Recording), ogen.SubmitRecordingParams{IdempotencyKey: ogen.NewOptString(try.Repeat)})
	try.Must(err)
	accepted, ok := answer.(*ogen.AcceptedRunHeaders)
	if !ok {
		try.Must(fmt.Errorf("the submit answered %+v", answer))
	}
	said.ID = accepted.Response.ID
	for {
		answer, err := c.GetRun(ctx, ogen.GetRunParams{ID: said.ID})
		try.Must(err)
		switch a := answer.(type) {
		case *ogen.GetCreditsTooManyRequestsHeaders:
			// ogen names what several calls share after the first
			time.Sleep(time.Duration(a.Response.Error.RetryAfterSeconds.Value) * time.Second)
		case *ogen.GetRunOKHeaders:
			if live, ok := a.Response.GetLiveRun(); ok {
				time.Sleep(time.Duration(live.PollIntervalSeconds) * time.Second)
				continue
			}
			run, _ := a.Response.GetFinishedRun()
			said.Status, said.Fluency, said.Level = string(run.Status), run.Scores.Value.Fluency.Value, string(run.Scores.Value.AccentCefr.Value)
			said.Measures = len(run.Analysis.Value.Fluency.Measures)
			for _, s := range run.Transcript.Value.Segments {
				said.Words += len(s.Words)
			}
			try.Say(said)
			return
		default:
			try.Must(fmt.Errorf("the poll answered %+v", answer))
		}
	}
}

func form(file string) *ogen.SubmissionMultipart {
	r := try.Open(file)
	return &ogen.SubmissionMultipart{
		Audio:        ogen.NewOptMultipartFile(ht.MultipartFile{Name: "interview", File: r, Size: r.Size()}),
		ExternalId:   ogen.NewOptString(try.ExternalID),
		Tags:         []string{try.Tag, try.Other},
		AllowPartial: ogen.NewOptSubmissionMultipartAllowPartial(ogen.SubmissionMultipartAllowPartialTrue),
		Metadata: ogen.NewOptSubmissionMultipartMetadata(ogen.SubmissionMultipartMetadata{
			"position": ogen.NewStringSubmissionMultipartMetadataItem("support"),
			"hours":    ogen.NewFloat64SubmissionMultipartMetadataItem(2.5),
			"remote":   ogen.NewBoolSubmissionMultipartMetadataItem(true),
		}),
		// Not set, ogen would send an empty text.
		CutSettings: ogen.NewOptCutSettings(ogen.CutSettings{}),
	}
}
