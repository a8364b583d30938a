package fault

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		text string
		want Spec
	}{
		{"ingest=error", Spec{Target: "ingest", Action: Error}},
		{"transcribe=error:2", Spec{Target: "transcribe", Action: Error, Times: 2}},
		{"diarize=timeout:1", Spec{Target: "diarize", Action: Timeout, Times: 1}},
		{"vocabulary=crash", Spec{Target: "vocabulary", Action: Crash}},
		{"fluency=drop:1000", Spec{Target: "fluency", Action: Drop, Times: 1000}},
		{"accent=drop", Spec{Target: "accent", Action: Drop}},
		{"finalize=crash:3", Spec{Target: "finalize", Action: Crash, Times: 3}},
		{"transcribe=denied", Spec{Target: "transcribe", Action: Denied}},
		{"deliver=duplicate", Spec{Target: "deliver", Action: Duplicate}},
		{"deliver=reorder", Spec{Target: "deliver", Action: Reorder}},
		{"deliver=delay:2s", Spec{Target: "deliver", Action: Delay, Delay: 2 * time.Second}},
		{"deliver=delay:15s", Spec{Target: "deliver", Action: Delay, Delay: 15 * time.Second}},
		{"table=conflict:0.2", Spec{Target: "table", Action: Conflict, Share: 0.2}},
		{"table=throttle:1", Spec{Target: "table", Action: Throttle, Share: 1}},
		{"write=crash:0.02", Spec{Target: "write", Action: Crash, Share: 0.02}},
		{"ready=false", Spec{Target: "ready", Action: False}},
	} {
		t.Run(tc.text, func(t *testing.T) {
			got, err := Parse(tc.text)
			if err != nil || got != tc.want {
				t.Fatalf("Parse(%q) = %+v, %v; want %+v", tc.text, got, err, tc.want)
			}
			if got.String() != tc.text {
				t.Errorf("String() = %q, want %q", got.String(), tc.text)
			}
		})
	}
}

func TestParseSaysHowToFixASpec(t *testing.T) {
	for text, says := range map[string]string{
		"":                     "TARGET=FAULT",
		"transcribe":           "TARGET=FAULT",
		"transcribe=":          "TARGET=FAULT",
		"=error":               "TARGET=FAULT",
		"transcode=error":      "use a stage (ingest, transcribe), deliver",
		"ingest=explode":       "error, timeout, crash or drop",
		"ingest=denied":        "error, timeout, crash or drop",
		"ingest=error:0":       "1 to 1000",
		"ingest=error:1001":    "1 to 1000",
		"ingest=error:":        "1 to 1000",
		"ingest=error:x":       "1 to 1000",
		"deliver=lost":         "duplicate, reorder or delay",
		"deliver=duplicate:2":  "takes nothing after it",
		"deliver=delay":        "deliver=delay:2s",
		"deliver=delay:0s":     "deliver=delay:2s",
		"deliver=delay:15.1s":  "up to 15s",
		"table=conflict":       "above 0 and up to 1",
		"table=conflict:0":     "above 0 and up to 1",
		"table=throttle:1.001": "above 0 and up to 1",
		"table=throttle:NaN":   "above 0 and up to 1",
		"table=slow:0.2":       "conflict or throttle",
		"write=error:0.2":      "write takes crash",
		"write=crash":          "above 0 and up to 1",
		"write=crash:1.1":      "such as write=crash:0.2",
		"ready=true":           "only ready=false",
	} {
		t.Run(text, func(t *testing.T) {
			_, err := Parse(text, "ingest", "transcribe")
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("Parse(%q): %v; want it to say %q", text, err, says)
			}
		})
	}
	if _, err := Parse("../ingest=error"); err == nil {
		t.Error("a path was taken for a stage")
	}
	if _, err := ParseAll([]string{"ingest=error", "ingest=drop"}); err == nil {
		t.Error("two faults on one target were accepted")
	}
}

func injector(t *testing.T, specs ...string) *Injector {
	t.Helper()
	path := filepath.Join(t.TempDir(), "faults.json")
	parsed, err := ParseAll(specs)
	if err != nil {
		t.Fatal(err)
	}
	if err := Set(path, parsed); err != nil {
		t.Fatal(err)
	}
	return &Injector{path: path, share: func() float64 { return 0.5 }, hang: func() {}}
}

func TestNilInjectorInjectsNothing(t *testing.T) {
	var i *Injector
	times, hold := i.Deliver()
	if i.Stage(context.Background(), "ingest") != nil || i.Table() != nil || !i.Ready() || times != 1 || hold != 0 {
		t.Error("the nil injector injected a fault")
	}
}

func TestInjectorWithoutItsFileInjectsNothing(t *testing.T) {
	i := &Injector{path: filepath.Join(t.TempDir(), "none")}
	if err := i.Stage(context.Background(), "ingest"); err != nil {
		t.Error(err)
	}
}

func TestStageFaults(t *testing.T) {
	ctx := context.Background()
	i := injector(t, "ingest=error", "diarize=drop", "transcribe=denied", "accent=timeout", "fluency=crash")
	hung := false
	i.hang = func() { hung = true }
	for stage, want := range map[string]error{"ingest": ErrInjected, "diarize": nil, "transcribe": ErrDenied, "vocabulary": nil} {
		if err := i.Stage(ctx, stage); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", stage, err, want)
		}
	}
	if !i.Loses(ctx, "diarize") || i.Loses(ctx, "ingest") || i.Loses(ctx, "vocabulary") {
		t.Error("diarize=drop loses another stage's message, or not its own")
	}
	if err := i.Stage(ctx, "accent"); err != nil || !hung {
		t.Errorf("accent=timeout: err %v, hung %v", err, hung)
	}
	t.Cleanup(func() { doomed.Store(false) })
	if err := i.Stage(ctx, "fluency"); err != nil || !Doomed() {
		t.Errorf("fluency=crash: err %v, doomed %v", err, Doomed())
	}
}

func TestDoomedProcessDies(t *testing.T) {
	died := 0
	before := die
	die = func() { died++ }
	t.Cleanup(func() { die = before; doomed.Store(false) })
	DieIfDoomed()
	doomed.Store(true)
	DieIfDoomed()
	if died != 1 {
		t.Errorf("died %d times, want once: only when doomed", died)
	}
}

func TestProcessDiesAfterItsShareOfWrites(t *testing.T) {
	died := 0
	before := die
	die = func() { died++ }
	t.Cleanup(func() { die = before })
	injector(t, "write=crash:0.5").Written("PutItem")
	if died != 0 {
		t.Error("died with a share that this write is not within")
	}
	injector(t, "write=crash:0.51").Written("PutItem")
	injector(t, "table=conflict:1").Written("PutItem")
	if died != 1 {
		t.Errorf("died %d times, want once", died)
	}
}

func TestCountedFaultStrikesExactlyThatOften(t *testing.T) {
	i := injector(t, "transcribe=error:20")
	var struck atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				if i.Stage(context.Background(), "transcribe") != nil {
					struck.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if struck.Load() != 20 {
		t.Errorf("struck %d times, want 20", struck.Load())
	}
}

func TestShowSetClear(t *testing.T) {
	i := injector(t, "transcribe=error:2", "table=throttle:0.2")
	show := func() []string {
		specs, err := Show(i.path)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, s := range specs {
			out = append(out, s.String())
		}
		return out
	}
	_ = i.Stage(context.Background(), "transcribe")
	if got := show(); !slices.Equal(got, []string{"transcribe=error:1", "table=throttle:0.2"}) {
		t.Errorf("after one use: %v", got)
	}
	_ = i.Stage(context.Background(), "transcribe")
	if got := show(); !slices.Equal(got, []string{"table=throttle:0.2"}) {
		t.Errorf("after both uses: %v", got)
	}
	if err := Set(i.path, []Spec{{Target: "table", Action: Conflict, Share: 1}, {Target: "transcribe", Action: Drop, Times: 3}}); err != nil {
		t.Fatal(err)
	}
	if got := show(); !slices.Equal(got, []string{"table=conflict:1", "transcribe=drop:3"}) {
		t.Errorf("after setting again: %v", got)
	}
	if err := Clear(i.path); err != nil {
		t.Fatal(err)
	}
	if got := show(); len(got) != 0 {
		t.Errorf("after clear: %v", got)
	}
}

func TestDeliverAndTable(t *testing.T) {
	for spec, want := range map[string]struct {
		times int
		hold  time.Duration
	}{
		"deliver=duplicate": {2, 0},
		"deliver=delay:2s":  {1, 2 * time.Second},
		"deliver=reorder":   {1, MaxReorder / 2},
		"ingest=error":      {1, 0},
	} {
		if times, hold := injector(t, spec).Deliver(); times != want.times || hold != want.hold {
			t.Errorf("%s: %d times after %s, want %d after %s", spec, times, hold, want.times, want.hold)
		}
	}
	for spec, want := range map[string]error{
		"table=conflict:0.51": ErrConflict, "table=conflict:0.5": nil,
		"table=throttle:0.51": ErrThrottled, "table=throttle:0.5": nil,
	} {
		if err := injector(t, spec).Table(); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", spec, err, want)
		}
	}
	if injector(t, "ready=false").Ready() {
		t.Error("ready=false: still ready")
	}
}

func TestSpoiledFileInjectsNothing(t *testing.T) {
	i := injector(t)
	if err := os.WriteFile(i.path, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := i.Stage(context.Background(), "ingest"); err != nil {
		t.Error(err)
	}
	if _, err := Show(i.path); err == nil || !strings.Contains(err.Error(), "faults clear") {
		t.Errorf("Show: %v; want it to say how to fix the file", err)
	}
}
