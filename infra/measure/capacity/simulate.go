package main

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/speech"
)

// model is how long each stage's parts take, and how many may be at work at once.
type model struct {
	// service returns how long a part of a run of this length takes.
	service func(stage run.Stage, length time.Duration) time.Duration
	// pieces is how many pieces the first stage cuts a run of this length into.
	pieces func(length time.Duration) int
	// copies is how many parts of a stage may be at work at once; 0: as many as come.
	copies func(stage pipeline.Stage) int
}

// load is what comes.
type load struct {
	perSecond float64
	length    time.Duration
	lasting   time.Duration
	seed      uint64
}

// outcome is what became of a load.
type outcome struct {
	stages map[run.Stage]*tally
	// took is how long each run took that ended, sorted.
	took []time.Duration
	// came and ended count runs until the load's end; left is how many had not ended then.
	came, ended, left int
	// busiest is the largest number of parts at work at once, over all stages.
	busiest int
}

// tally is what happened at one stage.
type tally struct {
	waits   []time.Duration // of the parts that were begun, sorted
	busiest int
	queued  int // parts that waited at the load's end
}

// at returns a quantile of sorted times; 0 if there are none.
func at(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return times[min(int(q*float64(len(times))), len(times)-1)]
}

// part is one part of a run in the simulation.
type part struct {
	of    *life
	stage run.Stage
	came  time.Duration
}

// life is a run in the simulation.
type life struct {
	came        time.Duration
	outstanding int
}

// event is the arrival of a run (of is nil) or the end of a part.
type event struct {
	at  time.Duration
	seq int
	of  *part
}

type agenda []event

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].seq < a[j].seq
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push implements heap.Interface.
func (a *agenda) Push(x any) { *a = append(*a, x.(event)) } //nolint:forcetypeassert // only ours

// Pop implements heap.Interface.
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// lane is a stage's queue and its functions.
type lane struct {
	copies, busy int // copies 0: without limit
	waiting      []*part
	head         int
}

// simulate runs a load through the stages of the service: a run's parts follow each other as
// speech.Service.Following says, each waits for a free copy of its function, first come, first
// served, and takes its time. Runs come at random, with a fixed seed. All that had begun by the end
// of the load is finished if drain is true.
func simulate(m model, l load, drain bool) outcome {
	var plan agenda
	seq := 0
	add := func(when time.Duration, of *part) {
		seq++
		heap.Push(&plan, event{when, seq, of})
	}
	random := rand.New(rand.NewPCG(l.seed, 1))
	out := outcome{stages: map[run.Stage]*tally{}}
	lanes := map[run.Stage]*lane{}
	for _, s := range speech.Service.Stages {
		lanes[s.Name], out.stages[s.Name] = &lane{copies: m.copies(s)}, &tally{}
	}
	working := 0
	var now time.Duration
	begin := func(p *part) {
		in, t := lanes[p.stage], out.stages[p.stage]
		in.busy++
		working++
		t.busiest, out.busiest = max(t.busiest, in.busy), max(out.busiest, working)
		t.waits = append(t.waits, now-p.came)
		add(now+m.service(p.stage, l.length), p)
	}
	arrive := func(r *life, stage run.Stage) {
		r.outstanding++
		p := &part{r, stage, now}
		if in := lanes[stage]; in.copies > 0 && in.busy >= in.copies {
			in.waiting = append(in.waiting, p)
			return
		}
		begin(p)
	}
	next := func() time.Duration { return time.Duration(random.ExpFloat64() / l.perSecond * float64(time.Second)) }
	add(next(), nil)
	pieces := m.pieces(l.length)
	for len(plan) > 0 {
		e, _ := heap.Pop(&plan).(event)
		if e.at > l.lasting && !drain {
			break
		}
		now = e.at
		if e.of == nil {
			if now > l.lasting {
				continue
			}
			out.came++
			arrive(&life{came: now}, speech.Service.First().Stage)
			add(now+next(), nil)
			continue
		}
		in := lanes[e.of.stage]
		in.busy--
		working--
		if in.head < len(in.waiting) {
			p := in.waiting[in.head]
			in.waiting[in.head] = nil
			in.head++
			begin(p)
		}
		r := e.of.of
		if r.outstanding--; r.outstanding > 0 {
			continue
		}
		following := speech.Service.Following(e.of.stage, pieces)
		for _, p := range following {
			arrive(r, p.Stage)
		}
		if len(following) == 0 {
			out.ended++
			out.took = append(out.took, now-r.came)
		}
	}
	out.left = out.came - out.ended
	slices.Sort(out.took)
	for name, t := range out.stages {
		slices.Sort(t.waits)
		t.queued = len(lanes[name].waiting) - lanes[name].head
	}
	return out
}

// alone returns how long one run takes if no part waits.
func alone(m model, length time.Duration) time.Duration {
	total := time.Duration(0)
	group := []run.Part{speech.Service.First()}
	for len(group) > 0 {
		longest := time.Duration(0)
		for _, p := range group {
			longest = max(longest, m.service(p.Stage, length))
		}
		total += longest
		group = speech.Service.Following(group[0].Stage, m.pieces(length))
	}
	return total
}
