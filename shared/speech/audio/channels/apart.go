package channels

import (
	"fmt"
	"math"
	"slices"
)

// A channel to a speaker is told by who is heard where: sound that stands out of a channel's own
// noise and of what may have leaked into it from the other one is that channel's own. The leak is a
// delayed, weaker copy: over the turns of the other speaker the level here follows the level there.
const (
	// maxLag is the longest delay of a leak, in frames: 640 ms, an echo over two networks.
	maxLag = 40
	// A leak is believed in where the levels follow each other with this correlation, and stands
	// leakAboveDb out of the noise.
	minFollowing = 0.5
	leakAboveDb  = 3
	// turnFrames is the length over which one channel must be louder for it to be its speaker's
	// turn: 1 s; by turnDb.
	turnFrames = 62
	turnDb     = 6
	// fewFrames is the least from which a leak is estimated: 4 s.
	fewFrames = 250
	// jitter is by how many frames a leak may be early or late; decay is how it dies away in the
	// room, a power a frame (78 dB/s).
	jitter = 2
	decay  = 0.75
	// ownRatio is how much above noise and leak a band must be to be the channel's own, a power (6
	// dB), and ownBands how many must be.
	ownRatio = 4
	ownBands = 5
	// What is shorter than shortFrames (80 ms) is no speech; gaps of up to gapFrames (190 ms) are
	// closed; before and after come marginBefore and marginAfter, because speech begins and ends
	// softly.
	shortFrames  = 5
	gapFrames    = 12
	marginBefore = 3
	marginAfter  = 6
	// gateDb is how far below the channel's noise a leak is put.
	gateDb = 12
	// leastGain is the most that a gate closes: 60 dB.
	leastGain = 1e-3
)

// When the channels are used separately without being asked for.
const (
	minOwnSeconds = 5
	// maxBoth is the share of the speech in which both channels may hold their own. Overlap in
	// telephone talk is 5 to 15 %.
	maxBoth = 0.3
	// minTurns is how often the floor must change hands: fewer changes are a microphone that
	// failed.
	minTurns = 5
	// maxLeakDb is the strongest leak with which channels still count as separate: above, it is one
	// room heard twice.
	maxLeakDb = -7
)

// leak is what comes into a channel from the other.
type leak struct {
	found bool
	lag   int // frames
	gain  [bands]float64
	db    float64 // over all bands
}

// apart decides whether each channel is a speaker's own. forced takes it for granted where that is
// possible at all; why says, in the words that follow a "but", why it is not.
func (e *ear) apart(forced bool) (d Decision, ok bool, why string) {
	into := [2]leak{e.leakInto(0), e.leakInto(1)}
	for c := range 2 {
		d.own[c] = e.ownFrames(c, into[c])
	}
	alone, both := [2]int{}, 0
	for t := range e.frames {
		switch {
		case d.own[0][t] && d.own[1][t]:
			both++
		case d.own[0][t]:
			alone[0]++
		case d.own[1][t]:
			alone[1]++
		}
	}
	least := minOwnSeconds * framesPerSec
	all := max(1, alone[0]+alone[1]+both)
	switch {
	case alone[0]+both == 0 || alone[1]+both == 0:
		return d, false, "only one of them holds speech of its own"
	case float64(both) > 0.9*float64(all):
		return d, false, "they hold the same sound"
	case forced:
	case alone[0] < least || alone[1] < least:
		return d, false, "one of them holds hardly any speech of its own"
	case float64(both) > maxBoth*float64(all):
		return d, false, "they hold mostly the same sound"
	case into[0].found && into[0].db > maxLeakDb, into[1].found && into[1].db > maxLeakDb:
		return d, false, "each voice is in both of them"
	case e.hands(d.own) < minTurns:
		return d, false, "they do not take turns"
	case !e.speaks(0, d.own[0]) || !e.speaks(1, d.own[1]):
		return d, false, "one of them holds no speech"
	}
	d.Used = Separate
	d.Note = "Each channel holds its own speaker, so the channels are heard separately."
	if forced {
		d.Note = "The channels are heard separately, as asked."
	}
	for c := range 2 {
		d.gates[c] = e.gate(c, d.own[c], into[c])
		if into[c].found {
			d.Note = joined(d.Note, fmt.Sprintf("Sound that leaks from the %s channel into the %s one (%.0f dB weaker, %d ms later) is left out.", sides[1-c], sides[c], -into[c].db, into[c].lag*hopMs))
		}
	}
	return d, true, ""
}

// signal is the power of a channel's bands over its noise, at least a thousandth of the noise.
func (e *ear) signal(c, t, b int) float64 {
	f := e.noise(c, t, b)
	return max(float64(e.power[c][t*values+b])-f, f/1000)
}

// noise is the power of a band's noise.
func (e *ear) noise(c, t, b int) float64 {
	return max(float64(e.floor[c][segmentOf(t)*values+b]), quietest)
}

// course is how loud one channel is beside the other, by frame, in dB.
type course struct {
	here, noise []float64 // of the channel itself, and its noise
	there       []float64 // of the other channel, its noise taken out
	turn        []bool    // it is the turn of the other channel's speaker
}

func (e *ear) courseOf(c int) course {
	from, n := 1-c, e.frames
	k := course{make([]float64, n), make([]float64, n), make([]float64, n), make([]bool, n)}
	lead := make([]float64, n)
	for t := range n {
		var h, o, f float64
		for b := range bands {
			h += float64(e.power[c][t*values+b])
			o += e.signal(from, t, b)
			f += e.noise(c, t, b)
		}
		k.here[t], k.there[t], k.noise[t] = decibel(h), decibel(o), decibel(f)
		if e.audible[from][t] >= audibleFrame || e.audible[c][t] >= audibleFrame {
			lead[t] = min(30, max(-30, k.there[t]-k.here[t]))
		}
	}
	mean := means(lead)
	for t := range n {
		k.turn[t] = mean(t, turnFrames/2) > turnDb
	}
	return k
}

// lag is the delay, in frames, with which the level here follows the level there best, and the
// correlation. Only frames that heard selects by the level there count.
func (k course) lag(heard func(t int) bool) (lag int, following float64) {
	for l := range maxLag + 1 {
		var sx, sy, sxx, syy, sxy, n float64
		for t := l; t < len(k.here); t++ {
			if !k.turn[t] || !heard(t-l) {
				continue
			}
			x, y := k.there[t-l], max(k.here[t], k.noise[t])
			sx, sy, sxx, syy, sxy, n = sx+x, sy+y, sxx+x*x, syy+y*y, sxy+x*y, n+1
		}
		if n < fewFrames {
			continue
		}
		vx, vy := sxx-sx*sx/n, syy-sy*sy/n
		if vx <= 0 || vy <= 0 {
			continue
		}
		if r := (sxy - sx*sy/n) / math.Sqrt(vx*vy); r > following {
			lag, following = l, r
		}
	}
	return lag, following
}

// leakInto estimates what comes into channel c from the other one.
func (e *ear) leakInto(c int) leak {
	from := 1 - c
	k := e.courseOf(c)
	lag, following := k.lag(func(t int) bool { return e.audible[from][t] >= audibleFrame })
	if following < minFollowing {
		return leak{}
	}
	// The gain is the median over the other speaker's loud frames.
	var ratio []float64
	var loud []int
	above := 0
	for t := lag; t < e.frames; t++ {
		if k.turn[t] && e.audible[from][t-lag] >= 2*audibleFrame {
			loud = append(loud, t)
			ratio = append(ratio, k.here[t]-k.there[t-lag])
			if k.here[t] > k.noise[t]+leakAboveDb {
				above++
			}
		}
	}
	if len(loud) < fewFrames/2 || 2*above < len(loud) {
		return leak{}
	}
	l := leak{found: true, lag: lag, db: median(ratio)}
	for b := range bands {
		ratio = ratio[:0]
		for _, t := range loud {
			if s := e.signal(from, t-lag, b); s > 10*e.noise(from, t-lag, b) {
				ratio = append(ratio, e.signal(c, t, b)/s)
			}
		}
		l.gain[b] = math.Pow(10, l.db/10)
		if len(ratio) >= fewFrames/4 {
			l.gain[b] = median(ratio)
		}
	}
	return l
}

// median sorts v.
func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// leaked calls with each frame's leak into channel c, by band; the slice is reused.
func (e *ear) leaked(c int, l leak, with func(t int, power *[bands]float64)) {
	var now [bands]float64
	for t := range e.frames {
		for b := range now {
			now[b] *= decay
		}
		if l.found {
			for u := max(0, t-l.lag-jitter); u <= min(e.frames-1, t-l.lag+jitter); u++ {
				for b := range now {
					now[b] = math.Max(now[b], l.gain[b]*e.signal(1-c, u, b))
				}
			}
		}
		with(t, &now)
	}
}

// ownFrames tells in which frames a channel's own speaker is heard.
func (e *ear) ownFrames(c int, l leak) []bool {
	own := make([]bool, e.frames)
	e.leaked(c, l, func(t int, power *[bands]float64) {
		n := 0
		for b := range bands {
			f := e.noise(c, t, b)
			if float64(e.power[c][t*values+b]) > ownRatio*(f+power[b]) {
				n++
			}
		}
		own[t] = n >= ownBands && e.audible[c][t] >= audibleFrame/2
	})
	return tidy(own)
}

// tidy closes short gaps, drops short runs, and widens what is left.
func tidy(own []bool) []bool {
	n := len(own)
	runs := func(of bool, do func(from, to int)) {
		for from := 0; from < n; {
			to := from
			for to < n && own[to] == own[from] {
				to++
			}
			if own[from] == of {
				do(from, to)
			}
			from = to
		}
	}
	set := func(v bool, from, to int) {
		for i := max(0, from); i < min(n, to); i++ {
			own[i] = v
		}
	}
	runs(false, func(from, to int) {
		if from > 0 && to < n && to-from <= shortFrames {
			set(true, from, to)
		}
	})
	runs(true, func(from, to int) {
		if to-from < shortFrames {
			set(false, from, to)
		}
	})
	runs(false, func(from, to int) {
		if from > 0 && to < n && to-from <= gapFrames {
			set(true, from, to)
		}
	})
	out := slices.Clone(own)
	for t, v := range own {
		if v {
			for u := max(0, t-marginBefore); u <= min(n-1, t+marginAfter); u++ {
				out[u] = true
			}
		}
	}
	return out
}

// Own are the stretches in which a channel's own speaker is heard, 0 for left and 1 for right; nil
// unless the channels are separate.
func (d Decision) Own(channel int) []Span {
	if d.Used != Separate {
		return nil
	}
	var out []Span
	for t, own := range d.own[channel] {
		switch n := len(out); {
		case !own:
		case n > 0 && out[n-1].EndMs == int64(t)*hopMs:
			out[n-1].EndMs += hopMs
		default:
			out = append(out, Span{int64(t) * hopMs, int64(t+1) * hopMs})
		}
	}
	return out
}

// hands counts how often the floor changes hands, by blocks of half a second that are mostly one
// channel's own.
func (e *ear) hands(own [2][]bool) int {
	n, last := 0, -1
	for from := 0; from < e.frames; from += blockFrames {
		count := [2]int{}
		for t := from; t < min(e.frames, from+blockFrames); t++ {
			for c := range 2 {
				if own[c][t] {
					count[c]++
				}
			}
		}
		for c := range 2 {
			if count[c] > blockFrames/2 && count[1-c] < blockFrames/4 {
				if last >= 0 && last != c {
					n++
				}
				last = c
			}
		}
	}
	return n
}

// speaks tells whether what a channel holds of its own is speech, by windows of 4 s.
func (e *ear) speaks(c int, own []bool) bool {
	judged, spoken := 0, 0
	for w, l := range e.like[c] {
		count := 0
		for t := w * windowFrames; t < min(e.frames, (w+1)*windowFrames); t++ {
			if own[t] {
				count++
			}
		}
		if count < windowFrames/4 {
			continue
		}
		judged++
		if l == speech {
			spoken++
		}
	}
	return judged > 0 && float64(spoken) >= mostSpeech*float64(judged)
}

// gate is what a channel is multiplied with, by frame: 1, and where the leak stands out of the
// noise and nothing of its own does, so little that the leak lies below the noise.
func (e *ear) gate(c int, own []bool, l leak) []float32 {
	gate := make([]float32, e.frames)
	below := math.Pow(10, -gateDb/10.0)
	e.leaked(c, l, func(t int, power *[bands]float64) {
		gate[t] = 1
		if own[t] || !l.found {
			return
		}
		most := 1.0
		for b := range bands {
			f := e.noise(c, t, b)
			most = math.Max(most, (power[b]+float64(e.power[c][t*values+b]))/(f*2))
		}
		if most > 2 {
			gate[t] = float32(math.Max(leastGain, math.Sqrt(below/most)))
		}
	})
	return gate
}
