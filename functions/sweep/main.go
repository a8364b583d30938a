// Command sweep sends lost parts again, ends stuck runs and starts queued runs that were left
// behind. Then it deletes what is no longer needed.
package main

import (
	"context"
	"errors"

	"parley/functions/internal/wire"
)

func main() {
	s := wire.Open()
	d, u := s.Deps(), s.Cleanup()
	s.ServeSchedule(func(ctx context.Context) error {
		did, err := d.Sweep(ctx)
		s.Log.Info("swept", "looked", did.Looked, "ended", did.Ended, "resent", did.Resent, "pushed", did.Pushed)
		tidied, also := u.Tidy(ctx)
		s.Log.Info("tidied", "looked", tidied.Looked, "deleted", tidied.Deleted, "expired", tidied.Expired)
		return errors.Join(err, also)
	})
}
