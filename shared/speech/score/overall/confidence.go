package overall

import (
	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
)

// Confidence is how sure a score is.
type Confidence string

// The confidences.
const (
	High   Confidence = "high"
	Medium Confidence = "medium"
	Low    Confidence = "low"
)

var ranks = map[Confidence]int{Low: 0, Medium: 1, High: 2}

func lower(a, b Confidence) Confidence {
	if ranks[b] < ranks[a] {
		return b
	}
	return a
}

// Conditions are what a score was made under.
type Conditions struct {
	// Audio is false for a text without a recording: then quality says nothing.
	Audio   bool
	Quality audio.Quality
	// Detection is the confidence with which the candidate was found; empty where there was nothing
	// to find.
	Detection string
}

// Of is the confidence of one dimension's score: the lowest that any of these gives. Interval:
// half-width up to 0.4 high, up to 0.8 medium. Material, as the dimension counts it: words (300
// high, 200 medium) or seconds of speech (120 high, 60 medium). Recording: SNR (20 dB high, 12 dB
// medium), clipping (0.5 % high, 2 % medium). Candidate detection: as it is. A caution of the
// scorer's: medium at most. All bounds stand in the norms file. Only meant for a score that was
// measured.
func Of(r score.Result, c Conditions) Confidence {
	n := norms.Of(score.Overall)
	out := lower(ofInterval(r), ofConditions(c))
	row, _ := score.Find(r.Dimension)
	switch row.Counted {
	case score.Words:
		out = lower(out, atLeast(float64(r.Words), n.Number("highWords"), n.Number("mediumWords")))
	case score.SpeechSeconds:
		out = lower(out, atLeast(r.SpeechSeconds, n.Number("highSpeechSeconds"), n.Number("mediumSpeechSeconds")))
	}
	if len(r.Cautions) > 0 {
		out = lower(out, Medium)
	}
	return out
}

// OfOverall is the confidence of the overall score: that of its interval and conditions, medium at
// most where a dimension is missing, at most one step above the least sure of its parts, and never
// above the surest of them.
func OfOverall(r score.Result, parts []Confidence, missing int, c Conditions) Confidence {
	out := lower(ofInterval(r), ofConditions(c))
	if missing > 0 {
		out = lower(out, Medium)
	}
	surest := Low
	for _, p := range parts {
		if p == Low {
			out = lower(out, Medium)
		}
		if ranks[p] > ranks[surest] {
			surest = p
		}
	}
	return lower(out, surest)
}

func ofInterval(r score.Result) Confidence {
	n := norms.Of(score.Overall)
	return atMost((r.Interval[1]-r.Interval[0])/2, n.Number("highHalfWidth"), n.Number("mediumHalfWidth"))
}

func ofConditions(c Conditions) Confidence {
	out := High
	if c.Audio {
		for _, caution := range Cautions(c.Quality) {
			out = lower(out, caution.AtMost)
		}
	}
	switch d := Confidence(c.Detection); d {
	case Low, Medium:
		out = lower(out, d)
	}
	return out
}

func atLeast(v, high, medium float64) Confidence {
	switch {
	case v >= high:
		return High
	case v >= medium:
		return Medium
	}
	return Low // and for what is no number
}

func atMost(v, high, medium float64) Confidence {
	switch {
	case v <= high:
		return High
	case v <= medium:
		return Medium
	}
	return Low
}
