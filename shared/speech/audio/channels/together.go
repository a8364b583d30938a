package channels

import (
	"fmt"
	"math"
	"strings"
)

const (
	// blockFrames is the unit of the choice between ways of listening: 0.5 s.
	blockFrames = 32
	// faint is the audibility below which a block holds nothing to hear, in any way.
	faint = 0.03
	// meanSlack is how much less the mean may let hear than the best way and still be taken: a
	// little is lost to the room between two microphones.
	meanSlack = 0.015
	// changeCost is what a change of the way along the recording must save, in blocks times
	// audibility: 4 s in which the other way lets hear nothing of speech.
	changeCost = 4.0
	// nearWindows is how many windows of 4 s on either side say whether a channel holds speech or
	// another sound.
	nearWindows = 2
	// fewOther is the share of a channel's windows that must be like speech for it to be a channel
	// of speech, where the other one is (mostSpeech).
	fewSpeech  = 0.3
	mostSpeech = 0.5
)

// The small costs of a block by way of listening, so that of equally good ways the first is taken:
// the mean, left, right, the difference.
var costOf = [ways]float64{wayMean: 0, wayLeft: 0.0015, wayRight: 0.002, wayDifference: 0.0035}

var gainsOf = [ways][2]float64{wayLeft: {1, 0}, wayRight: {0, 1}, wayMean: {0.5, 0.5}, wayDifference: {0.5, -0.5}}

// together decides how one sound is made of the two.
func (e *ear) together() Decision {
	blocks := (e.frames + blockFrames - 1) / blockFrames
	if blocks == 0 {
		return Decision{Used: Mixed, Stretches: []Stretch{{0, 0.5, 0.5}}}
	}
	heard := make([][ways]float64, blocks)
	for i := range heard {
		from, to := i*blockFrames, min(e.frames, (i+1)*blockFrames)
		for way := range ways {
			for t := from; t < to; t++ {
				heard[i][way] += float64(e.audible[way][t])
			}
			heard[i][way] /= float64(to - from)
		}
		for c := range 2 {
			if e.strange(c, from) {
				heard[i][c], heard[i][wayMean], heard[i][wayDifference] = 0, 0, 0
			}
		}
	}
	path := cheapest(heard)
	d := Decision{Used: Mixed}
	for i, way := range path {
		if i == 0 || way != path[i-1] {
			at := int64(0)
			if i > 0 {
				at = int64(e.quietest(i*blockFrames)) * hopMs
			}
			d.Stretches = append(d.Stretches, Stretch{at, gainsOf[way][0], gainsOf[way][1]})
		}
	}
	if len(d.Stretches) == 1 {
		switch path[0] {
		case wayLeft:
			d.Used = Left
		case wayRight:
			d.Used = Right
		}
	}
	d.Note = e.note(heard, path, d)
	return d
}

// strange tells whether a channel holds other sounds than speech around a frame while the other one
// holds speech.
func (e *ear) strange(c, t int) bool {
	share := func(c, from, to int) (speechShare float64, judged int) {
		n := 0
		for _, l := range e.like[c][max(0, from):min(len(e.like[c]), to)] {
			if l != still {
				judged++
			}
			if l == speech {
				n++
			}
		}
		return float64(n) / math.Max(1, float64(judged)), judged
	}
	all, judged := share(c, 0, len(e.like[c]))
	others, _ := share(1-c, 0, len(e.like[1-c]))
	if judged > 0 && all < fewSpeech && others >= mostSpeech {
		return true
	}
	w := t / windowFrames
	near, judged := share(c, w-nearWindows, w+nearWindows+1)
	othersNear, othersJudged := share(1-c, w-nearWindows, w+nearWindows+1)
	return judged >= nearWindows && near < fewSpeech && othersJudged >= nearWindows && othersNear >= mostSpeech
}

// cheapest is the way of each block that loses least over all, changes included.
func cheapest(heard [][ways]float64) []int {
	from := make([][ways]int8, len(heard))
	var cost [ways]float64
	for i, h := range heard {
		best := 0.0
		for _, a := range h {
			best = math.Max(best, a)
		}
		least := 0
		for way := range ways {
			if cost[way] < cost[least] {
				least = way
			}
		}
		var next [ways]float64
		for way := range ways {
			at, c := way, cost[way]
			if changed := cost[least] + changeCost; changed < c {
				at, c = least, changed
			}
			if i == 0 {
				c = 0
			}
			from[i][way] = int8(at)
			if best >= faint {
				loss := best - h[way]
				if way == wayMean || way == wayDifference {
					loss = math.Max(0, loss-meanSlack)
				}
				c += loss
			}
			next[way] = c + costOf[way]
		}
		cost = next
	}
	at := 0
	for way := range ways {
		if cost[way] < cost[at] {
			at = way
		}
	}
	path := make([]int, len(heard))
	for i := len(heard) - 1; i >= 0; i-- {
		path[i] = at
		at = int(from[i][at])
	}
	return path
}

// quietest is the frame near t in which least is heard, half a second on either side.
func (e *ear) quietest(t int) int {
	best, least := t, math.Inf(1)
	for u := max(0, t-blockFrames); u < min(e.frames, t+blockFrames); u++ {
		loudest := 0.0
		for way := range ways {
			loudest = math.Max(loudest, float64(e.audible[way][u]))
		}
		loudest += math.Abs(float64(u-t)) / (1000 * blockFrames)
		if loudest < least {
			best, least = u, loudest
		}
	}
	return best
}

var sides = [2]string{"left", "right"}

// maxChanges is how many changes a note lists.
const maxChanges = 4

// note says what was decided and why.
func (e *ear) note(heard [][ways]float64, path []int, d Decision) string {
	if d.Plain() {
		return ""
	}
	if len(d.Stretches) == 1 {
		switch way := path[0]; way {
		case wayLeft, wayRight:
			return fmt.Sprintf("Only the %s channel is used: %s.", sides[way], e.fault(heard, way))
		default:
			return "The channels have opposite polarity and cancel each other when mixed, so the right one was turned."
		}
	}
	names := map[[2]float64]string{gainsOf[wayLeft]: "the left channel alone", gainsOf[wayRight]: "the right channel alone", gainsOf[wayMean]: "both channels",
		gainsOf[wayDifference]: "both channels with the right one turned"}
	var parts []string
	for i, s := range d.Stretches {
		if i == maxChanges {
			parts = append(parts, "and so on")
			break
		}
		parts = append(parts, fmt.Sprintf("from %s %s", clock(s.FromMs), names[[2]float64{s.Left, s.Right}]))
	}
	return fmt.Sprintf("The channels change along the recording, and what carries the speech is used: %s.", strings.Join(parts, ", "))
}

// fault says what is wrong with the channel that is not used.
func (e *ear) fault(heard [][ways]float64, used int) string {
	other := 1 - used
	name := sides[other]
	own, others, turned, mean := 0.0, 0.0, 0.0, 0.0
	for _, h := range heard {
		own, others, turned, mean = own+h[used], others+h[other], turned+h[wayDifference], mean+h[wayMean]
	}
	switch {
	case e.level(other) < silentDb:
		return fmt.Sprintf("the %s one is silent", name)
	case e.strange(other, 0):
		return fmt.Sprintf("the %s one holds tones, music or noises and no speech", name)
	case others < own/4:
		return fmt.Sprintf("the %s one holds hum or noise and hardly any speech", name)
	case others < 0.9*own:
		return fmt.Sprintf("the speech in the %s one is weaker or noisier", name)
	case mean < turned/4:
		return "the channels have opposite polarity and cancel each other when mixed"
	}
	return "in places the channels cancel each other when mixed, because part of one has opposite polarity or arrives late"
}

// silentDb is the level below which a channel is silent, in dB below full scale.
const silentDb = -70

// level is the loudest twentieth of a channel, in dB below full scale.
func (e *ear) level(c int) float64 {
	loudest := float32(0)
	for t := range e.frames {
		loudest = max(loudest, e.power[c][t*values+whole])
	}
	return decibel(float64(loudest))
}

// clock is a moment as people read it, to the nearest second.
func clock(ms int64) string {
	s := (ms + 500) / 1000
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
