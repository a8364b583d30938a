package main

import (
	"strings"
	"testing"

	"parley/shared/engine/audit"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// Ensure that the verdict reports each way in which a run can be wronged, and nothing for a run
// that was not.
func TestJudge(t *testing.T) {
	score := 3.2
	other := 3.3
	fine := run.Run{ID: "a", Status: run.Success, Attempt: 1, Cost: 4, Charged: 4, Scores: run.Scores{"vocabulary": score, "fluency": score, "accent": score, "overall": score}}
	broken := fine
	broken.Status, broken.Charged, broken.Scores, broken.Failure = run.Failed, 0, nil, &run.Failure{Code: errcode.StuckTimeout, Message: "too late"}
	for name, tt := range map[string]struct {
		change   func(f *feeder, l *audit.Ledger)
		violates string // part of the one expected violation; empty: none
		struck   int
	}{
		"all is well":             {func(*feeder, *audit.Ledger) {}, "", 0},
		"a run is lost":           {func(f *feeder, _ *audit.Ledger) { f.accepted["b"] = kinds[0] }, "accepted and then lost", 0},
		"a run nobody knows":      {func(f *feeder, _ *audit.Ledger) { delete(f.accepted, "a") }, "no webhook reported", 0},
		"a submit never accepted": {func(f *feeder, _ *audit.Ledger) { f.refused = []string{"never accepted"} }, "never accepted", 0},
		"a run of another kind":   {func(f *feeder, _ *audit.Ledger) { f.accepted["a"] = kinds[1] }, "is success", 0},
		"a failed run":            {func(_ *feeder, l *audit.Ledger) { l.Runs[0] = broken }, "STUCK_TIMEOUT", 0},
		"a run that was struck each time": {func(f *feeder, l *audit.Ledger) {
			l.Runs[0], l.Account.Balance = broken, plenty
			f.sys.begun[begun{"a", "accent/0"}] = leastStrikes
		}, "", 1},
		"a run that was struck less often": {func(f *feeder, l *audit.Ledger) {
			l.Runs[0] = broken
			f.sys.begun[begun{"a", "accent/0"}] = leastStrikes - 1
		}, "STUCK_TIMEOUT", 0},
		"a charge that is missing": {func(_ *feeder, l *audit.Ledger) { l.Account.Balance = plenty }, "credits 4 were charged", 0},
		"a hold that is left":      {func(_ *feeder, l *audit.Ledger) { l.Account.Held = 4 }, "credits 4 were charged", 0},
		"other scores": {func(f *feeder, l *audit.Ledger) {
			second := fine
			second.ID, second.Scores = "b", second.Scores.Clone()
			second.Scores["accent"] = other
			f.accepted["b"], l.Runs = kinds[0], append(l.Runs, second)
		}, "differ from those of another run", 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := &feeder{name: "test", accepted: map[run.ID]kind{"a": kinds[0]}, sys: &system{begun: map[begun]int{}}}
			l := audit.Ledger{Account: credit.Account{Balance: plenty - 4}, Runs: []run.Run{fine}}
			tt.change(f, &l)
			sum := &summary{Runs: map[string]int{}}
			f.judge(l, sum)
			var said []string
			for _, v := range sum.Violations {
				if !strings.HasPrefix(v, "audit of") { // the ledger here has no entries
					said = append(said, v)
				}
			}
			all := strings.Join(said, "\n")
			if tt.violates == "" && all != "" || !strings.Contains(all, tt.violates) {
				t.Errorf("said %q, want %q in it", all, tt.violates)
			}
			if sum.Struck != tt.struck {
				t.Errorf("%d runs were struck, want %d", sum.Struck, tt.struck)
			}
		})
	}
}
