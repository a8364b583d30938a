package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/infra/prove/contract"
	"parley/infra/prove/throwaway"
	"parley/shared/api"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/audit"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
	"parley/shared/errcode"
	"parley/shared/speech"
	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/score/timing"
	"parley/shared/speech/stages"
	"parley/shared/speech/transcript"
)

func TestAFourthDimensionIsOnTheTerminal(t *testing.T) {
	throwaway.Dimension(t)
	body := strings.NewReplacer(`"overall":3.1`, `"melody":1.1,"melodyCefr":"A2","melodyPercent":22,"overall":3.1`,
		`"accent":"Accent is 2.9 of 5."`, `"accent":"Accent is 2.9 of 5.","melody":"Melody is 1.1 of 5."`,
		`"fluency":null,"accent":null}`, `"fluency":null,"accent":null,"melody":{"measures":[{"name":"contour","label":"contour","value":1,"unit":"semitones","norm":null,"weight":1}]}}`).Replace(finished)
	var b bytes.Buffer
	if err := printReport(&b, []byte(body)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"melody      1.1  A2   22 %", "\nMelody\n", "Melody is 1.1 of 5.", "1.00 semitones"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
	service(t, 200, `{"data":[`+body+`],"nextCursor":null}`)
	out, errs, exit := parley(t, "runs")
	if head, row, _ := strings.Cut(out, "\n"); exit != 0 || !strings.Contains(head, "ACCENT  MELODY  OVERALL") || !strings.Contains(row, "2.9     1.1     3.1") {
		t.Errorf("exit %d: %s%s", exit, out, errs)
	}
}

// scored is the result that a test's scorer leaves.
type scored map[score.Dimension]score.Result

// fourth is the whole service in this process, with a fourth dimension. Engines and scorers are
// stand-ins; the rest is the product's own.
type fourth struct {
	t       *testing.T
	store   *memory.Store
	objects *memory.Objects
	queue   *memory.Queue
	deps    pipeline.Deps
	url     string
	without *contract.Contract // the document without the dimension
}

func newFourth(t *testing.T, results scored) *fourth {
	t.Helper()
	// Made once for the whole program, before the dimension exists.
	without, err := contract.New(api.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	throwaway.Dimension(t)
	scorings, service := speech.Scorings, speech.Service
	t.Cleanup(func() { speech.Scorings, speech.Service = scorings, service })
	row := scorings[0].Stage
	row.Name, row.TimeoutCode = run.Stage(throwaway.Melody), errcode.ScoringFailed
	row.Out = []pipeline.Kind{speech.ResultOf(throwaway.Melody).Kind}
	speech.Scorings = append(slices.Clone(scorings), speech.Scoring{Stage: row})
	for i := range speech.Scorings {
		d := speech.Scorings[i].Dimension()
		speech.Scorings[i].Score = func(context.Context, score.Material, timing.Speech, accent.Engines) (score.Result, error) {
			return results[d], nil
		}
	}
	speech.Service = speech.Define()

	f := &fourth{t: t, without: without, store: memory.New(), objects: &memory.Objects{}, queue: &memory.Queue{}}
	clk := clock.At(time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC))
	f.deps = pipeline.Deps{Service: speech.Service, Runs: f.store, Clients: f.store, Sender: f.queue, Clock: clk, Log: slog.New(slog.DiscardHandler), Budget: pipeline.Budget(0)}
	secret, err := account.NewSecret(rand.Reader)
	f.must(err)
	const client = "cli_aaaaaaaaaaaaaaaaaaaa"
	f.must(f.store.PutClient(t.Context(), account.Client{ID: client, Active: true, ConcurrentRuns: 1, Permissions: []account.Permission{account.PermissionSpeech}}))
	f.must(f.store.PutKey(t.Context(), account.Remember("key_aaaaaaaaaaaaaaaaaaaa", client, secret, clk.Now())))
	f.must(f.store.SetReady(t.Context(), run.Readiness{At: clk.Now()}))
	_, err = f.store.Grant(t.Context(), client, 100, "", clk.Now())
	f.must(err)
	server := httptest.NewServer(api.All(api.Deps{Service: speech.Service, Runs: f.store, Limits: f.store, Accounts: f.store, Clock: clk, Random: rand.Reader,
		Log: f.deps.Log, Objects: f.objects, Sender: f.queue, Prober: fourMinutes{}, Budget: pipeline.Budget(0), TempDir: t.TempDir()}))
	t.Cleanup(server.Close)
	f.url = server.URL
	t.Setenv("PARLEY_URL", server.URL)
	t.Setenv("PARLEY_API_KEY", secret)
	return f
}

func (f *fourth) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// fourMinutes takes every file for a recording of that length.
type fourMinutes struct{}

func (fourMinutes) Probe(context.Context, string) (audio.Info, error) {
	return audio.Info{DurationMs: 240_000, Format: "ogg", SizeBytes: 5}, nil
}

// engineless stands in where an engine is asked for its version.
type engineless struct{ accent.Aligner }

func (engineless) Version() string { return "none" }
func (engineless) Transcribe(context.Context, []int16, int64, string) (transcript.Chunk, error) {
	return transcript.Chunk{}, errors.New("no engine")
}

// submit submits a recording on the command line and returns the run's id.
func (f *fourth) submit() string {
	f.t.Helper()
	file := filepath.Join(f.t.TempDir(), "a.ogg")
	f.must(os.WriteFile(file, []byte("sound"), 0o600))
	out, errs, exit := parley(f.t, "submit", file, "--allow-partial", "--candidate-speaks", "most")
	id := regexp.MustCompile(`req_[a-z2-7]{26}`).FindString(out)
	if exit != 0 || id == "" {
		f.t.Fatalf("exit %d: %s%s", exit, out, errs)
	}
	return id
}

// work carries a run on from its recording until no message waits in the queues.
func (f *fourth) work(id string) {
	f.t.Helper()
	ctx := f.t.Context()
	arrived, _ := speech.Service.Arrived(run.ID(id)) // as the bucket announces it
	f.must(f.queue.Send(ctx, []pipeline.Message{arrived}))
	works := stages.Works{Objects: f.objects, Recogniser: engineless{}, Aligner: engineless{}}
	for range 50 {
		for _, row := range speech.Service.Stages {
			d, ok := f.queue.Receive(row.Name)
			if !ok {
				continue
			}
			p, err := run.ParsePart(d.Message.Part)
			f.must(err)
			w := works.Runner(row, f.deps)
			switch row.Name {
			case speech.Ingest:
				w.Work = func(ctx context.Context, r run.Run, _ run.Part) (pipeline.Result, error) {
					key := pipeline.Key(r.ID, r.Attempt, speech.PCM, 0)
					return pipeline.Result{Pieces: 1}, errors.Join(f.objects.Put(ctx, key, "", bytes.NewReader(make([]byte, 32_000)), 32_000),
						speech.Intake.Save(ctx, f.objects, r, 0, audio.Intake{DurationMs: 1000, Quality: audio.Quality{SNRDb: 40}}))
				}
			case speech.Transcribe, speech.Diarize:
				w.Work = func(context.Context, run.Run, run.Part) (pipeline.Result, error) { return pipeline.Result{}, nil }
				w.Join = func(ctx context.Context, r run.Run) error {
					return speech.Conversation.Save(ctx, f.objects, r, 0, transcript.Conversation{Language: "en", Heard: "en"})
				}
			}
			f.must(w.Handle(ctx, d.Message, p))
			f.queue.Ack(d.Receipt)
		}
	}
}

// poll polls a run and checks the answer against the OpenAPI document with the dimension.
func (f *fourth) poll(id string) string {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.url+api.Base+"/speech/analyze/"+id, nil)
	f.must(err)
	req.Header.Set("X-API-Key", os.Getenv("PARLEY_API_KEY"))
	res, err := http.DefaultClient.Do(req)
	f.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	f.must(err)
	with, err := contract.New(api.MakeOpenAPI())
	f.must(err)
	answer := contract.Answer{Method: req.Method, Path: req.URL.Path, Status: res.StatusCode, Header: res.Header, Body: body}
	f.must(with.Check(answer))
	if f.without.Check(answer) == nil {
		f.t.Error("the document without the dimension takes the answer too")
	}
	return string(body)
}

// Ensure that a fourth dimension travels from its scorer through the stages, the ledger and the
// HTTP answer to the terminal, with no more than a row in the table and a stage.
func TestAFourthDimensionFromItsScorerToTheTerminal(t *testing.T) {
	three := func(points float64) score.Result {
		return score.Result{Raw: &points, Interval: [2]float64{points - 0.2, points + 0.2}, Words: 400, SpeechSeconds: 200, Measures: []score.Measure{}}
	}
	for _, c := range []struct {
		name    string
		melody  score.Result
		status  run.Status
		charged int64
		poll    []string // what the answer contains
		show    []string // what the terminal shows
		ledger  []string
	}{
		{"measured", throwaway.Result(1.1), run.Success, 4,
			[]string{`"status":"success"`, `"melody":1.1,"melodyCefr":"A2","melodyPercent":22,"overall":2.5,`, `"melody":{"level":"high","interval":[0.9,1.3]},"overall":`,
				`"melody":"Melody is 1.1 out of 5 (A2)`, `"melody":{"measures":[{"name":"contour",`, `Melody is the weakest side (1.1, A2).`, `hum along with what you hear.`, `"deducted":4`},
			[]string{"melody      1.1  A2   22 %", "\nMelody\n", "1.00 semitones", "4 deducted, 96 left"}, []string{"charge  4"}},
		{"not measured, and a partial result is allowed", score.Result{Reason: "Nobody sang."}, run.Partial, 3,
			[]string{`"status":"partial"`, `"melody":null,"melodyCefr":null,"melodyPercent":null,"overall":3,`, `"melody":null,"overall":{"level":"medium"`,
				`"melody":"Melody was not measured. Nobody sang."`, `"reason":"Nobody sang."`, `"deducted":3`},
			[]string{"melody      not measured", "Melody was not measured. Nobody sang.", "3 deducted, 97 left"}, []string{"charge   3", "release  1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFourth(t, scored{score.Vocabulary: three(3), score.Fluency: three(3), score.Accent: three(3), throwaway.Melody: c.melody})
			id := f.submit()
			f.work(id)
			r, err := f.store.Get(t.Context(), run.ID(id))
			if err != nil || r.Status != c.status || r.Charged != c.charged {
				t.Fatalf("%s, charged %d: %+v %v", r.Status, r.Charged, r.Failure, err)
			}
			has := func(what, text string, wants []string) {
				t.Helper()
				for _, want := range wants {
					if !strings.Contains(text, want) {
						t.Errorf("%s lacks %q:\n%s", what, want, text)
					}
				}
			}
			has("the answer", f.poll(id), c.poll)
			shown, _, _ := parley(t, "show", id)
			has("the report", shown, c.show)
			credits, _, _ := parley(t, "credits")
			has("the ledger", credits, c.ledger)
			if rep, err := audit.All(t.Context(), f.store, speech.Service.Dimensions, ""); err != nil || len(rep.Violations) > 0 {
				t.Errorf("%+v %v", rep, err)
			}
		})
	}
}
