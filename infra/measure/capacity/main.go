// Command capacity runs many runs at once through a simulation with the measured times of the
// stages. It prints, and writes into docs/cost.md, how much a deployment carries, what breaks
// first, and which quotas to ask for.
package main

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"parley/infra/measure/usage"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/speech"
	"parley/shared/speech/audio"
)

func main() {
	check := flag.Bool("check", false, "write nothing, and fail if docs/cost.md is out of date")
	flag.Parse()
	if err := capacity(*check); err != nil {
		fmt.Fprintln(os.Stderr, "capacity:", err)
		os.Exit(1)
	}
}

func capacity(check bool) error {
	m, err := usage.Load()
	if err != nil {
		return fmt.Errorf("what was measured: %w", err)
	}
	var q quotas
	if err := usage.LoadFile("capacity", "quotas.json", &q); err != nil {
		return fmt.Errorf("the quotas: %w", err)
	}
	tables := page(m, q)
	fmt.Println(tables)
	changed, err := usage.Write("capacity", tables, check)
	if err == nil && check && changed {
		err = errors.New(usage.Page + " is out of date: make capacity")
	}
	return err //nolint:wrapcheck // package usage is ours
}

// quotas are the limits of an account, and of a stack's own throttle.
type quotas struct {
	Source            string  `json:"source"`
	Date              string  `json:"date"`
	LambdaConcurrency float64 `json:"lambdaConcurrency"`
	GatewayRequests   float64 `json:"gatewayRequests"`   // a second
	StageRequests     float64 `json:"stageRequests"`     // a second, the stack's own
	DynamoTableWrites float64 `json:"dynamoTableWrites"` // units a second
	SQSInFlight       float64 `json:"sqsInFlight"`       // messages of a queue
}

const (
	interview = 4 * time.Minute
	longest   = 45 * time.Minute
	// processorMB is the memory with which a function has one full processor.
	processorMB = 1769
	// spare is how much more than what was simulated to ask for.
	spare = 1.3
)

// line is a straight line through two measurements.
type line struct{ floor, slope float64 } // s, and s per s of the recording

func (l line) at(length time.Duration) time.Duration {
	return time.Duration((l.floor + l.slope*length.Seconds()) * float64(time.Second))
}

// through returns the line through a stage's times of the two recordings; level where the longer
// one took less. Where only one was measured, times are in proportion to the length.
func through(m usage.Measured, stage run.Stage) line {
	a, b := m.Interview.Stage(stage).Seconds(), m.Long.Stage(stage).Seconds()
	if m.Long.Seconds <= m.Interview.Seconds {
		return line{0, a / m.Interview.Seconds}
	}
	slope := max((b-a)/(m.Long.Seconds-m.Interview.Seconds), 0)
	return line{a - slope*m.Interview.Seconds, slope}
}

// modelOf returns the model of the measured times. A function with less memory than that of a full
// processor takes so much longer; one with more has an engine that uses it all, and takes so much
// less. A piece takes as long as the longest piece that was measured.
func modelOf(m usage.Measured, copies func(pipeline.Stage) int) model {
	times := map[run.Stage]line{}
	for _, s := range speech.Service.Stages {
		l := through(m, s.Name)
		if s.Piece > 0 {
			l = line{max(m.Interview.Stage(s.Name), m.Long.Stage(s.Name)).Seconds(), 0}
		}
		slower := processorMB / float64(s.MemoryMB)
		times[s.Name] = line{l.floor * slower, l.slope * slower}
	}
	return model{
		service: func(stage run.Stage, length time.Duration) time.Duration { return times[stage].at(length) },
		pieces: func(length time.Duration) int {
			whole := audio.Span{EndMs: length.Milliseconds()}
			return len(audio.Chunks([]audio.Span{whole}, whole))
		},
		copies: copies,
	}
}

func free(pipeline.Stage) int        { return 0 }
func asInTable(s pipeline.Stage) int { return s.Concurrency }

// needs is how many parts of a stage are at work at once on average, at this many runs a second.
func (m model) needs(s pipeline.Stage, perSecond float64, length time.Duration) float64 {
	parts := 1.0
	if s.Piece > 0 {
		parts = float64(m.pieces(length))
	}
	return perSecond * parts * m.service(s.Name, length).Seconds()
}

// carries is how many runs a second, each of an interview, a stage carries with its copies.
func (m model) carries(s pipeline.Stage) float64 {
	return float64(m.copies(s)) / m.needs(s, 1, interview)
}

// limit is something that a load can reach.
type limit struct {
	name       string
	need, have float64
}

// limits lists what a load needs of each limit, the most strained first.
func limits(m model, u usage.Measured, q quotas, perSecond float64) []limit {
	var out []limit
	all := 0.0
	for _, s := range speech.Service.Stages {
		need := m.needs(s, perSecond, interview)
		all += need
		out = append(out, limit{"copies of " + string(s.Name), need, float64(s.Concurrency)})
	}
	calls := perSecond * float64(1+polls(m))
	// The calls of the API take processor time too.
	all += perSecond * (u.Interview.Calls["submit"].CPUSeconds + float64(polls(m))*u.Interview.Poll.CPUSeconds*processorMB/pollMB)
	writes := perSecond * runWrites
	out = append(out,
		limit{"Lambda's concurrent executions", all, q.LambdaConcurrency},
		limit{"the stack's throttle, requests a second", calls, q.StageRequests},
		limit{"the gateway's requests a second", calls, q.GatewayRequests},
		limit{"writes of the table of runs a second", writes, q.DynamoTableWrites},
	)
	slices.SortStableFunc(out, func(a, b limit) int {
		switch ra, rb := a.need/a.have, b.need/b.have; {
		case ra > rb:
			return -1
		case ra < rb:
			return 1
		}
		return 0
	})
	return out
}

const (
	pollMB = 512
	// runWrites is what a run of four minutes writes to the table of runs, in units, at most: all
	// of docs/ledger.md's 20.
	runWrites = 20
	// pollEvery is the interval that a client is told in the first two minutes.
	pollEvery = 15 * time.Second
)

// polls is how often a run of four minutes is polled.
func polls(m model) int {
	return int(math.Ceil(float64(alone(m, interview)) / float64(pollEvery)))
}

// rates are the loads that are simulated, in runs a second, each for window.
var rates = []float64{1, 10, 1000}

const window = 5 * time.Minute

func page(u usage.Measured, q quotas) string {
	limited, unlimited := modelOf(u, asInTable), modelOf(u, free)
	var b strings.Builder
	fmt.Fprintf(&b, "The times of the stages are those measured %s (%s): processor seconds, scaled to the share of a processor that each function's memory gives it. Runs of four minutes arrive at random for %s. Quotas: %s, as of %s.\n\n",
		u.Date, u.Machine, minutes(window), q.Source, q.Date)
	if u.Long.Seconds <= u.Interview.Seconds {
		b.WriteString("Only an interview of four minutes was measured. The times of a longer one are in proportion to its length, which is too much for a stage that does not listen to all of it.\n\n")
	}
	b.WriteString("### How long a run takes\n\n| recording | pieces | with enough functions |\n|---|---:|---:|\n")
	short, long := alone(unlimited, interview), alone(unlimited, longest)
	for _, length := range []time.Duration{interview, longest} {
		fmt.Fprintf(&b, "| %s | %d | %s |\n", minutes(length), unlimited.pieces(length), seconds(alone(unlimited, length)))
	}
	fmt.Fprintf(&b, "\nThe longest recording takes %.1f times as long as one of four minutes. ", float64(long)/float64(short))
	b.WriteString(slowest(unlimited) + "\n\n")
	b.WriteString("### What each stage carries\n\n| stage | seconds, 4 minutes | seconds, 45 minutes | copies | runs of four minutes a second |\n|---|---:|---:|---:|---:|\n")
	first := speech.Service.Stages[0]
	for _, s := range speech.Service.Stages {
		fmt.Fprintf(&b, "| %s | %.1f | %.1f | %d | %.1f |\n", s.Name, limited.service(s.Name, interview).Seconds(), limited.service(s.Name, longest).Seconds(), s.Concurrency, limited.carries(s))
		if limited.carries(s) < limited.carries(first) {
			first = s
		}
	}
	fmt.Fprintf(&b, "\n%s runs out of copies first, at %.1f runs a second. The copies are those of the table of stages; a deployment may scale them.\n\n", first.Name, limited.carries(first))
	b.WriteString("### 1, 10 and 1,000 runs a second\n\n| runs a second | copies at work at once | wait of a piece for transcription, median and 99 % | runs that had not ended at the end | a run took, median |\n|---:|---:|---:|---:|---:|\n")
	for _, rate := range rates {
		for _, m := range []model{limited, unlimited} {
			o := simulate(m, load{perSecond: rate, length: interview, lasting: window, seed: 1}, false)
			waits := o.stages[speech.Transcribe].waits
			name := "the table's copies"
			if m.copies(first) == 0 {
				name = "enough copies"
			}
			took := "none ended"
			if len(o.took) > 0 {
				took = seconds(at(o.took, 0.5))
			}
			fmt.Fprintf(&b, "| %g, %s | %d | %s, %s | %d of %d | %s |\n", rate, name, o.busiest, seconds(at(waits, 0.5)), seconds(at(waits, 0.99)), o.left, o.came, took)
		}
	}
	b.WriteString("\n### What breaks first, and what to ask for\n\n| runs a second | the most strained | needed | available |\n|---:|---|---:|---:|\n")
	for _, rate := range rates {
		for i, l := range limits(limited, u, q, rate) {
			if i < 3 || l.need > l.have {
				fmt.Fprintf(&b, "| %g | %s | %.0f | %.0f |\n", rate, l.name, l.need, l.have)
			}
		}
	}
	b.WriteString("\n")
	for _, rate := range rates {
		b.WriteString(ask(limited, u, q, rate) + "\n")
	}
	return b.String()
}

// slowest says which stage makes the longest recording slow.
func slowest(m model) string {
	worst, by := run.Stage(""), time.Duration(0)
	for _, s := range speech.Service.Stages {
		if more := m.service(s.Name, longest) - m.service(s.Name, interview); more > by {
			worst, by = s.Name, more
		}
	}
	if worst == "" {
		return "No stage takes longer for it."
	}
	return fmt.Sprintf("Most of the difference comes from %s, which gets the whole recording: %s more.", worst, seconds(by))
}

// ask says which quotas to ask for at a rate, and which stages need more copies than the table's.
func ask(m model, u usage.Measured, q quotas, rate float64) string {
	var wants, copies []string
	for _, l := range limits(m, u, q, rate) {
		stage, isCopies := strings.CutPrefix(l.name, "copies of ")
		switch {
		case isCopies && l.need > l.have:
			copies = append(copies, fmt.Sprintf("%.0f of %s", l.need, stage))
		case !isCopies && l.need*spare > l.have:
			wants = append(wants, fmt.Sprintf("%s: %.0f", l.name, math.Ceil(l.need*spare/100)*100))
		}
	}
	s := fmt.Sprintf("- At %s the default quotas suffice", aSecond(rate))
	if len(wants) > 0 {
		s = fmt.Sprintf("- At %s ask for, or set, with 30 %% to spare: %s", aSecond(rate), strings.Join(wants, "; "))
	}
	if len(copies) > 0 {
		s += ". The stages need more copies than the table has: " + strings.Join(copies, ", ")
	}
	return s + "."
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) }

func minutes(d time.Duration) string { return fmt.Sprintf("%g minutes", d.Minutes()) }

func aSecond(rate float64) string {
	if rate == 1 {
		return "1 run a second"
	}
	return fmt.Sprintf("%g runs a second", rate)
}
