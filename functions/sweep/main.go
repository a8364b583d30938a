// Command sweep sends lost parts again, ends stuck runs and starts queued ones that were left behind.
package main

import (
	"context"

	"parley/functions/internal/wire"
)

func main() {
	s := wire.Open()
	d := s.Deps()
	s.ServeSchedule(func(ctx context.Context) error {
		did, err := d.Sweep(ctx)
		s.Log.Info("swept", "looked", did.Looked, "ended", did.Ended, "resent", did.Resent)
		return err
	})
}
