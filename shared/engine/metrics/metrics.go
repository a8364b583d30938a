// Package metrics writes measurements in CloudWatch's embedded metric format: each is a line of
// JSON on standard output, which CloudWatch Logs turns into a metric. So a measurement costs no
// call, and a line that cannot be written harms nobody.
//
// The dimensions of a metric are a few known words, because CloudWatch bills each combination. What
// a measurement belongs to, such as a run, is a property: it can be searched for, and is no
// dimension. No measurement holds a key or anything that was said.
package metrics

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"parley/shared/clock"
)

// Namespace is the namespace of all metrics.
const Namespace = "Parley"

// None is the value of a dimension that does not apply, since CloudWatch accepts no empty one.
const None = "none"

// Unit is a unit as CloudWatch names it.
type Unit string

// The units.
const (
	Count   Unit = "Count"
	Seconds Unit = "Seconds"
	Ratio   Unit = "None"
)

// Metric is one metric: its name, its unit and the names of its dimensions.
type Metric struct {
	Name       string
	Unit       Unit
	Dimensions []string
}

// The metrics.
var (
	// RunsEnded counts runs by their status and, if they failed, their code.
	RunsEnded = Metric{"RunsEnded", Count, []string{"Outcome", "Code"}}
	// StageSeconds is how long a stage's work on a part took, if it was done.
	StageSeconds = Metric{"StageSeconds", Seconds, []string{"Stage"}}
	// QueueWaitSeconds is how long a message waited for its first delivery.
	QueueWaitSeconds = Metric{"QueueWaitSeconds", Seconds, []string{"Stage"}}
	// RealTimeFactor is how long the recogniser took, per second of the piece that it was given.
	RealTimeFactor = Metric{"RealTimeFactor", Ratio, nil}
	// CreditsHeld is what a run that is accepted or retried holds.
	CreditsHeld = Metric{"CreditsHeld", Count, nil}
	// SweepActs counts what the sweeps did. A sweep that did nothing writes nothing, so that an
	// idle system pays for no measurement.
	SweepActs = Metric{"SweepActs", Count, []string{"Act"}}
	// ColdStarts counts the processes of a function that were started.
	ColdStarts = Metric{"ColdStarts", Count, []string{"Function"}}
	// TransactionRetries counts the writes that had to be made again, because another one came
	// first, or was refused for its rate, or its answer was lost.
	TransactionRetries = Metric{"TransactionRetries", Count, nil}
	// AuditViolations is how many violations an audit found; OldestHoldSeconds is the age of the
	// oldest hold that is not resolved, 0 if there is none.
	AuditViolations   = Metric{"AuditViolations", Count, nil}
	OldestHoldSeconds = Metric{"OldestHoldSeconds", Seconds, nil}
)

// All lists them.
var All = []Metric{RunsEnded, StageSeconds, QueueWaitSeconds, RealTimeFactor, CreditsHeld, SweepActs, ColdStarts, TransactionRetries, AuditViolations, OldestHoldSeconds}

// The acts of SweepActs.
const (
	SweptEnded = "ended"
	Resent     = "resent"
	Pushed     = "pushed"
	Deleted    = "deleted"
	Expired    = "expired"
)

// Emitter writes measurements. A nil one writes nothing. Safe for concurrent use.
type Emitter struct {
	mu    sync.Mutex
	to    io.Writer
	clock clock.Clock
}

// New returns an Emitter that writes to w, which is standard output in a function.
func New(w io.Writer, c clock.Clock) *Emitter { return &Emitter{to: w, clock: c} }

// Add writes one measurement of m. dimensions are the values of m's dimensions, in their order.
// properties are pairs of a name and a value, such as "run" and its id. A measurement that does not
// fit m is left out.
func (e *Emitter) Add(m Metric, value float64, dimensions []string, properties ...string) {
	if e == nil || len(dimensions) != len(m.Dimensions) || len(properties)%2 != 0 {
		return
	}
	line := map[string]any{"_aws": directive(m, e.clock.Now()), m.Name: value}
	for i := 0; i < len(properties); i += 2 {
		line[properties[i]] = properties[i+1]
	}
	for i, name := range m.Dimensions {
		line[name] = dimensions[i]
		if dimensions[i] == "" {
			line[name] = None
		}
	}
	raw, err := json.Marshal(line)
	if err != nil {
		return // NaN or infinite
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	_, _ = e.to.Write(append(raw, '\n')) // a run does not fail for want of a measurement
}

// metadata is the object by which CloudWatch recognises the format.
type metadata struct {
	Timestamp         int64       `json:"Timestamp"`         //nolint:tagliatelle // the format's own name
	CloudWatchMetrics []published `json:"CloudWatchMetrics"` //nolint:tagliatelle // the same
}

type published struct {
	Namespace  string     `json:"Namespace"`  //nolint:tagliatelle // the same
	Dimensions [][]string `json:"Dimensions"` //nolint:tagliatelle // the same
	Metrics    []named    `json:"Metrics"`    //nolint:tagliatelle // the same
}

type named struct {
	Name string `json:"Name"` //nolint:tagliatelle // the same
	Unit Unit   `json:"Unit"` //nolint:tagliatelle // the same
}

func directive(m Metric, now time.Time) metadata {
	dimensions := m.Dimensions
	if dimensions == nil {
		dimensions = []string{}
	}
	return metadata{now.UnixMilli(), []published{{Namespace, [][]string{dimensions}, []named{{m.Name, m.Unit}}}}}
}
