package conversation

import (
	"fmt"

	"parley/shared/speech/transcript"
)

// choose finds the candidate: the one whom the client names, or without a hint the one whom detect
// finds. tracks tell of each speaker the channel; empty: there is one sound. Where the hint names
// nobody, which shows only now, detect's choice stands with low confidence.
func choose(c transcript.Conversation, tracks []int, hint transcript.Hint) transcript.Detection {
	own := detect(c)
	if hint == "" {
		return own
	}
	own.Hint = hint
	speaker, missing := named(c, tracks, hint, own.Speaker)
	if missing != "" {
		own.Confidence = Low
		own.Reason = fmt.Sprintf("The hint %q fits nobody, because %s. %s", hint, missing, own.Reason)
		return own
	}
	d := transcript.Detection{Speaker: speaker, Confidence: High, WordCount: c.Speakers[speaker].WordCount, Hint: hint,
		Reason: fmt.Sprintf("This speaker was taken as the candidate because the request says so (candidateSpeaks=%s).", hint)}
	switch {
	case d.WordCount == 0:
		d.Confidence = Low
		d.Reason += " No word of theirs was heard, so check the hint and the transcript."
	case own.Speaker != speaker && own.Confidence == High:
		d.Confidence = Medium
		d.Reason += " What was heard points to another speaker, so check the hint."
	}
	return d
}

// named is the speaker whom a hint names; missing says why there is none. Of several in the channel
// that is named it is the likeliest one, where that is among them, else the one who speaks most.
func named(c transcript.Conversation, tracks []int, hint transcript.Hint, likeliest int) (speaker int, missing string) {
	most := func(of func(speaker int) bool) int {
		best := -1
		for i, s := range c.Speakers {
			if !s.Outside && of(i) && (best < 0 || s.SpeakingMs > c.Speakers[best].SpeakingMs) {
				best = i
			}
		}
		return best
	}
	var inside []int // in the order in which they begin to speak
	for i, s := range c.Speakers {
		if !s.Outside {
			inside = append(inside, i)
		}
	}
	switch hint {
	case transcript.HintFirst:
		return inside[0], ""
	case transcript.HintSecond:
		if len(inside) < 2 {
			return 0, "only one voice was heard"
		}
		return inside[1], ""
	case transcript.HintMost:
		return most(func(int) bool { return true }), ""
	case transcript.HintLeft, transcript.HintRight:
		if len(tracks) == 0 {
			return 0, "the channels do not hold speakers of their own"
		}
		in := func(i int) bool { return i < len(tracks) && transcript.Channels[tracks[i]] == hint.Channel() }
		if in(likeliest) {
			return likeliest, ""
		}
		if speaker = most(in); speaker < 0 {
			return 0, "nobody speaks in that channel"
		}
		return speaker, ""
	}
	return 0, "there is no such hint"
}
