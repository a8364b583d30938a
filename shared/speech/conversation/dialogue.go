package conversation

import (
	"parley/shared/speech/audio"
	"parley/shared/speech/diarization"
	"parley/shared/speech/transcript"
)

// One voice is one voice only if the words agree: what reads as questions and answers was said by
// two. Set by hand: monologues hold a rhetorical question now and then, an interview asks every few
// sentences.
const (
	// dialogueAsks is how many sentences must ask, and dialogueShare their share of all, for words
	// to read as a dialogue.
	dialogueAsks  = 4
	dialogueShare = 0.08
	// dialogueAnswers is how many questions answered within the candidate's own turns, half of
	// dialogueShare of all sentences at least, mean another voice among them.
	dialogueAnswers = 3
	// dialogueInvites is how many sentences of the candidate's invite the other to speak, as
	// interviewers' do, where an interviewer may be among them.
	dialogueInvites = 2
	// Questions within one speaker's turns, with two sentences behind them: so many, and such a
	// share of the sentences, cast a little doubt on one voice, and so many more cast much. The
	// candidates of the four shared scripted interviews have none. With an interviewer's voice
	// among theirs they have 2 to 21, 3 % of the sentences or more.
	withinSome, withinSomeShare = 2, 0.03
	withinMany, withinManyShare = 3, 0.04
	// handedOver is the share of the asking sentences after which the other voice of a doubted cut
	// must speak, for the words to bear the cut out: a cut by chance falls behind few of them.
	handedOver = 0.6
)

// asked counts sentences: all, those that ask, those of them that end their turn, those that are
// answered within it, questions with two sentences behind them in it that do not ask, those that
// invite the other to speak, and those that greet as their turn did
// before.
type asked struct{ sentences, asks, ends, answered, within, invites, greetsAgain int }

// holds tells whether there are so many questions within turns.
func (a asked) holds(many int, share float64) bool {
	return a.within >= many && float64(a.within) >= share*float64(a.sentences)
}

// count counts the sentences of a speaker, or with -1 of all.
func count(turns []transcript.Turn, speaker int, language string) (a asked) {
	for _, t := range turns {
		if t.Aside || t.Speaker != speaker && speaker >= 0 {
			continue
		}
		own := split(t.Words)
		greeted := map[string]bool{}
		for i, s := range own {
			a.sentences++
			if g := s.opener(greeting); g != "" {
				if greeted[g] {
					a.greetsAgain++
				}
				greeted[g] = true
			}
			if s.opener(inviting) != "" {
				a.invites++
			}
			if s.question && i+2 < len(own) && !own[i+1].asks() && !own[i+2].asks() {
				a.within++
			}
			if !s.asks() {
				continue
			}
			a.asks++
			if i+1 < len(own) && own[i+1].answers(language) {
				a.answered++
			}
		}
		if len(own) > 0 && handsOver(own) {
			a.ends++
		}
	}
	return a
}

// dialogue tells whether words read as one.
func (a asked) dialogue() bool {
	return a.asks >= dialogueAsks && float64(a.asks) >= dialogueShare*float64(a.sentences)
}

// greeting and inviting begin English sentences of greeting, and those with which an interviewer
// makes the other speak.
var (
	greeting = []string{"hello", "hi", "good morning", "good afternoon", "good evening", "nice to meet you"}
	inviting = []string{"tell me about", "tell us about", "tell me more", "tell us more", "describe", "talk me through", "walk me through", "walk us through", "give me an example", "give us an example", "introduce yourself", "please introduce", "let's start with", "let's move on", "let's talk about"}
)

// yesOrNo begin an answer, as words for oneself do (pronouns).
var yesOrNo = set("yes", "yeah", "no", "sure", "ja", "nein", "sí", "oui", "non")

// answers tells whether a sentence begins as the answer to a question put to its speaker.
func (s sentence) answers(language string) bool {
	if s.asks() {
		return false
	}
	for i, w := range s.words {
		if yesOrNo[w] || byLanguage[language].me[w] {
			return true
		}
		if i == 2 || !passedOver[w] {
			return false
		}
	}
	return false
}

// reheard is the doubted way of telling two voices apart, where the words bear it out: they read as
// a dialogue, and the voice changes where something was asked. ok is false where they do not, and
// where there is no such way.
func reheard(words []transcript.Word, d diarization.Diarization, language string) (diarization.Diarization, bool) {
	if d.Speakers != 1 || len(d.Doubted) == 0 {
		return d, false
	}
	two := diarization.Diarization{Speakers: 2, Turns: d.Doubted, Both: d.Both}
	a := count(assign(words, merged(two, words, audio.Intake{})), -1, language)
	if !a.dialogue() || float64(a.ends) < handedOver*float64(a.asks) {
		return d, false
	}
	return two, true
}

const (
	oneVoiceDialogue = "Only one voice was heard in the recording, but what is said reads as questions and answers, so check that the score is one person's."
	againTwo         = " The two voices are alike and were told apart with the help of what is said."
	asksItself       = " Part of what this speaker seems to say reads as questions and answers, so another voice may be mixed in."
	invitesOthers    = " Part of what this speaker seems to say invites others to speak, as interviewers do, so an interviewer's voice may be mixed in."
	asksWithin       = " Some questions stand within this speaker's turns, so another voice may be among them."
	greetsTwice      = " A greeting is followed by another within one turn, so another voice may be in it."
)

// doubt lowers the confidence of a detection where the words contradict the voices; again says that
// they were told apart by the words.
func doubt(c transcript.Conversation, again bool) transcript.Detection {
	d := c.Candidate
	switch {
	case len(c.Speakers) == 1:
		if count(c.Turns, -1, c.Language).dialogue() {
			d.Confidence, d.Reason = Low, oneVoiceDialogue
		}
	case again:
		if d.Confidence == High {
			d.Confidence = Medium
		}
		d.Reason += againTwo
	default:
		// Who tells of questions asks in the midst of a turn too, but does not answer them as "I".
		a := count(c.Turns, d.Speaker, c.Language)
		switch {
		case a.answered >= dialogueAnswers && float64(a.answered) >= dialogueShare/2*float64(a.sentences), a.holds(withinMany, withinManyShare):
			d.Confidence = Low
			d.Reason += asksItself
		case a.invites >= dialogueInvites:
			d.Confidence = Low
			d.Reason += invitesOthers
		case a.greetsAgain > 0 && d.Confidence == High:
			d.Confidence = Medium
			d.Reason += greetsTwice
		case a.holds(withinSome, withinSomeShare) && d.Confidence == High:
			d.Confidence = Medium
			d.Reason += asksWithin
		}
	}
	return d
}
