package report

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"parley/infra/prove/throwaway"
	"parley/shared/speech/score"
	"parley/shared/speech/score/overall"
)

func TestAFourthDimensionIsInTheWholeReport(t *testing.T) {
	without := Build(full())
	throwaway.Dimension(t)
	in := full()
	in.Results[throwaway.Melody] = throwaway.Result(1.1)
	r := Build(in)
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	members := func(path string) (out []string) {
		gjson.GetBytes(raw, path).ForEach(func(name, _ gjson.Result) bool {
			out = append(out, name.String())
			return true
		})
		return out
	}
	for path, want := range map[string][]string{
		"scores": {"vocabulary", "vocabularyCefr", "vocabularyPercent", "fluency", "fluencyCefr", "fluencyPercent", "accent", "accentCefr", "accentPercent",
			"melody", "melodyCefr", "melodyPercent", "overall", "cefrLevel", "overallPercent"},
		"confidence":     {"vocabulary", "fluency", "accent", "melody", "overall"},
		"explainability": {"vocabulary", "fluency", "accent", "melody"},
		"analysis":       {"vocabulary", "fluency", "accent", "melody"},
	} {
		if got := members(path); !slices.Equal(got, want) {
			t.Errorf("%s has %v", path, got)
		}
	}
	if got := r.Scores[throwaway.Melody]; got != (Score{1.1, "A2", 22}) {
		t.Errorf("%+v", got)
	}
	if before, now := without.Scores[score.Overall].Points, r.Scores[score.Overall].Points; now >= before {
		t.Errorf("overall is %.1f with it, %.1f without", now, before)
	}
	if c := r.Confidence[throwaway.Melody]; c == nil || c.Level != overall.High {
		t.Errorf("its confidence is %+v", c)
	}
	for text, want := range map[string]string{
		r.Explainability[throwaway.Melody]: "Melody is 1.1 out of 5 (A2)",
		r.HRRecommendation:                 "Melody is the weakest side (1.1, A2)",
		r.CandidateFeedback:                "Melody: work on contour. Here you are nearer to A2 speakers than to C1 speakers. To practise, hum along with what you hear.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q lacks %q", text, want)
		}
	}
	var back Report
	if err := json.Unmarshal(raw, &back); err != nil || !reflect.DeepEqual(back.Scores, r.Scores) || back.Explainability[throwaway.Melody] == "" {
		t.Errorf("read back: %+v, %v", back.Scores, err)
	}
	t.Run("where it was not measured", func(t *testing.T) {
		r := Build(full())
		if _, ok := r.Scores[throwaway.Melody]; ok || r.Confidence[throwaway.Melody] != nil || !strings.HasPrefix(r.Explainability[throwaway.Melody], "Melody was not measured.") {
			t.Errorf("%+v", r)
		}
		if r.Confidence[score.Overall].Level == overall.High {
			t.Error("the overall score is as sure without it")
		}
		in := Input{Results: score.Results{score.Accent: measured(3)}}
		if why := "at least two of vocabulary, fluency, accent and melody. Only one could be measured."; !strings.Contains(Build(in).HRRecommendation, why) {
			t.Errorf("%q lacks %q", Build(in).HRRecommendation, why)
		}
	})
}

func TestScoresAreReadBack(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"none", `null`, `null`},
		{"one that is null", `{"fluency":null,"fluencyCefr":null,"fluencyPercent":null}`, `{}`},
		{"what is no score", `{"pace":3,"fluency":3,"fluencyCefr":"B2","fluencyPercent":60}`, `{"fluency":3}`},
		{"the overall one", `{"overall":3.1,"cefrLevel":"B2","overallPercent":62}`, `{"overall":3.1}`},
		{"no numbers", `{"fluency":"3"}`, ``},
		{"no object", `[]`, ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s Scores
			err := json.Unmarshal([]byte(c.in), &s)
			var points map[score.Dimension]float64
			if s != nil {
				points = map[score.Dimension]float64{}
			}
			for d, v := range s {
				points[d] = v.Points
			}
			got, _ := json.Marshal(points)
			if (err != nil) != (c.want == "") || err == nil && string(got) != c.want {
				t.Errorf("%s, %v", got, err)
			}
		})
	}
}
