// Package pocketsphinx lays words over audio with PocketSphinx in a child process that stays alive
// (infra/parts/gop), and finds pronunciations for the words that its dictionary lacks.
package pocketsphinx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"parley/shared/process"
	"parley/shared/speech/audio"
	"parley/shared/speech/score/accent"
)

const (
	maxAnswer  = 8 << 20
	memory     = 2 << 30 // address space, bytes; resident it needs 120 MB
	maxSamples = accent.MaxAlignSeconds * audio.SampleRate
	// maxWords is how many words one piece may have: 58 s hold 300 at the most.
	maxWords = 1000
	dictFile = "cmudict-en-us.dict"
)

// Aligner implements accent.Aligner. Safe for concurrent use; requests wait for a free child.
type Aligner struct {
	programs *process.Pool
	dict     func() (Dictionary, error)
}

// New describes an aligner by the paths of its program and of the folder of its models, and by how
// many copies of the program may work at once: one per processor, at least 1. None is started
// before its first use. Which copy answers changes no answer.
func New(gop, models string, copies int) *Aligner {
	return &Aligner{
		programs: process.NewPool(copies, gop, []string{models}, process.Limits{Memory: memory, File: 1}, maxAnswer),
		dict:     sync.OnceValues(func() (Dictionary, error) { return ReadDictionary(filepath.Join(models, dictFile)) }),
	}
}

// Version implements accent.Aligner.
func (a *Aligner) Version() string { return "pocketsphinx 5.1.1 en-us letters-1" }

// Start loads the dictionary, and every copy's models, where they are not loaded.
func (a *Aligner) Start(ctx context.Context) error {
	if _, err := a.dict(); err != nil {
		return err
	}
	if err := a.programs.Start(ctx); err != nil {
		return fmt.Errorf("pocketsphinx: %w", err)
	}
	return nil
}

// Close ends the children.
func (a *Aligner) Close() error { return a.programs.Close() }

// answer is the engine's; frames are of 10 ms.
type answer struct {
	Error string `json:"error"`
	Words []struct {
		Word   string  `json:"w"`
		Start  int     `json:"start"`
		Frames int     `json:"n"`
		Score  float64 `json:"score"`
		Phones []struct {
			Phone  string   `json:"p"`
			Frames int      `json:"n"`
			Score  float64  `json:"score"`
			Loop   *float64 `json:"loop"`
		} `json:"phones"`
	} `json:"words"`
}

// Align implements accent.Aligner. Compounds are laid word by word, numbers as they may be read
// aloud, whichever fits best.
func (a *Aligner) Align(ctx context.Context, pcm []int16, words []string) ([]accent.AlignedWord, error) {
	if len(pcm) > maxSamples || len(words) > maxWords {
		return nil, fmt.Errorf("pocketsphinx: %d samples, %d words; %d and %d at most: %w", len(pcm), len(words), maxSamples, maxWords, accent.ErrNotAligned)
	}
	dict, err := a.dict()
	if err != nil {
		return nil, err
	}
	text, extra := dict.lay(words)
	if len(text) == 0 {
		return nil, fmt.Errorf("pocketsphinx: no words: %w", accent.ErrNotAligned)
	}
	head, err := json.Marshal(struct {
		Samples int         `json:"samples"`
		Words   string      `json:"words"`
		Extra   [][2]string `json:"extra"`
	}{len(pcm), strings.Join(text, " "), extra})
	if err != nil {
		return nil, fmt.Errorf("pocketsphinx: %w", err)
	}
	line, err := a.programs.Ask(ctx, append(head, '\n'), audio.Bytes(pcm))
	if err != nil {
		return nil, fmt.Errorf("pocketsphinx: %w", err)
	}
	var r answer
	if err := json.Unmarshal(line, &r); err != nil {
		return nil, fmt.Errorf("pocketsphinx: its answer: %w", err)
	}
	if r.Error != "" {
		return nil, errors.Join(accent.ErrNotAligned, fmt.Errorf("pocketsphinx: %s", r.Error))
	}
	out := make([]accent.AlignedWord, 0, len(r.Words))
	for _, w := range r.Words {
		word := accent.AlignedWord{Text: base(w.Word), Start: w.Start, Frames: w.Frames}
		for _, p := range w.Phones {
			if p.Loop == nil {
				continue
			}
			word.Phones = append(word.Phones, accent.Phone{Name: p.Phone, Frames: p.Frames, Score: p.Score, Loop: *p.Loop})
		}
		out = append(out, word)
	}
	return out, nil
}

// base is a dictionary's word without the number of its alternate: read(2) is read.
func base(w string) string {
	if i := strings.LastIndexByte(w, '('); i > 0 && strings.HasSuffix(w, ")") {
		if _, err := strconv.Atoi(w[i+1 : len(w)-1]); err == nil {
			return w[:i]
		}
	}
	return w
}

// lay turns words as written into those to be aligned, and gives the pronunciations that the
// dictionary lacks.
func (d Dictionary) lay(words []string) (text []string, extra [][2]string) {
	added := map[string]bool{}
	extra = [][2]string{}
	for _, written := range words {
		for _, w := range d.split(written) {
			ways := [][]string(nil)
			if _, known := d[w]; !known {
				if ways = d.Pronounce(w); len(ways) == 0 {
					continue
				}
			}
			text = append(text, w)
			if ways == nil || added[w] {
				continue
			}
			added[w] = true
			for i, phones := range ways {
				name := w
				if i > 0 {
					name += "(" + strconv.Itoa(i+1) + ")"
				}
				extra = append(extra, [2]string{name, strings.Join(phones, " ")})
			}
		}
	}
	return text, extra
}
