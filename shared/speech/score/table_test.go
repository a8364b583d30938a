package score

import (
	"encoding/json"
	"math"
	"testing"
)

// rows makes a table of these names for as long as a test runs.
func rows(t *testing.T, names ...Dimension) {
	t.Helper()
	before := Table
	t.Cleanup(func() { Table = before })
	Table = nil
	for i, n := range names {
		Table = append(Table, Row{Name: n, Required: i%2 == 1})
	}
}

func TestWhatIsHeldByDimensionIsWrittenInTheOrderOfTheTable(t *testing.T) {
	rows(t, "b", "a")
	for _, c := range []struct {
		name string
		v    json.Marshaler
		want string
	}{
		{"all of them", ByDimension[int]{"a": 1, "b": 2}, `{"b":2,"a":1}`},
		{"one is missing", ByDimension[*int]{}, `{"b":null,"a":null}`},
		{"the overall one comes at last", ByDimension[string]{Overall: "x<", "a": "y"}, `{"b":"","a":"y","overall":"x\u003c"}`},
		{"another name is left out", ByDimension[int]{"c": 3}, `{"b":0,"a":0}`},
		{"an object without members", Object{}, `{}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := json.Marshal(c.v); err != nil || string(got) != c.want {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
	if _, err := json.Marshal(ByDimension[any]{"a": func() {}}); err == nil {
		t.Error("a function was written")
	}
	var back ByDimension[int]
	if err := json.Unmarshal([]byte(`{"a":1,"overall":2}`), &back); err != nil || back["a"] != 1 || back[Overall] != 2 {
		t.Errorf("%v, %v", back, err)
	}
}

func TestListed(t *testing.T) {
	for _, c := range []struct {
		names []Dimension
		want  string
	}{{nil, ""}, {[]Dimension{"a"}, "a"}, {[]Dimension{"a", "b"}, "a or b"}, {[]Dimension{"a", "b", "c"}, "a, b or c"}} {
		rows(t, c.names...)
		if got := Listed("or", func(Row) bool { return true }); got != c.want {
			t.Errorf("%v: %q, want %q", c.names, got, c.want)
		}
	}
	if got := Listed("and", func(r Row) bool { return r.Required }); got != "b" {
		t.Errorf("of those required: %q", got)
	}
}

func TestThereIsAResultForEachRow(t *testing.T) {
	rows(t, "a", "b")
	got := Results{"b": {Dimension: "misnamed", Words: 3}, "c": {}}.InOrder()
	if len(got) != 2 || got[0].Dimension != "a" || got[1].Dimension != "b" || got[1].Words != 3 {
		t.Errorf("%+v", got)
	}
}

func TestTheWordingIsThatOfTheFirstRowThatHasOne(t *testing.T) {
	rows(t, "a", "b")
	Table[0].Wordings = map[string]Wording{"x": {Plain: "first"}}
	Table[1].Wordings = map[string]Wording{"x": {Plain: "second"}, "y": {Practice: "more"}}
	if WordingOf("x").Plain != "first" || WordingOf("y").Practice != "more" || WordingOf("z") != (Wording{}) {
		t.Errorf("%+v %+v %+v", WordingOf("x"), WordingOf("y"), WordingOf("z"))
	}
}

func TestTheTableNamesEachDimensionOnce(t *testing.T) {
	seen := map[Dimension]bool{Overall: true, "": true}
	for _, r := range Table {
		if seen[r.Name] || r.Title == "" || r.Habit == "" {
			t.Errorf("%+v", r)
		}
		seen[r.Name] = true
	}
}

func TestNoiseSpread(t *testing.T) {
	for _, tt := range []struct {
		name      string
		snr, want float64
	}{
		{"not known", 0, 0},
		{"none to speak of", 40, 0},
		{"just none", 26, 0},
		{"half way", 19, 0.35},
		{"the most", 12, 0.7},
		{"louder", 5, 0.7},
		{"louder than the speech", -3, 0.7},
	} {
		if got := NoiseSpread(tt.snr, 26, 0.7); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s: %g, want %g", tt.name, got, tt.want)
		}
	}
}
