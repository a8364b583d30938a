package norms

import (
	"strings"
	"testing"

	"parley/shared/speech/score"
)

func TestTheHashIsOfWhatDecidesScores(t *testing.T) {
	file := `{"version":"1","fluency":{"measures":[
		{"name":"a","label":"words","unit":"s","norm":{"low":1.25,"high":3,"source":"p"},"mean":{"value":2.5,"source":"q"},"sd":{"value":1.5,"source":"r"},"weight":{"value":0.75,"source":"t"}}],
		"numbers":{"cap":{"value":3.5,"source":"u"}}}}`
	hash := func(file string) string {
		f, err := Parse([]byte(file))
		if err != nil {
			t.Fatal(err)
		}
		return f.hash()
	}
	for _, c := range []struct {
		name, from, to string
		changes        bool
	}{
		{"a label", `"words"`, `"how many words"`, false},
		{"a unit", `"unit":"s"`, `"unit":"seconds"`, false},
		{"the source of a norm", `"p"`, `"a paper"`, false},
		{"the source of a mean", `"q"`, `"a paper"`, false},
		{"the source of a spread", `"r"`, `"a paper"`, false},
		{"the source of a weight", `"t"`, `"a paper"`, false},
		{"the source of a number", `"u"`, `"a paper"`, false},
		{"what it is calibrated to", `"unit":"s"`, `"unit":"s","calibratedTo":"a model"`, false},
		{"the version", `"version":"1"`, `"version":"2"`, false},
		{"the layout", `"fluency":{`, "\"fluency\":\n  {", false},
		{"the low end of a norm", `1.25`, `1.2500001`, true},
		{"the high end of a norm", `"high":3`, `"high":3.01`, true},
		{"a mean", `2.5`, `2.51`, true},
		{"a spread", `1.5`, `1.51`, true},
		{"a weight", `0.75`, `-0.75`, true},
		{"a number", `3.5`, `3.51`, true},
		{"the name of a number", `"cap"`, `"limit"`, true},
		{"the name of a measure", `"name":"a"`, `"name":"b"`, true},
		{"the dimension", `"fluency"`, `"accent"`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := strings.Replace(file, c.from, c.to, 1)
			if changed == file {
				t.Fatal("nothing was changed")
			}
			if got := hash(changed) != hash(file); got != c.changes {
				t.Errorf("the hash changes: %v, want %v", got, c.changes)
			}
		})
	}
}

func TestFile(t *testing.T) {
	t.Run("the embedded file is sound and has a version", func(t *testing.T) {
		if _, err := Parse(raw); err != nil {
			t.Fatal(err)
		}
		if Version() == "" || len(Hash()) != 12 {
			t.Fatalf("version %q, hash %q", Version(), Hash())
		}
	})
	t.Run("every dimension of the table has a section with measures", func(t *testing.T) {
		for _, row := range score.Table {
			if len(Of(row.Name).Measures) == 0 {
				t.Errorf("%s has none", row.Name)
			}
			if _, ok := Of(score.Overall).Numbers[string(row.Name)+"Cap"]; ok != row.Capped {
				t.Errorf("%s: capped is %v, and a limit is there: %v", row.Name, row.Capped, ok)
			}
		}
	})
	t.Run("what depends on the recogniser's probabilities names the recogniser", func(t *testing.T) {
		calibrated := map[string]bool{"wordProbability": true, "unsureWords": true, "languageOdds": true}
		for _, row := range score.Table {
			for _, m := range Of(row.Name).Measures {
				if (m.CalibratedTo != "") != calibrated[m.Name] {
					t.Errorf("%s of %s is calibrated to %q", m.Name, row.Name, m.CalibratedTo)
				}
			}
		}
	})
	good := `{"name":"a","label":"a","unit":"","norm":{"low":0,"high":1,"source":"s"},"mean":{"value":0,"source":"s"},"sd":{"value":1,"source":"s"},"weight":{"value":0,"source":"s"}}`
	file := func(measure string) string {
		return `{"version":"1","fluency":{"measures":[` + measure + `],"numbers":{"k":{"value":1,"source":"s"}}}}`
	}
	for _, c := range []struct{ name, file, want string }{
		{"a sound file is read", file(good), ""},
		{"no version is refused", strings.Replace(file(good), `"version":"1",`, "", 1), "no version"},
		{"a section of no dimension is refused", strings.Replace(file(good), `"fluency"`, `"flency"`, 1), "unknown section"},
		{"an unknown field is refused", strings.Replace(file(good), `"unit":""`, `"units":""`, 1), "unknown field"},
		{"a number without a source is refused", strings.Replace(file(good), `"mean":{"value":0,"source":"s"}`, `"mean":{"value":0}`, 1), "no source"},
		{"a spread of 0 is refused", strings.Replace(file(good), `"sd":{"value":1`, `"sd":{"value":0`, 1), "not above 0"},
		{"a norm without width is refused", strings.Replace(file(good), `"high":1`, `"high":0`, 1), "no width"},
		{"a measure listed twice is refused", file(good + "," + good), "twice"},
		{"a free number without a source is refused", strings.Replace(file(good), `"k":{"value":1,"source":"s"}`, `"k":{"value":1}`, 1), "no source"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Parse([]byte(c.file))
			if c.want == "" {
				if err != nil || f.Sections["fluency"].Measure("a").SD.Value != 1 || f.Sections["fluency"].Number("k") != 1 {
					t.Fatalf("%+v %v", f, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("want %q, got %v", c.want, err)
			}
		})
	}
}
