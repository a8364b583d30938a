package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/presentation"
	"parley/shared/speech"
)

var runsRoutes = []route{
	{method: http.MethodGet, pattern: "/runs", needs: account.PermissionSpeech, do: (*call).runs},
	{method: http.MethodGet, pattern: "/speech/runs", needs: account.PermissionSpeech, do: (*call).runs},
}

// services lists the values of serviceType. Only speech has runs here.
var services = []string{speech.Name, "cv_deepmatch"}

// reportReads is how many stored reports a list reads at the same time.
const reportReads = 8

type runsView struct {
	Data       []any   `json:"data"` // presentation.Live or presentation.Summary
	NextCursor *string `json:"nextCursor"`
}

// runs lists the client's runs, newest first. INVALID_LIMIT, INVALID_CURSOR, INVALID_STATUS,
// INVALID_SERVICE_TYPE, INVALID_DATE, INVALID_EXTERNAL_ID, INVALID_TAGS.
func (c *call) runs() (answer, error) {
	q := c.r.URL.Query()
	f, err := filter(q)
	if err != nil {
		return answer{}, err
	}
	service, ok, err := param(q, "serviceType", errcode.InvalidServiceType)
	switch {
	case err != nil:
		return answer{}, err
	case ok && service != services[0] && service != services[1]:
		return answer{}, errcode.New(errcode.InvalidServiceType)
	}
	scope, err := scopeOf(f)
	if err != nil {
		return answer{}, err
	}
	at, err := position(q, c.client.ID, scope)
	if err != nil {
		return answer{}, err
	}
	if f.After, err = decodePosition(at); err != nil {
		return answer{}, err
	}
	v := runsView{Data: []any{}}
	if ok && service != speech.Name {
		return answer{http.StatusOK, v}, nil
	}
	ctx := c.r.Context()
	rs, next, err := c.Runs.List(ctx, c.client.ID, f)
	if err != nil {
		return answer{}, fmt.Errorf("api: runs: %w", err)
	}
	if next != (run.Position{}) {
		s := cursorFor(c.client.ID, scope, encodePosition(next))
		v.NextCursor = &s
	}
	a, err := c.Runs.Account(ctx, c.client.ID)
	if err != nil {
		return answer{}, fmt.Errorf("api: runs: %w", err)
	}
	if v.Data, err = c.summaries(rs, a.Balance); err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, v}, nil
}

// summaries returns the entries of a list. It reads reportReads reports at a time. A damaged report
// must not hide the other runs, so its entry has null for the results. A store that cannot be read
// is an error instead: that is temporary, and a null would tell a client that there are no scores.
func (c *call) summaries(rs []run.Run, balance int64) ([]any, error) {
	out, errs := make([]any, len(rs)), make([]error, len(rs))
	free := make(chan struct{}, reportReads)
	var all sync.WaitGroup
	for i, r := range rs {
		free <- struct{}{}
		all.Go(func() {
			defer func() {
				if v := recover(); v != nil {
					errs[i] = fmt.Errorf("api: runs: %s: panicked: %v", r.ID, v)
				}
				<-free
			}()
			entry, err := c.presenter().Entry(c.r.Context(), r, balance)
			if errors.Is(err, presentation.ErrDamaged) {
				c.log.Error("run listed without its report", "run", r.ID, "cause", err.Error())
				err = nil
			}
			out[i], errs[i] = entry, err
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// scopeOf identifies the list that a cursor belongs to: the filters, without page size and
// position.
func scopeOf(f run.Filter) (string, error) {
	f.Limit, f.After = 0, run.Position{}
	b, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("api: runs: %w", err)
	}
	return string(b), nil
}

func encodePosition(p run.Position) string {
	return strconv.FormatInt(p.CreatedAt.UnixMilli(), 10) + " " + string(p.ID)
}

func decodePosition(s string) (run.Position, error) {
	if s == "" {
		return run.Position{}, nil
	}
	ms, id, _ := strings.Cut(s, " ")
	n, err := strconv.ParseInt(ms, 10, 64)
	if err != nil || !run.ID(id).Valid() {
		return run.Position{}, errcode.New(errcode.InvalidCursor)
	}
	return run.Position{CreatedAt: time.UnixMilli(n).UTC(), ID: run.ID(id)}, nil
}
