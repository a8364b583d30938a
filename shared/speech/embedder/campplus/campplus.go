// Package campplus describes voices with CAM++, and hears how many speak at a time with pyannote's
// segmentation, in a child process that stays alive (infra/parts/voice).
package campplus

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"

	"parley/shared/process"
	"parley/shared/speech/audio"
)

const (
	// Dimensions is the length of an embedding.
	Dimensions = 192

	maxAnswer = 1 << 20
	memory    = 1 << 30 // address space, bytes; resident it needs 70 MB
	perMs     = audio.SampleRate / 1000
	// The bounds of a window, as the program takes it, in ms (diarization.Embedder).
	minMs = 200
	maxMs = 20_000
	// A request holds at most so many windows and, unless one window is longer, so many
	// milliseconds.
	requestWindows = 64
	requestMs      = 60_000
	// maxWindows bounds one call: 50 minutes at two windows a second.
	maxWindows = 6000
)

// Embedder implements diarization.Voices. Safe for concurrent use; requests wait for a free
// child.
type Embedder struct {
	programs *process.Pool
}

// New describes an embedder by the paths of its program and of the weights of its two networks, and
// by how many copies of the program may work at once: one per processor, at least 1. None is
// started before its first use. Which copy answers changes no answer.
func New(program, weights, segmentation string, copies int) *Embedder {
	return &Embedder{process.NewPool(copies, program, []string{weights, segmentation}, process.Limits{Memory: memory, File: 1}, maxAnswer)}
}

// Start loads every copy's weights, where they are not loaded.
func (e *Embedder) Start(ctx context.Context) error {
	if err := e.programs.Start(ctx); err != nil {
		return fmt.Errorf("campplus: %w", err)
	}
	return nil
}

// Close ends the children.
func (e *Embedder) Close() error { return e.programs.Close() }

// Embed implements diarization.Embedder.
func (e *Embedder) Embed(ctx context.Context, pcm []int16, windows []audio.Span) ([][]float32, error) {
	if len(windows) > maxWindows {
		return nil, fmt.Errorf("campplus: %d windows, %d at most", len(windows), maxWindows)
	}
	length := int64(len(pcm)) / perMs
	for i, w := range windows {
		if w.StartMs < 0 || w.EndMs > length || w.Len() < minMs || w.Len() > maxMs || i > 0 && w.StartMs < windows[i-1].StartMs {
			return nil, fmt.Errorf("campplus: window %d to %d ms of a recording of %d ms", w.StartMs, w.EndMs, length)
		}
	}
	out := make([][]float32, len(windows))
	all, each := errgroup.WithContext(ctx)
	all.SetLimit(e.programs.Size()) // each request holds a copy of its samples
	for from := 0; from < len(windows) && each.Err() == nil; {
		to, end := from+1, windows[from].EndMs
		for to < len(windows) && to-from < requestWindows && max(end, windows[to].EndMs)-windows[from].StartMs <= requestMs {
			end = max(end, windows[to].EndMs)
			to++
		}
		some, into := windows[from:to], out[from:to]
		all.Go(func() error { return e.ask(each, pcm, some, into, end) })
		from = to
	}
	if err := all.Wait(); err != nil {
		return nil, fmt.Errorf("campplus: %w", err)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, nil
}

// ask puts windows that lie between the first one's start and end to a child.
func (e *Embedder) ask(ctx context.Context, pcm []int16, windows []audio.Span, into [][]float32, end int64) error {
	start := windows[0].StartMs
	samples := pcm[start*perMs : end*perMs]
	request := struct {
		Samples int        `json:"samples"`
		Windows [][2]int64 `json:"windows"`
	}{Samples: len(samples)}
	for _, w := range windows {
		request.Windows = append(request.Windows, [2]int64{(w.StartMs - start) * perMs, (w.EndMs - start) * perMs})
	}
	said, err := e.exchange(ctx, request, samples)
	if err != nil {
		return err
	}
	b, err := base64.StdEncoding.DecodeString(said.Embeddings)
	if err != nil || len(b) != 4*Dimensions*len(windows) {
		return fmt.Errorf("its answer: %d bytes for %d windows", len(b), len(windows))
	}
	for i := range into {
		into[i] = make([]float32, Dimensions)
		for d := range into[i] {
			into[i][d] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*(i*Dimensions+d):]))
		}
	}
	return nil
}

// answer is what a child answers: Embeddings or Classes, by what it was asked, in base64.
type answer struct {
	Error      string `json:"error"`
	Embeddings string `json:"embeddings"`
	Classes    string `json:"classes"`
}

// exchange puts a request about samples to a child. It fails if the child refuses it.
func (e *Embedder) exchange(ctx context.Context, request any, samples []int16) (a answer, err error) {
	head, err := json.Marshal(request)
	if err != nil {
		return a, err
	}
	line, err := e.programs.Ask(ctx, append(head, '\n'), audio.Bytes(samples))
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return a, fmt.Errorf("its answer: %w", err)
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}
