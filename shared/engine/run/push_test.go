package run_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"parley/shared/engine/run"
)

// pushed returns a run with a webhook that ended at the time now.
func pushed(t *testing.T) run.Run {
	t.Helper()
	r := started(t)
	r.Request.WebhookURL = "https://example.com/hook"
	r, err := r.End(run.Fail("SCORING_FAILED", "", ""), now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func must(t *testing.T) func(run.Run, error) run.Run {
	return func(r run.Run, err error) run.Run {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func TestTheEndOfARunMakesItsWebhookDue(t *testing.T) {
	r := pushed(t)
	if !r.Push.Outstanding() || r.Push.Delivered() || !r.NextDue().Equal(now.Add(run.PushResend)) || r.Push.Sent != 1 {
		t.Errorf("%+v", r.Push)
	}
	silent := must(t)(started(t).End(run.Fail("SCORING_FAILED", "", ""), now))
	if silent.Push != nil || !silent.NextDue().IsZero() || silent.Push.Outstanding() || silent.Push.Delivered() {
		t.Errorf("a run without a webhook: %+v", silent.Push)
	}
}

func TestTheScheduleTakesAboutADay(t *testing.T) {
	var all time.Duration
	for i, wait := range run.PushSchedule {
		if all += wait; i > 0 && wait <= run.PushSchedule[i-1] {
			t.Errorf("wait %d is not longer than the one before", i)
		}
	}
	if all < 23*time.Hour || all > 25*time.Hour || len(run.PushSchedule)+1 > run.PushLog {
		t.Errorf("%s in %d waits", all, len(run.PushSchedule))
	}
}

func TestATryIsBegunOnce(t *testing.T) {
	r := pushed(t)
	begun := must(t)(r.PushBegun(1, 0, now.Add(time.Second)))
	if begun.Push.Tries != 1 || !begun.Push.Due.Equal(now.Add(time.Second+run.PushResend)) || begun.Version != r.Version+1 {
		t.Errorf("%+v", begun.Push)
	}
	if r.Push.Tries != 0 || len(r.Push.Log) != 0 {
		t.Errorf("the run before was changed: %+v", r.Push)
	}
	done := must(t)(begun.PushTried(1, 0, run.Try{Status: 204}, 0, now.Add(2*time.Second)))
	for name, err := range map[string]error{
		"the same try":              second(begun.PushBegun(1, 0, now)),
		"a later try":               second(r.PushBegun(1, 1, now)),
		"another attempt's":         second(r.PushBegun(2, 0, now)),
		"one of a delivered push":   second(done.PushBegun(1, 1, now)),
		"the result of none begun":  second(r.PushTried(1, 0, run.Try{Status: 204}, 0, now)),
		"the result of another try": second(begun.PushTried(1, 1, run.Try{Status: 204}, 0, now)),
		"the result a second time":  second(done.PushTried(1, 0, run.Try{Status: 204}, 0, now)),
		"a sending when delivered":  second(done.PushSent(now)),
		"giving up when delivered":  second(done.PushGivenUp(now)),
		"a resend of a live run":    second(started(t).PushAgain(now)),
	} {
		if !errors.Is(err, run.ErrGone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !done.Push.Delivered() || done.Push.Outstanding() || !done.NextDue().IsZero() {
		t.Errorf("%+v", done.Push)
	}
	if want := []run.Try{{At: now.Add(time.Second), Status: 204}}; !reflect.DeepEqual(done.Push.Log, want) {
		t.Errorf("%+v", done.Push.Log)
	}
}

func second(_ run.Run, err error) error { return err }

func TestFailedTriesFollowTheScheduleAndEnd(t *testing.T) {
	for _, random := range []float64{0, 0.5, 0.999} {
		r, at := pushed(t), now
		for n, wait := range append(slices.Clip(run.PushSchedule), 0) {
			r = must(t)(r.PushBegun(1, n, at))
			r = must(t)(r.PushTried(1, n, run.Try{Status: 503}, random, at))
			if n == len(run.PushSchedule) {
				break
			}
			due := r.Push.Due.Sub(at)
			if due < wait*9/10-time.Millisecond || due > wait*11/10 {
				t.Fatalf("try %d: the next is due after %s, want %s", n, due, wait)
			}
			at = r.Push.Due
		}
		if r.Push.Outstanding() || r.Push.Delivered() || r.Push.Tries != len(run.PushSchedule)+1 || len(r.Push.Log) != r.Push.Tries {
			t.Errorf("%+v", r.Push)
		}
		again := must(t)(r.PushAgain(at))
		again = must(t)(again.PushBegun(1, again.Push.Tries, at))
		again = must(t)(again.PushTried(1, again.Push.Tries-1, run.Try{Why: "timeout"}, 0.5, at))
		if due := again.Push.Due.Sub(at); due != run.PushSchedule[0] || len(again.Push.Log) != run.PushLog {
			t.Errorf("after a resend the next is due after %s, %d tries remembered", due, len(again.Push.Log))
		}
	}
}

func TestATryThatNeverBeginsIsSentLessAndLessOften(t *testing.T) {
	r, at := pushed(t), now
	last := time.Duration(0)
	for r.Push.Sent < run.PushSends {
		at = r.Push.Due
		r = must(t)(r.PushSent(at))
		wait := r.Push.Due.Sub(at)
		if wait < last || wait > 10*time.Hour {
			t.Errorf("after %d sendings: %s, before it %s", r.Push.Sent, wait, last)
		}
		last = wait
	}
	if day := r.Push.Due.Sub(now); day < 20*time.Hour || day > 40*time.Hour {
		t.Errorf("given up after %s", day)
	}
	r = must(t)(r.PushGivenUp(at))
	if r.Push.Outstanding() || r.Push.Log[0].Why != run.Unsent {
		t.Errorf("%+v", r.Push)
	}
}

func TestANewAttemptAndAnErasureDropTheWebhook(t *testing.T) {
	r := must(t)(pushed(t).PushBegun(1, 0, now))
	again := must(t)(r.Again())
	if again.Push != nil || again.Attempt != 2 || again.Failure != nil {
		t.Errorf("%+v", again)
	}
	erased := must(t)(r.Erase(now))
	if erased.Push.Outstanding() || erased.Push.Tries != 1 || !r.Push.Outstanding() {
		t.Errorf("%+v", erased.Push)
	}
	for name, err := range map[string]error{
		"erased twice": second(erased.Erase(now)), "erased alive": second(started(t).Erase(now)), "resent though erased": second(erased.PushAgain(now)),
		"its try's result": second(erased.PushTried(1, 0, run.Try{Status: 200}, 0, now)), "tried again though erased": second(erased.Again()),
		"tried again alive": second(started(t).Again()),
	} {
		if !errors.Is(err, run.ErrGone) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
