package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/infra/local/operate"
	"parley/shared/engine/account"
	"parley/shared/engine/credit"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
	"parley/shared/errcode"
	"parley/shared/speech"
)

var noon = time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC)

// submitted stores runs of a client with this many slots, one a minute from noon. Each id ends with
// a letter of names.
func submitted(t *testing.T, s *memory.Store, client account.ID, slots int, names string) []run.Run {
	t.Helper()
	if _, err := s.Grant(t.Context(), client, 100, "", noon); err != nil {
		t.Fatal(err)
	}
	var out []run.Run
	for i, n := range names {
		at := noon.Add(time.Duration(i) * time.Minute)
		id := run.ID("req_" + strings.Repeat("a", 25) + string(n))
		r, _, err := s.Submit(t.Context(), run.Submission{
			Run:   run.Run{ID: id, Client: client, Attempt: 1, CreatedAt: at, Cost: 4, Length: 4 * time.Minute},
			Terms: speech.Service.Terms(4*time.Minute, slots, pipeline.Budget(0))}, at)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

func letters(runs []run.Run) string {
	var out string
	for _, r := range runs {
		out += string(r.ID[len(r.ID)-1:])
	}
	return out
}

func TestTheNewestRunsOfAllClients(t *testing.T) {
	s := memory.New()
	submitted(t, s, "cli_a", 1, "bd") // one a minute, so b and c have the same time
	submitted(t, s, "cli_b", 8, "cef")
	for name, tt := range map[string]struct {
		owners []account.ID
		status run.Status
		limit  int
		want   string
	}{
		"all of them":                   {[]account.ID{"cli_a", "cli_b"}, "", 100, "fedcb"},
		"as many as there are":          {[]account.ID{"cli_a", "cli_b"}, "", 5, "fedcb"},
		"one less":                      {[]account.ID{"cli_a", "cli_b"}, "", 4, "fedc"},
		"one":                           {[]account.ID{"cli_a", "cli_b"}, "", 1, "f"},
		"of one client":                 {[]account.ID{"cli_a"}, "", 100, "db"},
		"those that wait":               {[]account.ID{"cli_a", "cli_b"}, run.Queued, 100, "d"},
		"of a client without any":       {[]account.ID{"cli_c"}, "", 100, ""},
		"of no client":                  {nil, "", 100, ""},
		"of a status that none of them": {[]account.ID{"cli_a", "cli_b"}, run.Partial, 100, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := newest(t.Context(), s, tt.owners, tt.status, tt.limit)
			if err != nil || letters(got) != tt.want {
				t.Errorf("%s, %v; want %s", letters(got), err, tt.want)
			}
		})
	}
}

func TestARunsEntriesAreThoseOfEachAttempt(t *testing.T) {
	s := memory.New()
	runs := submitted(t, s, "cli_a", 1, "bc")
	ended, err := s.End(t.Context(), runs[0], run.Fail(errcode.ScoringFailed, "", ""), noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Retry(t.Context(), ended, run.Submission{Run: ended, Terms: speech.Service.Terms(0, 1, pipeline.Budget(0))}, noon.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	got, complete, err := entriesOf(t.Context(), s, again)
	if err != nil || !complete {
		t.Fatal(complete, err)
	}
	var kinds []string
	for _, e := range got {
		kinds = append(kinds, fmt.Sprintf("%s %d of attempt %d", e.Kind, e.Amount, e.Attempt))
	}
	if want := "hold 4 of attempt 1, release 4 of attempt 1, hold 4 of attempt 2"; strings.Join(kinds, ", ") != want {
		t.Errorf("%s; want %s", strings.Join(kinds, ", "), want)
	}
}

func TestTheAgeOfAStagesOldestMessage(t *testing.T) {
	s := memory.New()
	submitted(t, s, "cli_a", 1, "bc")
	under := submitted(t, s, "cli_b", 8, "de")
	after, err := under[0].Done(1, run.Part{Stage: speech.Ingest}, map[run.Part]time.Duration{{Stage: speech.Diarize}: 84 * time.Second}, noon.Add(90*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Advance(t.Context(), under[0], after); err != nil {
		t.Fatal(err)
	}
	hooked := under[1]
	hooked.Request.WebhookURL = "https://example.com/hook"
	if _, err := s.End(t.Context(), hooked, run.Fail(errcode.ScoringFailed, "", ""), noon.Add(110*time.Second)); err != nil {
		t.Fatal(err)
	}
	got, err := operate.Ages(t.Context(), s, noon.Add(2*time.Minute))
	if err != nil || len(got) != 3 || got[pipeline.Webhook] != 10*time.Second || got[speech.Ingest] != 2*time.Minute || got[speech.Diarize] != 30*time.Second {
		t.Errorf("%v %v", got, err)
	}
}

func TestARefusalIsASentence(t *testing.T) {
	o := &operator{}
	r := run.Run{ID: "req_a", Client: "cli_a", Status: run.Success, Attempt: 1, Cost: 4}
	erased := r
	erased.ErasedAt = noon
	for _, tt := range []struct {
		run  run.Run
		err  error
		want string
	}{
		{r, run.ErrUnknown, "there is no run req_a: parley admin runs list shows the runs"},
		{r, run.ErrGone, "run req_a has ended already: success at attempt 1; parley admin runs show req_a shows it"},
		{erased, pipeline.ErrNoRecording, "run req_a was erased: it cannot be retried without its recording; the client can submit it again"},
		{r, pipeline.ErrNoRecording, "the recording of run req_a is gone: the run cannot be retried; the client can submit it again"},
		{r, account.ErrUnknown, "run req_a: there is no client cli_a; parley admin audit checks the whole ledger"},
	} {
		err := o.refused(nil, nil, tt.run, fmt.Errorf("pipeline: %w", tt.err))
		if err.Error() != tt.want || exitCode(err) != exitFailed {
			t.Errorf("exit %d: %q; want %q", exitCode(err), err, tt.want)
		}
	}
}

func TestAnUnknownIDIsToldWithTheCommandThatListsTheRightOnes(t *testing.T) {
	for want, err := range map[string]error{
		"there is no client cli_a: parley admin client list shows the clients": noClient("cli_a", fmt.Errorf("dynamo: %w", account.ErrUnknown)),
		"there is no key key_a: parley admin key list shows a client's keys":   noKey("key_a", fmt.Errorf("dynamo: %w", account.ErrUnknown)),
		"there is no run req_a: parley admin runs list shows the runs":         noRun("req_a", fmt.Errorf("dynamo: %w", run.ErrUnknown)),
		"client cli_a: throttled": noClient("cli_a", errors.New("throttled")),
		"key key_a: throttled":    noKey("key_a", errors.New("throttled")),
		"run req_a: throttled":    noRun("req_a", errors.New("throttled")),
	} {
		if err.Error() != want || exitCode(err) != exitFailed {
			t.Errorf("exit %d: %q; want %q", exitCode(err), err, want)
		}
	}
}

func TestOnlyAFailedRunIsRetried(t *testing.T) {
	for status, want := range map[run.Status]string{
		run.Success:    "run req_a has status success at attempt 2: only a failed run can be retried",
		run.Partial:    "run req_a has status partial at attempt 2: only a failed run can be retried",
		run.Processing: "run req_a has status processing at attempt 2: only a failed run can be retried",
		run.Failed:     "run req_a was retried by someone else meanwhile and failed again at attempt 2: retry it once more, if it should run again",
	} {
		if err := notRetried(run.Run{ID: "req_a", Status: status, Attempt: 2}); err.Error() != want || exitCode(err) != exitFailed {
			t.Errorf("exit %d: %q; want %q", exitCode(err), err, want)
		}
	}
}

func TestARunIsShownWithAllThatIsKnownOfIt(t *testing.T) {
	r := run.Run{ID: "req_a", Client: "cli_a", Key: "key_a", Status: run.Processing, Attempt: 2, Version: 7, Cost: 4, CreatedAt: noon, StartedAt: noon, Deadline: noon.Add(time.Hour),
		Ticket: 3, Parts: map[run.Part]run.Pending{{Stage: speech.Accent}: {Due: noon.Add(time.Minute), Sent: 2, Failure: run.TimedOut}}, Length: 4 * time.Minute, Material: speech.File{Format: "ogg"}.Document()}
	v := runDetail{runView: runViewOf(r), Entries: []entryView{{ID: credit.EntryID(2), Kind: credit.Hold, Amount: 4, Attempt: 2, CreatedAt: noon}}}
	var b bytes.Buffer
	w := newTable(&b)
	v.write(w)
	if err := w.end(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"accent/0", "sent 2", "due 2026-04-21T12:01:00Z", "timeout", "2026-04-21T13:00:00Z", "key_a", "4:00, ogg", "txn_000000000002", "hold 4", "attempt 2", "ticket", "older ones"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q", want)
		}
	}
	if t.Failed() {
		t.Log(b.String())
	}
	if _, err := json.Marshal(v); err != nil {
		t.Error(err)
	}
}

func TestHowLongIsSaidRoughly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 1500 * time.Millisecond: "2s", 59*time.Minute + 59*time.Second: "59m59s", time.Hour + 29*time.Second: "1h0m",
		47*time.Hour + 59*time.Minute: "47h59m", 48 * time.Hour: "2d", 100 * 24 * time.Hour: "100d",
	} {
		if got := rough(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}
