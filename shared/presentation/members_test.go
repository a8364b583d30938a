package presentation

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// Ensure that an object is split exactly at its members, and that anything but a complete object is
// an error.
func TestMembersOfObject(t *testing.T) {
	for name, tt := range map[string]struct {
		raw  string
		want map[string]string // nil: refused
	}{
		"of none":              {"{}", map[string]string{}},
		"of none, spaced":      {" { \n}\t", map[string]string{}},
		"of each kind":         {`{"a":1.50,"b":"x","c":[1,{"d":"]"}],"e":{"f":{"g":"}"}},"h":null,"i":true}`, map[string]string{"a": "1.50", "b": `"x"`, "c": `[1,{"d":"]"}]`, "e": `{"f":{"g":"}"}}`, "h": "null", "i": "true"}},
		"spaced":               {"{ \"a\" :\n1 , \"b\" : [ 2 ] }", map[string]string{"a": "1", "b": "[ 2 ]"}},
		"with escaped quotes":  {`{"a":"x\"}","b\"":["\\",2],"c":"\\\""}`, map[string]string{"a": `"x\"}"`, `b"`: `["\\",2]`, "c": `"\\\""`}},
		"with an escaped name": {`{"\u0061":1}`, map[string]string{"a": "1"}},
		"with a name twice":    {`{"a":1,"a":2}`, map[string]string{"a": "2"}},
		"nothing":              {"", nil},
		"a list":               {"[1]", nil},
		"cut short":            {`{"a":`, nil},
		"cut in a list":        {`{"a":[1`, nil},
		"cut in a string":      {`{"a":"x`, nil},
		"cut at an escape":     {`{"a":"x\`, nil},
		"cut in a name":        {`{"a`, nil},
		"cut behind a member":  {`{"a":1`, nil},
		"cut behind a comma":   {`{"a":1,`, nil},
		"a comma at the end":   {`{"a":1,}`, nil},
		"a comma at the start": {`{,"a":1}`, nil},
		"no comma":             {`{"a":1 "b":2}`, nil},
		"no colon":             {`{"a" 1}`, nil},
		"no value":             {`{"a":}`, nil},
		"no name":              {`{1:2}`, nil},
		"something behind":     {`{} {}`, nil},
		"a null behind":        {"{}\x00", nil},
		"a broken name":        {"{\"a\n\":1}", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := membersOfObject([]byte(tt.raw))
			if (err == nil) != (tt.want != nil) {
				t.Fatalf("%s, %v", got, err)
			}
			for _, k := range slices.Sorted(maps.Keys(tt.want)) {
				if string(got[k]) != tt.want[k] {
					t.Errorf("%s is %s, want %s", k, got[k], tt.want[k])
				}
			}
			if err == nil && len(got) != len(tt.want) {
				t.Errorf("got %s", got)
			}
		})
	}
}

// Ensure that every JSON object has the members that encoding/json finds.
func FuzzMembersOfObject(f *testing.F) {
	for _, seed := range []string{"{}", `{"a":{"b":["\\\"",1e9]}, "c" : null}`, `{"\ud800":"\u2028"}`, strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), `{"a":[}`, `{"a":1}x`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := membersOfObject(raw)
		var want map[string]json.RawMessage
		if json.Unmarshal(raw, &want) != nil || want == nil {
			return
		}
		if err != nil || len(got) != len(want) {
			t.Fatalf("%s and %v of %s", got, err, raw)
		}
		for k, v := range want {
			if string(got[k]) != string(v) {
				t.Errorf("%q is %s, want %s", k, got[k], v)
			}
		}
	})
}
