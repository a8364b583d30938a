package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"parley/infra/local"
	"parley/shared/clock"
	"parley/shared/engine/audit"
	"parley/shared/engine/run"
	"parley/shared/speech"
)

// torture is a session: a system, its clients, and what is known about them.
type torture struct {
	options
	sys     *system
	feeders []*feeder
	random  *rand.Rand
	sum     *summary
}

// session runs everything, in its own folder. The summary is never nil.
func session(ctx context.Context, dir string, o options) (sum *summary, err error) {
	began := time.Now()
	sum = &summary{Seed: o.seed, Killed: map[string]int{}, Runs: map[string]int{}, Violations: []string{}}
	defer func() { sum.Seconds = int(time.Since(began).Seconds()) }()
	progress("seed %d, folder %s", o.seed, dir)
	if err := record(ctx, dir); err != nil {
		return sum, err
	}
	sys, err := newSystem(dir)
	if err != nil {
		return sum, err
	}
	sum.Cut, sum.Crashed = sys.cut, sys.crashed
	defer func() { err = errors.Join(err, sys.stop()) }()
	if err := sys.start(ctx); err != nil {
		return sum, err
	}
	t := &torture{o, sys, []*feeder{
		{name: "silence", slots: 4, kinds: kinds[1:], pause: 3 * time.Second},
		{name: "narrow", slots: 1, kinds: kinds[1:], pause: time.Second},
	}, rand.New(rand.NewPCG(o.seed, 0)), sum}
	if o.speech > 0 {
		t.feeders = append(t.feeders,
			&feeder{name: "speech", slots: o.speech, kinds: kinds[:1], pause: time.Second},
			&feeder{name: "mixed", slots: 1, kinds: kinds, pause: time.Second})
	}
	for _, f := range t.feeders {
		if err := f.join(ctx, sys); err != nil {
			return sum, err
		}
	}
	if err := t.storm(ctx); err != nil {
		return sum, err
	}
	return sum, t.calm(ctx)
}

// storm runs the rounds while the clients submit.
func (t *torture) storm(ctx context.Context) error {
	if t.crash > 0 {
		if err := local.SetFaults(t.sys.data(), []string{"write=crash:" + strconv.FormatFloat(t.crash, 'g', -1, 64)}); err != nil {
			return err
		}
	}
	feeding := make(chan struct{})
	var feeders sync.WaitGroup
	submits, stop := context.WithCancel(ctx)
	defer stop()
	for _, f := range t.feeders {
		feeders.Go(func() { f.feed(submits, feeding) })
	}
	err := t.rounds(ctx)
	if err != nil {
		stop() // nobody would answer them
	}
	close(feeding)
	feeders.Wait()
	return errors.Join(err, local.ClearFaults(t.sys.data()))
}

func (t *torture) rounds(ctx context.Context) error {
	for n := range t.options.rounds {
		if err := clock.Sleep(ctx, t.moment()); err != nil {
			return err
		}
		did, err := t.strike(ctx)
		if err != nil {
			return err
		}
		t.sum.Rounds++
		open, err := t.audit(ctx)
		if err != nil {
			return err
		}
		progress("round %d of %d: %s; %s", n+1, t.options.rounds, did, open)
		if t.restart > 0 && (n+1)%t.restart == 0 {
			if err := clock.Sleep(ctx, t.moment()/2); err != nil {
				return err
			}
			progress("stop and start")
			if err := errors.Join(t.sys.stop(), t.sys.start(ctx)); err != nil {
				return err
			}
			t.sum.Restarts++
		}
	}
	return nil
}

// moment returns a random time between a quarter and seven quarters of the mean time between two
// rounds.
func (t *torture) moment() time.Duration {
	return time.Duration((0.25 + 1.5*t.random.Float64()) * float64(t.pace))
}

// aimPatience is how long a strike waits for a submit to be in flight.
const aimPatience = 10 * time.Second

// strike kills processes: in a quarter of the rounds a submit in flight, in a quarter the copies of
// a function that has outstanding work, else one to three processes of any functions.
func (t *torture) strike(ctx context.Context) (did string, err error) {
	var victims []string
	switch t.random.IntN(4) {
	case 0:
		for end := time.Now().Add(aimPatience); !t.submitting() && time.Now().Before(end); {
			if err := clock.Sleep(ctx, 5*time.Millisecond); err != nil {
				return "", err
			}
		}
		if err := clock.Sleep(ctx, time.Duration(t.random.Float64()*float64(600*time.Millisecond))); err != nil {
			return "", err
		}
		victims = []string{"submit"}
	case 1:
		if victims, err = t.working(ctx); err != nil {
			return "", err
		}
	}
	all, err := local.Processes(t.sys.data())
	if err != nil {
		return "", err
	}
	byFunction := map[string][]int{}
	for _, p := range all {
		if p.Function != "" {
			byFunction[p.Function] = append(byFunction[p.Function], p.PID)
		}
	}
	if len(victims) > 0 {
		victims = []string{victims[t.random.IntN(len(victims))]}
	} else {
		for name := range byFunction {
			victims = append(victims, name)
		}
		slices.Sort(victims)
		t.random.Shuffle(len(victims), func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
		victims = victims[:min(1+t.random.IntN(3), len(victims))]
	}
	for _, name := range victims {
		pids := byFunction[name]
		if len(pids) > 1 && t.random.IntN(2) == 0 {
			pids = pids[:1]
		}
		for _, pid := range pids {
			if syscall.Kill(pid, syscall.SIGKILL) == nil {
				t.sum.Killed[name]++
				did += " " + name
			}
		}
	}
	if did == "" {
		did = " nothing of " + fmt.Sprint(victims) + " was there"
	}
	return "killed" + did, nil
}

func (t *torture) submitting() bool {
	return slices.ContainsFunc(t.feeders, func(f *feeder) bool { return f.inFlight.Load() > 0 })
}

// working returns the functions of the outstanding parts.
func (t *torture) working(ctx context.Context) ([]string, error) {
	var names []string
	for _, f := range t.feeders {
		l, err := t.sys.tables().Ledger(ctx, f.id)
		if err != nil {
			return nil, err
		}
		for _, r := range l.Runs {
			for p := range r.Parts {
				names = append(names, string(p.Stage))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// audit checks every client's books as they stand, and returns how many runs are not over.
func (t *torture) audit(ctx context.Context) (open string, err error) {
	counts := map[run.Status]int{}
	for _, f := range t.feeders {
		l, err := t.sys.tables().Ledger(ctx, f.id)
		if err != nil {
			return "", err
		}
		for _, v := range audit.Check(l, speech.Service.Dimensions) {
			t.sum.violate("audit of %s: %s", f.name, v)
		}
		if l.Account.Running > f.slots {
			t.sum.violate("%s: %d runs are in work, %d are allowed", f.name, l.Account.Running, f.slots)
		}
		for _, r := range l.Runs {
			counts[r.Status]++
		}
	}
	t.sum.Audits++
	for _, s := range run.Statuses {
		open += fmt.Sprintf(" %d %s", counts[s], s)
	}
	return "runs:" + open, nil
}
