package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/shared/engine/fault"
	"parley/shared/speech/score"
)

// parley runs the program and returns what it printed and its exit code.
func parley(t *testing.T, args ...string) (out, errs string, exit int) {
	t.Helper()
	root := rootCommand()
	var o, e bytes.Buffer
	root.SetOut(&o)
	root.SetErr(&e)
	root.SetArgs(args)
	exit = executeRoot(context.Background(), root)
	return o.String(), e.String(), exit
}

const finished = `{"id":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa","externalId":"c-17","status":"success","createdAt":"2026-04-21T12:00:00.000Z","completedAt":"2026-04-21T12:01:00.000Z",
"processingTimeMs":60000,"scoringVersion":"2026.1-abcd","audio":{"durationMs":240000,"durationFormatted":"4:00","format":"mp3","languageCode":"en","speakerCount":2,
"quality":{"snrDb":31.2,"clippedPercent":0,"speechPercent":81}},"candidateDetection":{"speaker":"speaker_2","speakerLabel":"Candidate","confidence":"high","reason":"Speaks most.","wordCount":400},
"scores":{"vocabulary":3.2,"vocabularyCefr":"B2","vocabularyPercent":64,"fluency":null,"fluencyCefr":null,"fluencyPercent":null,"accent":2.9,"accentCefr":"B2","accentPercent":58,"overall":3.1,"cefrLevel":"B2","overallPercent":62},
"confidence":{"vocabulary":{"level":"high","interval":[3,3.5]},"fluency":null,"accent":{"level":"low","interval":[2.1,3.6]},"overall":{"level":"medium","interval":[2.7,3.4]}},
"explainability":{"vocabulary":"Vocabulary is 3.2 of 5.","fluency":null,"accent":"Accent is 2.9 of 5."},
"analysis":{"vocabulary":{"measures":[{"name":"mtld","label":"lexical diversity (MTLD)","value":52.4,"unit":"words","norm":{"low":28,"high":60,"source":"x"},"weight":0.25},
{"name":"hdd","label":"HD-D","value":null,"unit":"ratio","norm":null,"weight":0,"reason":"too few words"}]},"fluency":null,"accent":null},
"hrRecommendation":"One part of the picture.","candidateFeedback":"Practise.","transcript":{"segments":[{"speaker":"speaker_1","startMs":0,"endMs":60000,"text":"Tell me about yourself."},
{"speaker":"speaker_2","startMs":60000,"endMs":240000,"text":"I am a driver."}],"speakers":[{"speaker":"speaker_1","speakerLabel":"Interviewer","speakingMs":60000,"wordCount":4},
{"speaker":"speaker_2","speakerLabel":"Candidate","speakingMs":180000,"wordCount":400}]},"credits":{"deducted":4,"remainingBalance":96},"error":null}`

const failedRun = `{"id":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa","status":"failed","audio":{"durationMs":240000,"durationFormatted":"4:00","format":"mp3"},"scores":null,
"error":{"code":"ACCENT_SCORE_UNAVAILABLE","message":"Too little clear speech."},"credits":{"deducted":0,"remainingBalance":100}}`

const erasedRun = `{"id":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa","status":"success","processingTimeMs":60000,"audio":{"durationMs":240000,"durationFormatted":"4:00","format":"mp3"},
"scores":null,"error":null,"erasedAt":"2026-04-21T12:00:00.000Z","credits":{"deducted":4,"remainingBalance":96}}`

// service answers every call with one status and body.
func service(t *testing.T, status int, body string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		w.WriteHeader(status)
		if _, err := io.WriteString(w, body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(srv.Close)
	t.Setenv("PARLEY_URL", srv.URL)
	t.Setenv("PARLEY_API_KEY", "pk_test")
}

// recordingFile writes a file that only its name makes a recording, and returns its path.
func recordingFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.mp3")
	if err := os.WriteFile(path, []byte("sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// takenAddress listens on an address for as long as the test runs.
func takenAddress(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestExitCodes(t *testing.T) {
	recording, taken := recordingFile(t), takenAddress(t)
	refused := `{"error":{"code":"INSUFFICIENT_CREDITS","message":"Top up.","timestamp":"2026-04-21T12:00:00.000Z"}}`
	early := `{"error":{"code":"RUN_NOT_TERMINAL","message":"The run has not ended yet. Wait until it has.","timestamp":"2026-04-21T12:00:00.000Z","retryAfterSeconds":15}}`
	const id = "req_aaaaaaaaaaaaaaaaaaaaaaaaaa"
	for name, tt := range map[string]struct {
		status int
		body   string
		args   []string
		exit   int
		says   string
	}{
		"a finished run":                   {200, finished, []string{"show", id}, 0, "3.2"},
		"a failed run":                     {200, failedRun, []string{"show", id}, 1, "ACCENT_SCORE_UNAVAILABLE"},
		"a run that was erased":            {200, erasedRun, []string{"show", id}, 0, "erased      2026-04-21T12:00:00.000Z"},
		"an erased run":                    {204, "", []string{"erase", id}, 0, "erased"},
		"an erasure too soon":              {409, early, []string{"erase", id}, 1, "Wait until it has."},
		"an erasure too soon as JSON":      {409, early, []string{"erase", id, "--json"}, 1, early},
		"a failed run that was waited for": {200, failedRun, []string{"wait", id}, 1, "Too little clear speech."},
		"a refused submit":                 {402, refused, []string{"submit", recording}, 1, "Top up."},
		"a refused submit as JSON":         {402, refused, []string{"submit", recording, "--json"}, 1, refused},
		"a recording that is not there":    {200, finished, []string{"submit", recording + ".none"}, 2, "no such file"},
		"a folder for a recording":         {200, finished, []string{"submit", filepath.Dir(recording)}, 2, "is not a regular file"},
		"a service that is not Parley":     {404, "<html>", []string{"credits"}, 3, "Check the service's URL"},
		"no arguments where one is due":    {200, finished, []string{"show"}, 2, "a run's id"},
		"an unknown command":               {200, finished, []string{"dance"}, 2, "dance"},
		"an unknown flag":                  {200, finished, []string{"runs", "--dance"}, 2, "--dance"},
		"cut settings that are no JSON":    {200, finished, []string{"submit", recording, "--cut-settings", "x"}, 2, "not JSON"},
		"a fault that does not exist":      {200, finished, []string{"local", "faults", "set", "accent=dance", "--data", t.TempDir()}, 2, "accent"},
		"a manifest that is not there":     {200, finished, []string{"score", "--manifest", recording + ".none"}, 2, "no such file"},
		"sweeps that are too rare":         {200, finished, []string{"local", "--sweep-every", "5m", "--data", t.TempDir()}, 2, "1s to 1m0s"},
		"an address that is taken":         {200, finished, []string{"local", "--addr", taken.Addr().String(), "--data", t.TempDir()}, 1, taken.Addr().String()},
		"an admin without a name":          {200, finished, []string{"admin", "client", "create", "--local"}, 2, "--name"},
		"an admin without a system":        {200, finished, []string{"admin", "client", "list", "--local", "--data", t.TempDir()}, 3, "parley local"},
	} {
		t.Run(name, func(t *testing.T) {
			service(t, tt.status, tt.body)
			out, errs, exit := parley(t, tt.args...)
			if exit != tt.exit || !strings.Contains(out+errs, tt.says) {
				t.Errorf("exit %d, want %d: %s%s", exit, tt.exit, out, errs)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		t.Setenv("PARLEY_URL", "http://127.0.0.1:9")
		t.Setenv("PARLEY_API_KEY", "pk_test")
		if _, errs, exit := parley(t, "credits"); exit != exitUnreachable {
			t.Errorf("exit %d: %s", exit, errs)
		}
	})
	t.Run("no key", func(t *testing.T) {
		t.Setenv("PARLEY_URL", "http://127.0.0.1:9")
		t.Setenv("PARLEY_API_KEY", "")
		if _, errs, exit := parley(t, "credits"); exit != exitUsage || !strings.Contains(errs, "PARLEY_API_KEY") {
			t.Errorf("exit %d: %s", exit, errs)
		}
	})
}

func TestAWaitForAnotherTryIsSaid(t *testing.T) {
	tries := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		body := finished
		if tries++; tries == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			body = `{"error":{"code":"SERVICE_WARMING_UP","message":"Still warming up.","timestamp":"2026-04-21T12:00:00.000Z"}}`
		}
		if _, err := io.WriteString(w, body); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(srv.Close)
	t.Setenv("PARLEY_URL", srv.URL)
	t.Setenv("PARLEY_API_KEY", "pk_test")
	if _, errs, exit := parley(t, "show", "req_aaaaaaaaaaaaaaaaaaaaaaaaaa"); exit != 0 || !strings.Contains(errs, "SERVICE_WARMING_UP: Still warming up. Trying again in ") {
		t.Errorf("exit %d: %s", exit, errs)
	}
}

func TestJSONIsTheServersOwnBody(t *testing.T) {
	service(t, 200, finished)
	out, errs, exit := parley(t, "show", "req_aaaaaaaaaaaaaaaaaaaaaaaaaa", "--json")
	if exit != 0 || strings.TrimRight(out, "\n") != finished || errs != "" {
		t.Errorf("exit %d: %s %s", exit, out, errs)
	}
}

func TestTheReportShowsWhatWasMeasuredAndWhatWasNot(t *testing.T) {
	var b bytes.Buffer
	if err := printReport(&b, []byte(finished)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"req_aaaaaaaaaaaaaaaaaaaaaaaaaa", "c-17", "4:00, mp3, language en, 2 speakers, 31 dB over the noise, 81 % speech",
		"Candidate (confidence high, 400 words)", "Interviewer ███████████████ ", "3:00, 400 words",
		"3.2  B2   64 %", "fluency     not measured", "lexical diversity (MTLD)", "52.4 words", "norm 28.0 to 60.0", "weight 25 %",
		"HD-D", "too few words", "One part of the picture.", "Practise.", "0:00 Interviewer", "I am a driver.", "4 deducted, 96 left",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(b.String())
	}
}

func TestAScoredLineHasTheUnroundedScoresBesideThoseOfTheAPI(t *testing.T) {
	fine := 2.34567
	scores, _, _, err := present(score.Results{score.Vocabulary: {Raw: &fine}}, score.Material{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(scores)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"vocabulary":2.3,"vocabularyCefr":`, `"fluency":null`, `"overall":null`, `"raw":{"vocabulary":2.34567,"fluency":null,"accent":null,"overall":null}`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("no %s in %s", want, raw)
		}
	}
}

func TestBar(t *testing.T) {
	for _, tt := range []struct {
		v, lo, hi float64
		want      string
	}{
		{0, 0, 0.5, "●────···"},
		{5, 4.5, 5, "···────●"},
		{-1, -2, 9, "●───────"},
	} {
		row := []rune(bar(tt.v, tt.lo, tt.hi))
		if len(row) != barWidth {
			t.Fatalf("%d columns", len(row))
		}
		got := string(row[:8])
		if tt.v == 5 {
			got = string(row[barWidth-8:])
		}
		if got != tt.want {
			t.Errorf("%v in %v to %v: %s", tt.v, tt.lo, tt.hi, got)
		}
	}
}

func TestEveryCommandExplainsItselfWithAnExampleAndSpeaksJSON(t *testing.T) {
	var walk func(args []string)
	walk = func(args []string) {
		root := rootCommand()
		c, _, err := root.Find(args)
		if err != nil {
			t.Fatal(err)
		}
		if len(args) > 0 {
			if c.Short == "" || c.Example == "" {
				t.Errorf("parley %s: no example", strings.Join(args, " "))
			}
			if c.Flag("json") == nil {
				t.Errorf("parley %s: no --json", strings.Join(args, " "))
			}
		}
		for _, sub := range c.Commands() {
			if sub.Name() != "help" && sub.Name() != "completion" {
				walk(append(slices.Clip(args), sub.Name()))
			}
		}
	}
	walk(nil)
}

func TestFaultsAreShownAsJSON(t *testing.T) {
	data := t.TempDir()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"set", "accent=error:2"}, `{"faults":["accent=error:2"]}`},
		{[]string{"show"}, `{"faults":["accent=error:2"]}`},
		{[]string{"clear"}, `{"faults":[]}`},
	} {
		out, errs, exit := parley(t, append([]string{"local", "faults", "--json", "--data", data}, tt.args...)...)
		if exit != 0 || strings.TrimSpace(out) != tt.want {
			t.Errorf("%v: exit %d: %s%s", tt.args, exit, out, errs)
		}
	}
}

func TestEveryFaultInTheHelpCanBeSet(t *testing.T) {
	specs := 0
	for word := range strings.FieldsSeq(strings.ReplaceAll(faultsLong, "STAGE=", "accent=")) {
		if !strings.Contains(word, "=") {
			continue
		}
		specs++
		if _, err := fault.Parse(strings.Trim(word, ",;")); err != nil {
			t.Error(err)
		}
	}
	if specs != 13 {
		t.Errorf("%d specs", specs)
	}
}
