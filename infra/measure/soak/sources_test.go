package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"parley/infra/local"
	"parley/infra/measure/live"
)

// Ensure that a log is read on where the last reading ended: each line once, also lines of the same
// millisecond, if there are more than one answer has, and after the emulator forgot the oldest.
func TestALogIsReadOn(t *testing.T) {
	type line struct {
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	const most = 4 // lines of an answer; more than have the same time
	var kept []line
	cloud := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ask struct{ StartTime int64 }
		err := json.NewDecoder(r.Body).Decode(&ask)
		found := slices.DeleteFunc(slices.Clone(kept), func(l line) bool { return l.Timestamp < ask.StartTime })
		if err == nil {
			err = json.NewEncoder(w).Encode(map[string]any{"events": found[:min(most, len(found))]})
		}
		if err != nil {
			t.Error(err)
		}
	}))
	defer cloud.Close()
	into := &measured{points: map[series][]point{}}
	r := &reader{sys: &live.System{System: local.System{Endpoint: cloud.URL, Functions: map[string]string{"poll": ""}}}, into: into,
		last: map[string]int64{}, seen: map[string]int{}}

	written := 0
	for _, step := range []struct {
		name   string
		forget int     // lines
		times  []int64 // of new lines
	}{
		{"nothing yet", 0, nil},
		{"two at once", 0, []int64{10, 10}},
		{"one more at that time", 0, []int64{10}},
		{"more than an answer has", 0, []int64{11, 11, 12, 13, 13, 14}},
		{"nothing new", 0, nil},
		{"the oldest are forgotten", 5, []int64{14, 15}},
		{"all that was read is forgotten", 6, []int64{16, 16}},
	} {
		kept = kept[step.forget:]
		for _, at := range step.times {
			written++
			kept = append(kept, line{at, fmt.Sprintf("REPORT RequestId: r Duration: %d ms", written)})
		}
		if err := r.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, p := range into.of(name("AWS/Lambda", "Duration", "FunctionName="+local.StackName+"-poll")) {
			got = append(got, int(p.value))
		}
		want := make([]int, written)
		for i := range want {
			want[i] = i + 1
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: lines %v, want %v", step.name, got, want)
		}
	}
}
