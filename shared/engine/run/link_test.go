package run_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"parley/shared/engine/run"
)

func link(n int, end time.Time) run.Link {
	return run.Link{ID: fmt.Sprintf("%024d", n), Expires: end}
}

// Ensure that a run keeps at most MaxLinks live links, that the oldest ends first, and that an
// expired one takes nobody's place.
func TestLinked(t *testing.T) {
	r := run.Run{ID: "req_a", Status: run.Processing, Version: 1}
	for n := range run.MaxLinks {
		r, _ = r.Linked(link(n, now.Add(time.Duration(n+1)*time.Hour)), now)
	}
	if len(r.Links) != run.MaxLinks || !r.Opens(r.Links[0].ID, now) {
		t.Fatalf("%d links", len(r.Links))
	}
	full := r
	r, err := r.Linked(link(100, now.Add(time.Hour)), now)
	if err != nil || len(r.Links) != run.MaxLinks || r.Version != full.Version+1 {
		t.Fatalf("%d links, version %d, %v", len(r.Links), r.Version, err)
	}
	if r.Opens(link(0, now).ID, now) || !r.Opens(link(1, now).ID, now) || !r.Opens(link(100, now).ID, now) {
		t.Error("one too many did not end the oldest alone")
	}
	if !full.Opens(link(0, now).ID, now) {
		t.Error("the decision changed what it was made of")
	}
	later, _ := full.Linked(link(100, now.Add(100*time.Hour)), now.Add(time.Hour))
	if later.Opens(link(0, now).ID, now.Add(time.Hour)) || !later.Opens(link(1, now).ID, now.Add(time.Hour)) || len(later.Links) != run.MaxLinks {
		t.Errorf("an expired link took a place: %d", len(later.Links))
	}
}

// Ensure that a link opens the run until its end, and never an erased run.
func TestOpens(t *testing.T) {
	end := now.Add(time.Hour)
	r, _ := run.Run{ID: "req_a", Status: run.Success, Version: 1}.Linked(link(1, end), now)
	for name, tt := range map[string]struct {
		id   string
		at   time.Time
		want bool
	}{
		"its own id":           {link(1, end).ID, now, true},
		"just before its end":  {link(1, end).ID, end.Add(-time.Millisecond), true},
		"at its end":           {link(1, end).ID, end, false},
		"another id":           {link(2, end).ID, now, false},
		"a part of its id":     {link(1, end).ID[:10], now, false},
		"nothing":              {"", now, false},
		"its id and something": {link(1, end).ID + "0", now, false},
	} {
		if got := r.Opens(tt.id, tt.at); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	gone, err := r.Erase(now)
	if err != nil || gone.Opens(link(1, end).ID, now) || len(gone.Links) != 0 {
		t.Errorf("an erased run: %v, %v", gone.Links, err)
	}
	if _, err := gone.Linked(link(2, end), now); !errors.Is(err, run.ErrGone) {
		t.Errorf("an erased run takes a link: %v", err)
	}
}

func TestUnlinked(t *testing.T) {
	r, _ := run.Run{ID: "req_a", Status: run.Queued, Version: 1}.Linked(link(1, now.Add(time.Hour)), now)
	none, err := r.Unlinked()
	if err != nil || len(none.Links) != 0 || none.Version != r.Version+1 || len(r.Links) != 1 {
		t.Errorf("%v %v", none.Links, err)
	}
	if _, err := none.Unlinked(); !errors.Is(err, run.ErrGone) {
		t.Errorf("a run without links: %v", err)
	}
}
