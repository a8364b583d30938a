package readiness_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"parley/infra/prove/service"

	"parley/shared/clock"
	"parley/shared/engine/readiness"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
)

func TestUp(t *testing.T) {
	now := time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		probe readiness.Probe
		off   bool
		ready bool
		why   string
	}{
		"every engine answers": {func(context.Context, run.Stage) (string, error) { return "", nil }, false, true, ""},
		"one does not": {func(_ context.Context, s run.Stage) (string, error) {
			if s == service.Transcribe {
				return "", errors.New("secret of the house")
			}
			return "", nil
		}, false, false, "does not answer"},
		"one is throttled": {func(_ context.Context, s run.Stage) (string, error) {
			if s == service.Transcribe {
				return "", fmt.Errorf("invoke: %w", readiness.ErrThrottled)
			}
			return "", nil
		}, false, true, ""},
		"one is throttled while another is cold": {func(_ context.Context, s run.Stage) (string, error) {
			if s == service.Transcribe {
				return "not ready", nil
			}
			return "", readiness.ErrThrottled
		}, false, false, "not ready"},
		"one says why":         {func(context.Context, run.Stage) (string, error) { return "not ready", nil }, false, false, "not ready"},
		"all are switched off": {func(context.Context, run.Stage) (string, error) { return "", nil }, true, false, "switched off"},
	} {
		t.Run(name, func(t *testing.T) {
			s := memory.New()
			if err := readiness.Up(t.Context(), service.Sample, tt.probe, s, clock.At(now), slog.New(slog.DiscardHandler), func() bool { return tt.off }); err != nil {
				t.Fatal(err)
			}
			got, err := s.Ready(t.Context())
			if err != nil || got.Ready() != tt.ready || !got.At.Equal(now) || got.Parts["transcribe"] != tt.why {
				t.Errorf("%+v %v", got, err)
			}
			if _, probed := got.Parts["vocabulary"]; probed {
				t.Error("a stage without an engine was probed")
			}
		})
	}
}
