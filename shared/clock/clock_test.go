package clock_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"parley/shared/clock"
)

func TestSleepEndsWithItsContext(t *testing.T) {
	ended, stop := context.WithCancel(t.Context())
	stop()
	for name, tt := range map[string]struct {
		ctx  context.Context
		d    time.Duration
		want error
	}{
		"no time to wait":                    {t.Context(), 0, nil},
		"a moment":                           {t.Context(), time.Nanosecond, nil},
		"a context that has ended":           {ended, time.Hour, context.Canceled},
		"a context that ended, and no time ": {ended, 0, context.Canceled},
	} {
		if err := clock.Sleep(tt.ctx, tt.d); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
