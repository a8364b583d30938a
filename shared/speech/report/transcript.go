package report

import (
	"fmt"
	"strings"

	"parley/shared/speech/transcript"
	"parley/shared/speech/transcript/certainty"
)

// Transcript is who said what.
type Transcript struct {
	Segments         []Segment `json:"segments"`
	Speakers         []Speaker `json:"speakers"`
	CandidateText    string    `json:"candidateText"`
	CandidateSpeaker *string   `json:"candidateSpeaker"` // null where nobody spoke
}

// Segment is a stretch of one speaker.
type Segment struct {
	Speaker string `json:"speaker"`
	StartMs int64  `json:"startMs"`
	EndMs   int64  `json:"endMs"`
	Text    string `json:"text"`
	// mean of its words', 0 to 1; null where no word has one
	Confidence *float64 `json:"confidence"`
	Overlap    bool     `json:"overlap"` // another speaks at the same time
	Words      []Word   `json:"words"`
}

// Word is one word as it was heard.
type Word struct {
	Text    string `json:"text"`
	StartMs int64  `json:"startMs"`
	EndMs   int64  `json:"endMs"`
	// how probable it is that the word is right, 0 to 1; null where the recogniser does not tell it
	// in a way that ours could be compared with
	Confidence *float64 `json:"confidence"`
}

// Speaker is one speaker's share.
type Speaker struct {
	Speaker      string `json:"speaker"`
	SpeakerLabel string `json:"speakerLabel"`
	SpeakingMs   int64  `json:"speakingMs"`
	WordCount    int    `json:"wordCount"`
}

// cast is the order in which the speakers of a conversation first speak: by their number there,
// their place from 1. Who never speaks comes after the others.
type cast map[int]int

func castOf(c transcript.Conversation) cast {
	k := cast{}
	add := func(speaker int) {
		if _, there := k[speaker]; !there {
			k[speaker] = len(k) + 1
		}
	}
	for _, t := range c.Turns { // by start
		add(t.Speaker)
	}
	for _, s := range c.Speakers {
		add(s.Speaker)
	}
	add(c.Candidate.Speaker)
	return k
}

// id returns the text that stands for a speaker in every answer: speaker_1 is the first to speak.
func (k cast) id(speaker int) string { return fmt.Sprintf("speaker_%d", k[speaker]) }

// label names a speaker: the candidate; of the others the one who speaks most in the interview is
// the interviewer, the rest are numbered.
func label(c transcript.Conversation, speaker int) string {
	if speaker == c.Candidate.Speaker {
		return "Candidate"
	}
	interviewer, most := -1, int64(-1)
	for _, s := range c.Speakers {
		if s.Outside && s.Speaker == speaker {
			return "Before the interview"
		}
		if s.Speaker != c.Candidate.Speaker && !s.Outside && s.SpeakingMs > most {
			interviewer, most = s.Speaker, s.SpeakingMs
		}
	}
	if speaker == interviewer {
		return "Interviewer"
	}
	return fmt.Sprintf("Speaker %d", castOf(c)[speaker])
}

func detection(c transcript.Conversation) *Detection {
	if len(c.Turns) == 0 && len(c.Speakers) == 0 {
		return nil
	}
	d := c.Candidate
	out := &Detection{Speaker: castOf(c).id(d.Speaker), SpeakerLabel: label(c, d.Speaker), Confidence: d.Confidence, Reason: d.Reason, WordCount: d.WordCount}
	if d.Channel != "" {
		out.Channel = &d.Channel
	}
	if d.Hint != "" {
		out.Hint = &d.Hint
	}
	return out
}

// overlapMs is how long two turns must run beside each other for them to overlap: less is how
// closely their ends are known.
const overlapMs = 200

// overlaps tells of each turn, which are by start, whether another speaker's runs beside it.
func overlaps(turns []transcript.Turn) []bool {
	out := make([]bool, len(turns))
	for i, t := range turns {
		for j := i + 1; j < len(turns) && turns[j].StartMs <= t.EndMs-overlapMs; j++ {
			if turns[j].Speaker != t.Speaker && turns[j].EndMs-turns[j].StartMs >= overlapMs {
				out[i], out[j] = true, true
			}
		}
	}
	return out
}

// bySpeaker is how surely each speaker is heard.
func bySpeaker(c transcript.Conversation) map[int]certainty.Speaker {
	said := map[int][]transcript.Turn{}
	for _, t := range c.Turns {
		said[t.Speaker] = append(said[t.Speaker], t)
	}
	out := map[int]certainty.Speaker{}
	for speaker, turns := range said {
		out[speaker] = certainty.SpeakerOf(turns)
	}
	return out
}

func transcriptOf(c transcript.Conversation) Transcript {
	out := Transcript{Segments: []Segment{}, Speakers: []Speaker{}}
	var said []string
	overlap, who, by := overlaps(c.Turns), castOf(c), bySpeaker(c)
	for i, t := range c.Turns {
		s := Segment{Overlap: overlap[i] || len(t.Crossed) > 0, Speaker: who.id(t.Speaker), StartMs: t.StartMs, EndMs: t.EndMs, Words: make([]Word, 0, len(t.Words))}
		texts := make([]string, 0, len(t.Words))
		sum := 0.0
		for _, w := range t.Words {
			p := by[t.Speaker].Of(w)
			text := strings.TrimSpace(w.Text)
			sum += p
			texts = append(texts, text)
			heard := Word{Text: text, StartMs: w.StartMs, EndMs: w.EndMs}
			if !c.Unrated {
				heard.Confidence = decimals(p, 1000)
			}
			s.Words = append(s.Words, heard)
		}
		s.Text = strings.Join(texts, " ")
		if len(t.Words) > 0 {
			if !c.Unrated {
				s.Confidence = decimals(sum/float64(len(t.Words)), 1000)
			}
			if c.Scored(t) {
				said = append(said, s.Text)
			}
		}
		out.Segments = append(out.Segments, s)
	}
	for _, s := range c.Speakers {
		out.Speakers = append(out.Speakers, Speaker{Speaker: who.id(s.Speaker), SpeakerLabel: label(c, s.Speaker), SpeakingMs: s.SpeakingMs, WordCount: s.WordCount})
	}
	out.CandidateText = strings.Join(said, " ")
	if detection(c) != nil {
		speaker := who.id(c.Candidate.Speaker)
		out.CandidateSpeaker = &speaker
	}
	return out
}
