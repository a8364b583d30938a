package api

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"parley/infra/prove/throwaway"
)

func TestAFourthDimensionIsInTheDocument(t *testing.T) {
	throwaway.Dimension(t)
	raw, err := json.Marshal(openAPI())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"Scores": {"melody", "melodyCefr", "melodyPercent"}, "Confidences": {"melody"}, "Explainability": {"melody"}, "Analyses": {"melody"},
	} {
		schema, _ := schemaNodes().get(name).(node)
		required, _ := schema.get("required").([]string)
		for _, member := range want {
			if child(schema, "properties").get(member) == nil || !slices.Contains(required, member) {
				t.Errorf("%s has no %s", name, member)
			}
		}
	}
	for _, want := range []string{"`partial`: vocabulary, fluency or melody could not be measured", "If accent was measured but vocabulary, fluency or melody could not be,"} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	TestShapesAreThoseOfTheTypes(t)
}
