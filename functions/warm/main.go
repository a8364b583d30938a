// Command warm asks the stages' functions whether their engines are ready, and records the answers.
package main

import (
	"context"
	"os"

	"parley/functions/internal/wire"
	"parley/shared/engine/deployment/lambdas"
	"parley/shared/engine/fault"
	"parley/shared/engine/readiness"
	"parley/shared/speech"
)

func main() {
	s := wire.Open()
	probed, err := lambdas.Open(context.Background(), s.Config.Functions)
	if err != nil {
		s.Log.Error("cannot start", "cause", err.Error())
		os.Exit(1)
	}
	s.ServeSchedule(func(ctx context.Context) error {
		return readiness.Up(ctx, speech.Service, probed.Probe, s.Tables, s.Clock, s.Log, func() bool { return !fault.Ready() })
	})
}
