package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"parley/shared/speech/score"
)

// num writes a number with three digits or so, without trailing zeros: two values that it writes
// alike are the same to a reader.
func num(v float64) string {
	decimals := 2
	switch a := math.Abs(v); {
	case a >= 100:
		decimals = 0
	case a >= 10:
		decimals = 1
	case a < 0.1:
		decimals = 3
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	if s == "-0" {
		return "0"
	}
	return s
}

// everyday writes a number as people say it: two digits or so.
func everyday(v float64) string {
	if math.Abs(v) >= 9.95 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	s := strconv.FormatFloat(v, 'f', 1, 64)
	if whole := strings.TrimSuffix(s, ".0"); whole != "1" { // "1.0 pauses", not "1 pauses"
		s = whole
	}
	if s == "-0" {
		return "0"
	}
	return s
}

// place is where a value lies between the ends of its norm: speakers of about A2 and of about C1.
type place int

// The places, from low to high proficiency, whichever way the norm goes.
const (
	belowA2 place = iota
	atA2
	nearA2
	halfway
	nearC1
	atC1
	aboveC1
)

func (p place) String() string {
	return [...]string{"below the level of A2 speakers", "at the level of A2 speakers", "nearer to A2 speakers than to C1 speakers",
		"about halfway between A2 and C1 speakers", "nearer to C1 speakers than to A2 speakers",
		"at the level of C1 speakers", "above the level of C1 speakers"}[p]
}

// tooNear is how near to the middle of its norm, as a share of the norm's width, a measure is
// halfway. Its effect cannot be read off its contribution there.
const tooNear = 0.02

// placeOf is the place of a measure with a norm that can be told. A value that shows the same as an
// end of the norm is at that end, whatever lies behind the decimals.
func placeOf(m score.Measure) place {
	at := position(m)
	switch shown := num(*m.Value); {
	case shown == num(m.Norm.Low):
		return atA2
	case shown == num(m.Norm.High):
		return atC1
	case at < 0:
		return belowA2
	case at > 1:
		return aboveC1
	case math.Abs(at-0.5) < tooNear:
		return halfway
	case at < 0.5:
		return nearA2
	}
	return nearC1
}

// told tells whether a measure has a norm whose ends do not show the same.
func told(m score.Measure) bool { return num(m.Norm.Low) != num(m.Norm.High) }

// name is the measure as sentences call it: in everyday words where there are any, else by its
// label.
func name(m score.Measure) string {
	if w := score.WordingOf(m.Name); w.Plain != "" {
		return w.Plain
	}
	return m.Label
}

// describe names a measure and says where its value lies.
func describe(m score.Measure) string {
	switch {
	case !told(m):
		return name(m)
	case contrary(m):
		return name(m) + " (weighed together with the other measures)"
	}
	return fmt.Sprintf("%s (%s)", name(m), placeOf(m))
}

// contrary tells whether a measure moved the score the other way than its place says. A mean over
// parts of the speech may, and so may one of several measures in a linear predictor. To name its
// place would contradict the sentence about the score.
func contrary(m score.Measure) bool {
	p := placeOf(m)
	return m.Contribution > 0 && p < halfway || m.Contribution < 0 && p > halfway
}

// standing tells the candidate where they are in a measure: how much they do of something and how
// much C1 speakers do, or, where such a number would say nothing or both show the same, the place
// alone.
func standing(m score.Measure) string {
	w, factor := score.WordingOf(m.Name), 1.0
	if w.Percent {
		factor = 100
	}
	yours, theirs := everyday(factor**m.Value), everyday(factor*m.Norm.High)
	if w.Amount == "" || yours == theirs {
		return fmt.Sprintf("Here you are %s.", placeOf(m))
	}
	both, once, _ := strings.Cut(w.Amount, "|")
	return fmt.Sprintf("You %s%s. C1 speakers %s.", strings.Replace(both, "%s", yours, 1), once, strings.Replace(both, "%s", "about "+theirs, 1))
}

// counts tells whether a measure made a part of the score.
func counts(m score.Measure) bool { return m.Value != nil && m.Weight > 0 }

// noticeable is the least that a measure must move a score by to be spoken of, in points.
const noticeable = 0.05

// extremes are the measures that moved the score up and down most; nil where none did so
// noticeably.
func extremes(r score.Result) (up, down *score.Measure) {
	for i := range r.Measures {
		m := &r.Measures[i]
		if !counts(*m) {
			continue
		}
		if m.Contribution >= noticeable && (up == nil || m.Contribution > up.Contribution) {
			up = m
		}
		if m.Contribution <= -noticeable && (down == nil || m.Contribution < down.Contribution) {
			down = m
		}
	}
	return up, down
}

// position is where a value lies between the low end (0) and the high end (1) of its norm, or
// beyond.
func position(m score.Measure) float64 { return (*m.Value - m.Norm.Low) / (m.Norm.High - m.Norm.Low) }

// toGain is the measure with the most points to gain on the way to the high end of its norm, as far
// as its contribution so far tells; nil where there is none. A measure that counts the other way
// than its norm, as one of several in a linear predictor may, is no advice to anybody. Names in
// skip are passed over.
func toGain(r score.Result, skip map[string]bool) *score.Measure {
	var best *score.Measure
	most := noticeable
	for i := range r.Measures {
		m := &r.Measures[i]
		if !counts(*m) || !told(*m) || skip[m.Name] {
			continue
		}
		at := position(*m)
		if p := placeOf(*m); at >= 1 || p == atC1 || math.Abs(at-0.5) < tooNear {
			continue
		}
		if gain := m.Contribution / (at - 0.5) * (1 - at); gain > most {
			best, most = m, gain
		}
	}
	return best
}
