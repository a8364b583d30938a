package simulation

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// What a port returns if the world says so.
var (
	errDead     = errors.New("simulation: this process is dead")
	errRefused  = errors.New("simulation: throttled")
	errConflict = errors.New("simulation: transaction conflict")
	errLost     = errors.New("simulation: the answer was lost")
)

// process is one invocation of a function. Only one process of a world runs at any moment: it runs
// until it calls a port, and then waits for the world. A dead process can do nothing more: every
// port refuses it, and its handler's result is ignored.
type process struct {
	w        *world
	name     string
	began    time.Time
	wake     chan struct{}
	dead     bool
	finished bool
	done     func(p *process) // by the world, once
}

// start runs body as a process that is cut off after limit.
func (w *world) start(name string, limit time.Duration, body, done func(*process)) {
	p := &process{w: w, name: name, began: w.clock.now, wake: make(chan struct{}), done: done}
	w.living++
	go func() {
		<-p.wake
		defer func() {
			if v := recover(); v != nil {
				w.breach("%s panicked: %v\n%s", name, v, debug.Stack())
			}
			p.finished = true
			w.parked <- struct{}{}
		}()
		body(p)
	}()
	w.at(limit, func() {
		if !p.finished {
			w.hit(Crash, "%s is cut off by its time limit", p.name)
			p.dead = true
			w.resume(p)
		}
	})
	w.resume(p)
}

// resume lets p run until its next await or its end. If the process has ended, nothing happens.
func (w *world) resume(p *process) {
	if p.finished {
		return
	}
	p.wake <- struct{}{}
	<-w.parked
	if p.finished {
		w.living--
		p.done(p)
	}
}

// sleep awaits that d passes.
func (p *process) sleep(d time.Duration) {
	if p.dead {
		return
	}
	p.w.wake(d, p)
	p.w.parked <- struct{}{}
	<-p.wake
}

// fate is what the world has decided for one call.
type fate int

const (
	fine     fate = iota
	refused       // not done
	conflict      // not done
	lost          // done, but the answer is lost
	fatal         // done, but the process dies
	gone          // not done, and the process is dead
)

// await is the await point before every call of a port.
func (p *process) await(op string, write bool) fate {
	w := p.w
	w.steps++
	kind, struck := w.strike(Late, Crash, Throttle, Conflict, Unknown)
	latency := time.Duration(1+w.tape.pick(20)) * time.Millisecond
	if struck && kind == Late {
		latency = time.Duration(1+w.tape.pick(40)) * time.Second
	}
	p.sleep(latency)
	switch {
	case p.dead:
		return gone
	case !struck || kind == Late, !write && (kind == Conflict || kind == Unknown):
	case kind == Crash && write && w.tape.pick(2) == 1:
		w.hit(Crash, "%s dies after %s", p.name, op)
		return fatal
	case kind == Crash:
		w.hit(Crash, "%s dies before %s", p.name, op)
		p.dead = true
		return gone
	case kind == Throttle:
		w.hit(Throttle, "%s: %s is throttled", p.name, op)
		return refused
	case kind == Conflict:
		w.hit(Conflict, "%s: %s gives up amid conflicts", p.name, op)
		return conflict
	default:
		w.hit(Unknown, "%s: %s, answer lost", p.name, op)
		return lost
	}
	if struck && kind == Late {
		w.hit(Late, "%s: %s took %s", p.name, op, latency)
	}
	if w.tracing && (p.name != sweeper || write && op != "set cursor" && op != "expire") {
		w.note("%s: %s", p.name, op)
	}
	return fine
}

// call makes one call of a port according to its fate.
func call[T any](p *process, op string, write bool, f func() (T, error)) (T, error) {
	var zero T
	switch p.await(op, write) {
	case gone:
		return zero, errDead
	case refused:
		return zero, fmt.Errorf("%s: %w", op, errRefused)
	case conflict:
		return zero, fmt.Errorf("%s: %w", op, errConflict)
	case lost:
		_, _ = f() // done or refused: nobody learns which
		p.w.look(p, op)
		return zero, fmt.Errorf("%s: %w", op, errLost)
	case fatal:
		_, _ = f() // nobody learns of it
		p.dead = true
		p.w.look(p, op)
		return zero, errDead
	}
	v, err := f()
	if write {
		p.w.look(p, op)
	}
	return v, err
}
