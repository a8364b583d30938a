package api

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"parley/shared/engine/run"
	"parley/shared/presentation"
	"parley/shared/speech/audio"
	scored "parley/shared/speech/report"
	"parley/shared/speech/score"
)

// Ensure that the schemas of the document have exactly the fields of the encoded types.
func TestShapesAreThoseOfTheTypes(t *testing.T) {
	for name, v := range map[string]any{
		"AcceptedRun": presentation.Accepted{}, "LiveRun": presentation.Live{}, "RunSummary": presentation.Summary{}, "FinishedRun": presentation.Finished{}, "RunPage": runsView{},
		"Credits": creditsView{}, "Transaction": transactionView{}, "TransactionPage": transactionsView{}, "Upload": uploadView{}, "Health": healthView{},
		"HeldCredits": presentation.Held{}, "ChargedCredits": presentation.Charged{}, "Failure": run.Failure{}, "Error": Envelope{},
		"Quality": scored.Quality{}, "CandidateDetection": scored.Detection{}, "Scores": scored.Scores{}, "Confidence": scored.Confidence{}, "Confidences": scored.Confidences{score.Overall: nil},
		"Explainability": scored.Explainability{}, "Analyses": scored.Analyses{}, "Analysis": scored.Measured{}, "VocabularyAnalysis": vocabularyAnalysis{}, "WordBand": scored.Band{}, "WordPattern": scored.Pattern{},
		"PracticePoint": scored.Point{}, "Spot": scored.Spot{}, "Measure": scored.Measure{}, "Norm": score.Norm{},
		"Transcript": scored.Transcript{}, "Segment": scored.Segment{}, "Word": scored.Word{}, "Speaker": scored.Speaker{}, "CutSettings": audio.CutSettings{},
	} {
		t.Run(name, func(t *testing.T) {
			schema, ok := schemaNodes().get(name).(node)
			if !ok {
				t.Fatal("there is no such shape")
			}
			if m, ok := v.(json.Marshaler); ok && reflect.TypeOf(v).Kind() == reflect.Map {
				sameNames(t, name, schema, m)
				return
			}
			sameMembers(t, name, schema, reflect.TypeOf(v))
		})
	}
	offender, _ := schemaNodes().get("FieldFault").(node)
	for _, v := range []any{field{}, audio.CutFault{}} {
		for _, m := range membersOf(reflect.TypeOf(v)) {
			if child(offender, "properties").get(m.name) == nil {
				t.Errorf("details.fields may have %s of %T", m.name, v)
			}
		}
	}
}

// vocabularyAnalysis has the members of a scored.Analysis with its lexicon.
type vocabularyAnalysis struct {
	scored.Measured
	scored.Lexicon
}

// sameNames holds the shape of a map against the members that it is encoded with, their order too.
func sameNames(t *testing.T, path string, schema node, v json.Marshaler) {
	t.Helper()
	raw, err := v.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	gjson.ParseBytes(raw).ForEach(func(name, _ gjson.Result) bool {
		want = append(want, name.String())
		return true
	})
	var got []string
	for _, p := range child(schema, "properties") {
		got = append(got, p.key)
	}
	if required, _ := schema.get("required").([]string); !slices.Equal(got, want) || !slices.Equal(required, want) {
		t.Errorf("%s has %v, of which %v must be, the type %v", path, got, required, want)
	}
}

// shapeOf returns the shape that a member refers to, or its own.
func shapeOf(n node) node {
	if shape, ok := schemaNodes().get(refOf(n)).(node); ok {
		return shape
	}
	return n
}

type wireMember struct {
	name     string
	optional bool
	kind     reflect.Type
}

func membersOf(t reflect.Type) []wireMember {
	var out []wireMember
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			out = append(out, membersOf(f.Type)...)
			continue
		}
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(out, wireMember{name, strings.Contains(rest, "omitempty"), f.Type})
	}
	return out
}

func sameMembers(t *testing.T, path string, schema node, kind reflect.Type) {
	t.Helper()
	properties := child(schema, "properties")
	required, _ := schema.get("required").([]string)
	members := membersOf(kind)
	var got, want []string
	for _, p := range properties {
		got = append(got, p.key)
	}
	for _, m := range members {
		want = append(want, m.name)
		if in := shapeOf(child(properties, m.name)); len(child(in, "properties")) > 0 && m.kind.Kind() == reflect.Struct {
			sameMembers(t, path+"."+m.name, in, m.kind)
		}
		if slices.Contains(required, m.name) == m.optional && path != "CutSettings" {
			t.Errorf("%s.%s: optional is %v", path, m.name, m.optional)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s has %v, the type %v", path, got, want)
	}
}
