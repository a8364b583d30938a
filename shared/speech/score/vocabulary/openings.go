package vocabulary

import (
	"slices"

	"parley/shared/speech/score"
	"parley/shared/speech/words"
)

// opening is a pattern to practise, and the words of a candidate who does not use it beside which
// it would have fitted. The advice names the pattern and quotes the candidate's words; it never
// puts a sentence into their mouth.
type opening struct {
	pattern string // the pattern's name, or one of its own for a group
	level   int    // the CEFR level at which CEFR-J's grammar profile (20180315) has it, 1 to 4
	// used tells whether a finding shows that the candidate has it.
	used func(f found) bool
	// words is how many running words from here are quoted; 0: it would not fit here. back is how
	// many before them are.
	words func(s spot) int
	back  int
	// advice is a sentence with one %s for the quotation, and better the forms that it recommends.
	advice string
	better []string
}

func named(names ...string) func(f found) bool {
	return func(f found) bool {
		return slices.Contains(names, f.pattern.name)
	}
}

func formed(name string, forms ...string) func(f found) bool {
	return func(f found) bool {
		for _, x := range forms {
			if f.pattern.name == name && f.form == x {
				return true
			}
		}
		return false
	}
}

var (
	thirdPersons = setOf("it he she they")
	timeSpans    = setOf("year month week day hour time")
	amounts      = setOf("a an one many several some few")
)

// openings are tried in this order, the easiest first.
var openings = []opening{
	{
		pattern: "VERB -ing", level: 1, used: named("VERB -ing"),
		words: func(s spot) int {
			return span(3, setOfLiking[s.lemma(0)] && !s.is(-1, "would") && s.is(1, "to") && s.class(2) == verb)
		},
		advice: `Besides “%s”, try verbs that take the -ing form, such as “enjoy” and “keep”.`,
		better: []string{"enjoy -ing", "keep -ing"},
	},
	{
		pattern: "PREPOSITION -ing", level: 1, used: named("PREPOSITION -ing"),
		words: func(s spot) int {
			return span(3, s.is(0, "before", "after") && subjects[s.form(1)] && s.class(2).in("VA"))
		},
		advice: `You said “%s”: where the same person does both, the -ing form can follow “before” and “after”.`,
		better: []string{"before -ing", "after -ing"},
	},
	{
		pattern: "relative", level: 1, used: named("relative"),
		words: func(s spot) int {
			if s.class(0) != noun {
				return 0
			}
			if s.is(1, "and") && thirdPersons[s.form(2)] && s.class(3).in("VA") {
				return 4
			}
			return span(3, thirdPersons[s.form(1)] && s.class(2).in("VA"))
		},
		advice: `You said “%s”: “who”, “which” or “that” can join both into one sentence.`,
		better: []string{"who", "which", "that"},
	},
	{
		pattern: "it is ADJECTIVE to", level: 2, used: named("it is ADJECTIVE to"),
		words: func(s spot) int {
			j := 2
			for s.class(j) == adverb || s.is(j, "very", "so", "too", "not") {
				j++
			}
			return span(j+1, s.is(0, "it") && beForms[s.form(1)] && j < 5 && s.class(j) == adjective)
		},
		advice: `You said “%s”: you can go on with “to” and a verb.`,
		better: []string{"it is … to"},
	},
	{
		pattern: "perfect", level: 2, used: named("perfect"),
		words: func(s spot) int {
			return span(3, s.is(0, "for") && (numbers[s.form(1)] || amounts[s.form(1)]) && timeSpans[s.lemma(2)])
		},
		back:   3,
		advice: `You said “%s”: if it still goes on, say it with “have”, as in “have been” and “have worked”.`,
		better: []string{"have … for", "have … since"},
	},
	{
		pattern: "joining words", level: 2, used: formed("link", "although", "though", "while", "unless", "since", "until", "whereas", "whenever", "once"),
		words: func(s spot) int {
			return span(3, s.is(0, "and", "but", "so") && subjects[s.form(1)] && s.class(2).in("VA"))
		},
		advice: `You joined two statements as in “%s”: words such as “although”, “while” and “until” say more exactly how two statements belong together.`,
		better: []string{"although", "while", "until"},
	},
	{
		pattern: "would with if", level: 3, used: named("would with if"),
		words:  func(s spot) int { return span(4, s.is(0, "if") && subjects[s.form(1)]) },
		advice: `You said “%s”: for what may never happen, use “would” in the other half of the sentence.`,
		better: []string{"would"},
	},
	{
		pattern: "may and might", level: 3, used: formed("modal", "may", "might"),
		words:  func(s spot) int { return span(3, s.is(0, "maybe", "perhaps")) },
		advice: `You said “%s”: “might” before the verb says the same.`,
		better: []string{"might", "may"},
	},
	{
		pattern: "be able to", level: 3, used: named("be able to"),
		words: func(s spot) int {
			return span(3, subjects[s.form(0)] && s.is(1, "can", "could") && s.class(2) == verb)
		},
		advice: `You said “%s”. “Can” and “could” never follow “will”, “have” or “to”: there, use “be able to”.`,
		better: []string{"be able to"},
	},
	{
		pattern: "so that", level: 4, used: formed("pair", "so that", "in order"),
		words: func(s spot) int {
			return span(4, s.is(0, "because") && s.is(1, "i", "we", "they", "he", "she") && s.lemma(2) == "want" && s.is(3, "to"))
		},
		advice: `You said “%s”: “so that” and “in order to” say what something is for.`,
		better: []string{"so that", "in order to"},
	},
}

// setOfLiking are verbs after which learners say "to" and a verb where -ing is as good.
var setOfLiking = setOf("like love hate start begin continue prefer")

// openings finds the patterns that were not used, each with the surest place where it would have
// fitted.
func (q quoter) openings() []score.Opening {
	out := []score.Opening{}
	for _, o := range openings {
		used := false
		for _, at := range q.patternsAt {
			for _, f := range at {
				used = used || o.used(f)
			}
		}
		if used {
			continue
		}
		var places []score.Place
		for i := range q.ws {
			if n := o.words(spot{q.ws, i}); n > 0 && q.withinSentence(i, n) {
				places = append(places, q.around(i, min(n, len(q.ws)-i), o.back, 0))
			}
		}
		if len(places) > 0 {
			out = append(out, score.Opening{Pattern: o.pattern, Level: words.LevelName(o.level), Count: len(places), At: surest(places)[0]})
		}
	}
	return out
}

// withinSentence tells whether n running words from the i-th are of one sentence and turn, as far
// as the transcript shows it.
func (q quoter) withinSentence(i, n int) bool {
	for j := i + 1; j < min(i+n, len(q.ws)); j++ {
		if q.ws[j].turn != q.ws[i].turn || q.ws[j].first && q.ws[j].at != q.ws[j-1].at {
			return false
		}
	}
	return true
}
