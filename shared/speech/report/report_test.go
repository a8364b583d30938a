package report

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/transcript"
)

func measured(raw float64, ms ...score.Measure) score.Result {
	return score.Result{Raw: &raw, Interval: [2]float64{raw - 0.2, raw + 0.25}, Words: 400, SpeechSeconds: 200, Measures: ms}
}

func rate(v, contribution float64) score.Measure {
	return score.Measure{Name: "articulationRate", Label: "articulation rate", Value: &v, Unit: "syllables/s",
		Norm: score.Norm{Low: 3, High: 4.5, Source: "a corpus"}, Weight: 0.5, Contribution: contribution}
}

// pauses fall as proficiency rises.
func pauses(v, contribution float64) score.Measure {
	return score.Measure{Name: "pausesPerMinute", Label: "silent pauses per minute", Value: &v, Unit: "per minute",
		Norm: score.Norm{Low: 28, High: 14, Source: "a corpus"}, Weight: 0.5, Contribution: contribution}
}

func conversation() transcript.Conversation {
	return transcript.Conversation{
		Language: "en", Heard: "en", LanguageP: 0.98,
		Candidate: transcript.Detection{Speaker: 1, Confidence: "high", Reason: "Speaker 2 answers.", WordCount: 3},
		Speakers:  []transcript.SpeakerTotal{{Speaker: 0, SpeakingMs: 900, WordCount: 2}, {Speaker: 1, SpeakingMs: 2000, WordCount: 3}, {Speaker: 2, SpeakingMs: 100, WordCount: 1}},
		Turns: []transcript.Turn{
			{Speaker: 0, StartMs: 0, EndMs: 900, Words: []transcript.Word{{Text: "Who", StartMs: 0, EndMs: 400, P: 0.9}, {Text: "are you?", StartMs: 400, EndMs: 900, P: 0.8}}},
			{Speaker: 1, StartMs: 1000, EndMs: 2500, Words: []transcript.Word{{Text: " I'm", StartMs: 1000, EndMs: 1500, P: 0.95}, {Text: "Ana.", StartMs: 1500, EndMs: 2500, P: 0.65}}},
			{Speaker: 2, StartMs: 2600, EndMs: 2700},
			{Speaker: 1, StartMs: 2800, EndMs: 3300, Words: []transcript.Word{{Text: "Hello!", StartMs: 2800, EndMs: 3300, P: math.NaN()}}},
		},
	}
}

func full() Input {
	return Input{
		Intake:       audio.Intake{DurationMs: 240000, Quality: audio.Quality{SNRDb: 31.26, ClippedPercent: 0.0124, SpeechPercent: 71.23}},
		Conversation: conversation(), RequestedLanguage: "en", ScoringVersion: "v",
		Results: score.Results{score.Vocabulary: measured(2.44), score.Accent: measured(3.31),
			score.Fluency: measured(2.81, rate(4.6, 0.4), pauses(26, -0.3))},
	}
}

func change(in *Input, d score.Dimension, how func(*score.Result)) {
	r := in.Results[d]
	how(&r)
	in.Results[d] = r
}

func TestBuild(t *testing.T) {
	r := Build(full())
	t.Run("scores have one decimal, a level and percent", func(t *testing.T) {
		s := r.Scores
		if !reflect.DeepEqual(s, Scores{score.Vocabulary: {2.4, "B1", 48}, score.Fluency: {2.8, "B2", 56}, score.Accent: {3.3, "C1", 66}, score.Overall: {2.9, "B2", 58}}) {
			t.Fatalf("%+v", s)
		}
		if got := ScoresOf(r); got["vocabulary"] != 2.4 || got["fluency"] != 2.8 || got["accent"] != 3.3 || got["overall"] != 2.9 {
			t.Fatalf("%+v", got)
		}
	})
	t.Run("intervals are rounded outwards", func(t *testing.T) {
		if i := r.Confidence[score.Vocabulary].Interval; i != [2]float64{2.2, 2.7} || r.Confidence[score.Vocabulary].Level != "high" {
			t.Fatalf("%+v", r.Confidence[score.Vocabulary])
		}
	})
	t.Run("the transcript says who said what", func(t *testing.T) {
		tr := r.Transcript
		if tr.CandidateText != "I'm Ana. Hello!" || *tr.CandidateSpeaker != 1 || len(tr.Segments) != 4 {
			t.Fatalf("%+v", tr)
		}
		if s := tr.Segments[1]; s.Text != "I'm Ana." || *s.Confidence != 0.8 || s.Words[0] != (Word{"I'm", 1000, 1500, 0.95}) {
			t.Fatalf("%+v", s)
		}
		if s := tr.Segments[2]; s.Confidence != nil || s.Words == nil {
			t.Fatalf("a turn without words: %+v", s)
		}
		var labels []string
		for _, s := range tr.Speakers {
			labels = append(labels, s.SpeakerLabel)
		}
		if strings.Join(labels, ",") != "Interviewer,Candidate,Speaker 3" {
			t.Fatal(labels)
		}
	})
	t.Run("the recording and the candidate are described", func(t *testing.T) {
		if *r.Audio.LanguageCode != "en" || r.Audio.SpeakerCount != 3 || *r.Audio.Quality.SNRDb != 31.3 || *r.Audio.Quality.ClippedPercent != 0.012 ||
			r.CandidateDetection.SpeakerLabel != "Candidate" || r.CandidateDetection.WordCount != 3 {
			t.Fatalf("%+v %+v", r.Audio, r.CandidateDetection)
		}
	})
	t.Run("the same input gives the same report", func(t *testing.T) {
		if !reflect.DeepEqual(r, Build(full())) {
			t.Fatal("another report")
		}
	})
	for _, c := range []struct{ requested, want string }{{"", MethodEnglish}, {"en", MethodEnglish}, {"es", MethodMultilingual}} {
		t.Run("the scoring method of "+c.requested, func(t *testing.T) {
			in := full()
			in.RequestedLanguage = c.requested
			if got := Build(in).ScoringMethod; got != c.want {
				t.Fatal(got)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	t.Run("what was not measured is null and never 0", func(t *testing.T) {
		b, err := json.Marshal(Build(Input{}))
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"scores", "confidence"} {
			for k, v := range m[part].(map[string]any) {
				if v != nil {
					t.Errorf("%s.%s is %v", part, k, v)
				}
			}
		}
		if m["candidateDetection"] != nil || m["audio"].(map[string]any)["languageCode"] != nil {
			t.Errorf("%s", b)
		}
	})
	t.Run("the names are those of the contract", func(t *testing.T) {
		b, err := json.Marshal(Build(full()))
		if err != nil {
			t.Fatal(err)
		}
		for path, keys := range map[string][]string{
			"":                   {"scoringMethod", "scoringVersion", "audio", "candidateDetection", "scores", "confidence", "explainability", "analysis", "hrRecommendation", "candidateFeedback", "transcript"},
			"audio":              {"languageCode", "speakerCount", "quality"},
			"audio.quality":      {"snrDb", "clippedPercent", "speechPercent"},
			"candidateDetection": {"speaker", "speakerLabel", "confidence", "reason", "wordCount"},
			"scores": {"vocabulary", "vocabularyCefr", "vocabularyPercent", "fluency", "fluencyCefr", "fluencyPercent", "accent", "accentCefr", "accentPercent",
				"overall", "cefrLevel", "overallPercent"},
			"confidence.fluency":             {"level", "interval"},
			"explainability":                 {"vocabulary", "fluency", "accent"},
			"analysis":                       {"vocabulary", "fluency", "accent"},
			"analysis.fluency.measures":      {"name", "label", "value", "unit", "norm", "weight", "contribution"},
			"analysis.fluency.measures.norm": {"low", "high", "source"},
			"transcript":                     {"segments", "speakers", "candidateText", "candidateSpeaker"},
			"transcript.segments":            {"speaker", "startMs", "endMs", "text", "confidence", "words"},
			"transcript.segments.words":      {"text", "startMs", "endMs", "confidence"},
			"transcript.speakers":            {"speaker", "speakerLabel", "speakingMs", "wordCount"},
		} {
			var at any
			if err := json.Unmarshal(b, &at); err != nil {
				t.Fatal(err)
			}
			for _, k := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' }) {
				if l, ok := at.([]any); ok {
					at = l[0]
				}
				at = at.(map[string]any)[k]
			}
			if l, ok := at.([]any); ok {
				at = l[0]
			}
			for _, k := range keys {
				if _, ok := at.(map[string]any)[k]; !ok {
					t.Errorf("%s has no %s", path, k)
				}
			}
		}
	})
}

func TestSentences(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Input)
		of     func(Report) string
		want   []string
		never  []string
	}{
		{"the score, what made it and what to gain", func(*Input) {}, func(r Report) string { return r.Explainability[score.Fluency] },
			[]string{"Fluency is 2.8 of 5 (B2), most likely between 2.6 and 3.1; confidence is high.",
				"What raised it most is articulation rate, 4.6 syllables/s, above the norm of 3 to 4.5 (A2 to C1);",
				"what lowered it most is silent pauses per minute, 26, within the norm of 14 to 28 (C1 to A2).",
				"There is most to gain in silent pauses per minute: from 26 towards 14."}, nil},
		{"a caution comes before what to gain", func(in *Input) {
			change(in, score.Fluency, func(r *score.Result) { r.Cautions = []string{"noise hides pauses"} })
		},
			func(r Report) string { return r.Explainability[score.Fluency] }, []string{"Noise hides pauses.", "confidence is medium"}, []string{"most to gain"}},
		{"a measure that counts against its norm is no advice", func(in *Input) {
			change(in, score.Fluency, func(r *score.Result) { r.Measures = []score.Measure{rate(3.2, 0.4)} })
		},
			func(r Report) string { return r.Explainability[score.Fluency] + r.CandidateFeedback }, []string{"raised it most is articulation rate"}, []string{"most to gain", "towards"}},
		{"nothing noticeable is said to be so", func(in *Input) {
			change(in, score.Fluency, func(r *score.Result) { r.Measures = []score.Measure{rate(3.75, 0.01)} })
		},
			func(r Report) string { return r.Explainability[score.Fluency] }, []string{"No single measure moved it noticeably"}, nil},
		{"what was not measured gives its reason", func(in *Input) {
			in.Results[score.Fluency] = score.Result{Reason: "the candidate speaks for 3 seconds"}
		},
			func(r Report) string { return r.Explainability[score.Fluency] }, []string{"Fluency was not measured. The candidate speaks for 3 seconds."}, []string{"of 5"}},
		{"the recommendation has the overall level and the sides", func(*Input) {}, func(r Report) string { return r.HRRecommendation },
			[]string{"Overall: 2.9 of 5 (B2)", "A speaker at B2 usually can", "The strongest side is accent (3.3, C1), the weakest side is vocabulary (2.4, B1)."}, []string{"was not measured", "with care"}},
		{"the recommendation names what is missing", func(in *Input) { in.Results[score.Vocabulary] = score.Result{Reason: "Only 20 words were heard."} },
			func(r Report) string { return r.HRRecommendation }, []string{"Vocabulary was not measured. Only 20 words were heard."}, nil},
		{"the recommendation names what is unsure", func(in *Input) { change(in, score.Accent, func(r *score.Result) { r.Interval = [2]float64{1, 5} }) },
			func(r Report) string { return r.HRRecommendation }, []string{"Read the accent score with care", "The range reaches from"}, nil},
		{"the recommendation says when the candidate is uncertain", func(in *Input) { in.Conversation.Candidate.Confidence = "low" },
			func(r Report) string { return r.HRRecommendation }, []string{"is the candidate was found with low confidence"}, nil},
		{"sides that lie close together are not ranked", func(in *Input) {
			in.Results[score.Vocabulary], in.Results[score.Accent] = measured(2.9), measured(3.0)
		},
			func(r Report) string { return r.HRRecommendation }, []string{"lie close together, between 2.8 and 3.0"}, []string{"strongest"}},
		{"sides that show the same are named together", func(in *Input) {
			in.Results[score.Vocabulary], in.Results[score.Accent] = measured(3.3), measured(3.34)
		},
			func(r Report) string { return r.HRRecommendation }, []string{"The strongest sides are vocabulary and accent (3.3, C1), the weakest side is fluency (2.8, B2)."}, nil},
		{"a measure that moved the score the other way than its place says is not placed", func(in *Input) {
			change(in, score.Fluency, func(r *score.Result) { r.Measures = []score.Measure{rate(2.5, 0.3)} })
		},
			func(r Report) string { return r.Explainability[score.Fluency] + r.CandidateFeedback },
			[]string{"What raised it most is articulation rate, 2.5 syllables/s, weighed together with the other measures;"}, []string{"below"}},
		{"a term of the field is said in plain words", func(in *Input) {
			v := 0.7
			change(in, score.Fluency, func(r *score.Result) {
				r.Measures = []score.Measure{{Name: "phonationRatio", Label: "phonation-time ratio", Value: &v, Unit: "ratio", Norm: score.Norm{Low: 0.64, High: 0.79}, Weight: 1, Contribution: -0.2}}
			})
		}, func(r Report) string { return r.Explainability[score.Fluency] }, []string{"the share of the time filled with speech (phonation-time ratio), 0.7, within the norm of 0.64 to 0.79 (A2 to C1)"}, nil},
		{"without an overall score the recommendation says why", func(in *Input) {
			in.Results[score.Vocabulary], in.Results[score.Accent] = score.Result{}, score.Result{}
		},
			func(r Report) string { return r.HRRecommendation }, []string{"There is no overall score. An overall score needs at least 2"}, []string{"Overall:"}},
		{"a measure that counts in two dimensions is advised once", func(in *Input) {
			for _, d := range []score.Dimension{score.Fluency, score.Accent} {
				change(in, d, func(r *score.Result) { r.Measures = []score.Measure{pauses(26, -0.3)} })
			}
		}, func(r Report) string { return r.CandidateFeedback }, []string{"Fluency: to bring silent pauses", "Accent: the same helps here, since silent pauses per minute counts"}, []string{"Accent: to bring"}},
		{"the feedback names a strength and what to practise", func(*Input) {}, func(r Report) string { return r.CandidateFeedback },
			[]string{"What helped you most is articulation rate", "to bring silent pauses per minute from 26 towards 14, think your sentence"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := full()
			c.change(&in)
			got := c.of(Build(in))
			for _, w := range c.want {
				if !strings.Contains(got, w) {
					t.Errorf("%q\nlacks %q", got, w)
				}
			}
			for _, w := range c.never {
				if strings.Contains(got, w) {
					t.Errorf("%q\nholds %q", got, w)
				}
			}
		})
	}
}

func TestPlace(t *testing.T) {
	for _, c := range []struct {
		name      string
		v         float64
		low, high float64
		want      string
	}{
		{"under the norm", 2.9, 3, 4.5, "below the norm of 3 to 4.5 (A2 to C1)"},
		{"under it by less than is shown", 2.999, 3, 4.5, "at the lower end of the norm of 3 to 4.5 (A2 to C1)"},
		{"at its lower end", 3, 3, 4.5, "at the lower end of the norm of 3 to 4.5 (A2 to C1)"},
		{"within it", 3.01, 3, 4.5, "within the norm of 3 to 4.5 (A2 to C1)"},
		{"at its upper end", 4.5, 3, 4.5, "at the upper end of the norm of 3 to 4.5 (A2 to C1)"},
		{"over it", 4.51, 3, 4.5, "above the norm of 3 to 4.5 (A2 to C1)"},
		{"a norm that falls is still told from its smaller number", 30, 28, 14, "above the norm of 14 to 28 (C1 to A2)"},
		{"a norm of negative numbers", -60, -50, -20, "below the norm of -50 to -20 (A2 to C1)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := place(score.Measure{Value: &c.v, Norm: score.Norm{Low: c.low, High: c.high}}); got != c.want {
				t.Fatal(got)
			}
		})
	}
}

func TestWithUnit(t *testing.T) {
	for _, c := range []struct{ name, unit, want string }{
		{"none", "", "0.5"}, {"a ratio", "ratio", "0.5"}, {"a level with its scale", "level, 1 = A1 to 6 = C2", "0.5"}, {"one that begins with a number", "0.1 nat/frame", "0.5"},
		{"percent", "%", "0.5%"}, {"seconds", "s", "0.5 s"}, {"a rate", "per 100 words", "0.5 per 100 words"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := withUnit(0.5, c.unit); got != c.want {
				t.Fatal(got)
			}
		})
	}
}

func TestNum(t *testing.T) {
	for want, v := range map[string]float64{"0": math.Copysign(0, -1), "0.004": 0.0041, "0.68": 0.68, "4.5": 4.5, "30": 30.0, "38.7": 38.71, "120": 119.9, "-17.3": -17.31} {
		if got := num(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}
