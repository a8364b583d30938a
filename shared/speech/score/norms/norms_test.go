package norms

import (
	"strings"
	"testing"

	"parley/shared/speech/score"
)

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
