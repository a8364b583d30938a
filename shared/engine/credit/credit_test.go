package credit_test

import (
	"errors"
	"testing"
	"time"

	"parley/shared/engine/credit"
)

var now = time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC)

func TestAShareIsRoundedDownButNotBelowOne(t *testing.T) {
	for _, tt := range []struct {
		cost   int64
		scores int
		want   int64
	}{{4, 2, 2}, {4, 1, 1}, {5, 2, 3}, {3, 1, 1}, {1, 1, 1}, {2, 1, 1}, {45, 2, 30}} {
		if got := credit.Share(tt.cost, tt.scores, 3); got != tt.want {
			t.Errorf("%d scores of a run of %d cost %d, want %d", tt.scores, tt.cost, got, tt.want)
		}
	}
}

func TestAHoldIsResolved(t *testing.T) {
	start := credit.Account{Client: "cli_a", Balance: 10, Available: 10}
	held, e, err := start.HoldFor("req_1", 1, 4, now)
	if err != nil || held.Held != 4 || held.Available != 6 || held.Balance != 10 || e.Kind != credit.Hold || e.HeldAfter != 4 || e.BalanceAfter != 10 {
		t.Fatalf("hold: %+v %+v %v", held, e, err)
	}
	for name, tt := range map[string]struct {
		charge             int64
		balance, available int64
		kinds              []credit.Kind
	}{
		"charged whole":                  {4, 6, 6, []credit.Kind{credit.Charge}},
		"charged in part, rest released": {3, 7, 7, []credit.Kind{credit.Charge, credit.Release}},
		"released whole":                 {0, 10, 10, []credit.Kind{credit.Release}},
	} {
		t.Run(name, func(t *testing.T) {
			after, entries, err := held.Resolve("req_1", 1, 4, tt.charge, now)
			if err != nil || after.Balance != tt.balance || after.Available != tt.available || after.Held != 0 {
				t.Fatalf("%+v %v", after, err)
			}
			if len(entries) != len(tt.kinds) {
				t.Fatalf("entries %+v", entries)
			}
			for i, k := range tt.kinds {
				if entries[i].Kind != k || entries[i].Seq != held.Seq+int64(i)+1 {
					t.Errorf("entry %d is %+v, want %s", i, entries[i], k)
				}
			}
			if last := entries[len(entries)-1]; last.BalanceAfter != after.Balance || last.HeldAfter != after.Held {
				t.Errorf("the last entry says %+v, the account %+v", last, after)
			}
		})
	}
}

func TestAnAccountNeverGoesBelowZero(t *testing.T) {
	a := credit.Account{Client: "cli_a", Balance: 4, Available: 4}
	if _, _, err := a.HoldFor("req_1", 1, 4, now); err != nil {
		t.Errorf("a hold of all there is: %v", err)
	}
	if _, _, err := a.HoldFor("req_1", 1, 5, now); !errors.Is(err, credit.ErrInsufficient) {
		t.Errorf("a hold of one more: %v", err)
	}
	if _, _, err := a.Adjust(-4, "", now); err != nil {
		t.Errorf("an adjustment that takes all: %v", err)
	}
	if _, _, err := a.Adjust(-5, "", now); !errors.Is(err, credit.ErrInsufficient) {
		t.Errorf("an adjustment that takes more: %v", err)
	}
	held := credit.Account{Client: "cli_a", Balance: 4, Held: 3, Available: 1}
	if _, _, err := held.Adjust(-2, "", now); !errors.Is(err, credit.ErrInsufficient) {
		t.Errorf("an adjustment that takes what is held: %v", err)
	}
	for _, bad := range []int64{0, -1} {
		if _, _, err := a.Grant(bad, "", now); err == nil {
			t.Errorf("a grant of %d went through", bad)
		}
	}
	for _, charge := range []int64{-1, 5} {
		if _, _, err := held.Resolve("req_1", 1, 4, charge, now); err == nil {
			t.Errorf("a charge of %d of a hold of 4 went through", charge)
		}
	}
}
