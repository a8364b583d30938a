package api_test

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"parley/shared/errcode"
)

// Ensure that an account shows its balance, the credits held and available, its usage and its
// latest entries, and that no permission is needed.
func TestCredits(t *testing.T) {
	h := newHouse(t)
	h.client.Permissions = nil
	spender := h.client
	old := h.clock.Now().Add(-31 * 24 * time.Hour)
	_, err := h.store.Adjust(t.Context(), h.client.ID, -1, "a correction", old)
	h.must(err)
	first := h.accept()
	h.succeed(first, "{}")
	h.clock.Advance(24 * time.Hour)
	second := h.accept()
	h.succeed(second, "{}")
	third := h.accept()
	h.fail(third, errcode.ScoringFailed)
	h.accept()
	h.must(h.store.PutClient(t.Context(), spender))
	r := h.get("/credits")
	r.has(http.StatusOK)
	if r.at("balance") != 91.0 || r.at("held") != 4.0 || r.at("available") != 87.0 {
		t.Errorf("got %s", r.raw)
	}
	if !reflect.DeepEqual(r.at("usage"), map[string]any{"today": 4.0, "last30Days": 8.0}) {
		t.Errorf("usage %v", r.at("usage"))
	}
	entries := r.at("recentTransactions").([]any)
	if len(entries) != 9 {
		t.Fatalf("%d entries", len(entries))
	}
	want := map[string]any{"id": "txn_000000000008", "type": "release", "amount": 4.0, "runId": string(third), "balanceAfter": 91.0, "heldAfter": 0.0, "createdAt": "2026-04-22T12:34:56.789Z", "note": ""}
	if !reflect.DeepEqual(entries[1], any(want)) {
		t.Errorf("got  %v\nwant %v", entries[1], want)
	}
}

// Ensure that usage counts a charge for exactly 30 days, and for today until midnight UTC.
func TestCreditsUsage(t *testing.T) {
	for _, c := range []struct {
		later       time.Duration
		today, days float64
	}{
		{0, 4, 4},
		{11*time.Hour + 25*time.Minute + 3*time.Second + 210*time.Millisecond, 4, 4},
		{11*time.Hour + 25*time.Minute + 3*time.Second + 211*time.Millisecond, 0, 4},
		{30 * 24 * time.Hour, 0, 4},
		{30*24*time.Hour + time.Millisecond, 0, 0},
	} {
		h := newHouse(t)
		h.succeed(h.accept(), "{}")
		h.clock.Advance(c.later)
		if got := h.get("/credits").at("usage"); !reflect.DeepEqual(got, map[string]any{"today": c.today, "last30Days": c.days}) {
			t.Errorf("after %s: %v, want %v and %v", c.later, got, c.today, c.days)
		}
	}
}

// Ensure that an account without any grant is empty rather than unknown.
func TestCreditsOfANewClient(t *testing.T) {
	h := newHouse(t)
	_, _, h.secret = h.newClient(nil)
	r := h.get("/credits")
	r.has(http.StatusOK)
	want := map[string]any{"balance": 0.0, "held": 0.0, "available": 0.0, "usage": map[string]any{"today": 0.0, "last30Days": 0.0}, "recentTransactions": []any{}}
	if !reflect.DeepEqual(r.body, want) {
		t.Errorf("got %s", r.raw)
	}
	if r := h.get("/credits/transactions"); r.status != http.StatusOK || r.at("nextCursor") != nil || len(r.ids()) != 0 {
		t.Errorf("got %s", r.raw)
	}
}

// Ensure that there are 20 recent entries, and that the pages of the ledger have every entry,
// newest first.
func TestTransactions(t *testing.T) {
	h := newHouse(t)
	for range 44 {
		h.grant(h.client.ID, 1)
	}
	if n := len(h.get("/credits").at("recentTransactions").([]any)); n != 20 {
		t.Errorf("%d recent entries", n)
	}
	var ids []string
	path := "/credits/transactions?limit=15"
	for {
		r := h.get(path)
		r.has(http.StatusOK)
		ids = append(ids, r.ids()...)
		next, more := r.at("nextCursor").(string)
		if !more {
			break
		}
		path = "/credits/transactions?limit=15&cursor=" + next
	}
	if len(ids) != 45 || ids[0] != "txn_000000000045" || ids[44] != "txn_000000000001" {
		t.Errorf("%d entries: %v", len(ids), ids)
	}
	h.get("/credits/transactions?limit=101").is(errcode.InvalidLimit)
	h.get("/credits/transactions?cursor=x").is(errcode.InvalidCursor)
}
