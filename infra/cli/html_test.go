package main

import (
	"encoding/csv"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/infra/measure/batch"
	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/transcript"
)

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Ensure that show writes the page of a run as a file that stands alone, and links the recording if
// it is named.
func TestShowWritesAPage(t *testing.T) {
	service(t, http.StatusOK, finished)
	dir := t.TempDir()
	file, sound := filepath.Join(dir, "report.html"), filepath.Join(dir, "an interview #1.mp3")
	if err := os.WriteFile(sound, []byte("sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, exit := parley(t, "show", "req_aaaaaaaaaaaaaaaaaaaaaaaaaa", "--html", file)
	if exit != 0 || out != "" || !strings.Contains(errs, "wrote "+file) {
		t.Fatalf("exit %d: %s%s", exit, out, errs)
	}
	page := read(t, file)
	for _, want := range []string{"Speaking report: c-17", "Content-Security-Policy", "I am a driver.", "cannot be played here", "/api/v1/docs#quality"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if _, errs, exit := parley(t, "show", "req_aaaaaaaaaaaaaaaaaaaaaaaaaa", "--html", file, "--audio", sound); exit != 0 {
		t.Fatalf("exit %d: %s", exit, errs)
	}
	if page := read(t, file); !strings.Contains(page, `data-file="an%20interview%20%231.mp3"`) {
		t.Error("the page does not play the recording")
	}
	for _, args := range [][]string{{"--audio", sound}, {"--html", file, "--audio", filepath.Join(dir, "none.mp3")}, {"--html", filepath.Join(dir, "none", "report.html")}} {
		if _, errs, exit := parley(t, append([]string{"show", "req_aaaaaaaaaaaaaaaaaaaaaaaaaa"}, args...)...); exit != exitUsage {
			t.Errorf("%v: exit %d: %s", args, exit, errs)
		}
	}
}

// Ensure that runs come as CSV with their intervals, and that no value of a client's is a formula.
func TestRunsAsCSV(t *testing.T) {
	evil := strings.Replace(finished, `"c-17"`, `"=HYPERLINK(\"http://x\",\"a,b\")"`, 1)
	service(t, http.StatusOK, `{"data":[`+evil+`,`+failedRun+`],"nextCursor":null}`)
	out, errs, exit := parley(t, "runs", "--csv")
	if exit != 0 {
		t.Fatalf("exit %d: %s", exit, errs)
	}
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%v: %s", err, out)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	for name, want := range map[string][2]string{
		"externalId": {`'=HYPERLINK("http://x","a,b")`, ""}, "status": {"success", "failed"}, "error": {"", "ACCENT_SCORE_UNAVAILABLE"}, "durationMs": {"240000", "240000"},
		"vocabulary": {"3.2", ""}, "vocabularyLow": {"3.0", ""}, "vocabularyHigh": {"3.5", ""}, "vocabularyConfidence": {"high", ""}, "fluency": {"", ""}, "cefrLevel": {"B2", ""}, "completedAt": {"2026-04-21T12:01:00Z", ""},
	} {
		i, ok := column[name]
		if !ok || rows[1][i] != want[0] || rows[2][i] != want[1] {
			t.Errorf("%s is %v, want %v", name, []string{rows[1][i], rows[2][i]}, want)
		}
	}
	if _, _, exit := parley(t, "runs", "--csv", "--json"); exit != exitUsage {
		t.Errorf("both forms: exit %d", exit)
	}
}

// Ensure that a scored row has the page that it would have as a run, under a name that no other row
// has.
func TestScoreWritesPages(t *testing.T) {
	s := &scoredPages{dir: t.TempDir(), language: "en", version: "2026.1-abcd", taken: map[string]bool{}}
	three, words := 3.0, []transcript.Word{{Text: "Hello", StartMs: 0, EndMs: 300, P: 0.9}, {Text: "there", StartMs: 300, EndMs: 600, P: 0.4}}
	m := score.Material{Intake: audio.Intake{DurationMs: 61_000}}
	m.Conversation = transcript.Conversation{Language: "en", Candidate: transcript.Detection{Confidence: "high", Reason: "The manifest says so.", WordCount: 2},
		Turns: []transcript.Turn{{StartMs: 0, EndMs: 600, Words: words}}, Speakers: []transcript.SpeakerTotal{{SpeakingMs: 600, WordCount: 2}}}
	if _, _, _, err := s.present(score.Results{score.Accent: {Dimension: score.Accent, Raw: &three, Interval: [2]float64{2, 4}}, score.Fluency: {Reason: "Too short."}}, m); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, id := range []string{"a/b", "a_b", "A_B", "../x", "", strings.Repeat("é", 300)} {
		file, err := s.write(batch.Row{ID: id}, time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Dir(file) != s.dir || names[strings.ToLower(file)] {
			t.Errorf("%q is written to %s", id, file)
		}
		names[strings.ToLower(file)] = true
	}
	page := read(t, filepath.Join(s.dir, "a_b.html"))
	for _, want := range []string{"Speaking report: a/b", "1:01", "partial", "Too short.", "3.0 of 5", "2026.1-abcd", `<i class="l">there</i>`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// Ensure that a printed report can have its page beside it, and that a run in process has none.
func TestAPrintedReportHasItsPage(t *testing.T) {
	for body, want := range map[string]bool{finished: true, failedRun: true, `{"id":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa","status":"processing","stage":"ingest"}`: false} {
		service(t, http.StatusOK, body)
		file := filepath.Join(t.TempDir(), "report.html")
		r := remote{page: file}
		c := showCommand()
		c.SetOut(&strings.Builder{})
		c.SetErr(&strings.Builder{})
		c.SetContext(t.Context())
		r.url = os.Getenv("PARLEY_URL")
		cl, err := r.open(func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		got, err := cl.Poll(t.Context(), "req_aaaaaaaaaaaaaaaaaaaaaaaaaa")
		if err != nil {
			t.Fatal(err)
		}
		_ = r.report(c, got) // a failed run is an error, and has its page
		if _, err := os.Stat(file); (err == nil) != want {
			t.Errorf("%.40s: %v", body, err)
		}
	}
}
