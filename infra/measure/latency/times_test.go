package main

import (
	"testing"
	"time"
)

func TestAQuantileIsOneOfTheTimes(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for _, tt := range []struct {
		times []time.Duration
		q     float64
		want  time.Duration
	}{
		{hundred, 0.5, 50}, {hundred, 0.99, 99}, {hundred, 0.991, 100}, {hundred, 1, 100}, {hundred, 0.001, 1}, {hundred[:1], 0.5, 1}, {hundred[:2], 0.5, 1}, {hundred[:3], 0.5, 2},
	} {
		if got := quantile(tt.times, tt.q); got != tt.want {
			t.Errorf("quantile %v of %d: %d, want %d", tt.q, len(tt.times), got, tt.want)
		}
	}
}
