package main

import (
	"testing"
	"time"

	"parley/shared/engine/run"
)

// Ensure that an order is called unfair if a client waits while another has its turns, or if a
// client's own runs change places, and otherwise not.
func TestFairness(t *testing.T) {
	start := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	// Each entry is the client of the next run to begin.
	for name, tt := range map[string]struct {
		order []int
		swap  bool // the first two runs of client 0 change places
		fair  bool
	}{
		"in turn":                               {[]int{0, 1, 0, 1, 0, 1, 0, 1}, false, true},
		"two at once in turn":                   {[]int{0, 0, 1, 1, 0, 0, 1, 1}, false, true},
		"one ahead by as many as it may have":   {[]int{0, 0, 0, 0, 1, 1, 1, 1}, false, true},
		"one that waits for all of the other's": {[]int{0, 0, 0, 0, 0, 1, 1, 1}, false, false},
		"one alone after the other has no more": {[]int{1, 1, 0, 0, 0, 0, 0, 0}, false, true},
		"a client's own runs change places":     {[]int{0, 1, 0, 1}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			by := [2][]*mine{}
			for i, c := range tt.order {
				by[c] = append(by[c], &mine{client: c, id: run.ID("r"), began: start.Add(time.Duration(i) * time.Second)})
			}
			if tt.swap {
				by[0][0].began, by[0][1].began = by[0][1].began, by[0][0].began
			}
			order, err := fairness(append(by[0], by[1]...), 2)
			if (err == nil) != tt.fair {
				t.Errorf("%s: %v, want fair %v", order, err, tt.fair)
			}
		})
	}
}
