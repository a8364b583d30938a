// Command warm asks the stages' functions whether their engines are ready, and records the answers.
package main

import (
	"context"

	"parley/functions/internal/wire"
	"parley/shared/engine/fault"
	"parley/shared/engine/readiness"
	"parley/shared/speech"
)

func main() {
	s := wire.Open()
	s.ServeSchedule(func(ctx context.Context) error {
		return readiness.Up(ctx, speech.Service, s.Probe, s.Tables, s.Clock, s.Log, func() bool { return !fault.Ready() })
	})
}
