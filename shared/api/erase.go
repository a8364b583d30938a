package api

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/presentation"
)

var eraseRoutes = []route{{method: http.MethodDelete, pattern: "/speech/analyze/{id}", needs: account.PermissionSpeech, do: (*call).erase}}

// maxEraseTries bounds how often a run that changes meanwhile is read again. Only an operator's
// retry changes a run that has ended.
const maxEraseTries = 5

// erase answers 204 once a run's recording, transcript and scores are gone, and again on each
// repeat. It marks the run first, so nothing of it is shown from then on. If the deletion is
// interrupted, a repeat of the call finishes it, or else package cleanup does. The ledger keeps
// what was paid. REQUEST_NOT_FOUND, RUN_NOT_TERMINAL.
func (c *call) erase() (answer, error) {
	r, err := c.own(run.ID(c.segment))
	if err != nil {
		return answer{}, err
	}
	fresh := r.ErasedAt.IsZero()
	if r, err = c.mark(r); err != nil {
		return answer{}, err
	}
	if err := pipeline.Purge(c.r.Context(), c.Objects, r); err != nil {
		return answer{}, fmt.Errorf("api: erase: %w", err)
	}
	if fresh {
		c.log.Info("run erased", "client", r.Client)
	}
	return answer{status: http.StatusNoContent}, nil
}

// mark marks r as erased and returns the stored run.
func (c *call) mark(r run.Run) (run.Run, error) {
	for range maxEraseTries {
		if !r.Status.Terminal() {
			now := c.Clock.Now()
			return r, &errcode.Error{Code: errcode.RunNotTerminal, RetryAfter: time.Duration(presentation.PollInterval(now.Sub(r.CreatedAt))) * time.Second}
		}
		erased, err := c.Runs.Erase(c.r.Context(), r, c.Clock.Now())
		switch {
		case err == nil:
			return erased, nil
		case !errors.Is(err, run.ErrStale) && !errors.Is(err, run.ErrGone):
			return r, fmt.Errorf("api: erase: %w", err)
		}
		if r, err = c.own(r.ID); err != nil {
			return r, err
		}
	}
	return r, fmt.Errorf("api: erase: %s moved %d times meanwhile", r.ID, maxEraseTries)
}

// own reads a run of this client. REQUEST_NOT_FOUND if there is no such run or another client owns
// it.
func (c *call) own(id run.ID) (run.Run, error) {
	if !id.Valid() {
		return run.Run{}, errcode.New(errcode.RequestNotFound)
	}
	r, err := c.Runs.Get(c.r.Context(), id)
	switch {
	case errors.Is(err, run.ErrUnknown), err == nil && r.Client != c.client.ID:
		return run.Run{}, errcode.New(errcode.RequestNotFound)
	case err != nil:
		return run.Run{}, fmt.Errorf("api: read the run: %w", err)
	}
	return r, nil
}
