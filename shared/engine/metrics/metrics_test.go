package metrics_test

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"time"

	"parley/shared/clock"
	"parley/shared/engine/metrics"
)

// Ensure that a measurement is one line in CloudWatch's embedded metric format, and that one which
// does not fit its metric is left out.
func TestAdd(t *testing.T) {
	for name, tt := range map[string]struct {
		add  func(*metrics.Emitter)
		want string
	}{
		"with dimensions and a property": {func(e *metrics.Emitter) {
			e.Add(metrics.RunsEnded, 1, []string{"failed", "SCORING_FAILED"}, "run", "req_a")
		}, `{"Code":"SCORING_FAILED","Outcome":"failed","RunsEnded":1,"_aws":{"Timestamp":1776772800123,"CloudWatchMetrics":[{"Namespace":"Parley",` +
			`"Dimensions":[["Outcome","Code"]],"Metrics":[{"Name":"RunsEnded","Unit":"Count"}]}]},"run":"req_a"}` + "\n"},
		"with a dimension that does not apply": {func(e *metrics.Emitter) { e.Add(metrics.SweepActs, 2.5, []string{""}) },
			`{"Act":"none","SweepActs":2.5,"_aws":{"Timestamp":1776772800123,"CloudWatchMetrics":[{"Namespace":"Parley","Dimensions":[["Act"]],` +
				`"Metrics":[{"Name":"SweepActs","Unit":"Count"}]}]}}` + "\n"},
		"without dimensions": {func(e *metrics.Emitter) { e.Add(metrics.RealTimeFactor, 0.25, nil) },
			`{"RealTimeFactor":0.25,"_aws":{"Timestamp":1776772800123,"CloudWatchMetrics":[{"Namespace":"Parley","Dimensions":[[]],` +
				`"Metrics":[{"Name":"RealTimeFactor","Unit":"None"}]}]}}` + "\n"},
		"too few dimensions": {func(e *metrics.Emitter) { e.Add(metrics.RunsEnded, 1, []string{"failed"}) }, ""},
		"half a property":    {func(e *metrics.Emitter) { e.Add(metrics.CreditsHeld, 1, nil, "run") }, ""},
		"no number":          {func(e *metrics.Emitter) { e.Add(metrics.CreditsHeld, math.NaN(), nil) }, ""},
	} {
		var b bytes.Buffer
		tt.add(metrics.New(&b, clock.At(time.Date(2026, 4, 21, 12, 0, 0, 123e6, time.UTC))))
		if b.String() != tt.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, b.String(), tt.want)
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// Ensure that nobody is harmed where there is nothing to write to.
func TestNobodyIsHarmed(*testing.T) {
	var none *metrics.Emitter
	none.Add(metrics.CreditsHeld, 1, nil)
	metrics.New(broken{}, clock.At(time.Time{})).Add(metrics.CreditsHeld, 1, nil)
}

// Ensure that no two metrics have one name.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range metrics.All {
		if seen[m.Name] || m.Name == "" || m.Unit == "" {
			t.Errorf("%+v", m)
		}
		seen[m.Name] = true
	}
}
