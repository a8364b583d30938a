package main

import (
	"fmt"
	"slices"
	"strings"

	"parley/shared/speech/transcript"
)

const (
	// leastRun is how many words in a row that stand for nothing are called invented.
	leastRun = 4
	// A loop is a phrase of up to mostLoop words heard leastTimes in a row, and not said so.
	mostLoop, leastTimes = 12, 3
	// nobodyMs is how far from any speech a word must lie to be one where nobody speaks.
	nobodyMs = 1000
)

// subtitled are parts of what recognisers have learnt from subtitles.
var subtitled = []string{"thank you for watching", "thanks for watching", "subscribe", "subtitles by", "amara org", "see you next time", "see you in the next", "next video", "we'll be right back"}

// found is what was heard that nobody said.
type found struct {
	hours float64
	// said and errors are words, inserted those of the errors that stand for nothing.
	said, errors, inserted int
	// apart are words where nobody speaks.
	apart int
	// runs of inserted words, and loops, with the words in them.
	runs, runWords, loops, loopWords, subtitles int
	examples                                    []string
}

// judge compares what was heard with the truth.
func (t take) judge(words []transcript.Word, hours float64) found {
	f, said := found{hours: hours}, t.words()
	var heard []token
	var p []float64
	for _, w := range words {
		for _, x := range tokens(w.Text, "") {
			heard, p = append(heard, x), append(p, w.P)
		}
		if t.apart(w) {
			f.apart++
		}
	}
	truth := plain(said)
	for _, l := range loopsIn(heard) {
		phrase := strings.Repeat(" "+strings.TrimSpace(plain(heard[l.at:l.at+l.n])), leastTimes) + " "
		if strings.Contains(truth, phrase) {
			continue
		}
		f.loops, f.loopWords = f.loops+1, f.loopWords+l.n*l.times
		f.examples = append(f.examples, fmt.Sprintf("loop: %d times %s", l.times, quoted(heard, p, l.at, l.at+l.n)))
	}
	text := plain(heard)
	for _, s := range subtitled {
		if n := strings.Count(text, " "+s+" ") - strings.Count(truth, " "+s+" "); n > 0 {
			f.subtitles += n
			f.examples = append(f.examples, fmt.Sprintf("subtitle: %d times %q", n, s))
		}
	}
	f.said = len(said)
	run := 0
	end := func(at int) {
		if run >= leastRun {
			f.runs, f.runWords = f.runs+1, f.runWords+run
			f.examples = append(f.examples, "run: "+quoted(heard, p, at-run, at))
		}
		run = 0
	}
	at := 0
	for _, x := range align(said, heard) {
		switch {
		case x.ref < 0:
			f.inserted, f.errors, run, at = f.inserted+1, f.errors+1, run+1, x.hyp+1
			continue
		case x.hyp < 0 || said[x.ref].text != heard[x.hyp].text:
			f.errors++
		}
		end(at)
	}
	end(at)
	return f
}

// apart tells whether a word lies where nobody speaks.
func (t take) apart(w transcript.Word) bool {
	middle := (w.StartMs + w.EndMs) / 2
	for _, s := range t.said {
		if middle > s.at.StartMs-nobodyMs && middle < s.at.EndMs+nobodyMs {
			return false
		}
	}
	return true
}

func plain(words []token) string {
	var b strings.Builder
	b.WriteByte(' ')
	for _, w := range words {
		b.WriteString(w.text + " ")
	}
	return b.String()
}

// quoted are words with the mean of their probabilities.
func quoted(words []token, p []float64, from, to int) string {
	mean := 0.0
	for _, x := range p[from:to] {
		mean += x / float64(to-from)
	}
	return fmt.Sprintf("%q, P %.2f", strings.TrimSpace(plain(words[from:to])), mean)
}

// loop is a phrase of n words, times in a row.
type loop struct{ at, n, times int }

// loopsIn are the loops among words, the shortest phrase of each.
func loopsIn(words []token) []loop {
	var all []loop
next:
	for i := 0; i < len(words); i++ {
		for n := 1; n <= mostLoop; n++ {
			times := 1
			for at := i + n; at+n <= len(words) && slices.Equal(words[i:i+n], words[at:at+n]); at += n {
				times++
			}
			if times >= leastTimes {
				all = append(all, loop{i, n, times})
				i += n*times - 1
				continue next
			}
		}
	}
	return all
}

// sum adds up several.
func sum(all []found) found {
	var s found
	for _, f := range all {
		s.hours += f.hours
		s.said, s.errors, s.inserted, s.apart = s.said+f.said, s.errors+f.errors, s.inserted+f.inserted, s.apart+f.apart
		s.runs, s.runWords = s.runs+f.runs, s.runWords+f.runWords
		s.loops, s.loopWords, s.subtitles = s.loops+f.loops, s.loopWords+f.loopWords, s.subtitles+f.subtitles
		s.examples = append(s.examples, f.examples...)
	}
	return s
}

// String is a row of the table.
func (f found) String() string {
	rate := func(n int) string {
		if f.said == 0 {
			return "-"
		}
		return fmt.Sprintf("%.1f", 100*float64(n)/float64(f.said))
	}
	hourly := func(n int) string { return fmt.Sprintf("%.0f", float64(n)/f.hours) }
	return strings.Join([]string{fmt.Sprintf("%.2f", f.hours), rate(f.errors), rate(f.inserted), hourly(f.apart), hourly(f.runs), hourly(f.runWords),
		hourly(f.loops), hourly(f.loopWords), hourly(f.subtitles)}, "\t")
}
