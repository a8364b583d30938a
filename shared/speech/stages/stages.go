// Package stages is the work of each stage of the speech service: from a run's artefacts to the
// next ones. It knows the ports, not what is behind them, so that the functions, a single process
// and the simulation run the same code.
package stages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"parley/shared/clock"
	"parley/shared/engine/metrics"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
	"parley/shared/speech/audio"
	"parley/shared/speech/audio/channels"
	"parley/shared/speech/conversation"
	"parley/shared/speech/diarization"
	"parley/shared/speech/score"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/score/timing"
	"parley/shared/speech/score/version"
	"parley/shared/speech/transcript"
)

// Works are the stages' works over the same ports.
type Works struct {
	Objects    pipeline.Objects
	Record     Record
	Recogniser transcript.Recogniser
	// Provider names the recogniser that works elsewhere and takes the place of Recogniser for all
	// but the candidate's sample; empty: there is none. Remote is that one; only the work of
	// transcribe needs it.
	Provider string
	Remote   transcript.Remote
	Voices   diarization.Voices
	Aligner  accent.Aligner
	Listener accent.WhisperListener
	// Metrics gets the measurements, by Clock; nil: nobody measures.
	Metrics *metrics.Emitter
	Clock   clock.Clock
}

// Record decodes a file of one of the six formats, its channels used as asked.
type Record func(ctx context.Context, path string, ask channels.Choice) (audio.Recording, error)

// Of returns the work of a stage; nil where there is no such stage.
func (w Works) Of(s run.Stage) pipeline.Work {
	for _, scoring := range speech.Scorings {
		if scoring.Name == s {
			return w.score(scoring)
		}
	}
	return map[run.Stage]pipeline.Work{
		speech.Ingest:     w.ingest,
		speech.Transcribe: w.transcribe,
		speech.Diarize:    w.diarize,
		speech.Finalize:   w.finalize,
	}[s]
}

// Join returns what joins the group that a stage belongs to; nil: nothing.
func (w Works) Join(s run.Stage) pipeline.Join {
	if s == speech.Transcribe || s == speech.Diarize {
		return w.converse
	}
	return nil
}

// Unscored returns what stands in for a stage's score where the client allows a partial result;
// nil: nothing does.
func (w Works) Unscored(s run.Stage) func(ctx context.Context, r run.Run, why string) error {
	row, ok := score.Find(score.Dimension(s))
	if !ok || row.Required {
		return nil
	}
	return func(ctx context.Context, r run.Run, why string) error {
		none := score.Result{Dimension: row.Name, Measures: []score.Measure{}, Reason: why}
		return speech.ResultOf(row.Name).Save(ctx, w.Objects, r, 0, none)
	}
}

// Runner returns the runner of a stage.
func (w Works) Runner(s pipeline.Stage, d pipeline.Deps) pipeline.Runner {
	r := pipeline.Runner{Deps: d, Stage: s, Edition: w.Edition(), Work: w.Of(s.Name), Join: w.Join(s.Name), Unscored: w.Unscored(s.Name)}
	if s.Name == speech.Transcribe && w.Remote != nil {
		r.Forget = w.Remote.Forget
	}
	return r
}

// Edition is the scoring version: every part of an attempt is made with the same one.
func (w Works) Edition() string {
	recogniser := w.Recogniser.Version()
	if w.Provider != "" {
		recogniser += ", words by " + w.Provider
	}
	return version.Of(recogniser, w.Aligner.Version())
}

func (w Works) transcribe(ctx context.Context, r run.Run, p run.Part) (pipeline.Result, error) {
	asked, err := speech.RequestOf(r)
	if err != nil {
		return pipeline.Result{}, err
	}
	in, err := speech.Intake.Load(ctx, w.Objects, r, 0)
	if err != nil {
		return pipeline.Result{}, err
	}
	if p.Index >= len(in.Chunks) {
		return pipeline.Result{}, fmt.Errorf("stages: chunk %d of %d", p.Index, len(in.Chunks))
	}
	span := in.Chunks[p.Index]
	pcm, err := w.samples(ctx, r, in, in.TrackOf(p.Index), span)
	if err != nil {
		return pipeline.Result{}, err
	}
	pipeline.Given(ctx, time.Duration(span.Len())*time.Millisecond)
	var chunk transcript.Chunk
	if track := in.TrackOf(p.Index); len(in.Tracks) > 0 {
		s := spliced(span, in.Tracks[track].Speech)
		if chunk, err = w.hear(ctx, r, p, s.cut(pcm, span), 0, asked.Language); err == nil {
			chunk = s.restore(chunk, span)
		}
	} else {
		chunk, err = w.hear(ctx, r, p, pcm, span.StartMs, asked.Language)
	}
	switch {
	case errors.Is(err, transcript.ErrPending):
		return pipeline.Result{}, fmt.Errorf("stages: transcribe: %w: %w", pipeline.ErrPending, err)
	case errors.Is(err, transcript.ErrDenied):
		return pipeline.Result{}, Denied(err)
	case err != nil:
		return pipeline.Result{}, fmt.Errorf("stages: transcribe: %w", err)
	}
	return pipeline.Result{}, speech.Words.Save(ctx, w.Objects, r, p.Index, chunk)
}

// hear hears a piece by the recogniser of the deployment.
func (w Works) hear(ctx context.Context, r run.Run, p run.Part, pcm []int16, offsetMs int64, language string) (transcript.Chunk, error) {
	if w.Provider != "" {
		job := transcript.Job{Name: pipeline.TaskOf(r, p), Sound: pipeline.KeyOf(r, speech.Sent, p.Index), Answer: pipeline.KeyOf(r, speech.Answer.Kind, p.Index)}
		return w.Remote.Transcribe(ctx, job, pcm, offsetMs, language) //nolint:wrapcheck // by transcribe
	}
	done := w.timed(r, p, time.Duration(len(pcm))*time.Second/audio.SampleRate)
	chunk, err := w.Recogniser.Transcribe(ctx, pcm, offsetMs, language)
	if err == nil {
		done()
	}
	return chunk, err //nolint:wrapcheck // by transcribe
}

// timed begins to measure the recogniser at a piece of this length; done ends it.
func (w Works) timed(r run.Run, p run.Part, length time.Duration) (done func()) {
	if w.Metrics == nil || length <= 0 {
		return func() {}
	}
	began := w.Clock.Now()
	return func() {
		factor := float64(w.Clock.Now().Sub(began)) / float64(length)
		w.Metrics.Add(metrics.RealTimeFactor, factor, nil, "run", string(r.ID), "part", p.String())
	}
}

// Denied is the finding that a provider refused our credentials.
func Denied(cause error) error { return errcode.New(errcode.ServiceConfigurationError).Because(cause) }

func (w Works) diarize(ctx context.Context, r run.Run, _ run.Part) (pipeline.Result, error) {
	in, err := speech.Intake.Load(ctx, w.Objects, r, 0)
	if err != nil {
		return pipeline.Result{}, err
	}
	var of []diarization.Diarization
	for track := range max(1, len(in.Tracks)) {
		pcm, err := w.sound(ctx, r, in, track)
		if err != nil {
			return pipeline.Result{}, err
		}
		d, err := diarization.Diarize(ctx, pcm, in.Of(track).Speech, w.Voices)
		if err != nil {
			return pipeline.Result{}, fmt.Errorf("stages: diarize: %w", err)
		}
		of = append(of, d)
	}
	d := of[0]
	if len(of) > 1 {
		d = diarization.Together(of)
	}
	return pipeline.Result{}, speech.Speakers.Save(ctx, w.Objects, r, 0, d)
}

// converse joins words and speakers into the conversation, and finds the candidate.
func (w Works) converse(ctx context.Context, r run.Run) error {
	asked, err := speech.RequestOf(r)
	if err != nil {
		return err
	}
	in, err := speech.Intake.Load(ctx, w.Objects, r, 0)
	if err != nil {
		return err
	}
	chunks := make([]transcript.Chunk, r.Pieces)
	for i := range chunks {
		if chunks[i], err = speech.Words.Load(ctx, w.Objects, r, i); err != nil {
			return err
		}
	}
	d, err := speech.Speakers.Load(ctx, w.Objects, r, 0)
	if err != nil {
		return err
	}
	c, err := conversation.Join(chunks, d, in, asked.Language, asked.CandidateSpeaks)
	if err != nil {
		return fmt.Errorf("stages: join: %w", err)
	}
	if c.Unrated {
		if c, err = w.sampled(ctx, r, in, c); err != nil {
			return err
		}
	}
	return speech.Conversation.Save(ctx, w.Objects, r, 0, c)
}

// howToGoOn says how a client gets the other scores of a recording whose dimension s cannot be
// measured; empty where there is no such way, or where it is taken already.
func howToGoOn(r run.Run, s speech.Scoring) string {
	if row, ok := score.Find(s.Dimension()); !ok || row.Required || r.Request.AllowPartial {
		return ""
	}
	return " Submit with allowPartial=true to get the other scores."
}

// score is the work of a dimension's stage. One that could not be measured is a finding with the
// code of the stage.
func (w Works) score(s speech.Scoring) pipeline.Work {
	return func(ctx context.Context, r run.Run, _ run.Part) (pipeline.Result, error) {
		m, err := w.material(ctx, r, slices.Contains(s.In, speech.PCM))
		if err != nil {
			return pipeline.Result{}, err
		}
		result, err := s.Score(ctx, m, timing.Candidate(m), accent.Engines{Aligner: w.Aligner, Listener: w.Listener})
		switch {
		case err != nil:
			return pipeline.Result{}, fmt.Errorf("stages: %s: %w", s.Name, err)
		case result.Reason != "":
			return pipeline.Result{}, errcode.Newf(s.Fail, "%s", result.Reason+howToGoOn(r, s))
		case m.Conversation.Unrated:
			result.Cautions = append(result.Cautions, otherRecogniser)
		}
		return pipeline.Result{}, speech.ResultOf(s.Dimension()).Save(ctx, w.Objects, r, 0, result)
	}
}

// material is what a scorer looks at: the words, and where it needs that the sound of the
// candidate's channel.
func (w Works) material(ctx context.Context, r run.Run, sound bool) (m score.Material, err error) {
	if m.Conversation, err = speech.Conversation.Load(ctx, w.Objects, r, 0); err != nil || !sound {
		return m, err
	}
	in, err := speech.Intake.Load(ctx, w.Objects, r, 0)
	if err != nil {
		return m, err
	}
	track := m.Conversation.Candidate.Channel.Track()
	m.Intake = in.Of(track)
	m.PCM, err = w.sound(ctx, r, in, track)
	return m, err
}

// sound is a whole track of the recording.
func (w Works) sound(ctx context.Context, r run.Run, in audio.Intake, track int) ([]int16, error) {
	return w.samples(ctx, r, in, track, audio.Span{StartMs: 0, EndMs: in.DurationMs})
}

const bytesPerMs = audio.SampleRate / 1000 * 2

// maxPCMBytes bounds what is read into memory: 46 minutes.
const maxPCMBytes = 46 * 60 * 1000 * bytesPerMs

// samples are those of a span of a track; the tracks of separate channels lie one after the other.
func (w Works) samples(ctx context.Context, r run.Run, in audio.Intake, track int, span audio.Span) ([]int16, error) {
	length := span.Len() * bytesPerMs
	if length <= 0 || length > maxPCMBytes {
		return nil, fmt.Errorf("stages: pcm of %d ms", span.Len())
	}
	from := (int64(track)*in.DurationMs + span.StartMs) * bytesPerMs
	body, _, err := w.Objects.Get(ctx, pipeline.KeyOf(r, speech.PCM, 0), from, length)
	if err != nil {
		return nil, fmt.Errorf("stages: pcm: %w", err)
	}
	defer func() { _ = body.Close() }() // only read from
	b := make([]byte, length)
	n, err := io.ReadFull(body, b)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("stages: pcm: %w", err)
	}
	return audio.Samples(b[:n]), nil
}
