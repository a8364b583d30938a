package pipeline

import (
	"context"
	"fmt"

	"parley/shared/engine/run"
)

// maxPurgePages bounds how many pages of objects Purge deletes below each prefix of a run: 20,000
// objects. An attempt at the longest recording leaves fewer than 200.
const (
	purgePage     = 1000
	maxPurgePages = 20
)

// Purge deletes all objects of a run: the recording, its upload, and the reports and the work of
// every attempt. If it is interrupted, a repeat finishes the job.
func Purge(ctx context.Context, o Objects, r run.Run) error {
	recording := []string{Key(r.ID, r.Attempt, Original, 0)}
	if r.Upload != "" {
		recording = append(recording, UploadKey(r.Client, r.Upload))
	}
	if err := o.Delete(ctx, recording...); err != nil {
		return fmt.Errorf("pipeline: purge %s: %w", r.ID, err)
	}
	for _, prefix := range []string{ReportPrefix, WorkPrefix} {
		if err := purgeBelow(ctx, o, prefix+string(r.ID)+"/"); err != nil {
			return fmt.Errorf("pipeline: purge %s: %w", r.ID, err)
		}
	}
	return nil
}

func purgeBelow(ctx context.Context, o Objects, prefix string) error {
	for range maxPurgePages {
		page, err := o.List(ctx, prefix, "", purgePage)
		if err != nil || len(page) == 0 {
			return err
		}
		keys := make([]string, len(page))
		for i := range page {
			keys[i] = page[i].Key
		}
		if err := o.Delete(ctx, keys...); err != nil {
			return err
		}
		if len(page) < purgePage {
			return nil
		}
	}
	return fmt.Errorf("more than %d objects below %s", maxPurgePages*purgePage, prefix)
}
