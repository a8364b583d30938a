// Package whisper is the local recogniser: whisper.cpp and the Silero voice detector in a child
// process that stays alive (infra/parts/asr). Whisper writes fluent text for anything; what it
// writes is held against the voice detector, and what repeats itself is dropped.
package whisper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"parley/shared/process"
	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

const (
	// maxSamples is the longest piece that the engine takes: 10 minutes.
	maxSamples = 600 * audio.SampleRate
	// minSamples is the shortest piece that can hold a word: 100 ms.
	minSamples = audio.SampleRate / 10
	maxAnswer  = 16 << 20
	// memory is address space, in bytes; resident it needs 175 to 270 MB with the base model.
	memory = 3 << 30
)

// Recogniser implements transcript.Recogniser. Safe for concurrent use; requests wait for each
// other.
type Recogniser struct {
	child       *process.Child
	version     string
	englishOnly bool // the model: by the naming of Whisper's models
}

// New describes a recogniser by the paths of its program and models; nothing is started before the
// first use.
func New(asr, model, vad string) *Recogniser {
	return &Recogniser{
		child:       process.NewChild(asr, []string{model, vad}, process.Limits{Memory: memory, File: 1}, maxAnswer),
		version:     "whisper.cpp " + name(model) + " " + name(vad),
		englishOnly: strings.Contains(name(model), ".en"),
	}
}

func name(path string) string { return strings.TrimSuffix(filepath.Base(path), ".bin") }

// Version implements transcript.Recogniser.
func (r *Recogniser) Version() string { return r.version }

// Start loads the models where they are not loaded: ErrDenied where program or models are not
// there, ErrProvider.
func (r *Recogniser) Start(ctx context.Context) error {
	_, err := r.child.Start(ctx)
	return provider(err)
}

// Close ends the child.
func (r *Recogniser) Close() error { return r.child.Close() }

// Transcribe implements transcript.Recogniser. A piece is at most 10 minutes long. When ctx ends
// the child is killed; the next request starts another.
func (r *Recogniser) Transcribe(ctx context.Context, pcm []int16, offsetMs int64, language string) (transcript.Chunk, error) {
	out, h, err := r.hear(ctx, pcm, offsetMs, language, false)
	if err != nil || len(pcm) < minSamples {
		return out, err
	}
	speech := h.spans()
	words := h.words(speech)
	for _, segment := range h.thin(speech) {
		var found []transcript.Word
		for _, half := range halves(segment, speech) {
			part, err := r.again(ctx, pcm, half, language)
			if err != nil {
				return transcript.Chunk{}, err
			}
			found = append(found, part...)
		}
		words = refill(words, found, segment)
	}
	for _, gap := range missed(words, speech, out.Span.Len()) {
		found, err := r.again(ctx, pcm, gap, language)
		if err != nil {
			return transcript.Chunk{}, err
		}
		words = insert(words, found)
	}
	words = unloop(words)
	out.Words = append(out.Words, shift(words, offsetMs)...)
	return out, nil
}

// Hear implements transcript.Ear. It takes the voice detection and one window of the model,
// whatever the length of the piece.
func (r *Recogniser) Hear(ctx context.Context, pcm []int16, offsetMs int64, language string) (transcript.Chunk, error) {
	out, _, err := r.hear(ctx, pcm, offsetMs, language, true)
	return out, err
}

// hear asks the engine about a piece, and makes a chunk of all but the words.
func (r *Recogniser) hear(ctx context.Context, pcm []int16, offsetMs int64, language string, hearOnly bool) (transcript.Chunk, hearing, error) {
	out := transcript.Chunk{Span: audio.Span{StartMs: offsetMs, EndMs: offsetMs + int64(len(pcm))*1000/audio.SampleRate},
		Words: []transcript.Word{}, Speech: []audio.Span{}}
	if len(pcm) < minSamples {
		return out, hearing{}, nil
	}
	h, err := r.ask(ctx, pcm, language, hearOnly)
	if err != nil {
		return transcript.Chunk{}, h, err
	}
	out.Heard, out.HeardP, out.RequestedP = h.Heard, h.HeardP, h.requestedP(language)
	for _, s := range h.spans() {
		out.Speech = append(out.Speech, audio.Span{StartMs: s.StartMs + offsetMs, EndMs: s.EndMs + offsetMs})
	}
	return out, h, nil
}

// again hears a part of a piece by itself.
func (r *Recogniser) again(ctx context.Context, pcm []int16, part audio.Span, language string) ([]transcript.Word, error) {
	at := func(ms int64) int { return min(len(pcm), int(max(ms, 0))*audio.SampleRate/1000) }
	h, err := r.ask(ctx, pcm[at(part.StartMs):at(part.EndMs)], language, false)
	if err != nil {
		return nil, err
	}
	return shift(h.words(h.spans()), part.StartMs), nil
}

// LanguageProbability implements accent.WhisperListener, on the first 30 s of speech. A model that
// knows English alone has no opinion.
func (r *Recogniser) LanguageProbability(ctx context.Context, pcm []int16, language string) (p float64, ok bool, err error) {
	if r.englishOnly || len(pcm) < minSamples || engineLanguage(language) != language {
		return 0, false, nil
	}
	h, err := r.ask(ctx, pcm, language, true)
	if err != nil || len(h.spans()) == 0 {
		return 0, false, err
	}
	return h.requestedP(language), true, nil
}

// hearing is the engine's answer; times are in ms from the beginning of the piece.
type hearing struct {
	Error     string     `json:"error"`
	Language  string     `json:"language"`
	LanguageP float64    `json:"languageP"`
	Heard     string     `json:"heard"`
	HeardP    float64    `json:"heardP"`
	Speech    [][2]int64 `json:"speech"`
	Segments  []segment  `json:"segments"`
}

type segment struct {
	StartMs int64   `json:"startMs"`
	EndMs   int64   `json:"endMs"`
	Tokens  []token `json:"tokens"`
}

type token struct {
	Text    string  `json:"t"`
	P       float64 `json:"p"`
	StartMs int64   `json:"startMs"`
	EndMs   int64   `json:"endMs"`
	// Others are the likeliest tokens that begin a word there, as a rule this one among them.
	Others []likely `json:"others"`
}

// likely is a token that may have been said, with its probability among all tokens of text.
type likely struct {
	Text string  `json:"t"`
	P    float64 `json:"p"`
}

// ask asks the engine about one piece; hearOnly: for its language alone.
func (r *Recogniser) ask(ctx context.Context, pcm []int16, language string, hearOnly bool) (hearing, error) {
	var h hearing
	if len(pcm) > maxSamples {
		return h, fmt.Errorf("whisper: a piece of %d samples, %d at most: %w", len(pcm), maxSamples, transcript.ErrProvider)
	}
	head, err := json.Marshal(struct {
		Samples  int    `json:"samples"`
		Language string `json:"language"`
		Prompt   string `json:"prompt"`
		Hear     bool   `json:"hear,omitempty"`
	}{len(pcm), engineLanguage(language), "", hearOnly})
	if err != nil {
		return h, fmt.Errorf("whisper: %w", err)
	}
	line, err := r.child.Ask(ctx, append(head, '\n'), audio.Bytes(pcm))
	if err != nil {
		if ctx.Err() != nil {
			return h, fmt.Errorf("whisper: %w", err)
		}
		return h, provider(err)
	}
	if err := json.Unmarshal(line, &h); err != nil {
		return h, fmt.Errorf("whisper: its answer: %w: %w", err, transcript.ErrProvider)
	}
	if h.Error != "" {
		return h, fmt.Errorf("whisper: %s: %w", h.Error, transcript.ErrProvider)
	}
	return h, nil
}

// provider says in the port's terms what went wrong.
func provider(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrNotExist), errors.Is(err, os.ErrPermission):
		return fmt.Errorf("whisper: %w: %w", err, transcript.ErrDenied)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("whisper: %w", err)
	}
	return fmt.Errorf("whisper: %w: %w", err, transcript.ErrProvider)
}

// requestedP is the probability of the language that was asked for.
func (h hearing) requestedP(language string) float64 {
	switch engineLanguage(language) {
	case h.Language:
		return h.LanguageP
	case h.Heard:
		return h.HeardP
	}
	return 0
}

func (h hearing) spans() []audio.Span {
	out := make([]audio.Span, 0, len(h.Speech))
	for _, s := range h.Speech {
		if s[1] > s[0] {
			out = append(out, audio.Span{StartMs: s[0], EndMs: s[1]})
		}
	}
	return out
}
