package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"parley/shared/speech/score"
	"parley/shared/speech/score/vocabulary"
	"parley/shared/speech/transcript"
)

const answer = `Well, um, I'm working in a small company that sells furniture. I started there two years ago, after I finished university. My
job is to answer the customers when they have a problem with their order, and I also write the emails. I think I'm good at my job because I
always listen to people and I try to find a good solution. It is a small team. I would have asked them for help instead of waiting, but my boss was not there, so I
was responsible for it.`

// spoken is an interview in which the candidate gives the answer in its second turn, said as fast
// as usual, each word half a second after the one before.
func spoken(t *testing.T) Input {
	t.Helper()
	in := full()
	var ws []transcript.Word
	for i, w := range strings.Fields(answer) {
		ws = append(ws, transcript.Word{Text: " " + w, StartMs: int64(1000 + 500*i), EndMs: int64(1000 + 500*i + 80*len(w)), P: 0.9})
	}
	in.Conversation.Turns[1] = transcript.Turn{Speaker: 1, StartMs: 1000, EndMs: ws[len(ws)-1].EndMs, Words: ws}
	in.Conversation.Turns = in.Conversation.Turns[:2]
	r, err := vocabulary.Score(score.Material{Conversation: in.Conversation})
	if err != nil || r.Raw == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	in.Results[score.Vocabulary] = r
	return in
}

// Ensure that whatever the analysis of vocabulary names stands in the transcript of the same
// report, word for word and at the same time.
func TestWordsAndPatternsStandInTheTranscript(t *testing.T) {
	r := Build(spoken(t))
	l := r.Analysis[score.Vocabulary].Lexicon
	var spots []Spot
	for _, b := range l.Bands {
		for _, w := range b.Words {
			spots = append(spots, w.At)
		}
	}
	for _, p := range l.Patterns {
		spots = append(spots, p.At...)
	}
	for _, p := range l.Practice {
		spots = append(spots, p.At)
	}
	if len(l.Bands) < 3 || len(l.Patterns) < 10 || len(l.Practice) == 0 {
		t.Fatalf("%+v", l)
	}
	for _, s := range spots {
		ws := r.Transcript.Segments[s.Segment].Words[s.Word : s.Word+s.Words]
		var texts []string
		lowest := 1.0
		for _, w := range ws {
			lowest = min(lowest, rounded(*w.Confidence, 100))
			texts = append(texts, strings.Trim(w.Text, ".,"))
		}
		if ws[0].StartMs != s.StartMs || ws[len(ws)-1].EndMs != s.EndMs || !strings.EqualFold(strings.Join(texts, " "), s.Text) || s.Confidence == nil || *s.Confidence != lowest {
			t.Errorf("%+v, the transcript has %v", s, ws)
		}
	}
}

func TestVocabularyIsExplainedByTheCandidatesWords(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*score.Result)
		of     func(Report) string
		want   []string
		never  []string
	}{
		{"words, patterns and where the verbs lie are named", func(*score.Result) {}, func(r Report) string { return r.Explainability[score.Vocabulary] },
			[]string{"Vocabulary is ", "with low confidence", "You used “I would have asked”, “instead of” and “responsible for”; most of your different verbs are among the first thousand words that learners meet."}, nil},
		{"without a caution the interval and what made the score stand beside", func(r *score.Result) { r.Cautions = nil }, func(r Report) string { return r.Explainability[score.Vocabulary] },
			[]string{"most likely between ", "You used ", "What helps the score most is "}, nil},
		{"a level that is about as likely is told", func(r *score.Result) { r.AsLikely = "A2" }, func(r Report) string { return r.Explainability[score.Vocabulary] },
			[]string{"; level A2 is about as likely. "}, nil},
		{"no other level is told where none is", func(r *score.Result) { r.AsLikely = "" }, func(r Report) string { return r.Explainability[score.Vocabulary] },
			[]string{"confidence. "}, []string{"as likely"}},
		{"the feedback practises by the candidate's own words", func(*score.Result) {}, func(r Report) string { return r.CandidateFeedback },
			[]string{"Vocabulary: you said “small” more than once, as in “working in a small company that sells”; a more exact word such as "}, []string{"Vocabulary: use", "Here you are", "describe the same thing"}},
		{"without an example it advises the measure with most to gain", func(r *score.Result) { r.Practice = nil }, func(r Report) string { return r.CandidateFeedback },
			[]string{"Vocabulary: use "}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := spoken(t)
			change(&in, score.Vocabulary, c.change)
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
			if n := strings.Count(Build(in).Explainability[score.Vocabulary], ". ") + 1; n < 2 || n > 3 {
				t.Errorf("%d sentences", n)
			}
		})
	}
	t.Run("the points of the feedback are those of the analysis, three at most", func(t *testing.T) {
		r := Build(spoken(t))
		practice := r.Analysis[score.Vocabulary].Practice
		if len(practice) > score.MaxPoints {
			t.Fatalf("%d points", len(practice))
		}
		for _, p := range practice {
			if !strings.Contains(r.CandidateFeedback, p.Text[1:]) || !strings.Contains(p.Text, p.At.Text) {
				t.Errorf("%+v\n%s", p, r.CandidateFeedback)
			}
		}
	})
}

func TestTheListsOfVocabularyInJSON(t *testing.T) {
	members := func(in Input, dimension string) map[string]gjson.Result {
		t.Helper()
		raw, err := json.Marshal(Build(in))
		if err != nil {
			t.Fatal(err)
		}
		return gjson.GetBytes(raw, "analysis."+dimension).Map()
	}
	lists := []string{"bands", "patterns", "practice"}
	t.Run("vocabulary has them", func(t *testing.T) {
		for _, l := range lists {
			if m := members(spoken(t), "vocabulary")[l]; !m.IsArray() || len(m.Array()) == 0 {
				t.Errorf("%s is %s", l, m.Raw)
			}
		}
	})
	t.Run("they are null where there is no score, with the reason beside them", func(t *testing.T) {
		in := spoken(t)
		change(&in, score.Vocabulary, func(r *score.Result) { r.Raw, r.Reason = nil, "Only 20 words were heard." })
		m := members(in, "vocabulary")
		for _, l := range lists {
			if m[l].Raw != "null" {
				t.Errorf("%s is %s", l, m[l].Raw)
			}
		}
		if m["reason"].String() != "Only 20 words were heard." {
			t.Errorf("%v", m["reason"])
		}
	})
	t.Run("no other dimension has them", func(t *testing.T) {
		for _, l := range lists {
			if m, ok := members(spoken(t), "fluency")[l]; ok {
				t.Errorf("%s is %s", l, m.Raw)
			}
		}
	})
	t.Run("they are read back", func(t *testing.T) {
		raw, err := json.Marshal(Build(spoken(t)))
		if err != nil {
			t.Fatal(err)
		}
		var back Report
		if err := json.Unmarshal(raw, &back); err != nil || len(back.Analysis[score.Vocabulary].Bands) < 3 || back.Analysis[score.Fluency].Lexicon != nil {
			t.Fatalf("%+v, %v", back.Analysis, err)
		}
	})
}
