package local

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/procfs"
)

const (
	// initPatience is how long a copy may take until it asks for its first event, as on Lambda.
	initPatience = 10 * time.Second
	// endPatience is how long a copy may take to end before it is killed.
	endPatience = 2 * time.Second
)

// How an invocation fails, in Lambda's words.
//
//nolint:staticcheck // which begin with a capital
var (
	errExited   = errors.New("Runtime exited before returning a response")
	errTimedOut = errors.New("Task timed out")
	errTooLarge = errors.New("Response payload size exceeded maximum")
	errFailed   = errors.New("the function returned an error")
)

// errGone means that a copy ended before it fetched its event, which another copy may have.
var errGone = errors.New("local: the copy has ended")

// instance is one copy of a function: its process, and the Runtime API through which the process
// fetches events and answers them. It handles one event at a time.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type instance struct {
	of     callee
	child  *child
	server *http.Server
	prints *printer
	events chan *invocation
	// ready is closed when the process asks for its first event.
	ready func()
	asked chan struct{}
	// expire ends the copy if it has been idle for long. The fleet's.
	expire *time.Timer

	mu      sync.Mutex
	current *invocation // fetched or on its way to be, and not answered
}

// invocation is an event on its way through a function.
type invocation struct {
	id       string
	event    []byte
	deadline time.Time
	answer   chan outcome // room for one
}

type outcome struct {
	body []byte
	err  error
}

// startInstance starts a copy of a function in an environment. What it prints goes to the journal.
func startInstance(c callee, program string, env []string, j *journal) (*instance, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("local: %s: %w", c.name, err)
	}
	i := &instance{of: c, events: make(chan *invocation), asked: make(chan struct{}),
		prints: &printer{journal: j, stream: newStream(c)}}
	i.ready = sync.OnceFunc(func() { close(i.asked) })
	i.server = &http.Server{Handler: i.runtimeAPI(), ReadHeaderTimeout: initPatience}
	go func() { _ = i.server.Serve(listener) }() // it ends with the copy
	env = append(env, "AWS_LAMBDA_RUNTIME_API="+listener.Addr().String(), "AWS_LAMBDA_LOG_STREAM_NAME="+i.prints.stream.name)
	if i.child, err = spawn(program, nil, env, filepath.Dir(program), i.prints); err != nil {
		_ = i.server.Close()
		return nil, fmt.Errorf("local: %s: %w", c.name, err)
	}
	return i, nil
}

// runtimeAPI is what Lambda offers to the process of a function.
func (i *instance) runtimeAPI() http.Handler {
	const base = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+base+"invocation/next", i.next)
	mux.HandleFunc("POST "+base+"invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) { i.answered(w, r, nil) })
	mux.HandleFunc("POST "+base+"invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) { i.answered(w, r, errFailed) })
	// A process that says so ends by itself.
	mux.HandleFunc("POST "+base+"init/error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) })
	return mux
}

// next gives the process its next event, as soon as there is one.
func (i *instance) next(w http.ResponseWriter, r *http.Request) {
	i.ready()
	select {
	case <-r.Context().Done():
	case one := <-i.events:
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", one.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(one.deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", i.of.arn)
		if i.of.traced {
			h.Set("Lambda-Runtime-Trace-Id", newTrace())
		}
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(one.event)))
		_, _ = w.Write(one.event) // an error means that the process has ended, which invoke sees
	}
}

// answered takes the process's answer to the current event, or its error.
func (i *instance) answered(w http.ResponseWriter, r *http.Request, failed error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	i.mu.Lock()
	one := i.current
	if one == nil || one.id != r.PathValue("id") {
		i.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}`)
		return
	}
	i.current = nil
	i.mu.Unlock()
	switch tooLarge := (*http.MaxBytesError)(nil); {
	case errors.As(err, &tooLarge):
		one.answer <- outcome{err: errTooLarge}
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	case err != nil:
		one.answer <- outcome{err: errExited}
	default:
		one.answer <- outcome{body, failed}
		w.WriteHeader(http.StatusAccepted)
	}
}

// invoke lets the copy handle an event. errGone. After any error but errFailed the copy is of no
// use any more. One that runs out of its time is ended.
func (i *instance) invoke(event []byte) ([]byte, error) {
	if err := i.awaitInit(); err != nil {
		return nil, err
	}
	began := time.Now()
	one := &invocation{id: newID(), event: event, deadline: began.Add(i.of.timeout), answer: make(chan outcome, 1)}
	i.mu.Lock()
	i.current = one
	i.mu.Unlock()
	timer := time.NewTimer(i.of.timeout)
	defer timer.Stop()
	select {
	case i.events <- one:
	case <-i.child.done:
		return nil, errGone
	case <-timer.C:
		i.end()
		return nil, errTimedOut
	}
	i.prints.say("START RequestId: " + one.id + " Version: " + i.of.version)
	got := i.await(one, timer.C)
	if errors.Is(got.err, errTimedOut) {
		i.end()
		i.prints.say(fmt.Sprintf("%s %s Task timed out after %.2f seconds", began.UTC().Format(time.RFC3339), one.id, i.of.timeout.Seconds()))
	}
	took := time.Since(began)
	i.prints.say("END RequestId: " + one.id)
	i.prints.say(fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB",
		one.id, float64(took.Microseconds())/1000, took.Milliseconds()+1, i.of.memory, i.peak()))
	return got.body, got.err
}

// awaitInit waits until the process asks for its first event.
func (i *instance) awaitInit() error {
	select {
	case <-i.asked:
		return nil
	default:
	}
	timer := time.NewTimer(initPatience)
	defer timer.Stop()
	select {
	case <-i.asked:
		return nil
	case <-i.child.done:
		return errExited
	case <-timer.C:
		i.end()
		return errTimedOut
	}
}

// await waits for the answer to an event that was handed over.
func (i *instance) await(one *invocation, late <-chan time.Time) outcome {
	select {
	case got := <-one.answer:
		return got
	case <-late:
		return outcome{err: errTimedOut}
	case <-i.child.done:
	}
	// It may have answered before it ended.
	select {
	case got := <-one.answer:
		return got
	default:
		return outcome{err: errExited}
	}
}

// alive says whether the process has not ended.
func (i *instance) alive() bool {
	select {
	case <-i.child.done:
		return false
	default:
		return true
	}
}

// end ends the process and what belongs to it.
func (i *instance) end() {
	if i.alive() {
		i.child.stop(endPatience)
	}
	_ = i.server.Close() // nobody calls it any more
}

// peak returns the most memory that the process has had, in MB; 0 if it has ended.
func (i *instance) peak() uint64 {
	p, err := procfs.NewProc(i.child.pid)
	if err != nil {
		return 0
	}
	status, err := p.NewStatus()
	if err != nil {
		return 0
	}
	return status.VmHWM >> 20
}

// newID returns a random UUID, as Lambda and the gateway name requests.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// newTrace returns the header of a new trace of X-Ray.
func newTrace() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // it never fails
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=1", time.Now().Unix(), b[:12], b[12:])
}
