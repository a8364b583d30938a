package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
	"parley/shared/speech"
	"parley/shared/speech/audio"
	"parley/shared/speech/audio/channels"
	"parley/shared/speech/conversation"
	"parley/shared/speech/engines"
	"parley/shared/speech/score"
	"parley/shared/speech/score/vocabulary"
	"parley/shared/speech/stages"
	"parley/shared/speech/transcript"
)

// language is that of the interviews.
const language = "en"

// outcome is what became of a variant.
type outcome struct {
	variant string
	scores  map[score.Dimension]float64 // 0 to 5; without those that could not be measured
	// heard and said are the vocabulary scores of both speakers, by what was heard of them and by
	// what they said.
	heard, said []float64
}

func (o outcome) String() string { return fmt.Sprintf("%s: %v", o.variant, o.scores) }

// chain is the work of all stages but the last, one after the other, on the objects of one run. It
// returns the conversation, and notes the scores.
func chain(ctx context.Context, open *engines.Engines, recording audio.Recording, o *outcome) (transcript.Conversation, error) {
	objects := &memory.Objects{}
	w := stages.Works{Objects: objects, Recogniser: open.Whisper, Voices: open.Voices, Aligner: open.Aligner, Listener: open.Whisper,
		Record: func(context.Context, string, channels.Choice) (audio.Recording, error) { return recording, nil }}
	r := run.Run{ID: run.ID("req_" + strings.Repeat("a", 26)), Attempt: 1, Length: time.Duration(recording.DurationMs()) * time.Millisecond,
		Request: run.Request{Asked: speech.Request{Language: language, Cut: audio.DefaultCut()}.Document()}}
	var c transcript.Conversation
	if err := objects.Put(ctx, pipeline.Key(r.ID, r.Attempt, pipeline.Original, 0), "", strings.NewReader("-"), 1); err != nil {
		return c, err
	}
	part := func(stage run.Stage, index int) (pipeline.Result, error) {
		return w.Of(stage)(ctx, r, run.Part{Stage: stage, Index: index})
	}
	done, err := part(speech.Ingest, 0)
	if err != nil {
		return c, err
	}
	r.Pieces = done.Pieces
	for i := range r.Pieces {
		if _, err := part(speech.Transcribe, i); err != nil {
			return c, err
		}
	}
	if _, err := part(speech.Diarize, 0); err != nil {
		return c, err
	}
	if err := w.Join(speech.Diarize)(ctx, r); err != nil {
		return c, err
	}
	o.scores = map[score.Dimension]float64{}
	for _, s := range speech.Scorings {
		if _, err := part(s.Name, 0); err != nil {
			return c, err
		}
		result, err := speech.ResultOf(s.Dimension()).Load(ctx, objects, r, 0)
		if err != nil {
			return c, err
		}
		if result.Raw != nil {
			o.scores[s.Dimension()] = *result.Raw
		}
	}
	return speech.Conversation.Load(ctx, objects, r, 0)
}

// compare notes the vocabulary of both speakers. The candidate is the one of the two who is the
// candidate in the reference.
func (o *outcome) compare(c transcript.Conversation, ref conversation.Reference) error {
	candidate := c.Candidate.Speaker
	for _, role := range []string{conversation.RoleCandidate, conversation.RoleInterviewer} {
		said := transcript.Conversation{Language: language}
		for _, s := range ref.Segments {
			if s.Speaker != role {
				continue
			}
			var t transcript.Turn
			for w := range strings.FieldsSeq(s.Text) {
				t.Words = append(t.Words, transcript.Word{Text: w, P: 1})
			}
			said.Turns = append(said.Turns, t)
		}
		if c.Candidate.Speaker = candidate; role != conversation.RoleCandidate {
			c.Candidate.Speaker = other(c, candidate)
		}
		a, err := vocabulary.Score(score.Material{Conversation: c})
		if err != nil {
			return err
		}
		b, err := vocabulary.Score(score.Material{Conversation: said})
		if err != nil {
			return err
		}
		if a.Raw != nil && b.Raw != nil {
			o.heard, o.said = append(o.heard, *a.Raw), append(o.said, *b.Raw)
		}
	}
	return nil
}

// other is the speaker beside the candidate who says most; the candidate where there is none.
func other(c transcript.Conversation, candidate int) int {
	best, most := candidate, 0
	for _, s := range c.Speakers {
		if s.Speaker != candidate && s.WordCount > most {
			best, most = s.Speaker, s.WordCount
		}
	}
	return best
}
