package report

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
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
		if tr.CandidateText != "I'm Ana. Hello!" || *tr.CandidateSpeaker != "speaker_2" || len(tr.Segments) != 4 {
			t.Fatalf("%+v", tr)
		}
		if s := tr.Segments[1]; s.Text != "I'm Ana." || s.Words[0] != (Word{"I'm", 1000, 1500, s.Words[0].Confidence}) || *s.Words[0].Confidence <= *s.Words[1].Confidence || math.Abs(*s.Confidence-(*s.Words[0].Confidence+*s.Words[1].Confidence)/2) > 0.002 {
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
	t.Run("speaker_1 is the first to speak, whatever number the voices were given", func(t *testing.T) {
		in := full()
		number := map[int]int{0: 2, 1: 0, 2: 1}
		c := in.Conversation
		c.Turns, c.Speakers = slices.Clone(c.Turns), slices.Clone(c.Speakers)
		c.Candidate.Speaker = number[c.Candidate.Speaker]
		for i := range c.Turns {
			c.Turns[i].Speaker = number[c.Turns[i].Speaker]
		}
		for i := range c.Speakers {
			c.Speakers[i].Speaker = number[c.Speakers[i].Speaker]
		}
		in.Conversation = c
		again := Build(in)
		if !reflect.DeepEqual(again.Transcript, r.Transcript) || !reflect.DeepEqual(again.CandidateDetection, r.CandidateDetection) {
			t.Errorf("%+v\nrather than\n%+v", again.Transcript, r.Transcript)
		}
		var who []string
		for _, s := range r.Transcript.Segments {
			who = append(who, s.Speaker)
		}
		if strings.Join(who, " ") != "speaker_1 speaker_2 speaker_3 speaker_2" || r.CandidateDetection.Speaker != "speaker_2" {
			t.Errorf("%v, candidate %s", who, r.CandidateDetection.Speaker)
		}
	})
	t.Run("who never speaks is numbered after the others", func(t *testing.T) {
		in := full()
		in.Conversation.Turns = in.Conversation.Turns[1:2]
		again := Build(in)
		if s := again.Transcript.Speakers; again.Transcript.Segments[0].Speaker != "speaker_1" || s[0].Speaker != "speaker_2" || s[1].Speaker != "speaker_1" || s[2].SpeakerLabel != "Speaker 3" {
			t.Errorf("%+v", again.Transcript)
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
			"candidateDetection": {"speaker", "speakerLabel", "confidence", "reason", "wordCount", "channel", "hint"},
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
			[]string{"Fluency is 2.8 out of 5 (B2). The true value most likely lies between 2.6 and 3.1; confidence is high. " +
				"What helps the score most is the speed of speaking between pauses (above the level of C1 speakers); " +
				"what holds it back most is how often silent pauses come (nearer to A2 speakers than to C1 speakers)."}, []string{"most to gain"}},
		{"where nothing holds the score back, what to gain", func(in *Input) {
			change(in, score.Fluency, func(r *score.Result) { r.Measures = []score.Measure{rate(4.6, 0.4), pauses(20, 0.07)} })
		},
			func(r Report) string { return r.Explainability[score.Fluency] },
			[]string{"(above the level of C1 speakers); there is most to gain in how often silent pauses come (nearer to C1 speakers than to A2 speakers)."}, []string{"holds it back"}},
		{"where nothing holds it back and nothing is to gain, that", func(in *Input) {
			change(in, score.Fluency, func(r *score.Result) { r.Measures = []score.Measure{rate(4.6, 0.4), pauses(12, 0.07)} })
		},
			func(r Report) string { return r.Explainability[score.Fluency] },
			[]string{"(above the level of C1 speakers); no other part of the score holds it back noticeably."}, []string{"most to gain"}},
		{"where nothing helps the score, that", func(in *Input) {
			change(in, score.Fluency, func(r *score.Result) { r.Measures = []score.Measure{pauses(30, -0.4)} })
		},
			func(r Report) string { return r.Explainability[score.Fluency] },
			[]string{"What holds the score back most is how often silent pauses come (below the level of A2 speakers); no other part of the score helps it noticeably."}, nil},
		{"a caution takes the place of the interval", func(in *Input) {
			change(in, score.Fluency, func(r *score.Result) { r.Cautions = []string{"noise hides pauses"} })
		},
			func(r Report) string { return r.Explainability[score.Fluency] }, []string{"Fluency is 2.8 out of 5 (B2), with medium confidence. Noise hides pauses. What helps"}, []string{"likely lies", "most to gain"}},
		{"a measure that counts against its norm is no advice", func(in *Input) {
			change(in, score.Fluency, func(r *score.Result) { r.Measures = []score.Measure{rate(3.2, 0.4)} })
		},
			func(r Report) string { return r.Explainability[score.Fluency] + r.CandidateFeedback }, []string{"helps the score most is the speed of speaking between pauses (weighed together with the other measures)", "Fluency: nothing stands out to work on."}, []string{"most to gain", "You say", "Here you are"}},
		{"nothing noticeable is said to be so", func(in *Input) {
			change(in, score.Fluency, func(r *score.Result) { r.Measures = []score.Measure{rate(3.75, 0.01)} })
		},
			func(r Report) string { return r.Explainability[score.Fluency] }, []string{"No single measure helps the score or holds it back noticeably."}, nil},
		{"what was not measured gives its reason", func(in *Input) {
			in.Results[score.Fluency] = score.Result{Reason: "the candidate speaks for 3 seconds"}
		},
			func(r Report) string { return r.Explainability[score.Fluency] }, []string{"Fluency was not measured. The candidate speaks for 3 seconds."}, []string{"out of 5"}},
		{"the recommendation has the overall level and the sides", func(*Input) {}, func(r Report) string { return r.HRRecommendation },
			[]string{"The overall score is 2.9 out of 5 (B2), with high confidence. A speaker at B2 can usually take part in discussions", "The true value most likely lies between 2.7 and 3.0. Accent is the strongest side (3.3, C1). Vocabulary is the weakest side (2.4, B1). These scores describe"}, []string{"was not measured", "with care", "level may be"}},
		{"the recommendation names what is missing", func(in *Input) { in.Results[score.Vocabulary] = score.Result{Reason: "Only 20 words were heard."} },
			func(r Report) string { return r.HRRecommendation }, []string{"Vocabulary was not measured. Only 20 words were heard."}, nil},
		{"the recommendation names what is unsure", func(in *Input) { change(in, score.Accent, func(r *score.Result) { r.Interval = [2]float64{1, 5} }) },
			func(r Report) string { return r.HRRecommendation }, []string{"Read the accent score with care: its confidence is low."}, nil},
		{"the recommendation says so where the level may be one of two", func(in *Input) {
			change(in, score.Accent, func(r *score.Result) { r.Interval = [2]float64{1, 5} })
		},
			func(r Report) string { return r.HRRecommendation }, []string{"so the true level may be B1 or B2."}, nil},
		{"the recommendation says so where the level may be one of many", func(in *Input) {
			for _, row := range score.Table {
				change(in, row.Name, func(r *score.Result) { r.Interval = [2]float64{1, 5} })
			}
		},
			func(r Report) string { return r.HRRecommendation }, []string{"The true value most likely lies between 1.7 and 3.9, so the true level may be anything from B1 to C1."}, nil},
		{"the recommendation says when the candidate is uncertain", func(in *Input) { in.Conversation.Candidate.Confidence = "low" },
			func(r Report) string { return r.HRRecommendation }, []string{"The candidate was identified with low confidence: check in the transcript that it is the right speaker."}, nil},
		{"sides that lie close together are not ranked", func(in *Input) {
			in.Results[score.Vocabulary], in.Results[score.Accent] = measured(2.9), measured(3.0)
		},
			func(r Report) string { return r.HRRecommendation }, []string{"lie close together, between 2.8 and 3.0"}, []string{"strongest"}},
		{"sides that show the same are named together", func(in *Input) {
			in.Results[score.Vocabulary], in.Results[score.Accent] = measured(3.3), measured(3.34)
		},
			func(r Report) string { return r.HRRecommendation }, []string{"Vocabulary and accent are the strongest sides (3.3, C1). Fluency is the weakest side (2.8, B2)."}, nil},
		{"a measure that moved the score the other way than its place says is not placed", func(in *Input) {
			change(in, score.Fluency, func(r *score.Result) { r.Measures = []score.Measure{rate(2.5, 0.3)} })
		},
			func(r Report) string { return r.Explainability[score.Fluency] + r.CandidateFeedback },
			[]string{"What helps the score most is the speed of speaking between pauses (weighed together with the other measures);"}, []string{"below", "level of"}},
		{"nor is one that lowered it from the better half of its norm", func(in *Input) {
			change(in, score.Fluency, func(r *score.Result) { r.Measures = []score.Measure{rate(4, -0.3)} })
		},
			func(r Report) string { return r.Explainability[score.Fluency] + r.CandidateFeedback },
			[]string{"What holds the score back most is the speed of speaking between pauses (weighed together with the other measures);"}, []string{"nearer"}},
		{"a measure whose norm shows as one number is not placed", func(in *Input) {
			change(in, score.Fluency, func(r *score.Result) {
				m := rate(4, 0.3)
				m.Norm.Low, m.Norm.High = 3.001, 3.002
				r.Measures = []score.Measure{m}
			})
		},
			func(r Report) string { return r.Explainability[score.Fluency] + r.CandidateFeedback },
			[]string{"What helps the score most is the speed of speaking between pauses; no other part"}, []string{"level of", "nearer"}},
		{"a term of the field is said in plain words", func(in *Input) {
			v := 0.7
			change(in, score.Fluency, func(r *score.Result) {
				r.Measures = []score.Measure{{Name: "phonationRatio", Label: "phonation-time ratio", Value: &v, Unit: "ratio", Norm: score.Norm{Low: 0.64, High: 0.79}, Weight: 1, Contribution: -0.2}}
			})
		}, func(r Report) string { return r.Explainability[score.Fluency] }, []string{"how much of the speaking time is filled with speech (nearer to A2 speakers than to C1 speakers)"}, []string{"phonation"}},
		{"without an overall score the recommendation says why", func(in *Input) {
			in.Results[score.Vocabulary], in.Results[score.Accent] = score.Result{}, score.Result{}
		},
			func(r Report) string { return r.HRRecommendation }, []string{"There is no overall score. An overall score needs at least two of vocabulary, fluency and accent. Only one could be measured."}, []string{"The overall score is"}},
		{"a measure that counts in two dimensions is advised once", func(in *Input) {
			for _, d := range []score.Dimension{score.Fluency, score.Accent} {
				change(in, d, func(r *score.Result) { r.Measures = []score.Measure{pauses(26, -0.3)} })
			}
		}, func(r Report) string { return r.CandidateFeedback }, []string{"Fluency: make fewer silent pauses.", "Accent: the same practice helps here, because how often silent pauses come counts for it too."}, []string{"Accent: make"}},
		{"the feedback names a strength and what to practise", func(*Input) {}, func(r Report) string { return r.CandidateFeedback },
			[]string{"What helps you most is the speed of speaking between pauses (above the level of C1 speakers).",
				"Fluency: make fewer silent pauses. You make 26 silent pauses a minute. C1 speakers make about 14 silent pauses. To practise, think your sentence to its end"}, nil},
		{"a measure without words of its own is told by its label and its place", func(in *Input) {
			v := 1.0
			change(in, score.Fluency, func(r *score.Result) {
				r.Measures = []score.Measure{{Name: "lilt", Label: "lilt", Value: &v, Unit: "semitones", Norm: score.Norm{Low: 0, High: 8}, Weight: 1, Contribution: -0.4}}
			})
		}, func(r Report) string { return r.CandidateFeedback }, []string{"Fluency: work on lilt. Here you are nearer to A2 speakers than to C1 speakers. To practise, tell the same story"}, []string{"semitones", "You "}},
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
		{"under the norm", 2.9, 3, 4.5, "below the level of A2 speakers"},
		{"under it by less than is shown", 2.999, 3, 4.5, "at the level of A2 speakers"},
		{"at its lower end", 3, 3, 4.5, "at the level of A2 speakers"},
		{"in its lower half", 3.01, 3, 4.5, "nearer to A2 speakers than to C1 speakers"},
		{"just under its middle", 3.71, 3, 4.5, "nearer to A2 speakers than to C1 speakers"},
		{"in the middle", 3.73, 3, 4.5, "about halfway between A2 and C1 speakers"},
		{"just over its middle", 3.79, 3, 4.5, "nearer to C1 speakers than to A2 speakers"},
		{"at its upper end", 4.5, 3, 4.5, "at the level of C1 speakers"},
		{"over it by less than is shown", 4.501, 3, 4.5, "at the level of C1 speakers"},
		{"over it", 4.51, 3, 4.5, "above the level of C1 speakers"},
		{"more than A2 speakers of what is better with less", 30, 28, 14, "below the level of A2 speakers"},
		{"nearer to A2 where less is better", 26, 28, 14, "nearer to A2 speakers than to C1 speakers"},
		{"nearer to C1 where less is better", 16, 28, 14, "nearer to C1 speakers than to A2 speakers"},
		{"less than C1 speakers of what is better with less", 12, 28, 14, "above the level of C1 speakers"},
		{"a norm of negative numbers", -60, -50, -20, "below the level of A2 speakers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := placeOf(score.Measure{Value: &c.v, Norm: score.Norm{Low: c.low, High: c.high}}).String(); got != c.want {
				t.Fatal(got)
			}
		})
	}
}

func TestStanding(t *testing.T) {
	for _, c := range []struct {
		name, measure string
		v, low, high  float64
		want          string
	}{
		{"less is better", "pausesPerMinute", 28.4, 28.1, 19.6, "You make 28 silent pauses a minute. C1 speakers make about 20 silent pauses."},
		{"a share is told in percent", "phonationRatio", 0.712, 0.64, 0.79, "You fill 71 % of the time with speech. C1 speakers fill about 79 % of the time."},
		{"a whole phrase is said of both", "midClausePauses", 55, 60, 35, "You make 55 % of the pauses inside a clause. C1 speakers make about 35 % of the pauses inside a clause."},
		{"two that are told alike are placed", "pausesPerMinute", 19.9, 28.1, 19.6, "Here you are nearer to C1 speakers than to A2 speakers."},
		{"a number that says nothing is not told", "weakPhonesGop", -1.8, -1.65, -0.75, "Here you are below the level of A2 speakers."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := standing(score.Measure{Name: c.measure, Value: &c.v, Norm: score.Norm{Low: c.low, High: c.high}}); got != c.want {
				t.Fatal(got)
			}
		})
	}
}

func TestEveryday(t *testing.T) {
	for want, v := range map[string]float64{"0": math.Copysign(0, -1), "0.4": 0.41, "1.0": 1.04, "4.5": 4.5, "9": 9.04, "9.9": 9.94, "10": 9.95, "28": 28.1, "120": 119.9, "-17": -17.31} {
		if got := everyday(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}

func TestNum(t *testing.T) {
	for want, v := range map[string]float64{"0": math.Copysign(0, -1), "0.004": 0.0041, "0.68": 0.68, "4.5": 4.5, "30": 30.0, "38.7": 38.71, "120": 119.9, "-17.3": -17.31} {
		if got := num(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}
