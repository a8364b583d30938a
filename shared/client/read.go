package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"parley/shared/engine/credit"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/presentation"
	"parley/shared/speech/report"
)

// Run holds the fields of a run that callers commonly need. Raw has all of them.
type Run struct {
	ID            run.ID              `json:"id"`
	ExternalID    *string             `json:"externalId"`
	Status        run.Status          `json:"status"`
	CreatedAt     presentation.Stamp  `json:"createdAt"`
	CompletedAt   *presentation.Stamp `json:"completedAt"`   // nil until it has ended
	ErasedAt      *presentation.Stamp `json:"erasedAt"`      // nil unless it was erased
	Stage         string              `json:"stage"`         // empty once it has ended
	Progress      int                 `json:"progress"`      // %, until it has ended
	QueuePosition int                 `json:"queuePosition"` // 0: not queued
	Scores        report.Scores       `json:"scores"`        // nil: none
	Failure       *run.Failure        `json:"error"`
	Audio         struct {
		DurationMs int64 `json:"durationMs"`
	} `json:"audio"`
	Tags []string `json:"tags"`

	// RetryAfter is how long to wait before the next poll; 0 once the run has ended.
	RetryAfter time.Duration   `json:"-"`
	Raw        json.RawMessage `json:"-"` // the body, unchanged
}

// Poll reads a run. Errors: *Error (REQUEST_NOT_FOUND), or the transport's.
func (c *Client) Poll(ctx context.Context, id run.ID) (Run, error) {
	var r Run
	raw, h, err := c.call(ctx, http.MethodGet, "/speech/analyze/"+url.PathEscape(string(id)), nil, nil, 0, &r)
	r.Raw, r.RetryAfter = raw, retryAfter(h)
	return r, err
}

// Wait polls a run until it has ended or ctx ends, at the pace that the service asks for. seen, if
// not nil, is called with each reading. A failed run is not an error.
func (c *Client) Wait(ctx context.Context, id run.ID, seen func(Run)) (Run, error) {
	for {
		r, err := c.Poll(ctx, id)
		switch {
		case Is(err, errcode.PollRateLimited): // another caller polls it too
			r.RetryAfter = max(r.RetryAfter, time.Second)
		case err != nil:
			return r, err
		default:
			if seen != nil {
				seen(r)
			}
			if r.Status.Terminal() {
				return r, nil
			}
		}
		if err := c.wait(ctx, max(r.RetryAfter, time.Second)); err != nil {
			return r, fmt.Errorf("client: wait for %s: %w", id, err)
		}
	}
}

// Erase deletes the recording, transcript and scores of a run that has ended, for good. What was
// paid stays in the ledger. Erasing it again is not an error. Errors: *Error (REQUEST_NOT_FOUND;
// RUN_NOT_TERMINAL, which Erase does not retry), or the transport's.
func (c *Client) Erase(ctx context.Context, id run.ID) error {
	_, _, err := c.send(ctx, http.MethodDelete, c.base+"/speech/analyze/"+url.PathEscape(string(id)), c.key, nil, nil, 0)
	return err
}

// ReportLink is a link to the report page of a run. Whoever has it can read the page.
type ReportLink struct {
	URL       string             `json:"url"`
	ExpiresAt presentation.Stamp `json:"expiresAt"`
	Raw       json.RawMessage    `json:"-"` // the body, unchanged
}

// CreateReport makes a link to the report page of a run in any state. It works for lasting, rounded
// up to whole hours: 1 to 720, or 0 for the service's default of a week. A run has at most 20 live
// links; one more ends the oldest. Errors: *Error (REQUEST_NOT_FOUND, INVALID_PARAMETERS), or the
// transport's.
func (c *Client) CreateReport(ctx context.Context, id run.ID, lasting time.Duration) (ReportLink, error) {
	asked := "{}"
	if lasting != 0 {
		asked = fmt.Sprintf(`{"expiresInHours":%d}`, hours(lasting))
	}
	var l ReportLink
	raw, _, err := c.call(ctx, http.MethodPost, reportPath(id), http.Header{"Content-Type": {"application/json"}},
		func() (io.Reader, error) { return strings.NewReader(asked), nil }, int64(len(asked)), &l)
	l.Raw = raw
	return l, err
}

// RevokeReports ends every link to the report page of a run. Errors: *Error (REQUEST_NOT_FOUND), or
// the transport's.
func (c *Client) RevokeReports(ctx context.Context, id run.ID) error {
	_, _, err := c.send(ctx, http.MethodDelete, c.base+reportPath(id), c.key, nil, nil, 0)
	return err
}

// A CompareBy says what the runs of a comparison have in common.
type CompareBy string

// What runs can have in common.
const (
	ByTag        CompareBy = "tag"
	ByExternalID CompareBy = "externalId"
)

// Comparison is a link to the page that compares runs. With ?format=csv its address answers the
// same as a table.
type Comparison struct {
	ReportLink
	Runs int `json:"runs"` // how many it compares: at most 50
}

// Compare makes a link to a page that compares the newest runs with one tag or one externalId. Each
// of the runs gets a link to its own page, too. Lasting is as for CreateReport. Errors: *Error
// (REQUEST_NOT_FOUND if there is no such run, INVALID_PARAMETERS), or the transport's.
func (c *Client) Compare(ctx context.Context, by CompareBy, value string, lasting time.Duration) (Comparison, error) {
	asked, err := json.Marshal(struct {
		By             CompareBy     `json:"by"`
		Value          string        `json:"value"`
		ExpiresInHours time.Duration `json:"expiresInHours,omitempty"`
	}{by, value, hours(lasting)})
	if err != nil {
		return Comparison{}, fmt.Errorf("client: compare: %w", err)
	}
	var v Comparison
	v.Raw, _, err = c.call(ctx, http.MethodPost, "/reports", http.Header{"Content-Type": {"application/json"}},
		func() (io.Reader, error) { return bytes.NewReader(asked), nil }, int64(len(asked)), &v)
	return v, err
}

// hours rounds up to whole hours.
func hours(d time.Duration) time.Duration { return (d + time.Hour - 1) / time.Hour }

func reportPath(id run.ID) string { return "/speech/analyze/" + url.PathEscape(string(id)) + "/report" }

// RunList is a page of runs, newest first.
type RunList struct {
	Data       []Run           `json:"-"`
	NextCursor *string         `json:"nextCursor"` // nil on the last page
	Raw        json.RawMessage `json:"-"`          // the body, unchanged
}

// Filter selects runs of a list. Zero fields are left out.
type Filter struct {
	Status                      run.Status
	ExternalID, Tag             string
	CreatedAfter, CreatedBefore time.Time
	Limit                       int
	Cursor                      string
}

func (f Filter) query() string {
	q := url.Values{}
	add := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	add("status", string(f.Status))
	add("externalId", f.ExternalID)
	add("tag", f.Tag)
	add("cursor", f.Cursor)
	if !f.CreatedAfter.IsZero() {
		add("createdAfter", f.CreatedAfter.UTC().Format(time.RFC3339Nano))
	}
	if !f.CreatedBefore.IsZero() {
		add("createdBefore", f.CreatedBefore.UTC().Format(time.RFC3339Nano))
	}
	if f.Limit != 0 {
		add("limit", strconv.Itoa(f.Limit))
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// Runs reads a page of runs. Errors: *Error, or the transport's.
func (c *Client) Runs(ctx context.Context, f Filter) (RunList, error) {
	var page struct {
		RunList
		Data []json.RawMessage `json:"data"`
	}
	raw, _, err := c.call(ctx, http.MethodGet, "/runs"+f.query(), nil, nil, 0, &page)
	l := page.RunList
	l.Raw = raw
	if err != nil {
		return l, err
	}
	for _, entry := range page.Data {
		r := Run{Raw: entry}
		if err := json.Unmarshal(entry, &r); err != nil {
			return l, fmt.Errorf("client: runs: %w", err)
		}
		l.Data = append(l.Data, r)
	}
	return l, nil
}

// Credits is an account: all amounts are credits.
type Credits struct {
	Balance   int64 `json:"balance"`
	Held      int64 `json:"held"`
	Available int64 `json:"available"`
	Usage     struct {
		Today      *int64 `json:"today"` // nil: the ledger is too long to add up
		Last30Days *int64 `json:"last30Days"`
	} `json:"usage"`
	Recent []Transaction   `json:"recentTransactions"`
	Raw    json.RawMessage `json:"-"` // the body, unchanged
}

// Transaction is one entry of the ledger.
type Transaction struct {
	ID           string             `json:"id"`
	Type         credit.Kind        `json:"type"`
	Amount       int64              `json:"amount"`
	RunID        *run.ID            `json:"runId"`
	BalanceAfter int64              `json:"balanceAfter"`
	HeldAfter    int64              `json:"heldAfter"`
	CreatedAt    presentation.Stamp `json:"createdAt"`
	Note         string             `json:"note"`
}

// Credits reads the account. Errors: *Error, or the transport's.
func (c *Client) Credits(ctx context.Context) (Credits, error) {
	var v Credits
	raw, _, err := c.call(ctx, http.MethodGet, "/credits", nil, nil, 0, &v)
	v.Raw = raw
	return v, err
}

// Transactions is a page of the ledger, newest first.
type Transactions struct {
	Data       []Transaction   `json:"data"`
	NextCursor *string         `json:"nextCursor"` // nil on the last page
	Raw        json.RawMessage `json:"-"`          // the body, unchanged
}

// Transactions reads a page of the ledger: at most limit entries (0: the service's default), from
// cursor on (empty: from the newest). Errors: *Error, or the transport's.
func (c *Client) Transactions(ctx context.Context, limit int, cursor string) (Transactions, error) {
	var v Transactions
	raw, _, err := c.call(ctx, http.MethodGet, "/credits/transactions"+Filter{Limit: limit, Cursor: cursor}.query(), nil, nil, 0, &v)
	v.Raw = raw
	return v, err
}

const healthPath = "/health"

// Health is the service's readiness.
type Health struct {
	Status string            `json:"status"` // ready or warming_up
	Parts  map[string]string `json:"parts"`  // the same, for each part
	Raw    json.RawMessage   `json:"-"`      // the body, unchanged
}

// Health reads the readiness. It needs no key. A service that is not ready is not an error. Errors:
// *Error, or the transport's.
func (c *Client) Health(ctx context.Context) (Health, error) {
	var v Health
	raw, _, err := c.call(ctx, http.MethodGet, healthPath, nil, nil, 0, &v)
	v.Raw = raw
	if !Is(err, errcode.ServiceWarmingUp) {
		return v, err
	}
	var body struct {
		Error struct {
			Details struct {
				Parts map[string]string `json:"parts"`
			} `json:"details"`
		} `json:"error"`
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		return v, fmt.Errorf("client: health: %w", err)
	}
	v.Status, v.Parts = "warming_up", body.Error.Details.Parts
	return v, nil
}
