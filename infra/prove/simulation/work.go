package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/transcript"
)

// engineless stands in where an engine is asked for its version.
type engineless struct{}

// Version implements transcript.Recogniser and accent.Aligner.
func (engineless) Version() string { return "simulated" }

// Transcribe implements transcript.Recogniser; nobody calls it.
func (engineless) Transcribe(context.Context, []int16, int64, string) (transcript.Chunk, error) {
	return transcript.Chunk{}, transcript.ErrDenied
}

// Align implements accent.Aligner; nobody calls it.
func (engineless) Align(context.Context, []int16, []string) ([]accent.AlignedWord, error) {
	return nil, accent.ErrNotAligned
}

// LanguageProbability implements accent.WhisperListener; nobody calls it.
func (engineless) LanguageProbability(context.Context, []int16, string) (float64, bool, error) {
	return 0, false, nil
}

// work is a stage's work without its engines. It takes time, reads and writes the stage's
// artefacts, and fails if the world says so. finalize does its real work.
func (w *world) work(p *process, row pipeline.Stage, own pipeline.Work) pipeline.Work {
	return func(ctx context.Context, r run.Run, part run.Part) (pipeline.Result, error) {
		p.sleep(time.Duration(1+w.tape.pick(10)) * time.Second)
		kind, struck := w.strike(Broken, Slow)
		switch {
		case struck && kind == Slow:
			w.hit(Slow, "%s of %s takes too long", part, r.ID)
			p.sleep(row.TryLimit(r, part))
			return pipeline.Result{}, context.DeadlineExceeded
		case struck && w.tape.pick(3) == 0:
			w.hit(Broken, "%s of %s finds it cannot be done", part, r.ID)
			return pipeline.Result{}, errcode.New(row.Fail)
		case struck:
			w.hit(Broken, "%s of %s fails", part, r.ID)
			return pipeline.Result{}, errors.New("simulated")
		case p.dead:
			return pipeline.Result{}, errDead
		}
		if row.Name == speech.Finalize {
			return own(ctx, r, part)
		}
		return w.imitate(ctx, p, r, part, row)
	}
}

// natural holds the permille of parts whose recording yields no measure, even without a fault.
const natural = 15

// imitate writes the artefacts that a stage writes.
func (w *world) imitate(ctx context.Context, p *process, r run.Run, part run.Part, row pipeline.Stage) (pipeline.Result, error) {
	if w.tape.chance(natural) {
		return pipeline.Result{}, errcode.New(row.Fail)
	}
	raw := 1 + float64(w.tape.pick(40))/10
	var res pipeline.Result
	var left any
	switch row.Name {
	case speech.Ingest:
		res.Pieces = 1 + w.tape.pick(5)
		left = audio.Intake{DurationMs: r.Length.Milliseconds()}
	case speech.Transcribe, speech.Diarize:
		left = struct{}{}
	default:
		left = score.Result{Dimension: score.Dimension(row.Name), Raw: &raw, Interval: [2]float64{raw - 0.5, raw + 0.5}, Measures: []score.Measure{}, Words: 300, SpeechSeconds: 120}
	}
	for _, a := range row.Out {
		if err := w.leave(ctx, p, r, a, part.Index, left); err != nil {
			return res, err
		}
	}
	return res, nil
}

func (w *world) leave(ctx context.Context, p *process, r run.Run, a pipeline.Kind, index int, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return objects{w.objects, p}.Put(ctx, pipeline.KeyOf(r, a, index), "application/json", bytes.NewReader(raw), int64(len(raw)))
}

// join writes the conversation, provided every piece of the group exists. If one is missing, the
// stages did not wait for each other.
func (w *world) join(p *process) pipeline.Join {
	return func(ctx context.Context, r run.Run) error {
		keys := []string{pipeline.KeyOf(r, speech.Speakers.Kind, 0)}
		for i := range r.Pieces {
			keys = append(keys, pipeline.KeyOf(r, speech.Words.Kind, i))
		}
		for _, key := range keys {
			if _, err := w.objects.Size(ctx, key); err != nil {
				w.breach("%s is joined without %s", r.ID, key)
			}
		}
		if w.tape.chance(natural) {
			return errcode.New(errcode.TranscriptionLowConfidence)
		}
		return w.leave(ctx, p, r, speech.Conversation.Kind, 0, transcript.Conversation{Language: "en"})
	}
}

// poster posts to a client's receiver, which is sometimes out of order while faults occur.
type poster struct{ *process }

// Prepare implements pipeline.Poster.
func (p poster) Prepare(_ context.Context, r run.Run) (func(context.Context) run.Try, error) {
	if !r.Status.Terminal() || !r.ErasedAt.IsZero() {
		p.w.breach("the webhook of %s, which is %s, is prepared", r.ID, r.Status)
	}
	return func(context.Context) run.Try {
		p.sleep(time.Duration(1+p.w.tape.pick(9)) * time.Second)
		switch {
		case p.dead:
			return run.Try{Why: "dead"}
		case p.w.storm && p.w.tape.chance(200):
			return run.Try{Status: 503}
		}
		p.w.pushed[r.ID]++
		return run.Try{Status: 204}
	}, nil
}
