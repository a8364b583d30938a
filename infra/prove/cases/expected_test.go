package main

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// Ensure that each row has an expectation, and that there is none without a row.
func TestEveryRowIsExpectedSomehow(t *testing.T) {
	rows, err := readRows(filepath.FromSlash("../../../../shared/cases/cases.tsv"))
	if errors.Is(err, errAbsent) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, r := range rows {
		ids[r.id] = true
		e, known := expected[r.id]
		if !known || (e.judge == nil) != strings.HasPrefix(r.file, "api/") {
			t.Errorf("%s, %s: %+v", r.id, r.file, e)
		}
	}
	for id := range expected {
		if !ids[id] {
			t.Errorf("%s is no row", id)
		}
	}
}

// heard returns the outcome of a recording of 4 minutes with this run.
func heard(t *testing.T, ms, held int64, format, run string) outcome {
	t.Helper()
	o := outcome{held: held, file: file{ms, format}, run: &finished{}}
	if err := json.Unmarshal([]byte(run), o.run); err != nil {
		t.Fatal(err)
	}
	return o
}

const plainRun = `{"status":"success","audio":{"languageCode":"en","speakerCount":2,"quality":{"snrDb":40,"clippedPercent":0}},"candidateDetection":{"wordCount":100},
"scores":{"vocabulary":3.0,"fluency":3.2,"accent":null,"overall":3.1},"confidence":{"overall":{"level":"high","interval":[2.8,3.4]},"accent":{"level":"high","interval":[1,2]}},
"transcript":{"segments":[{"speaker":"speaker_1","startMs":0,"endMs":900,"text":"What did you do there, and why?"},{"speaker":"speaker_2","startMs":1000,"endMs":310000,"text":"I kept the books."}],"candidateSpeaker":"speaker_2"},
"credits":{"deducted":4},"error":null}`

func TestRowsAreJudged(t *testing.T) {
	plain := heard(t, 236_400, 4, "flac", plainRun)
	with := func(ms, held int64, format string, changes ...string) outcome {
		return heard(t, ms, held, format, strings.NewReplacer(changes...).Replace(plainRun))
	}
	failed := func(code string, deducted string) outcome {
		return heard(t, 236_400, 4, "flac", `{"status":"failed","error":{"code":"`+code+`"},"credits":{"deducted":`+deducted+`}}`)
	}
	for _, c := range []struct {
		name, id string
		o        outcome
		faults   int
	}{
		{"as the plain one", "a01", with(236_400, 4, "flac"), 0},
		{"within 0.2", "a01", with(236_400, 4, "flac", `"fluency":3.2`, `"fluency":3.4`), 0},
		{"beyond 0.2", "a01", with(236_400, 4, "flac", `"fluency":3.2`, `"fluency":3.5`), 1},
		{"a score more", "a01", with(236_400, 4, "flac", `"accent":null`, `"accent":3.5`), 1},
		{"too much held", "a01", with(236_400, 5, "flac"), 1},
		{"another length", "a01", with(236_451, 4, "flac"), 1},
		{"refused", "a01", outcome{refused: "UNSUPPORTED_FORMAT"}, 2},
		{"failed", "a01", failed("TRANSCRIPTION_FAILED", "0"), 1},
		{"failed at no cost", "a02", failed("ACCENT_SCORE_UNAVAILABLE", "0"), 0},
		{"failed at a cost", "a02", failed("ACCENT_SCORE_UNAVAILABLE", "4"), 1},
		{"as many words", "a02", with(236_400, 4, "flac", `"wordCount":100`, `"wordCount":110`), 0},
		{"more words", "a02", with(236_400, 4, "flac", `"wordCount":100`, `"wordCount":111`), 1},
		{"an echo", "a03", with(236_400, 4, "flac", "I kept the books.", "what did you do there and why?"), 1},
		{"three speakers", "a03", with(236_400, 4, "flac", `"speakerCount":2`, `"speakerCount":3`), 1},
		{"bad and unsure", "a04", with(236_400, 4, "flac", `"fluency":3.2`, `"fluency":1.0`, `"level":"high","interval":[2.8`, `"level":"low","interval":[2.8`), 0},
		{"bad and sure", "a04", with(236_400, 4, "flac", `"fluency":3.2`, `"fluency":1.0`), 1},
		{"the candidate before the call", "a06", with(286_600, 5, "mp3"), 1},
		{"no break", "a08", with(237_400, 4, "webm"), 1},
		{"a break", "a08", with(237_400, 4, "webm", `"quality"`, `"breaks":{"count":1,"leftOutMs":719000},"quality"`), 0},
		{"a part billed", "a09a", with(192_100, 4, "webm"), 3},
		{"both parts", "a09a", with(326_400, 6, "webm", `"quality"`, `"joins":1,"quality"`), 0},
		{"nothing behind the join", "a10", with(326_400, 6, "ogg", `"quality"`, `"joins":1,"quality"`, "310000", "190000"), 1},
		{"another format", "a14", with(210_289, 4, "mp3"), 1},
		{"a minute more", "a17", outcome{held: 46, file: file{2_700_072, "mp3"}}, 1},
		{"45 minutes", "a17", outcome{held: 45, file: file{2_700_000, "mp3"}}, 0},
		{"clipped and told", "a18", with(1, 1, "flac", `"clippedPercent":0`, `"clippedPercent":9.6`, `"level":"high","interval":[1`, `"level":"low","interval":[1`), 0},
		{"clipped and not told", "a18", with(1, 1, "flac"), 2},
		{"another language", "a19", with(255_200, 5, "flac", `"en"`, `"es"`), 1},
		{"more turns", "a21", with(236_400, 4, "flac", `{"speaker":"speaker_2",`, `{"speaker":"speaker_2","text":"Yes."},{"speaker":"speaker_1","text":"Mm."},{"speaker":"speaker_2",`), 1},
		{"noise not told", "a22", with(236_400, 4, "flac"), 1},
		{"an interval narrower", "a22", with(236_400, 4, "flac", `"snrDb":40`, `"snrDb":20`, "[1,2]", "[1,1.9]"), 1},
		{"encrypted", "a24", outcome{refused: "UNSUPPORTED_FORMAT"}, 0},
		{"encrypted and charged", "a24", failed("TRANSCRIPTION_FAILED", "4"), 1},
	} {
		if got := expected[c.id].judge(c.o, plain); len(got) != c.faults {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
