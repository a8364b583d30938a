package api

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"parley/shared/engine/account"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// The bounds of a page.
const (
	defaultLimit = 20
	maxLimit     = 100
)

// param returns the value of a query parameter; ok is false if it is absent. A repeated parameter
// is an error with code c.
func param(q url.Values, name string, c errcode.Code) (value string, ok bool, err error) {
	vs := q[name]
	switch {
	case len(vs) > 1:
		return "", false, errcode.Newf(c, "The parameter %s was sent %d times. Send it once.", name, len(vs))
	case len(vs) == 0:
		return "", false, nil
	}
	return vs[0], true, nil
}

// pageLimit reads `limit`. INVALID_LIMIT.
func pageLimit(q url.Values) (int, error) {
	v, ok, err := param(q, "limit", errcode.InvalidLimit)
	if err != nil || !ok {
		return defaultLimit, err
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > maxLimit || strconv.Itoa(n) != v {
		return 0, errcode.New(errcode.InvalidLimit)
	}
	return n, nil
}

// isoLayouts lists the accepted forms of ISO 8601, extended and basic. A time without an offset is
// UTC; a date means midnight UTC.
var isoLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly,
	"20060102T150405Z0700", "20060102T150405", "20060102"}

// moment reads a time from the query; zero if the parameter is absent. INVALID_DATE.
func moment(q url.Values, name string) (time.Time, error) {
	v, ok, err := param(q, name, errcode.InvalidDate)
	if err != nil || !ok {
		return time.Time{}, err
	}
	for _, layout := range isoLayouts {
		if t, err := time.Parse(layout, v); err == nil {
			if epoch := time.Unix(0, 0); t.Before(epoch) {
				t = epoch // no run is older, and the zero time would be no filter
			}
			return t.UTC(), nil
		}
	}
	return time.Time{}, errcode.Newf(errcode.InvalidDate, "%s must be an ISO 8601 date and time, such as 2026-04-21T12:34:56Z. Encode the + of an offset as %%2B.", name)
}

// filter reads the query of a list of runs, except cursor and serviceType. INVALID_STATUS,
// INVALID_EXTERNAL_ID, INVALID_TAGS, INVALID_DATE, INVALID_LIMIT.
func filter(q url.Values) (f run.Filter, err error) {
	if f.Limit, err = pageLimit(q); err != nil {
		return f, err
	}
	status, ok, err := param(q, "status", errcode.InvalidStatus)
	if err != nil {
		return f, err
	}
	if f.Status = run.Status(status); ok && !known(f.Status) {
		return f, errcode.New(errcode.InvalidStatus)
	}
	if f.ExternalID, ok, err = param(q, "externalId", errcode.InvalidExternalID); err != nil {
		return f, err
	} else if ok && !between(f.ExternalID, 1, maxExternalID) {
		return f, errcode.New(errcode.InvalidExternalID)
	}
	if f.Tag, ok, err = param(q, "tag", errcode.InvalidTags); err != nil {
		return f, err
	}
	if f.Tag = strings.TrimSpace(f.Tag); ok && !between(f.Tag, 1, maxTag) {
		return f, errcode.Newf(errcode.InvalidTags, "tag must have 1 to %d characters.", maxTag)
	}
	if f.CreatedAfter, err = moment(q, "createdAfter"); err != nil {
		return f, err
	}
	f.CreatedBefore, err = moment(q, "createdBefore")
	return f, err
}

func known(s run.Status) bool {
	return slices.Contains(run.Statuses, s)
}

// between reports whether s is valid UTF-8 of low to high characters.
func between(s string, low, high int) bool {
	n := utf8.RuneCountInString(s)
	return utf8.ValidString(s) && n >= low && n <= high
}

// A cursor is a position with a checksum over the position, the client and the query. The checksum
// rejects a cursor of another client or another query, and one that was truncated when it was
// copied. It needs no key: a cursor is not secret and grants nothing, since a list only ever shows
// the client's own entries.
const cursorSum = 9 // bytes

// cursorFor encodes a cursor. scope identifies the list and its filters.
func cursorFor(client account.ID, scope, position string) string {
	return base64.RawURLEncoding.EncodeToString(append(checksum(client, scope, position), position...))
}

// position decodes the query's cursor; empty if there is none. INVALID_CURSOR.
func position(q url.Values, client account.ID, scope string) (string, error) {
	v, ok, err := param(q, "cursor", errcode.InvalidCursor)
	if err != nil || !ok {
		return "", err
	}
	if len(v) > 200 {
		return "", errcode.New(errcode.InvalidCursor)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(v)
	// The cursor is encoded again and compared, because the decoder skips line breaks.
	if err != nil || len(b) <= cursorSum || cursorFor(client, scope, string(b[cursorSum:])) != v {
		return "", errcode.New(errcode.InvalidCursor)
	}
	return string(b[cursorSum:]), nil
}

func checksum(client account.ID, scope, position string) []byte {
	h := sha256.Sum256([]byte(string(client) + "\x00" + scope + "\x00" + position))
	return h[:cursorSum]
}
