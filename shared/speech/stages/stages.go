// Package stages is the work of each stage: from a run's artefacts to the next ones. It knows the ports, not what is behind
// them, so that the functions, a single process and the simulation run the same code.
package stages

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech/audio"
	"parley/shared/speech/conversation"
	"parley/shared/speech/diarization"
	"parley/shared/speech/score"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/score/fluency"
	"parley/shared/speech/score/vocabulary"
	"parley/shared/speech/transcript"
)

// Works are the stages' works over the same ports.
type Works struct {
	Objects    pipeline.Objects
	Decode     Decode
	Recogniser transcript.Recogniser
	Aligner    accent.Aligner
	Listener   accent.Listener
}

// Decode turns a file of one of the six formats into 16 kHz mono PCM.
type Decode func(ctx context.Context, path string) ([]int16, error)

// Of returns the work of a stage.
func (w Works) Of(s run.Stage) pipeline.Work {
	switch s {
	case pipeline.Ingest:
		return w.ingest
	case pipeline.Transcribe:
		return w.transcribe
	case pipeline.Diarize:
		return w.diarize
	case pipeline.Vocabulary:
		return w.vocabulary
	case pipeline.Fluency:
		return w.fluency
	case pipeline.Accent:
		return w.accent
	case pipeline.Finalize:
		return w.finalize
	}
	return nil
}

// Join returns what joins the group that a stage belongs to; nil: nothing.
func (w Works) Join(s run.Stage) pipeline.Join {
	if s == pipeline.Transcribe || s == pipeline.Diarize {
		return w.converse
	}
	return nil
}

// Unscored returns what stands in for a stage's score where the client allows a partial result; nil: nothing does.
func (w Works) Unscored(s run.Stage) func(ctx context.Context, r run.Run, why string) error {
	var d score.Dimension
	var a pipeline.Artefact
	switch s {
	case pipeline.Vocabulary:
		d, a = score.Vocabulary, pipeline.VocabularyScore
	case pipeline.Fluency:
		d, a = score.Fluency, pipeline.FluencyScore
	default:
		return nil
	}
	return func(ctx context.Context, r run.Run, why string) error {
		return w.store(ctx, r, a, 0, score.Result{Dimension: d, Measures: []score.Measure{}, Reason: why})
	}
}

// Runner returns the runner of a stage.
func (w Works) Runner(s pipeline.Stage, d pipeline.Deps) pipeline.Runner {
	return pipeline.Runner{Deps: d, Stage: s, Work: w.Of(s.Name), Join: w.Join(s.Name), Unscored: w.Unscored(s.Name)}
}

func (w Works) transcribe(ctx context.Context, r run.Run, p run.Part) (pipeline.Result, error) {
	var in audio.Intake
	if err := w.load(ctx, r, pipeline.Intake, 0, &in); err != nil {
		return pipeline.Result{}, err
	}
	if p.Index >= len(in.Chunks) {
		return pipeline.Result{}, fmt.Errorf("stages: chunk %d of %d", p.Index, len(in.Chunks))
	}
	span := in.Chunks[p.Index]
	pcm, err := w.samples(ctx, r, span)
	if err != nil {
		return pipeline.Result{}, err
	}
	chunk, err := w.Recogniser.Transcribe(ctx, pcm, span.StartMs, r.Request.Language)
	switch {
	case errors.Is(err, transcript.ErrDenied):
		return pipeline.Result{}, Denied(err)
	case err != nil:
		return pipeline.Result{}, fmt.Errorf("stages: transcribe: %w", err)
	}
	return pipeline.Result{}, w.store(ctx, r, pipeline.Words, p.Index, chunk)
}

// Denied is the finding that a provider refused our credentials.
func Denied(cause error) error { return errcode.New(errcode.ServiceConfigurationError).Because(cause) }

func (w Works) diarize(ctx context.Context, r run.Run, _ run.Part) (pipeline.Result, error) {
	in, pcm, err := w.sound(ctx, r)
	if err != nil {
		return pipeline.Result{}, err
	}
	d, err := diarization.Diarize(ctx, pcm, in.Speech)
	if err != nil {
		return pipeline.Result{}, fmt.Errorf("stages: diarize: %w", err)
	}
	return pipeline.Result{}, w.store(ctx, r, pipeline.Speakers, 0, d)
}

// converse joins words and speakers into the conversation, and finds the candidate.
func (w Works) converse(ctx context.Context, r run.Run) error {
	var in audio.Intake
	if err := w.load(ctx, r, pipeline.Intake, 0, &in); err != nil {
		return err
	}
	chunks := make([]transcript.Chunk, r.Chunks)
	for i := range chunks {
		if err := w.load(ctx, r, pipeline.Words, i, &chunks[i]); err != nil {
			return err
		}
	}
	var d diarization.Diarization
	if err := w.load(ctx, r, pipeline.Speakers, 0, &d); err != nil {
		return err
	}
	c, err := conversation.Join(chunks, d, in, r.Request.Language)
	if err != nil {
		return fmt.Errorf("stages: join: %w", err)
	}
	return w.store(ctx, r, pipeline.Conversation, 0, c)
}

func (w Works) vocabulary(ctx context.Context, r run.Run, _ run.Part) (pipeline.Result, error) {
	var m score.Material
	if err := w.load(ctx, r, pipeline.Conversation, 0, &m.Conversation); err != nil {
		return pipeline.Result{}, err
	}
	res, err := vocabulary.Score(m)
	if err != nil {
		return pipeline.Result{}, fmt.Errorf("stages: vocabulary: %w", err)
	}
	return w.scored(ctx, r, pipeline.VocabularyScore, errcode.ScoringFailed, res.Reason, res)
}

func (w Works) fluency(ctx context.Context, r run.Run, _ run.Part) (pipeline.Result, error) {
	m, err := w.material(ctx, r)
	if err != nil {
		return pipeline.Result{}, err
	}
	d := fluency.Measure(m)
	return w.scored(ctx, r, pipeline.FluencyScore, errcode.ScoringFailed, d.Reason, d)
}

func (w Works) accent(ctx context.Context, r run.Run, _ run.Part) (pipeline.Result, error) {
	m, err := w.material(ctx, r)
	if err != nil {
		return pipeline.Result{}, err
	}
	res, err := accent.Score(ctx, m, w.Aligner, w.Listener)
	if err != nil {
		return pipeline.Result{}, fmt.Errorf("stages: accent: %w", err)
	}
	return w.scored(ctx, r, pipeline.AccentScore, errcode.AccentScoreUnavailable, res.Reason, res)
}

// scored stores a dimension's result. One that could not be measured is a finding with the code of the dimension.
func (w Works) scored(ctx context.Context, r run.Run, a pipeline.Artefact, unmeasured errcode.Code, why string, result any) (pipeline.Result, error) {
	if why != "" {
		return pipeline.Result{}, errcode.Newf(unmeasured, "%s", why)
	}
	return pipeline.Result{}, w.store(ctx, r, a, 0, result)
}

func (w Works) material(ctx context.Context, r run.Run) (m score.Material, err error) {
	if m.Intake, m.PCM, err = w.sound(ctx, r); err != nil {
		return m, err
	}
	return m, w.load(ctx, r, pipeline.Conversation, 0, &m.Conversation)
}

func (w Works) sound(ctx context.Context, r run.Run) (in audio.Intake, pcm []int16, err error) {
	if err = w.load(ctx, r, pipeline.Intake, 0, &in); err != nil {
		return in, nil, err
	}
	pcm, err = w.samples(ctx, r, audio.Span{StartMs: 0, EndMs: in.DurationMs})
	return in, pcm, err
}

const bytesPerMs = audio.SampleRate / 1000 * 2

// maxPCMBytes bounds what is read into memory: 46 minutes.
const maxPCMBytes = 46 * 60 * 1000 * bytesPerMs

func (w Works) samples(ctx context.Context, r run.Run, span audio.Span) ([]int16, error) {
	length := span.Len() * bytesPerMs
	if length <= 0 || length > maxPCMBytes {
		return nil, fmt.Errorf("stages: pcm of %d ms", span.Len())
	}
	body, _, err := w.Objects.Get(ctx, pipeline.Key(r.ID, r.Attempt, pipeline.PCM, 0), span.StartMs*bytesPerMs, length)
	if err != nil {
		return nil, fmt.Errorf("stages: pcm: %w", err)
	}
	defer body.Close()
	b := make([]byte, length)
	n, err := io.ReadFull(body, b)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("stages: pcm: %w", err)
	}
	return audio.Samples(b[:n]), nil
}

// maxArtefactBytes bounds a JSON artefact: the words of 45 minutes are about 2 MB.
const maxArtefactBytes = 64 << 20

func (w Works) load(ctx context.Context, r run.Run, a pipeline.Artefact, index int, into any) error {
	body, size, err := w.Objects.Get(ctx, pipeline.Key(r.ID, r.Attempt, a, index), 0, 0)
	if err != nil {
		return fmt.Errorf("stages: %s: %w", a, err)
	}
	defer body.Close()
	if size > maxArtefactBytes {
		return fmt.Errorf("stages: %s: %d bytes", a, size)
	}
	if err := json.NewDecoder(io.LimitReader(body, maxArtefactBytes)).Decode(into); err != nil {
		return fmt.Errorf("stages: %s: %w", a, err)
	}
	return nil
}

func (w Works) store(ctx context.Context, r run.Run, a pipeline.Artefact, index int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("stages: %s: %w", a, err)
	}
	if err := w.Objects.Put(ctx, pipeline.Key(r.ID, r.Attempt, a, index), "application/json", bytes.NewReader(b), int64(len(b))); err != nil {
		return fmt.Errorf("stages: %s: %w", a, err)
	}
	return nil
}
