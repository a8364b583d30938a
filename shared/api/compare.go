package api

import (
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strings"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	reportpage "parley/shared/page"
	"parley/shared/presentation"
)

// A comparison is a link to several runs at once. Each of the runs gets a link with the same id, so
// a run is shown as long as its own link works: erasing it or ending its links takes it out, and
// nothing else has to be stored.

// maxCompared is how many runs a comparison shows.
const maxCompared = 50

// maxCompareBody bounds the JSON that asks for a comparison, in bytes.
const maxCompareBody = 4096

// comparePurpose separates the key of these tokens from that of the tokens of single pages.
const comparePurpose = "parley comparison link 1"

type comparisonView struct {
	linkView
	Runs int `json:"runs"`
}

// compare answers 201 with a link to a page that compares the newest runs with one externalId or
// one tag. INVALID_PARAMETERS, REQUEST_NOT_FOUND.
func (c *call) compare() (answer, error) {
	f, hours, err := compareAsked(c.r.Body)
	if err != nil {
		return answer{}, err
	}
	ctx, now := c.r.Context(), c.Clock.Now()
	f.Limit = maxLimit
	found, _, err := c.Runs.List(ctx, c.client.ID, f)
	if err != nil {
		return answer{}, fmt.Errorf("api: compare: %w", err)
	}
	signing, err := account.FirstSecret(ctx, c.Secrets, account.Deployment, c.Random, now)
	if err != nil {
		return answer{}, fmt.Errorf("api: compare: %w", err)
	}
	l, err := c.newLink(hours, now)
	if err != nil {
		return answer{}, err
	}
	var ids []run.ID
	for _, r := range found {
		if len(ids) == maxCompared {
			break
		}
		switch err := c.addLink(r.ID, l, now); {
		case errors.Is(err, run.ErrGone): // it was erased
		case err != nil:
			return answer{}, err
		default:
			ids = append(ids, r.ID)
		}
	}
	if len(ids) == 0 {
		// None of this client.
		return answer{}, errcode.Newf(errcode.RequestNotFound, "No run has this externalId or tag.")
	}
	token, err := sealComparison(c.Random, signing.Secrets[0].Secret, l, ids)
	if err != nil {
		return answer{}, err
	}
	c.log.Info("comparison link made", "runs", len(ids), "client", c.client.ID, "hours", hours)
	return answer{http.StatusCreated, comparisonView{linkView{c.absolute("/reports/compare/" + token), presentation.Stamp(l.Expires)}, len(ids)}}, nil
}

// addLink adds a link to a run. run.ErrGone for an erased one.
func (c *call) addLink(id run.ID, l run.Link, now time.Time) error {
	r, err := c.own(id)
	if err != nil {
		return err
	}
	err = c.relink(r, func(r run.Run) (run.Run, error) {
		// A lost answer: the last try was written.
		if r.Opens(l.ID, now) {
			return r, errLinked
		}
		return r.Linked(l, now)
	})
	if errors.Is(err, errLinked) {
		return nil
	}
	return err
}

// compareAsked reads which runs to compare, and for how many hours. INVALID_PARAMETERS.
func compareAsked(body io.Reader) (f run.Filter, hours int, err error) {
	const example = `; for example {"by": "tag", "value": "june"}`
	raw, err := io.ReadAll(io.LimitReader(body, maxCompareBody+1))
	if err != nil {
		return f, 0, fmt.Errorf("api: compare: read: %w", err)
	}
	if len(raw) > maxCompareBody {
		return f, 0, invalid(field{Name: "body", Message: fmt.Sprintf("must be JSON of at most %d bytes", maxCompareBody)})
	}
	asked, err := strictObject(string(raw))
	if err != nil {
		return f, 0, invalid(field{Name: "body", Message: err.Error() + example})
	}
	hours, bad := hoursAsked(asked)
	by, value := textAsked(asked["by"]), textAsked(asked["value"])
	switch by {
	case "tag":
		f.Tag = strings.TrimSpace(value)
	case "externalId":
		f.ExternalID = value
	default:
		bad = append(bad, field{Name: "by", Message: "must be externalId or tag"})
	}
	if !between(strings.TrimSpace(value), 1, maxExternalID) {
		bad = append(bad, field{Name: "value", Message: "must be a text; its length in characters is limited", Min: 1, Max: maxExternalID})
	}
	for name := range asked {
		if name != "expiresInHours" && name != "by" && name != "value" {
			bad = append(bad, field{Name: clip(name), Message: "is not a field of this call"})
		}
	}
	if len(bad) > 0 {
		sort.Slice(bad, func(i, j int) bool { return bad[i].Name < bad[j].Name })
		return f, 0, invalid(bad...)
	}
	return f, hours, nil
}

// textAsked returns a text, or "" for anything else.
func textAsked(raw json.RawMessage) string {
	var text *string
	if json.Unmarshal(raw, &text) != nil || text == nil {
		return ""
	}
	return *text
}

// A run's id in a token: its 26 characters are 130 bits.
const packedRunBytes = 17

var packed = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func pack(id run.ID) ([]byte, error) {
	text, _ := strings.CutPrefix(string(id), "req_")
	raw, err := packed.DecodeString(text + "aa")
	if err != nil || len(raw) != packedRunBytes || unpack(raw) != id {
		return nil, fmt.Errorf("api: a token of run %q: an impossible id", id)
	}
	return raw, nil
}

func unpack(raw []byte) run.ID { return run.ID("req_" + packed.EncodeToString(raw)[:26]) }

// sealComparison returns the token of a comparison: the link's id and the runs' ids.
func sealComparison(random io.Reader, secret account.SigningSecret, l run.Link, ids []run.ID) (string, error) {
	plain, err := hex.DecodeString(l.ID)
	if err != nil {
		return "", fmt.Errorf("api: comparison: %w", err)
	}
	for _, id := range ids {
		raw, err := pack(id)
		if err != nil {
			return "", err
		}
		plain = append(plain, raw...)
	}
	return sealed(random, secret, comparePurpose, plain)
}

// comparisonLength returns the number of characters of the token of a comparison of n runs.
func comparisonLength(n int) int {
	return sealedLength(run.LinkIDBytes + n*packedRunBytes)
}

// unsealComparison returns the link and the runs of a token; ok is false if no secret sealed it.
func unsealComparison(valid []account.SigningSecret, token string) (link string, ids []run.ID, ok bool) {
	if len(token) < comparisonLength(1) || len(token) > comparisonLength(maxCompared) {
		return "", nil, false
	}
	plain, ok := opened(valid, comparePurpose, token)
	if !ok || len(plain) < run.LinkIDBytes || (len(plain)-run.LinkIDBytes)%packedRunBytes != 0 {
		return "", nil, false
	}
	for rest := plain[run.LinkIDBytes:]; len(rest) > 0; rest = rest[packedRunBytes:] {
		ids = append(ids, unpack(rest[:packedRunBytes]))
	}
	return hex.EncodeToString(plain[:run.LinkIDBytes]), ids, true
}

// showComparison answers with the page that compares runs, with a table, or with the runs' entries
// in a list. Runs that were erased or whose links ended are left out. NOT_FOUND, also if none is
// left; RATE_LIMIT_EXCEEDED.
func (c *call) showComparison() (answer, error) {
	ctx, now := c.r.Context(), c.Clock.Now()
	valid, err := c.secrets.get(ctx, c.Secrets, now)
	if err != nil {
		return answer{}, err
	}
	link, ids, ok := unsealComparison(valid, c.segment)
	if !ok {
		return answer{}, noReport()
	}
	if err := c.withinLinkRate(link, now); err != nil {
		return answer{}, err
	}
	var open []run.Run
	for _, id := range ids {
		r, err := c.Runs.Get(ctx, id)
		switch {
		case errors.Is(err, run.ErrUnknown):
		case err != nil:
			return answer{}, fmt.Errorf("api: comparison: %w", err)
		case r.Opens(link, now):
			open = append(open, r)
		}
	}
	entries, shownIDs, err := c.comparedEntries(open)
	if err != nil {
		return answer{}, err
	}
	if len(entries) == 0 {
		return answer{}, noReport()
	}
	q := c.r.URL.Query()
	switch {
	case q.Get("format") == "csv":
		raw, err := reportpage.CSV(entries, q.Get("sort"))
		if err != nil {
			return answer{}, fmt.Errorf("api: comparison: %w", err)
		}
		return answer{http.StatusOK, shownTable(raw)}, nil
	case wantsJSON(c.r):
		reportHeaders(c.w.Header())
		raw := append([]byte(`{"data":[`), strings.Join(texts(entries), ",")...)
		return answer{http.StatusOK, encoded(append(raw, "]}\n"...))}, nil
	}
	o := reportpage.CompareOptions{Sort: q.Get("sort"), Links: map[string]string{}}
	for _, id := range shownIDs {
		token, err := seal(c.Random, valid[0], id, run.Link{ID: link})
		if err != nil {
			return answer{}, err
		}
		o.Links[string(id)] = "../" + token
	}
	p, err := reportpage.Compare(entries, o)
	if err != nil {
		return answer{}, fmt.Errorf("api: comparison: %w", err)
	}
	return answer{http.StatusOK, shown{html: p.HTML, csp: p.CSP}}, nil
}

func texts(entries [][]byte) []string {
	out := make([]string, len(entries))
	for i, e := range entries {
		out[i] = string(e)
	}
	return out
}

// comparedEntries returns the entries of runs as a reader without a key may see them, without those
// that were erased meanwhile.
func (c *call) comparedEntries(open []run.Run) (entries [][]byte, ids []run.ID, err error) {
	all, err := c.summaries(open, 0)
	if err != nil {
		return nil, nil, err
	}
	for i, v := range all {
		if s, ok := v.(presentation.Summary); ok {
			if s.ErasedAt != nil {
				continue
			}
			s.Credits.RemainingBalance = nil
			v = s
		}
		raw, err := encode(v)
		if err != nil {
			return nil, nil, err
		}
		entries, ids = append(entries, raw), append(ids, open[i].ID)
	}
	return entries, ids, nil
}

// shownTable is a table that no cache may keep, made for this answer.
type shownTable []byte

const kindCSV = "text/csv; charset=utf-8"

func (t shownTable) send(w http.ResponseWriter, status int) {
	h := w.Header()
	reportHeaders(h)
	h.Set("Content-Type", kindCSV)
	h.Set("Content-Disposition", `attachment; filename="comparison.csv"`)
	w.WriteHeader(status)
	_, _ = w.Write(t) // it fails only if the client has gone
}
