package house_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"parley/infra/prove/house"

	"parley/shared/api"
	"parley/shared/clock"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
	"parley/shared/speech/audio"
	"parley/shared/speech/report"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/transcript"
)

// engineless stands in where an engine is asked for its version.
type engineless struct{}

func (engineless) Version() string { return "none" }

func (engineless) Transcribe(context.Context, []int16, int64, string) (transcript.Chunk, error) {
	return transcript.Chunk{}, transcript.ErrDenied
}

func (engineless) Align(context.Context, []int16, []string) ([]accent.AlignedWord, error) {
	return nil, accent.ErrNotAligned
}

// prober takes every file for four minutes.
type prober struct{}

func (prober) Probe(context.Context, string) (audio.Info, error) {
	return audio.Info{DurationMs: 240_000, Format: "mp3", SizeBytes: 5, Channels: 1}, nil
}

// poster delivers every webhook.
type poster struct{}

func (poster) Prepare(context.Context, run.Run) (func(context.Context) run.Try, error) {
	return func(context.Context) run.Try { return run.Try{Status: 204} }, nil
}

const said = "what nobody but the client may read"

// follow is a house with a log, whose stages do what a test says.
type follow struct {
	*house.House
	t            *testing.T
	clock        *clock.Manual
	log, metrics bytes.Buffer
	fails        map[run.Stage]error
}

func newFollow(t *testing.T) *follow {
	t.Helper()
	f := &follow{t: t, clock: clock.At(time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC)), fails: map[run.Stage]error{}}
	h, err := house.New(t.Context(), f.clock)
	if err != nil {
		t.Fatal(err)
	}
	f.House = h
	h.Log, h.Metrics, h.Prober, h.Poster = &f.log, &f.metrics, prober{}, poster{}
	h.Works.Recogniser, h.Works.Aligner = engineless{}, engineless{}
	h.Work = func(stage run.Stage, _ pipeline.Work) pipeline.Work {
		return func(ctx context.Context, r run.Run, _ run.Part) (pipeline.Result, error) {
			f.clock.Advance(2 * time.Second)
			if err := f.fails[stage]; err != nil {
				return pipeline.Result{}, err
			}
			switch stage {
			case speech.Ingest:
				return pipeline.Result{Pieces: 2}, nil
			case speech.Finalize:
				if err := speech.Report.Save(ctx, f.Objects, r, 0, report.Build(report.Input{RequestedLanguage: "en", ScoringVersion: r.Edition})); err != nil {
					return pipeline.Result{}, err
				}
				o := run.Succeed(r, speech.Service.Dimensions, run.Scores{"vocabulary": 3.1, "fluency": 3.2, "accent": 3.3, "overall": 3.2}, nil)
				return pipeline.Result{Outcome: &o}, nil
			}
			return pipeline.Result{}, nil
		}
	}
	return f
}

func (f *follow) call(function string, serve func(api.Deps) http.Handler, method, path string, form map[string]string) events.APIGatewayProxyResponse {
	f.t.Helper()
	e := events.APIGatewayProxyRequest{HTTPMethod: method, Path: api.Base + path, MultiValueHeaders: map[string][]string{},
		RequestContext: events.APIGatewayProxyRequestContext{RequestID: "gateway-1", DomainName: "api.test", Path: "/live" + api.Base + path, Identity: events.APIGatewayRequestIdentity{SourceIP: "203.0.113.1"}}}
	if form != nil {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		part, err := w.CreateFormFile("audio", "a.mp3")
		if err != nil {
			f.t.Fatal(err)
		}
		_, _ = part.Write([]byte("sound"))
		for k, v := range form {
			_ = w.WriteField(k, v)
		}
		_ = w.Close()
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(b.Bytes()), true
		e.MultiValueHeaders["Content-Type"] = []string{w.FormDataContentType()}
	}
	a, err := f.Call(f.t.Context(), function, serve, e)
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

// submit submits a recording and returns its run's id.
func (f *follow) submit() string {
	f.t.Helper()
	a := f.call("submit", api.Submit, http.MethodPost, "/speech/analyze", map[string]string{
		"webhookUrl": "https://hooks.example.com/ended", "externalId": said, "metadata": `{"note":"` + said + `"}`})
	var body struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(a.Body), &body); err != nil || a.StatusCode != http.StatusAccepted {
		f.t.Fatalf("%d %s %v", a.StatusCode, a.Body, err)
	}
	return body.ID
}

// functions returns the functions whose lines are about a run, in the order of their first ones. It
// fails if a line is not, or has what no log may have.
func (f *follow) functions(id string) []string {
	f.t.Helper()
	var out []string
	for _, line := range house.Lines(&f.log) {
		var l struct{ Function, Run, Request, Msg string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			f.t.Fatalf("%s: %v", line, err)
		}
		if l.Run != id {
			f.t.Errorf("not found by the run's id: %s", line)
		}
		for _, secret := range []string{f.Key, said} {
			if strings.Contains(line, secret) {
				f.t.Errorf("%q is logged: %s", secret, line)
			}
		}
		if !slices.Contains(out, l.Function) {
			out = append(out, l.Function)
		}
	}
	return out
}

// Ensure that every line that any function logs of a run is found by the run's id, from the submit
// to the webhook, and that none has a key or what a client said.
func TestARunIsFollowedByItsID(t *testing.T) {
	f := newFollow(t)
	id := f.submit()
	if err := f.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := f.call("poll", api.Poll, http.MethodGet, "/speech/analyze/"+id, nil); a.StatusCode != http.StatusOK || !strings.Contains(a.Body, `"success"`) {
		t.Errorf("%d %s", a.StatusCode, a.Body)
	}
	want := []string{"submit", "ingest", "transcribe", "diarize", "vocabulary", "fluency", "accent", "finalize", "webhook", "poll"}
	if got := f.functions(id); !slices.Equal(got, want) {
		t.Errorf("followed through %v, want %v", got, want)
	}
}

// Ensure the same of a run whose stage hangs, whose message dies and whose part the sweep sends
// again.
func TestARunThatFailsIsFollowedByItsID(t *testing.T) {
	for name, tt := range map[string]struct {
		fails error
		want  []string
		code  errcode.Code
	}{
		"a stage that hangs":    {context.DeadlineExceeded, []string{"submit", "ingest", "transcribe", "diarize", "vocabulary", "fluency", "accent", "webhook"}, errcode.FluencyModelTimeout},
		"a message that dies":   {errors.New("boom"), []string{"submit", "ingest", "transcribe", "diarize", "vocabulary", "fluency", "accent", "deadletter", "webhook"}, errcode.ScoringFailed},
		"credentials that fail": {errcode.New(errcode.ServiceConfigurationError), []string{"submit", "ingest", "transcribe", "diarize", "vocabulary", "fluency", "webhook", "accent"}, errcode.ServiceConfigurationError},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFollow(t)
			f.fails[speech.Fluency] = tt.fails
			id := f.submit()
			if err := f.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			r, err := f.Store.Get(t.Context(), run.ID(id))
			if err != nil || r.Failure == nil || r.Failure.Code != tt.code {
				t.Fatalf("%+v %v", r, err)
			}
			got := f.functions(id)
			slices.Sort(got)
			slices.Sort(tt.want)
			if !slices.Equal(got, tt.want) {
				t.Errorf("followed through %v, want %v", got, tt.want)
			}
		})
	}
}

// measured is what was measured: a metric with its dimensions, and the values.
func (f *follow) measured(id string) map[string][]float64 {
	f.t.Helper()
	out := map[string][]float64{}
	for _, line := range house.Lines(&f.metrics) {
		var l struct {
			AWS struct {
				Timestamp         int64
				CloudWatchMetrics []struct {
					Namespace  string
					Dimensions [][]string
					Metrics    []struct{ Name, Unit string }
				}
			} `json:"_aws"` //nolint:tagliatelle // the format's own name
		}
		var all map[string]any
		if err := errors.Join(json.Unmarshal([]byte(line), &l), json.Unmarshal([]byte(line), &all)); err != nil {
			f.t.Fatalf("%s: %v", line, err)
		}
		m := l.AWS.CloudWatchMetrics[0]
		if m.Namespace != "Parley" || len(m.Metrics) != 1 || l.AWS.Timestamp == 0 || len(m.Dimensions) != 1 {
			f.t.Errorf("%s", line)
		}
		key := m.Metrics[0].Name
		for _, d := range m.Dimensions[0] {
			word, _ := all[d].(string)
			key += " " + word
		}
		v, ok := all[m.Metrics[0].Name].(float64)
		if !ok {
			f.t.Errorf("%s has no value", line)
		}
		out[key] = append(out[key], v)
		if about, ok := all["run"]; ok && about != id || strings.Contains(line, f.Key) || strings.Contains(line, said) {
			f.t.Errorf("%s", line)
		}
	}
	return out
}

// Ensure that a run is measured at each place, and that a sweep without work measures nothing.
func TestARunIsMeasured(t *testing.T) {
	f := newFollow(t)
	id := f.submit()
	if err := errors.Join(f.Drain(t.Context()), f.Sweep(t.Context())); err != nil {
		t.Fatal(err)
	}
	want := map[string][]float64{"CreditsHeld": {4}, "RunsEnded success none": {1}, "QueueWaitSeconds webhook": {0}}
	for _, row := range speech.Service.Stages {
		times := 1
		if row.Name == speech.Transcribe {
			times = 2
		}
		want["StageSeconds "+string(row.Name)] = slices.Repeat([]float64{2}, times)
		want["QueueWaitSeconds "+string(row.Name)] = slices.Repeat([]float64{0}, times)
	}
	got := f.measured(id)
	for key, values := range want {
		if !slices.Equal(got[key], values) {
			t.Errorf("%s: %v, want %v", key, got[key], values)
		}
		delete(got, key)
	}
	if len(got) > 0 {
		t.Errorf("and %v", got)
	}
}

// Ensure that a run that failed and a part that the sweep sent again are counted.
func TestWhatGoesWrongIsMeasured(t *testing.T) {
	f := newFollow(t)
	f.fails[speech.Accent] = errcode.New(errcode.AccentScoreUnavailable)
	id := f.submit()
	f.clock.Advance(2 * time.Minute)
	if err := errors.Join(f.Sweep(t.Context()), f.Drain(t.Context())); err != nil {
		t.Fatal(err)
	}
	got := f.measured(id)
	for key, values := range map[string][]float64{"RunsEnded failed ACCENT_SCORE_UNAVAILABLE": {1}, "SweepActs resent": {1}} {
		if !slices.Equal(got[key], values) {
			t.Errorf("%s: %v, want %v", key, got[key], values)
		}
	}
}

// Ensure that a run of four minutes, one of whose parts hangs each time, ends within eight minutes
// with its stage's code, and that the part is first tried again within two.
func TestARunThatHangsEndsSoon(t *testing.T) {
	for stage, code := range map[run.Stage]errcode.Code{speech.Transcribe: errcode.TranscriptionFailed, speech.Diarize: errcode.InternalError,
		speech.Fluency: errcode.FluencyModelTimeout, speech.Accent: errcode.AccentScoreUnavailable} {
		t.Run(string(stage), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFollow(t)
				f.Clock = clock.Real{}
				began := time.Now()
				var tries []time.Time
				own := f.Work
				f.Work = func(s run.Stage, work pipeline.Work) pipeline.Work {
					return func(ctx context.Context, r run.Run, p run.Part) (pipeline.Result, error) {
						if p == (run.Part{Stage: stage}) {
							tries = append(tries, time.Now())
							<-ctx.Done()
							return pipeline.Result{}, ctx.Err()
						}
						if err := clock.Sleep(ctx, 15*time.Second); err != nil {
							return pipeline.Result{}, err
						}
						return own(s, work)(ctx, r, p)
					}
				}
				id := f.submit()
				if err := f.Drain(t.Context()); err != nil {
					t.Fatal(err)
				}
				r, err := f.Store.Get(t.Context(), run.ID(id))
				if err != nil || r.Failure == nil || r.Failure.Code != code {
					t.Fatalf("%+v %v", r, err)
				}
				if took := r.CompletedAt.Sub(began); took > 8*time.Minute || len(tries) != pipeline.MaxTimeouts {
					t.Errorf("it ended after %s and %d tries", took, len(tries))
				}
				// The other parts of its group come between, one after the other.
				if again := tries[1].Sub(tries[0]); again > 2*time.Minute+40*time.Second {
					t.Errorf("it was tried again after %s", again)
				}
			})
		})
	}
}
