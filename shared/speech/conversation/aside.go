package conversation

import (
	"strings"

	"parley/shared/speech/transcript"
)

// Before an interview there may be an announcement, a voicemail or other people's talk. It is no
// part of the interview: whoever speaks only there is neither candidate nor interviewer.
const (
	// asideMs is the most that a voice of before may speak: a candidate of whom so little is heard
	// could hardly be scored.
	asideMs = 60_000
	// insideShare is the least share of the speech that follows.
	insideShare = 0.7
	// asideGapMs is the least pause between an announcement and the words of a like voice.
	asideGapMs = 3000
	// asidePhrases is how many of the announcements' phrases make one, sureAside without a pause
	// where another voice follows.
	asidePhrases = 2
	sureAside    = 3
)

// announced are phrases of announcements and voicemails, as words of sentences are.
var announced = []string{
	"thank you for calling", "thanks for calling", "you have reached", "you've reached", "is recorded", "be recorded", "may be monitored", "quality purposes", "training purposes", "for training",
	"please hold", "hold the line", "stay on the line", "please wait", "are busy", "is busy", "at the moment", "be with you shortly", "press one", "press 1", "after the tone", "after the beep",
	"leave a message", "leave your", "your call", "not available", "unable to take", "call you back", "office hours", "our office is", "voicemail", "mailbox",
}

// leaveOut marks what is no part of the interview: turns before it, by voices that say nothing
// later, and an announcement by a voice that is taken for a later one. The speakers' totals follow.
func leaveOut(c *transcript.Conversation) {
	for _, before := range prefixes(c.Turns, len(c.Speakers)) {
		in := make([]bool, len(c.Speakers))
		for _, s := range before {
			in[s] = true
		}
		var inside, all int64
		long := false
		for _, s := range c.Speakers {
			all += s.SpeakingMs
			if in[s.Speaker] {
				long = long || s.SpeakingMs > asideMs
			} else {
				inside += s.SpeakingMs
			}
		}
		if long || float64(inside) < insideShare*float64(all) {
			continue
		}
		for i := range c.Turns {
			c.Turns[i].Aside = c.Turns[i].Aside || in[c.Turns[i].Speaker]
		}
		for _, s := range before {
			c.Speakers[s].Outside = true
		}
		return
	}
	splitAnnouncement(c)
}

// prefixes are the sets of speakers who say nothing once another has begun to, the largest first:
// two speakers or more are left after each.
func prefixes(turns []transcript.Turn, speakers int) (out [][]int) {
	last := make([]int, speakers) // each speaker's last turn
	first := make([]int, speakers)
	for s := range first {
		first[s] = -1
	}
	var order []int // by first turn
	for i, t := range turns {
		if first[t.Speaker] < 0 {
			first[t.Speaker] = i
			order = append(order, t.Speaker)
		}
		last[t.Speaker] = i
	}
	end := -1
	for n, s := range order {
		if end = max(end, last[s]); len(order)-n-1 >= 2 && first[order[n+1]] > end {
			out = append([][]int{order[:n+1]}, out...)
		}
	}
	return out
}

// splitAnnouncement cuts an announcement off the first turn: what its speaker seems to say later is
// another's with a like voice.
func splitAnnouncement(c *transcript.Conversation) {
	if len(c.Turns) == 0 {
		return
	}
	t := c.Turns[0]
	n := len(t.Words) // where the announcement ends
	for i := 1; i < len(t.Words); i++ {
		if t.Words[i].StartMs-t.Words[i-1].EndMs >= asideGapMs {
			n = i
			break
		}
	}
	found := phrases(t.Words[:n])
	paused := n < len(t.Words) || len(c.Turns) > 1 && c.Turns[1].StartMs-t.EndMs >= asideGapMs
	if found < asidePhrases || !paused && (found < sureAside || len(c.Turns) == 1) {
		return
	}
	words := 0
	for _, w := range t.Words[:n] {
		if letters(w.Text) {
			words++
		}
	}
	intro, rest := t, t
	intro.Aside, intro.Words = true, t.Words[:n:n]
	turns := []transcript.Turn{intro}
	if n < len(t.Words) {
		intro.EndMs = max(intro.StartMs, t.Words[n-1].EndMs)
		rest.StartMs, rest.Words = min(max(t.Words[n].StartMs, intro.EndMs), t.EndMs), t.Words[n:]
		turns = []transcript.Turn{intro, rest}
	}
	c.Turns = append(turns, c.Turns[1:]...)
	s := &c.Speakers[t.Speaker]
	s.WordCount -= words
	s.SpeakingMs = max(0, s.SpeakingMs-(intro.EndMs-intro.StartMs))
}

// phrases counts those of announcements.
func phrases(words []transcript.Word) (n int) {
	var all []string
	for _, s := range split(words) {
		all = append(all, s.words...)
	}
	text := " " + strings.Join(all, " ") + " "
	for _, a := range announced {
		if strings.Contains(text, " "+a+" ") {
			n++
		}
	}
	return n
}
