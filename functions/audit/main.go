// Command audit recomputes the books each night and reports what does not add up.
package main

import (
	"context"

	"parley/functions/internal/wire"
	"parley/shared/engine/audit"
	"parley/shared/engine/metrics"
	"parley/shared/speech"
)

func main() {
	s := wire.Open()
	s.ServeSchedule(func(ctx context.Context) error {
		report, err := audit.All(ctx, s.Tables, speech.Service.Dimensions, "")
		if err != nil && report.Clients == 0 {
			return err
		}
		// What was read counts even if another client could not be.
		for _, v := range report.Violations {
			s.Log.Error("the books do not add up", "client", v.Client, "run", v.Run, "what", v.What)
		}
		age := 0.0
		if !report.OldestHold.IsZero() {
			age = s.Clock.Now().Sub(report.OldestHold).Seconds()
		}
		s.Metrics.Add(metrics.AuditViolations, float64(len(report.Violations)), nil)
		s.Metrics.Add(metrics.OldestHoldSeconds, age, nil)
		s.Log.Info("audited", "clients", report.Clients, "runs", report.Runs, "violations", len(report.Violations))
		return err
	})
}
