package local

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// printer takes what a copy prints, and passes it on line by line.
type printer struct {
	journal *journal
	stream  *stream

	mu   sync.Mutex
	rest []byte // of a line that has not ended
}

// maxLine is the length at which a line is cut, in bytes, as CloudWatch does.
const maxLine = 256 << 10

// Write implements io.Writer. It never fails.
func (p *printer) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rest = append(p.rest, b...)
	for {
		end := bytes.IndexByte(p.rest, '\n')
		switch {
		case end >= 0:
			p.journal.add(p.stream, string(bytes.TrimRight(p.rest[:end], "\r")))
			p.rest = p.rest[end+1:]
		case len(p.rest) >= maxLine:
			p.journal.add(p.stream, string(p.rest))
			p.rest = nil
		default:
			return len(b), nil
		}
	}
}

// say adds a line of Lambda's own.
func (p *printer) say(line string) { p.journal.add(p.stream, line) }

// stream is a log stream of CloudWatch.
type stream struct {
	group, name string
}

// newStream returns the stream of a new copy of a function.
func newStream(c callee) *stream {
	return &stream{group: c.group, name: time.Now().UTC().Format("2006/01/02/") + "[" + c.version + "]" + newHex()}
}

// newHex returns 32 random hexadecimal digits.
func newHex() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// journal sends lines to the emulated CloudWatch, many at once.
type journal struct {
	// ask sends a request to the emulated CloudWatch Logs.
	ask func(ctx context.Context, action string, in any) error

	mu      sync.Mutex
	pending map[*stream][]string
	dropped map[*stream]int
	stopped chan struct{}
	ended   chan struct{}
}

const (
	// journalEvery is the time between two batches.
	journalEvery = 500 * time.Millisecond
	// maxBatch is how many lines of a stream wait at most; CloudWatch takes 10,000 in a batch.
	maxBatch = 5000
)

func startJournal(ask func(ctx context.Context, action string, in any) error) *journal {
	j := &journal{ask: ask, pending: map[*stream][]string{}, dropped: map[*stream]int{},
		stopped: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(j.ended)
		tick := time.NewTicker(journalEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				j.send()
			case <-j.stopped:
				j.send()
				return
			}
		}
	}()
	return j
}

// stop sends what is left.
func (j *journal) stop() {
	close(j.stopped)
	<-j.ended
}

func (j *journal) add(s *stream, line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.pending[s]) >= maxBatch {
		j.dropped[s]++
		return
	}
	j.pending[s] = append(j.pending[s], line)
}

// send sends all lines that wait. A line's time is that of its batch, so that whoever reads on in a
// log finds nothing new before the place that they have reached.
func (j *journal) send() {
	j.mu.Lock()
	pending, dropped := j.pending, j.dropped
	j.pending, j.dropped = map[*stream][]string{}, map[*stream]int{}
	j.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), gatewayPatience)
	defer cancel()
	for s, lines := range pending {
		if n := dropped[s]; n > 0 {
			lines = append(lines, fmt.Sprintf("%d lines were dropped", n))
		}
		// Logs are best effort, as on Lambda: an error must not become that of a call.
		_ = j.put(ctx, s, lines)
	}
}

// put sends lines of a stream. It creates the stream if the emulator does not know it: not yet, or
// no more, since it forgets a stream with its last line.
func (j *journal) put(ctx context.Context, s *stream, lines []string) error {
	type event struct {
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	now := time.Now().UnixMilli()
	events := make([]event, len(lines))
	for i, line := range lines {
		events[i] = event{now, line}
	}
	batch := map[string]any{"logGroupName": s.group, "logStreamName": s.name, "logEvents": events}
	if j.ask(ctx, "PutLogEvents", batch) == nil {
		return nil
	}
	if err := j.ask(ctx, "CreateLogStream", map[string]any{"logGroupName": s.group, "logStreamName": s.name}); err != nil {
		return err
	}
	return j.ask(ctx, "PutLogEvents", batch)
}

// logs returns a function that calls the emulated CloudWatch Logs.
func logs(s System) func(ctx context.Context, action string, in any) error {
	return func(ctx context.Context, action string, in any) error {
		var out any
		status, err := s.CloudWatch(ctx, "logs", "Logs_20140328."+action, in, &out)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("local: %s: status %d", action, status)
		}
		return err
	}
}

// CloudWatch asks the emulated CloudWatch: its service "logs" or "monitoring", by the target of a
// request in JSON. It decodes the answer into out, whatever its status; an empty answer leaves out
// as it is. The emulator checks no credentials.
func (s System) CloudWatch(ctx context.Context, service, target string, in, out any) (status int, err error) {
	raw, err := json.Marshal(in)
	if err != nil {
		return 0, fmt.Errorf("local: %s: %w", target, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Endpoint, bytes.NewReader(raw))
	if err != nil {
		return 0, fmt.Errorf("local: %s: %w", target, err)
	}
	req.Header = http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {target},
		"Authorization": {"AWS4-HMAC-SHA256 Credential=test/20260101/" + Region + "/" + service + "/aws4_request, SignedHeaders=host, Signature=none"}}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("local: %s: %w", target, err)
	}
	if err = json.NewDecoder(res.Body).Decode(out); errors.Is(err, io.EOF) {
		err = nil
	}
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return 0, fmt.Errorf("local: %s: %w", target, err)
	}
	return res.StatusCode, nil
}
