package conversation

import (
	"fmt"
	"math"
	"strings"
	"unicode"

	"parley/shared/speech/transcript"
)

// The candidate is the speaker with the most evidence. Evidence is summed up for each speaker, in
// nats: the log of the share of the speaking time, less for asking and for opening the
// conversation, more for answering and for speaking of oneself. Where nobody asks anything, the
// rest decides.
const (
	// weightAsks is what it costs a speaker when all of their turns end by asking, and less in
	// proportion. A question inside an answer is told or rhetorical, and does not count.
	weightAsks = 3.0
	// weightAnswers is what it brings to take the next turn after all questions of the others, and
	// less in proportion.
	weightAnswers = 1.5
	// weightOpens is set by hand, because the side that asked for the interview usually opens it.
	// Of two who ask nothing and speak alike of themselves, the one who did not open is the
	// candidate from 27 % of the speaking time on.
	weightOpens = 1.0
	// weightSelf is per share of words of oneself ("I", "my") less words to the other ("you"). It
	// is set by hand: applicants speak of themselves, interviewers to the other. In the shared
	// interviews, though these are read, the share is 0.006 to 0.06 for candidates and -0.025 to 0
	// for interviewers.
	weightSelf = 20.0
	// mostSelf bounds that share. fewWords draws it towards 0 where there is little to count.
	mostSelf = 0.05
	fewWords = 30
	// stray questions are not counted: everyone asks now and then, and recognisers invent question
	// marks.
	stray = 2
	// fewTurns and fewQuestions draw the shares towards 0 where there is little to count.
	fewTurns     = 3
	fewQuestions = 4
	// afterthoughtWords is the longest sentence that may follow a question at the end of a turn:
	// "Please take your time.".
	afterthoughtWords = 4
	// leadHigh and leadMedium are the leads of the first over the second from which the confidence
	// is high and medium. If the second opened, half of what that cost them is taken off the lead,
	// so that the opening alone makes nothing sure.
	leadHigh   = 1.2
	leadMedium = 0.6
	// openersShare is about a first who opened the conversation, with no lead by questions. Below
	// this share of the speaking time the confidence is low; from it on, or where words of oneself
	// speak for the first, medium at most.
	openersShare = 0.8
	// opensWords is how many words open a conversation: a cough or a "hello?" does not. opensMs is
	// the same for a conversation without words, in ms.
	opensWords = 3
	opensMs    = 1500
)

// The levels of confidence.
const (
	High   = "high"
	Medium = "medium"
	Low    = "low"
)

// evidence is what speaks for or against a speaker being the candidate.
type evidence struct {
	share   float64 // of the speaking time
	asks    float64 // turns that end by asking, a share of the speaker's own
	answers float64 // of the questions of others that this speaker answers
	asked   int     // turns that end by asking
	// words of oneself less words of the other, a share of the speaker's own, -mostSelf to mostSelf
	self  float64
	opens bool
	sum   float64
	// outside is true of who speaks only before the interview.
	outside bool
}

// detect finds the candidate of a conversation with at least one speaker.
func detect(c transcript.Conversation) transcript.Detection {
	if len(c.Speakers) == 1 {
		return transcript.Detection{Confidence: Medium, WordCount: c.Speakers[0].WordCount,
			Reason: "Only one voice was heard in the recording, so it was taken as the candidate's."}
	}
	e := weigh(c)
	first, second := -1, -1
	for i := range e {
		switch {
		case c.Speakers[i].Outside:
		case first < 0 || e[i].sum > e[first].sum:
			first, second = i, first
		case second < 0 || e[i].sum > e[second].sum:
			second = i
		}
	}
	lead := e[first].sum - e[second].sum
	if e[second].opens {
		lead -= weightOpens / 2
	}
	level := Low
	switch {
	case c.Speakers[first].WordCount == 0:
	case lead >= leadHigh:
		level = High
	case lead >= leadMedium:
		level = Medium
	}
	ofSelf := weightSelf * (e[first].self - e[second].self)
	if e[first].opens && e[first].said()-e[second].said() < leadMedium {
		if e[first].share < openersShare && ofSelf < leadMedium {
			level = Low
		} else if level == High {
			level = Medium
		}
	}
	if level == High && lead-ofSelf < 0 { // everything else speaks for the other
		level = Medium
	}
	return transcript.Detection{Speaker: first, Confidence: level, WordCount: c.Speakers[first].WordCount,
		Reason: reason(e, first, ofSelf, level)}
}

// said is the evidence of asking and answering.
func (e evidence) said() float64 { return weightAnswers*e.answers - weightAsks*e.asks }

func weigh(c transcript.Conversation) []evidence {
	e := make([]evidence, len(c.Speakers))
	var total int64
	words := 0
	for _, s := range c.Speakers {
		if s.Outside {
			continue
		}
		total += s.SpeakingMs
		words += s.WordCount
	}
	turns := make([]int, len(e))
	questions, answered := make([]int, len(e)), make([]int, len(e))
	opened := false
	of := make([]person, len(e))
	for i, t := range c.Turns {
		if t.Aside {
			continue
		}
		own := split(t.Words)
		of[t.Speaker].add(own, c.Language)
		if !opened && (len(t.Words) >= opensWords || words == 0 && t.EndMs-t.StartMs >= opensMs) {
			e[t.Speaker].opens, opened = true, true
		}
		if len(own) == 0 {
			continue
		}
		turns[t.Speaker]++
		if !handsOver(own) {
			continue
		}
		e[t.Speaker].asked++
		// The question stands open for everyone else; the next turn with words answers it.
		for j := range e {
			if j != t.Speaker {
				questions[j]++
			}
		}
		for _, n := range c.Turns[i+1:] {
			if len(n.Words) > 0 && n.Speaker != t.Speaker {
				answered[n.Speaker]++
				break
			}
		}
	}
	for i := range e {
		e[i].share = float64(c.Speakers[i].SpeakingMs+1) / float64(total+1)
		e[i].asks = float64(max(0, e[i].asked-stray)) / float64(turns[i]+fewTurns)
		e[i].answers = float64(max(0, answered[i]-stray)) / float64(questions[i]+fewQuestions)
		e[i].self = of[i].share()
		e[i].outside = c.Speakers[i].Outside
		e[i].sum = e[i].parts().Sum()
	}
	return e
}

// Evidence is what speaks for a speaker being the candidate, in nats.
type Evidence struct{ Share, Asks, Answers, Self, Opens float64 }

// Sum is all of it.
func (v Evidence) Sum() float64 { return v.Share + v.Asks + v.Answers + v.Self + v.Opens }

func (e evidence) parts() Evidence {
	v := Evidence{Share: math.Log(e.share), Asks: -weightAsks * e.asks, Answers: weightAnswers * e.answers, Self: weightSelf * e.self}
	if e.opens {
		v.Opens = -weightOpens
	}
	return v
}

// Weigh is the evidence by which the candidate of a conversation is chosen, for each speaker: for
// those who measure it.
func Weigh(c transcript.Conversation) []Evidence {
	var out []Evidence
	for _, e := range weigh(c) {
		out = append(out, e.parts())
	}
	return out
}

// handsOver tells whether a turn ends by asking: with its last sentence, or with the one before a
// short last sentence.
func handsOver(turn []sentence) bool {
	n := len(turn)
	return turn[n-1].asks() || n > 1 && len(turn[n-1].words) <= afterthoughtWords && turn[n-2].asks()
}

// reason is one to three plain sentences. It quotes nobody.
func reason(e []evidence, first int, ofSelf float64, level string) string {
	most := true
	asked, inside := 0, 0
	for i := range e {
		if e[i].outside {
			continue
		}
		inside++
		if i != first {
			most = most && e[i].share < e[first].share
			asked += e[i].asked
		}
	}
	percent := int(math.Round(100 * e[first].share))
	other := "The other speaker"
	if inside > 2 {
		other = "Another speaker"
	}
	var parts []string
	if most {
		parts = append(parts, fmt.Sprintf("speak the most (%d %% of the speech)", percent))
	}
	switch {
	case asked > e[first].asked && e[first].answers > 0:
		parts = append(parts, "mostly answer questions")
	case asked > e[first].asked:
		parts = append(parts, "ask fewer questions")
	}
	if ofSelf >= leadMedium {
		parts = append(parts, "talk more about themselves")
	}
	if !e[first].opens {
		parts = append(parts, "did not open the conversation")
	}
	out := "This speaker was taken as the candidate because the signs taken together point to them."
	if len(parts) > 0 {
		out = "This speaker was taken as the candidate because they " + join(parts) + "."
	}
	if !most {
		out += fmt.Sprintf(" They speak for %d %% of the time.", percent)
	}
	if inside < len(e) {
		out += " What others say before the interview was left out."
	}
	if level == Low {
		out += " " + other + " may be the candidate instead: check the transcript."
	}
	return out
}

func join(parts []string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	return strings.Join(parts[:len(parts)-1], ", ") + " and " + parts[len(parts)-1]
}

// sentence is the words of one, lower case, with straight apostrophes, without punctuation.
type sentence struct {
	words    []string
	question bool // ends with a question mark
}

// split cuts the words of a turn into sentences at the recogniser's punctuation.
func split(words []transcript.Word) []sentence {
	var out []sentence
	var s sentence
	for _, w := range words {
		text := unquoted(w.Text)
		bare := strings.TrimFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		bare = strings.ReplaceAll(strings.ToLower(bare), "’", "'")
		if bare != "" {
			s.words = append(s.words, bare)
		}
		if sentenceEnd(text) && len(s.words) > 0 {
			s.question = strings.ContainsAny(text, "?？؟")
			out = append(out, s)
			s = sentence{}
		}
	}
	if len(s.words) > 0 {
		out = append(out, s)
	}
	return out
}

// The English ways of asking without a question mark; other languages have the mark alone. Openers
// that are only passed over stand before them.
var (
	passedOver = set("so", "and", "okay", "ok", "right", "well", "now", "great", "good", "alright", "yes", "yeah", "thank", "thanks", "you", "please", "but", "then", "next", "first", "um", "uh")
	asking     = []string{
		"what", "why", "how", "when", "where", "who", "which", "whose",
		"do you", "did you", "are you", "were you", "have you", "would you", "could you", "can you", "will you", "is there", "is it", "was it",
		"tell me", "tell us", "describe", "explain", "talk me through", "talk about", "walk me through", "walk us through", "give me an example", "give us an example",
		"let's talk", "let's move", "let's start", "let us talk", "imagine", "introduce yourself",
		"i'd like to ask", "i would like to ask", "i want to ask", "i'd like you to", "i would like you to", "i want you to", "question",
	}
)

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}

// asks tells whether the sentence asks or invites: by its mark, or by how it begins.
func (s sentence) asks() bool {
	if s.question {
		return true
	}
	return s.opener(asking) != ""
}

// opener is the one of these that the sentence begins with, after words that are only passed over;
// empty: none.
func (s sentence) opener(of []string) string {
	words := s.words
	for len(words) > 1 && passedOver[words[0]] {
		words = words[1:]
	}
	text := strings.Join(words[:min(len(words), 6)], " ") + " "
	for _, a := range of {
		if strings.HasPrefix(text, a+" ") {
			return a
		}
	}
	return ""
}
