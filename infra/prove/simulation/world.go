package simulation

import (
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/cleanup"
	"parley/shared/engine/delivery"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
	"parley/shared/speech"
	"parley/shared/speech/stages"
)

// sweeper names the sweep's processes. They mostly read, so a trace leaves most of their calls out.
const sweeper = "sweep"

// Bounds of one world.
const (
	sweepEvery = time.Minute
	sweepLimit = 55 * time.Second
	// calm is how long a world may take to come to rest after its last fault: the longest deadline
	// and the webhooks' next tries.
	calm = 8 * time.Hour
	// maxSteps ends a world that loops.
	maxSteps = 200_000
	// maxAccepted keeps the audits of a world fast.
	maxAccepted = 60
)

// world is everything: stores, queues, clients and time.
type world struct {
	tape   *tape
	faults Faults
	rates  [kinds]int // permille of the opportunities
	storm  bool       // while faults occur and clients act

	clock  *timepiece
	plan   agenda
	seq    int
	parked chan struct{}
	living int // processes

	store       *memory.Store
	objects     *memory.Objects
	random      io.Reader
	log         *slog.Logger
	temp        string
	messages    []*message
	undelivered int

	deployed map[run.Stage]string // what a deployment added to the functions' edition

	clients  []*client
	known    map[account.ID]*client
	history  map[run.ID]past
	pushed   map[run.ID]int // webhooks that their receiver accepted
	dirty    account.ID
	accepted int

	steps    int
	injected [kinds]int
	ends     map[string]int
	calls    map[string]int
	tracing  bool
	trace    []string
	broken   string
}

// timepiece is the world's clock.
type timepiece struct{ now time.Time }

// Now implements clock.Clock.
func (t *timepiece) Now() time.Time { return t.now }

// live creates the world of a tape and runs it to its end.
func live(t *tape, faults Faults, tracing bool) *world {
	seed := [32]byte{1}
	for i := range 8 {
		seed[i+1] = byte(t.seed >> (8 * i))
	}
	w := &world{tape: t, faults: faults, clock: &timepiece{epoch}, parked: make(chan struct{}), store: memory.New(), objects: &memory.Objects{},
		random: rand.NewChaCha8(seed), log: slog.New(slog.DiscardHandler), temp: os.TempDir(), known: map[account.ID]*client{}, history: map[run.ID]past{}, pushed: map[run.ID]int{},
		ends: map[string]int{}, calls: map[string]int{}, tracing: tracing, storm: true}
	if tracing {
		w.log = slog.New(slog.NewTextHandler(journal{w}, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
				return slog.Attr{}
			}
			return a
		}}))
	}
	for k := range w.rates {
		if faults[k] {
			w.rates[k] = []int{0, 2, 8, 40, 2, 8, 40, 150}[t.pick(8)]
		}
	}
	w.people()
	w.ready()
	w.deploy()
	w.at(sweepEvery, w.sweep)
	last := time.Duration(5+t.pick(60)) * time.Minute
	w.at(last, func() {
		w.note("the faults are over")
		w.storm = false
	})
	for len(w.plan) > 0 && w.broken == "" {
		next, _ := heap.Pop(&w.plan).(event)
		w.clock.now = next.at
		next.do()
		if w.steps > maxSteps || next.at.Sub(epoch) > last+calm {
			w.breach("does not come to rest: %s", w.unrest())
		}
	}
	if w.broken == "" {
		w.settled()
	}
	w.bury()
	return w
}

// deploy plans a deployment of another edition in one world of four. It reaches the functions of
// the stages one after the other.
func (w *world) deploy() {
	w.deployed = map[run.Stage]string{}
	if w.tape.pick(4) != 3 {
		return
	}
	begins := time.Duration(w.tape.pick(30)) * time.Minute
	for _, row := range speech.Service.Stages {
		w.at(begins+time.Duration(w.tape.pick(60))*time.Second, func() {
			w.note("%s is deployed anew", row.Name)
			w.deployed[row.Name] = " anew"
		})
	}
}

// at plans to call do after wait.
func (w *world) at(wait time.Duration, do func()) {
	w.seq++
	heap.Push(&w.plan, event{at: w.clock.now.Add(wait), seq: w.seq, do: do})
}

// wake plans the end of a process's sleep.
func (w *world) wake(wait time.Duration, p *process) {
	w.seq++
	heap.Push(&w.plan, event{at: w.clock.now.Add(wait), seq: w.seq, do: func() { w.resume(p) }, wakes: p})
}

// strike reports whether one of these kinds of fault occurs now. The caller records what it did
// (hit).
func (w *world) strike(some ...Kind) (Kind, bool) {
	if !w.storm {
		return 0, false
	}
	v := 999 - w.tape.pick(1000)
	for _, k := range some {
		if v < w.rates[k] {
			return k, true
		}
		v -= w.rates[k]
	}
	return 0, false
}

// hit counts an injected fault.
func (w *world) hit(k Kind, format string, args ...any) {
	w.injected[k]++
	w.note(format, args...)
}

func (w *world) note(format string, args ...any) {
	if w.tracing {
		w.trace = append(w.trace, fmt.Sprintf("%9.3f  %s", w.clock.now.Sub(epoch).Seconds(), fmt.Sprintf(format, args...)))
	}
}

// breach ends the world, because something happened that never must. The first breach counts.
func (w *world) breach(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
		w.note("BREACH: %s", w.broken)
	}
}

// journal writes the handlers' log into the trace.
type journal struct{ w *world }

// Write implements io.Writer.
func (j journal) Write(line []byte) (int, error) {
	j.w.note("    %s", strings.TrimSpace(string(line)))
	return len(line), nil
}

// bury ends the processes that are still waiting, so that none outlives its world.
func (w *world) bury() {
	w.storm = false
	for w.living > 0 && len(w.plan) > 0 {
		next, _ := heap.Pop(&w.plan).(event)
		if next.wakes != nil && !next.wakes.finished {
			next.wakes.dead = true
			w.resume(next.wakes)
		}
	}
}

// ready records each minute that the scorers are warm; in some minutes of some worlds, that one is
// not.
func (w *world) ready() {
	why := ""
	if w.storm && w.tape.chance(10) {
		why = "simulated"
	}
	if err := w.store.SetReady(context.Background(), run.Readiness{At: w.clock.now, Parts: map[string]string{"accent": why}}); err != nil {
		w.breach("readiness: %v", err)
	}
	if w.storm {
		w.at(time.Minute, w.ready)
	}
}

func (w *world) deps(p *process) pipeline.Deps {
	return pipeline.Deps{Service: speech.Service, Runs: w.portsOf(p), Clients: accounts{w.store, p}, Sender: queues{p}, Clock: w.clock, Log: w.log, Budget: pipeline.Budget(0),
		Random: func() float64 { return 0 }}
}

// handle is the function of a message's queue, wired as in its main, except for the work of the
// stages.
func (w *world) handle(p *process, m *message, raw json.RawMessage) (any, error) {
	ctx := context.Background()
	if m.stage == pipeline.Webhook && !m.dead {
		return delivery.Webhooks{Pusher: pipeline.Pusher{Deps: w.deps(p), Poster: poster{p}}, Delayer: queues{p}}.Handle(ctx, raw)
	}
	works := stages.Works{Objects: objects{w.objects, p}, Recogniser: engineless{}, Aligner: engineless{}, Listener: engineless{}}
	if !m.dead {
		row, err := speech.Service.Lookup(m.stage)
		if err != nil {
			return nil, err
		}
		runner := w.runner(p, works, row)
		return delivery.Stage{Runner: runner, Delayer: queues{p}}.Handle(ctx, raw)
	}
	d := delivery.Dead{Deps: w.deps(p), Runners: map[run.Stage]pipeline.Runner{}}
	for _, row := range speech.Service.Stages {
		d.Runners[row.Name] = w.runner(p, works, row)
	}
	return d.Handle(ctx, raw)
}

func (w *world) runner(p *process, works stages.Works, row pipeline.Stage) pipeline.Runner {
	r := works.Runner(row, w.deps(p))
	r.Edition += w.deployed[row.Name]
	r.Work = w.work(p, row, r.Work)
	if r.Join != nil {
		r.Join = w.join(p)
	}
	return r
}

// sweep is the schedule's minute. A sweep that meets no fault leaves no run past the deadline that
// had passed when it began, and no queued run beside a free slot.
func (w *world) sweep() {
	overdue := w.overdue()
	idle := w.idle()
	before := w.total()
	var failed error
	w.start(sweeper, sweepLimit, func(p *process) {
		_, failed = w.deps(p).Sweep(context.Background())
		tidy := cleanup.Deps{Runs: w.portsOf(p), Clients: accounts{w.store, p}, Limits: w.portsOf(p), Objects: objects{w.objects, p}, Clock: w.clock, Log: w.log}
		_, also := tidy.Tidy(context.Background())
		failed = errors.Join(failed, also)
	}, func(p *process) {
		if p.dead || w.total() != before {
			return
		}
		if failed != nil {
			w.breach("an undisturbed sweep failed: %v", failed)
		}
		for _, r := range overdue {
			if now, err := w.store.Get(context.Background(), r.ID); err != nil || now.Attempt == r.Attempt && !now.Status.Terminal() {
				w.breach("%s outlived a sweep after its deadline %s (%v)", r.ID, r.Deadline.Format(time.TimeOnly), err)
			}
		}
		for _, c := range idle {
			if w.living == 0 && c.starved() {
				w.breach("%s has queued runs and free slots after a sweep", c.id)
			}
		}
	})
	w.poison()
	switch {
	case w.storm:
		w.at(sweepEvery, w.sweep)
	case w.unrest() != "":
		w.at(w.pause(), w.sweep)
	}
}

// pause returns how long the sweeps of a calm world may rest: until a minute with something to do.
func (w *world) pause() time.Duration {
	if w.undelivered > 0 || w.living > 0 {
		return sweepEvery
	}
	wait := time.Duration(0)
	for _, c := range w.clients {
		for _, r := range w.runsOf(c) {
			due := r.NextDue()
			if r.Status == run.Queued || !r.ErasedAt.IsZero() || w.unused(r) != "" {
				return sweepEvery
			}
			if left := due.Sub(w.clock.now); !due.IsZero() && (wait == 0 || left < wait) {
				wait = left
			}
		}
	}
	return max(wait.Truncate(sweepEvery)+sweepEvery, sweepEvery)
}

func (w *world) runsOf(c *client) []run.Run {
	l, err := w.store.Ledger(context.Background(), c.id)
	if err != nil {
		w.breach("%v", err)
	}
	return l.Runs
}

// poison puts a message that nobody sent into a queue.
func (w *world) poison() {
	if _, struck := w.strike(Poison); !struck {
		return
	}
	row := speech.Service.Stages[w.tape.pick(len(speech.Service.Stages))]
	bodies := []string{"", "{", `{"run":"req_x","attempt":1,"part":"ingest/0"}`, `{"run":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa","attempt":1,"part":"` + string(row.Name) + `/0"}`,
		`{"run":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa","attempt":9,"part":"nothing/0"}`, `{"Records":[{"s3":{"object":{"key":"audio/../x"}}}]}`}
	text := bodies[w.tape.pick(len(bodies))]
	w.hit(Poison, "%s is sent %q", row.Name, text)
	w.send(row.Name, text)
}

// total returns the number of injected faults.
func (w *world) total() (n int) {
	for _, v := range w.injected {
		n += v
	}
	return n
}

func (w *world) overdue() (runs []run.Run) {
	ids, err := w.store.Due(context.Background(), w.clock.now, 1000)
	if err != nil {
		w.breach("due: %v", err)
	}
	for _, id := range ids {
		if r, err := w.store.Get(context.Background(), id); err == nil && r.Status == run.Processing && !w.clock.now.Before(r.Deadline) {
			runs = append(runs, r)
		}
	}
	return runs
}

func (w *world) idle() (all []*client) {
	for _, c := range w.clients {
		if c.starved() {
			all = append(all, c)
		}
	}
	return all
}

// unrest says what keeps the world from its end; "" if nothing does.
func (w *world) unrest() string {
	var why []string
	for _, c := range w.clients {
		a, err := w.store.Account(context.Background(), c.id)
		if err != nil {
			return err.Error()
		}
		if a.Running+a.Queued > 0 {
			why = append(why, fmt.Sprintf("%s has %d running and %d queued", c.id, a.Running, a.Queued))
		}
		for _, r := range w.runsOf(c) {
			if left := w.remains(r); left != "" {
				why = append(why, left)
			}
			if left := w.unused(r); left != "" {
				why = append(why, left)
			}
			if r.Push.Outstanding() {
				why = append(why, fmt.Sprintf("the webhook of %s is outstanding", r.ID))
			}
		}
	}
	if w.undelivered > 0 {
		why = append(why, fmt.Sprintf("%d messages are waiting", w.undelivered))
	}
	return strings.Join(why, ", ")
}

// remains says what still exists of an erased run; "" if nothing does, or if the run is not erased.
func (w *world) remains(r run.Run) string {
	if r.ErasedAt.IsZero() {
		return ""
	}
	for _, prefix := range []string{pipeline.AudioPrefix, pipeline.WorkPrefix, pipeline.ReportPrefix} {
		if left, err := w.objects.List(context.Background(), prefix+string(r.ID), "", 1); err != nil || len(left) > 0 {
			return fmt.Sprintf("%s is erased, but %v still exists (%v)", r.ID, left, err)
		}
	}
	return ""
}

// unused says that the upload of a run is still there though nobody needs it: the run has its own
// copy, or is erased, and no other run took the upload over.
func (w *world) unused(r run.Run) string {
	if r.Upload == "" || r.ErasedAt.IsZero() && !w.stored(r) {
		return ""
	}
	if used, err := w.store.Used(context.Background(), r.Client, r.Upload, w.clock.now); err != nil || used.Run != r.ID {
		return ""
	}
	if _, err := w.objects.Size(context.Background(), pipeline.UploadKey(r.Client, r.Upload)); err == nil {
		return fmt.Sprintf("%s no longer needs %s, but it still exists", r.ID, r.Upload)
	}
	return ""
}

// stored tells whether a run has, or had, its own copy of its recording.
func (w *world) stored(r run.Run) bool {
	_, err := w.objects.Size(context.Background(), pipeline.Key(r.ID, r.Attempt, pipeline.Original, 0))
	return err == nil || !r.Unstarted()
}
