package api

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"sort"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/presentation"
)

var reportRoutes = []route{
	{method: http.MethodPost, pattern: "/speech/analyze/{id}/report", needs: account.PermissionSpeech, counts: links, do: (*call).link},
	{method: http.MethodPost, pattern: "/reports", needs: account.PermissionSpeech, counts: links, do: (*call).compare},
	{method: http.MethodDelete, pattern: "/speech/analyze/{id}/report", needs: account.PermissionSpeech, do: (*call).unlink},
}

// The life of a link, in hours.
const (
	minLinkHours     = 1
	maxLinkHours     = 720
	defaultLinkHours = 168
)

// maxLinkBody bounds the JSON that asks for a link, in bytes.
const maxLinkBody = 1024

// maxLinkTries bounds how often a run that changes meanwhile is read again. A run in process
// changes with each part that is done.
const maxLinkTries = 10

type linkView struct {
	URL       string             `json:"url"`
	ExpiresAt presentation.Stamp `json:"expiresAt"`
}

// link answers 201 with a link to the run's report page. REQUEST_NOT_FOUND (also for an erased
// run), INVALID_PARAMETERS.
func (c *call) link() (answer, error) {
	hours, err := linkAsked(c.r.Body)
	if err != nil {
		return answer{}, err
	}
	r, err := c.own(run.ID(c.segment))
	if err != nil {
		return answer{}, err
	}
	now := c.Clock.Now()
	signing, err := account.FirstSecret(c.r.Context(), c.Secrets, account.Deployment, c.Random, now)
	if err != nil {
		return answer{}, fmt.Errorf("api: link: %w", err)
	}
	l, err := c.newLink(hours, now)
	if err != nil {
		return answer{}, err
	}
	token, err := seal(c.Random, signing.Secrets[0].Secret, r.ID, l)
	if err != nil {
		return answer{}, err
	}
	if err := c.relink(r, func(r run.Run) (run.Run, error) {
		// A lost answer: the last try was written.
		if r.Opens(l.ID, now) {
			return r, errLinked
		}
		return r.Linked(l, now)
	}); errors.Is(err, run.ErrGone) {
		return answer{}, errcode.Newf(errcode.RequestNotFound, "The run was erased, so it has no report.")
	} else if err != nil && !errors.Is(err, errLinked) {
		return answer{}, err
	}
	c.log.Info("report link made", "client", r.Client, "hours", hours)
	return answer{http.StatusCreated, linkView{c.absolute("/reports/" + token), presentation.Stamp(l.Expires)}}, nil
}

// newLink draws a link that lasts for as many hours.
func (c *call) newLink(hours int, now time.Time) (run.Link, error) {
	id := make([]byte, run.LinkIDBytes)
	if _, err := io.ReadFull(c.Random, id); err != nil {
		return run.Link{}, fmt.Errorf("api: link: draw an id: %w", err)
	}
	return run.Link{ID: hex.EncodeToString(id), Expires: now.Add(time.Duration(hours) * time.Hour).Truncate(time.Millisecond)}, nil
}

var errLinked = errors.New("api: the link is stored")

// unlink answers 204 once no link to the run's report page works, and again on each repeat.
// REQUEST_NOT_FOUND.
func (c *call) unlink() (answer, error) {
	r, err := c.own(run.ID(c.segment))
	if err != nil {
		return answer{}, err
	}
	if err := c.relink(r, run.Run.Unlinked); err != nil && !errors.Is(err, run.ErrGone) {
		return answer{}, err
	}
	return answer{status: http.StatusNoContent}, nil
}

// relink writes what change makes of the run, and reads the run again when it has changed
// meanwhile. It returns the errors of change.
func (c *call) relink(r run.Run, change func(run.Run) (run.Run, error)) error {
	for range maxLinkTries {
		after, err := change(r)
		if err != nil {
			return err
		}
		err = c.Runs.Advance(c.r.Context(), r, after)
		if err == nil {
			return nil
		}
		if !errors.Is(err, run.ErrStale) {
			return fmt.Errorf("api: links: %w", err)
		}
		if r, err = c.own(r.ID); err != nil {
			return err
		}
	}
	return fmt.Errorf("api: links: %s moved %d times meanwhile", r.ID, maxLinkTries)
}

// linkAsked reads how many hours a link is to last. An empty body asks for the default.
func linkAsked(body io.Reader) (int, error) {
	raw, err := io.ReadAll(io.LimitReader(body, maxLinkBody+1))
	if err != nil {
		return 0, fmt.Errorf("api: link: read: %w", err)
	}
	if len(raw) > maxLinkBody {
		return 0, invalid(field{Name: "body", Message: fmt.Sprintf("must be JSON of at most %d bytes", maxLinkBody)})
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return defaultLinkHours, nil
	}
	asked, err := strictObject(string(raw))
	if err != nil {
		return 0, invalid(field{Name: "body", Message: err.Error() + `; for example {"expiresInHours": 24}`})
	}
	hours, bad := hoursAsked(asked)
	for name := range asked {
		if name != "expiresInHours" {
			bad = append(bad, field{Name: clip(name), Message: "is not a field of this call"})
		}
	}
	if len(bad) > 0 {
		sort.Slice(bad, func(i, j int) bool { return bad[i].Name < bad[j].Name })
		return 0, invalid(bad...)
	}
	return hours, nil
}

// hoursAsked reads `expiresInHours`, or says what is wrong with it.
func hoursAsked(asked map[string]json.RawMessage) (hours int, bad []field) {
	v, ok := asked["expiresInHours"]
	if !ok {
		return defaultLinkHours, nil
	}
	var given *float64
	if json.Unmarshal(v, &given) != nil || given == nil || *given != math.Trunc(*given) || *given < minLinkHours || *given > maxLinkHours {
		return 0, []field{{Name: "expiresInHours", Message: "must be a whole number of hours", Min: minLinkHours, Max: maxLinkHours}}
	}
	return int(*given), nil
}
