// Package campplus describes voices with CAM++ in a child process that stays alive
// (infra/parts/voice).
package campplus

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"

	"parley/shared/process"
	"parley/shared/speech/audio"
)

const (
	// Dimensions is the length of an embedding.
	Dimensions = 192

	maxAnswer = 1 << 20
	memory    = 1 << 30 // address space, bytes; resident it needs 90 MB
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

// Embedder implements diarization.Embedder. Safe for concurrent use; requests wait for a free
// child.
type Embedder struct {
	children []*process.Child
	free     chan *process.Child
}

// New describes an embedder by the paths of its program and of its weights, and by how many copies
// of the program may work at once: one per processor, at least 1. None is started before its first
// use. Which copy answers changes no answer.
func New(program, weights string, copies int) *Embedder {
	e := &Embedder{free: make(chan *process.Child, max(copies, 1))}
	for range cap(e.free) {
		c := process.NewChild(program, []string{weights}, process.Limits{Memory: memory, File: 1}, maxAnswer)
		e.children = append(e.children, c)
		e.free <- c
	}
	return e
}

// Start loads every copy's weights, where they are not loaded.
func (e *Embedder) Start(ctx context.Context) error {
	for _, c := range e.children {
		if _, err := c.Start(ctx); err != nil {
			return fmt.Errorf("campplus: %w", err)
		}
	}
	return nil
}

// Close ends the children.
func (e *Embedder) Close() error {
	var errs []error
	for _, c := range e.children {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

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
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := make([][]float32, len(windows))
	var all sync.WaitGroup
	for from := 0; from < len(windows) && ctx.Err() == nil; {
		to, end := from+1, windows[from].EndMs
		for to < len(windows) && to-from < requestWindows && max(end, windows[to].EndMs)-windows[from].StartMs <= requestMs {
			end = max(end, windows[to].EndMs)
			to++
		}
		select {
		case c := <-e.free:
			all.Add(1)
			go func(windows []audio.Span, into [][]float32, end int64) {
				defer all.Done()
				defer func() { e.free <- c }()
				if err := ask(ctx, c, pcm, windows, into, end); err != nil {
					cancel(fmt.Errorf("campplus: %w", err))
				}
			}(windows[from:to], out[from:to], end)
		case <-ctx.Done():
		}
		from = to
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, nil
}

// ask puts windows that lie between the first one's start and end to a child.
func ask(ctx context.Context, c *process.Child, pcm []int16, windows []audio.Span, into [][]float32, end int64) error {
	start := windows[0].StartMs
	samples := pcm[start*perMs : end*perMs]
	request := struct {
		Samples int        `json:"samples"`
		Windows [][2]int64 `json:"windows"`
	}{Samples: len(samples)}
	for _, w := range windows {
		request.Windows = append(request.Windows, [2]int64{(w.StartMs - start) * perMs, (w.EndMs - start) * perMs})
	}
	head, err := json.Marshal(request)
	if err != nil {
		return err
	}
	line, err := c.Ask(ctx, append(head, '\n'), audio.Bytes(samples))
	if err != nil {
		return err
	}
	var answer struct {
		Error      string `json:"error"`
		Embeddings string `json:"embeddings"`
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return fmt.Errorf("its answer: %w", err)
	}
	if answer.Error != "" {
		return errors.New(answer.Error)
	}
	b, err := base64.StdEncoding.DecodeString(answer.Embeddings)
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
