package speech_test

import (
	"testing"
	"time"

	"parley/infra/prove/service"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
)

func TestThePriceIsACreditPerStartedMinute(t *testing.T) {
	for _, tt := range []struct {
		length time.Duration
		want   int64
	}{
		{0, 1}, {time.Millisecond, 1}, {time.Minute, 1}, {time.Minute + 100*time.Millisecond, 1}, {time.Minute + 101*time.Millisecond, 2},
		{4*time.Minute + 72*time.Millisecond, 4}, {4*time.Minute + time.Second, 5},
		{3*time.Minute + 20*time.Second, 4}, {12*time.Minute + 5*time.Second, 13}, {45 * time.Minute, 45},
	} {
		if got := speech.Price(tt.length); got != tt.want {
			t.Errorf("%v costs %d, want %d", tt.length, got, tt.want)
		}
	}
}

func TestABudgetHoldsFiveSends(t *testing.T) { service.HoldsFiveSends(t, speech.Service) }

// Ensure that every stage is reached from the first one, and that the chain ends.
func TestTheGraphReachesEveryStage(t *testing.T) {
	seen := map[run.Stage]bool{}
	open := []run.Part{speech.Service.First()}
	for range 100 {
		if len(open) == 0 {
			break
		}
		p := open[0]
		open = open[1:]
		if !seen[p.Stage] {
			seen[p.Stage] = true
			open = append(open, speech.Service.Following(p.Stage, 2)...)
		}
	}
	if len(open) != 0 || len(seen) != len(speech.Service.Stages) {
		t.Errorf("reached %v, open %v", seen, open)
	}
}

// Ensure that what a client asked and what was found survive being stored, and that a damaged
// document is an error.
func TestDocuments(t *testing.T) {
	asked := speech.Request{Language: "es"}
	asked.Cut.PaddingMs = 50
	file, found := speech.File{Format: "ogg", SizeBytes: 7}, speech.Found{Language: "es"}
	r := run.Run{Request: run.Request{Asked: asked.Document()}, Material: file.Document(), Found: found.Document()}
	if got, err := speech.RequestOf(r); err != nil || got != asked {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := speech.FileOf(r); err != nil || got != file {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := speech.FoundOf(r); err != nil || got != found {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := speech.FoundOf(run.Run{}); err != nil || got != (speech.Found{}) {
		t.Errorf("of a run without one: %+v %v", got, err)
	}
	if _, err := speech.FileOf(run.Run{Material: run.Document("{")}); err == nil {
		t.Error("a damaged document is read")
	}
}

func TestTheTableIsWhole(t *testing.T) {
	seen := map[run.Stage]bool{}
	for _, st := range speech.Service.Stages {
		if seen[st.Name] {
			t.Errorf("%s is listed twice", st.Name)
		}
		seen[st.Name] = true
		for _, c := range []errcode.Code{st.Fail, st.TimeoutCode} {
			if e, ok := errcode.Lookup(c); !ok || !e.Terminal {
				t.Errorf("%s fails with %s, which ends no run", st.Name, c)
			}
		}
		if st.Timeout <= 0 || st.Timeout > 15*time.Minute || st.MaxReceives < 5 || st.Due <= 0 || st.Concurrency < 2 {
			t.Errorf("%+v", st)
		}
	}
	for _, st := range speech.Service.Stages {
		for _, p := range speech.Service.Following(st.Name, 2) {
			if !seen[p.Stage] {
				t.Errorf("%s is followed by %s, which is not in the table", st.Name, p.Stage)
			}
		}
	}
}

// Ensure that a stage that hangs is tried again within two minutes, and that a run of four minutes
// then ends within eight, with what the stages before it take.
func TestAStageThatHangsIsNoticedSoon(t *testing.T) {
	before := 30 * time.Second
	for _, st := range speech.Service.Stages {
		if st.Name == speech.Vocabulary {
			before = 150 * time.Second
		}
		p := run.Part{Stage: st.Name}
		all := time.Duration(0)
		for tries := range pipeline.MaxTimeouts {
			r := run.Run{Length: 4 * time.Minute, Parts: map[run.Part]run.Pending{p: {Timeouts: tries}}}
			limit := st.TryLimit(r, p)
			if all += limit; tries == 0 && limit > 2*time.Minute {
				t.Errorf("%s is first tried for %s", st.Name, limit)
			}
		}
		if all+before > 8*time.Minute {
			t.Errorf("a run whose %s hangs ends after %s more", st.Name, all)
		}
	}
}
