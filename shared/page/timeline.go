package page

import (
	"strconv"
	"strings"
)

// A line of the timeline is a picture of lanes, one below the other: a lane a speaker. It is
// stretched to the width of the screen, so it holds no text; that stands beside it.

const (
	laneHeight = 22 // of the picture's units, as the page's style has it
	// silence is the shortest gap between two words that shows as one, in ms.
	silence = 250
	// longPause is the shortest pause inside a turn that is marked, in ms.
	longPause = 1000
)

// timelineView is the picture of a conversation.
type timelineView struct {
	Every string // how long a line is, in words
	Lines []lineView
	Who   []speakerView
	Pause string // the length of a marked pause, in seconds
	// HasPause, HasQuestion and HasOverlap tell what the key must explain.
	HasPause, HasQuestion, HasOverlap bool
}

// lineView is one line: a stretch of time.
type lineView struct {
	Width, Height int // in units: 100 ms, and pixels
	Ticks         []string
	Grid          []int
	Lanes         []laneView
	Turns         []turnView
	Gaps          []boxView
	Asks          []boxView
	Both          []boxView
}

// laneView is one speaker's speech in a line.
type laneView struct {
	Class int
	Path  string
}

type turnView struct {
	To    int // the segment's number
	Class int
	X, Y  int
	Width int
	Title string
}

type boxView struct{ X, Y, Width int }

// lineSeconds is how long a line is: so that a conversation of 45 minutes has nine.
func lineSeconds(ms int64) int64 {
	switch minutes := float64(ms) / 60_000; {
	case minutes <= 6:
		return 60
	case minutes <= 15:
		return 120
	}
	return 300
}

// partsOf is in how many parts the ticks divide a line: of 10 s, 20 s or a minute.
func partsOf(seconds int64) int64 {
	if seconds == 300 {
		return 5
	}
	return 6
}

// tenth is the width of a unit in ms.
const tenth = 100

// timelineOf lays out who spoke when.
func timelineOf(r run, t texts, who []speakerView) *timelineView {
	segments, end := r.Transcript.Segments, r.Audio.DurationMs
	for _, s := range segments {
		end = max(end, s.EndMs)
	}
	if len(segments) == 0 || end <= 0 || len(who) == 0 {
		return nil
	}
	seconds := lineSeconds(end)
	out := &timelineView{Every: t.say("timeline.minutes", seconds/60), Who: who, Pause: strconv.Itoa(longPause / 1000)}
	if seconds == 60 {
		out.Every = t.say("timeline.seconds", seconds)
	}
	lane := map[speaker]int{}
	for i, w := range who {
		lane[w.id] = i
	}
	long := seconds * 1000
	for from := int64(0); from < end; from += long {
		l := lineView{Width: int(long / tenth), Height: laneHeight * len(who)}
		parts := partsOf(seconds)
		for i := range parts + 1 {
			l.Ticks = append(l.Ticks, clock(from+long*i/parts))
			l.Grid = append(l.Grid, int(long*i/parts/tenth))
		}
		paths := make([]strings.Builder, len(who))
		for n, s := range segments {
			i, known := lane[s.Speaker]
			if !known || s.EndMs <= from || s.StartMs >= from+long {
				continue
			}
			l.turn(t, s, n, i, from, who[i])
			l.speech(s, i, from, &paths[i])
		}
		for i := range paths {
			if paths[i].Len() > 0 {
				l.Lanes = append(l.Lanes, laneView{Class: who[i].Class, Path: paths[i].String()})
			}
		}
		out.HasPause = out.HasPause || len(l.Gaps) > 0
		out.HasQuestion = out.HasQuestion || len(l.Asks) > 0
		out.HasOverlap = out.HasOverlap || len(l.Both) > 0
		out.Lines = append(out.Lines, l)
	}
	return out
}

// within cuts a stretch of time to the line and returns it in units; ok is false if nothing of it
// is left.
func (l *lineView) within(from, start, end int64) (x, width int, ok bool) {
	low, high := max(start-from, 0)/tenth, min((end-from+tenth-1)/tenth, int64(l.Width))
	return int(low), int(max(high-low, 1)), low < int64(l.Width) && end > from
}

func (l *lineView) turn(t texts, s segment, n, i int, from int64, who speakerView) {
	x, width, ok := l.within(from, s.StartMs, s.EndMs)
	if !ok {
		return
	}
	l.Turns = append(l.Turns, turnView{To: n + 1, Class: who.Class, X: x, Y: i*laneHeight + 1, Width: width, Title: t.say("timeline.at", clock(s.StartMs), who.Name, opening(s.Text))})
	if s.Overlap {
		l.Both = append(l.Both, boxView{x, i*laneHeight + 1, width})
	}
}

// speech draws the stretches of words without a silence, the long pauses and the questions.
func (l *lineView) speech(s segment, i int, from int64, path *strings.Builder) {
	middle := i*laneHeight + laneHeight/2
	draw := func(start, end int64) {
		if x, width, ok := l.within(from, start, end); ok {
			path.WriteString("M" + strconv.Itoa(x) + " " + strconv.Itoa(middle) + "h" + strconv.Itoa(width))
		}
	}
	if len(s.Words) == 0 {
		draw(s.StartMs, s.EndMs)
		return
	}
	start, end := s.Words[0].StartMs, s.Words[0].EndMs
	for _, w := range s.Words {
		if w.StartMs-end >= silence {
			draw(start, end)
			if w.StartMs-end >= longPause {
				if x, width, ok := l.within(from, end, w.StartMs); ok {
					l.Gaps = append(l.Gaps, boxView{x, middle - 2, width})
				}
			}
			start = w.StartMs
		}
		end = max(end, w.EndMs)
		if asks(w.Text) {
			if x, _, ok := l.within(from, w.EndMs, w.EndMs+tenth); ok {
				l.Asks = append(l.Asks, boxView{max(x-l.Width/200, 0), i*laneHeight + 1, max(l.Width/150, 2)})
			}
		}
	}
	draw(start, end)
}

// asks reports whether a word ends a question.
func asks(word string) bool {
	return strings.ContainsAny(word, "?？؟")
}

// opening returns the first words of a text.
func opening(s string) string {
	const most = 40
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return strings.TrimSpace(string(runes[:most])) + "…"
}

// clock formats ms as 3:20.
func clock(ms int64) string {
	s := max(ms, 0) / 1000
	if s >= 3600 {
		return strconv.FormatInt(s/3600, 10) + ":" + two(s/60%60) + ":" + two(s%60)
	}
	return strconv.FormatInt(s/60, 10) + ":" + two(s%60)
}

func two(n int64) string {
	if n < 10 {
		return "0" + strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10)
}
