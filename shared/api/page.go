package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	reportpage "parley/shared/page"
	"parley/shared/presentation"
	"parley/shared/speech"
)

var pageRoutes = []route{
	{method: http.MethodGet, pattern: "/reports/{token}", open: true, page: true, do: (*call).showReport},
	{method: http.MethodGet, pattern: "/reports/compare/{token}", open: true, page: true, do: (*call).showComparison},
	{method: http.MethodGet, pattern: "/reports/{token}/audio", open: true, do: (*call).playReport},
}

const (
	// linkRate is how often a link may be opened per minute, its requests for sound included.
	linkRate = 120
	// soundLasting is how long a link to the sound works.
	soundLasting = 5 * time.Minute
)

// shown is a page that no cache may keep, made for this answer.
type shown struct {
	html []byte
	csp  string
}

// send answers with the page. No cache keeps it, no search engine lists it, and a page that is
// opened from it does not learn its address.
func (p shown) send(w http.ResponseWriter, status int) {
	h := w.Header()
	reportHeaders(h)
	h.Set("Content-Type", kindHTML)
	h.Set("Content-Security-Policy", p.csp)
	h.Set("Content-Length", strconv.Itoa(len(p.html)))
	w.WriteHeader(status)
	_, _ = w.Write(p.html) // it fails only if the client has gone
}

// reportHeaders sets what every answer about a report has.
func reportHeaders(h http.Header) {
	h.Set("Cache-Control", reportCaching)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("X-Content-Type-Options", "nosniff")
}

const reportCaching = "private, no-store"

// refusePage answers an error as a page, and returns its status. The page of a status is always the
// same, whatever the reason.
func refusePage(w http.ResponseWriter, e *errcode.Error) int {
	entry, ok := errcode.Lookup(e.Code)
	if !ok || entry.Status == 0 {
		entry, _ = errcode.Lookup(errcode.InternalError)
	}
	if entry.Status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", strconv.Itoa(max(wholeSeconds(e.RetryAfter), 1)))
	}
	p := reportpage.Refusal(entry.Status)
	shown{html: p.HTML, csp: p.CSP}.send(w, entry.Status)
	return entry.Status
}

// wantsJSON reports whether a request prefers JSON to a page: it names application/json and not
// text/html.
func wantsJSON(r *http.Request) bool {
	asked := false
	for kind := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		switch base, _, err := mime.ParseMediaType(kind); {
		case err != nil:
		case base == "text/html":
			return false
		case base == kindJSON:
			asked = true
		}
	}
	return asked
}

// noReport is the answer to every token that opens nothing, whatever the reason.
func noReport() error {
	return errcode.Newf(errcode.NotFound, "This link does not open a report: it is wrong or incomplete, or it has expired or was withdrawn. Ask for a new one.")
}

// opened returns the run that the token opens. NOT_FOUND, RATE_LIMIT_EXCEEDED.
func (c *call) opened() (run.Run, error) {
	ctx, now := c.r.Context(), c.Clock.Now()
	valid, err := c.secrets.get(ctx, c.Secrets, now)
	if err != nil {
		return run.Run{}, err
	}
	id, link, ok := unseal(valid, c.segment)
	if !ok {
		return run.Run{}, noReport()
	}
	r, err := c.Runs.Get(ctx, id)
	switch {
	case errors.Is(err, run.ErrUnknown):
		return run.Run{}, noReport()
	case err != nil:
		return run.Run{}, fmt.Errorf("api: report page: %w", err)
	case !r.Opens(link, now):
		return run.Run{}, noReport()
	}
	if err := c.withinLinkRate(link, now); err != nil {
		return run.Run{}, err
	}
	c.log = c.log.With("run", r.ID)
	return r, nil
}

// withinLinkRate counts that a link is opened. RATE_LIMIT_EXCEEDED.
func (c *call) withinLinkRate(link string, now time.Time) error {
	within, _, reset, err := c.Limits.Allow(c.r.Context(), "report/"+link, linkRate, rateWindow, now)
	if err != nil {
		return fmt.Errorf("api: report page: %w", err)
	}
	if !within {
		return &errcode.Error{Code: errcode.RateLimitExceeded, RetryAfter: max(reset.Sub(now), time.Second)}
	}
	return nil
}

// showReport answers with the page of a run, or with its poll shape. NOT_FOUND,
// RATE_LIMIT_EXCEEDED.
func (c *call) showReport() (answer, error) {
	r, err := c.opened()
	if err != nil {
		return answer{}, err
	}
	body, err := c.reportBody(&r)
	if err != nil {
		return answer{}, err
	}
	if !r.ErasedAt.IsZero() { // erased since it was opened
		return answer{}, noReport()
	}
	if wantsJSON(c.r) {
		reportHeaders(c.w.Header())
		return answer{http.StatusOK, encoded(body)}, nil
	}
	o := reportpage.Options{Docs: "../docs"}
	if o.Sound, err = c.sound(r); err != nil {
		return answer{}, err
	}
	p, err := reportpage.Make(body, o)
	if err != nil {
		return answer{}, fmt.Errorf("api: report page of %s: %w", r.ID, err)
	}
	return answer{http.StatusOK, shown{html: p.HTML, csp: p.CSP}}, nil
}

// reportBody returns the poll shape of a run, without its client's balance.
func (c *call) reportBody(r *run.Run) ([]byte, error) {
	ctx := c.r.Context()
	if !r.Status.Terminal() {
		v, err := c.presenter().Live(ctx, *r)
		if err != nil {
			return nil, fmt.Errorf("api: report page: %w", err)
		}
		c.w.Header().Set("Retry-After", strconv.Itoa(v.PollIntervalSeconds))
		return encode(v)
	}
	v, err := c.presenter().Finished(ctx, *r, 0)
	if err != nil {
		return nil, fmt.Errorf("api: report page: %w", err)
	}
	if v.ErasedAt != nil {
		r.ErasedAt = time.Time(*v.ErasedAt)
	}
	return v.WithoutBalance().Encode()
}

// sound says how the page of a run plays its recording.
func (c *call) sound(r run.Run) (reportpage.Sound, error) {
	if c.Player == nil || !r.Status.Terminal() {
		return reportpage.Sound{}, nil
	}
	_, err := c.Objects.Size(c.r.Context(), soundKey(r))
	switch {
	case errors.Is(err, pipeline.ErrNoObject):
		return reportpage.Sound{}, nil
	case err != nil:
		return reportpage.Sound{}, fmt.Errorf("api: report page: %w", err)
	}
	// The page may load the sound from the object store and nothing else from there: its origin
	// stands in the page's policy.
	v, err := c.soundLink(r)
	if err != nil {
		return reportpage.Sound{}, err
	}
	at, err := url.Parse(v.URL)
	if err != nil {
		return reportpage.Sound{}, fmt.Errorf("api: report page: %w", err)
	}
	return reportpage.Sound{Ask: c.segment + "/audio", Origin: at.Scheme + "://" + at.Host}, nil
}

func soundKey(r run.Run) string { return pipeline.Key(r.ID, r.Attempt, pipeline.Original, 0) }

func (c *call) soundLink(r run.Run) (linkView, error) {
	f, err := speech.FileOf(r)
	if err != nil {
		return linkView{}, fmt.Errorf("api: report sound: %w", err)
	}
	at, err := c.Player.PresignGet(c.r.Context(), soundKey(r), contentTypes[f.Format], soundLasting)
	if err != nil {
		return linkView{}, fmt.Errorf("api: report sound: %w", err)
	}
	return linkView{at, presentation.Stamp(c.Clock.Now().Add(soundLasting))}, nil
}

// playReport answers with a link to the recording. NOT_FOUND (also if the recording is no longer
// kept), RATE_LIMIT_EXCEEDED.
func (c *call) playReport() (answer, error) {
	r, err := c.opened()
	if err != nil {
		return answer{}, err
	}
	if c.Player == nil {
		return answer{}, noReport()
	}
	switch _, err := c.Objects.Size(c.r.Context(), soundKey(r)); {
	case errors.Is(err, pipeline.ErrNoObject):
		return answer{}, noReport()
	case err != nil:
		return answer{}, fmt.Errorf("api: report sound: %w", err)
	}
	v, err := c.soundLink(r)
	if err != nil {
		return answer{}, err
	}
	reportHeaders(c.w.Header())
	raw, err := json.Marshal(v)
	return answer{http.StatusOK, encoded(raw)}, err
}
