package report

import (
	"encoding/json"
	"testing"

	"github.com/tidwall/gjson"

	"parley/shared/speech/score"
)

func TestWordsToPractise(t *testing.T) {
	in := full()
	r := in.Results[score.Accent]
	r.Pronounced = []score.Pronounced{{Text: "three", StartMs: 1000, EndMs: 1400, Clarity: 12.6, Sounds: []score.Sound{{IPA: "θ", StartMs: 1000, EndMs: 1090, Clarity: 3.4}}}}
	in.Results[score.Accent] = r
	of := func(in Input) gjson.Result {
		b, err := json.Marshal(Build(in).Analysis)
		if err != nil {
			t.Fatal(err)
		}
		return gjson.ParseBytes(b)
	}
	a := of(in)
	want := `[{"text":"three","startMs":1000,"endMs":1400,"clarity":13,"sounds":[{"ipa":"θ","startMs":1000,"endMs":1090,"clarity":3}]}]`
	if got := a.Get("accent.words").Raw; got != want || a.Get("accent.wordsReason").Raw != "null" {
		t.Errorf("%s, want %s", got, want)
	}
	if a.Get("fluency.words").Exists() || a.Get("vocabulary.words").Exists() {
		t.Errorf("another dimension has words: %s", a.Raw)
	}
	r.Pronounced = nil
	in.Results[score.Accent] = r
	if a := of(in); a.Get("accent.words").Raw != "null" || a.Get("accent.wordsReason").String() == "" {
		t.Errorf("nothing was compared: %s", a.Get("accent").Raw)
	}
}
