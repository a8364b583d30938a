package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"parley/shared/speech/score"
)

// num writes a number as people read it: three digits or so, no trailing zeros.
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

// withUnit writes a value with its unit. It leaves out units that only name a number ("ratio") and
// units that start with one.
func withUnit(v float64, unit string) string {
	switch {
	case unit == "", unit == "ratio", unit == "points", unit == "probability", strings.HasPrefix(unit, "level"), unit[0] >= '0' && unit[0] <= '9':
		return num(v)
	case unit == "%":
		return num(v) + "%"
	}
	return num(v) + " " + unit
}

// place says literally where a value lies: above, below or within its norm. Whether that is good is another matter, for
// some measures less is better: the levels behind the norm tell. A value that shows the same as an end of the norm is at that
// end, whatever lies behind the decimals.
func place(m score.Measure) string {
	low, high, levels := m.Norm.Low, m.Norm.High, "A2 to C1"
	if low > high {
		low, high, levels = high, low, "C1 to A2"
	}
	where := "within"
	switch shown := num(*m.Value); {
	case shown == num(low):
		where = "at the lower end of"
	case shown == num(high):
		where = "at the upper end of"
	case *m.Value < low:
		where = "below"
	case *m.Value > high:
		where = "above"
	}
	return fmt.Sprintf("%s the norm of %s to %s (%s)", where, num(low), num(high), levels)
}

// name is the measure as sentences call it: in plain words, where its label is one of the field's
// terms.
func name(m score.Measure) string {
	if w := score.WordingOf(m.Name); w.Plain != "" {
		return w.Plain
	}
	return m.Label
}

// amount is a value of the measure with its unit, which is left out where the name says it already.
func amount(m score.Measure, v float64) string {
	n := name(m)
	if strings.Contains(n, "per minute") || strings.Contains(n, "per second") || strings.Contains(" "+n+" ", " "+m.Unit+" ") {
		return withUnit(v, "")
	}
	return withUnit(v, m.Unit)
}

// describe is a measure with its value and where that lies.
func describe(m score.Measure) string {
	s := name(m) + ", " + amount(m, *m.Value)
	switch {
	case m.Norm.Low == m.Norm.High:
		return s
	case contrary(m):
		return s + ", weighed together with the other measures"
	}
	return s + ", " + place(m)
}

// contrary tells whether a measure moved the score the other way than its place says: a mean over parts of the speech, or one of several
// in a linear predictor, may. A sentence about its place would then contradict the one about the score.
func contrary(m score.Measure) bool {
	at := position(m)
	return m.Contribution > 0 && (at <= 0 || num(*m.Value) == num(m.Norm.Low)) || m.Contribution < 0 && (at >= 1 || num(*m.Value) == num(m.Norm.High))
}

// counts tells whether a measure made a part of the score.
func counts(m score.Measure) bool { return m.Value != nil && m.Weight > 0 }

// noticeable is the least that a measure must move a score by to be spoken of, in points.
const noticeable = 0.05

// extremes are the measures that moved the score up and down most; nil where none did noticeably.
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

// position is where a value lies between the low end (0) and the high end (1) of its norm, beyond both too.
func position(m score.Measure) float64 { return (*m.Value - m.Norm.Low) / (m.Norm.High - m.Norm.Low) }

// tooNear is how near the middle of its norm a measure may lie for its effect to be read off its contribution.
const tooNear = 0.02

// toGain is the measure whose way to the high end of its norm promises most points, read off what it moved so far. A measure that
// counts the other way than its norm (as one of several in a linear predictor may) is no advice to anybody. nil: none. Names in
// skip are passed over.
func toGain(r score.Result, skip map[string]bool) *score.Measure {
	var best *score.Measure
	most := noticeable
	for i := range r.Measures {
		m := &r.Measures[i]
		if !counts(*m) || m.Norm.Low == m.Norm.High || skip[m.Name] {
			continue
		}
		at := position(*m)
		if at >= 1 || math.Abs(at-0.5) < tooNear || num(*m.Value) == num(m.Norm.High) {
			continue
		}
		if gain := m.Contribution / (at - 0.5) * (1 - at); gain > most {
			best, most = m, gain
		}
	}
	return best
}
