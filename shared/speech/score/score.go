// Package score holds what a score is: measures with their units, norms and weights, and the result
// that they make. Each of vocabulary, fluency and accent below it computes one dimension.
package score

import (
	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

// Dimension is what is scored.
type Dimension string

// The dimensions.
const (
	Vocabulary Dimension = "vocabulary"
	Fluency    Dimension = "fluency"
	Accent     Dimension = "accent"
	Overall    Dimension = "overall"
)

// Norm is the range of a measure between speakers of about A2 (Low) and of about C1 (High), with
// its source. For a measure that falls with proficiency Low is above High.
type Norm struct {
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Source string  `json:"source"`
}

// Measure is one measured quantity.
type Measure struct {
	Name   string   `json:"name"`  // camelCase, stable: articulationRate
	Label  string   `json:"label"` // in everyday words: speed between pauses (articulation rate)
	Value  *float64 `json:"value"` // nil: not measured, then Reason says why
	Unit   string   `json:"unit"`  // syllables/s, %, words, …
	Norm   Norm     `json:"norm"`
	Weight float64  `json:"weight"` // its share in the score, 0 to 1; 0: reported, not scored
	// Contribution is how far the measure moved the score from that of the middle of the norms, in
	// points of the scale of 0 to 5; 0 where it is not scored.
	Contribution float64 `json:"contribution"`
	Reason       string  `json:"reason,omitempty"`
}

// Result is one dimension's score.
type Result struct {
	Dimension Dimension `json:"dimension"`
	// Raw is the unrounded score, 0 to 5; nil: not measured, then Reason says why in a sentence.
	Raw *float64 `json:"raw"`
	// Interval is the 90 % interval of Raw on the same scale, from windows of the candidate's own
	// speech.
	Interval [2]float64 `json:"interval"`
	Measures []Measure  `json:"measures"`
	// Material is how much there was: words or seconds of the candidate's speech, as the dimension
	// counts it.
	Words         int     `json:"words"`
	SpeechSeconds float64 `json:"speechSeconds"`
	Reason        string  `json:"reason,omitempty"`
	// Cautions are sentences on what makes the score less sure: noise, telephone band, few words.
	Cautions []string `json:"cautions,omitempty"`
	// Lexis is what a vocabulary score rests on; nil for other dimensions, and where there is no
	// score.
	Lexis *Lexis `json:"lexis,omitempty"`
	// Pronounced are the least clear of the words that an accent's score rests on, the least clear
	// first, at most MaxPronounced; none for other dimensions, and where nothing was aligned.
	Pronounced []Pronounced `json:"pronounced,omitempty"`
	// Prepared is true where the candidate may have read a prepared text. Then the score weighs
	// less in the overall one.
	Prepared bool `json:"prepared,omitempty"`
	// Named is one sentence that names in the candidate's own words what the score rests on; empty:
	// nothing is named.
	Named string `json:"named,omitempty"`
	// Practice is what the candidate may practise, by examples from their own words: at most
	// MaxPoints points.
	Practice []Point `json:"practice,omitempty"`
	// AsLikely is the CEFR level next to the score's own that is about as likely; empty: none is.
	AsLikely string `json:"asLikely,omitempty"`
}

// top is the end of the scale, in points.
const top = 5

// WithoutBase is the result of a score in a language whose native speakers were not measured: what
// they show differs by language, so the interval reaches the top of the scale, and a caution says
// why. A result without a score stays as it is.
func (r Result) WithoutBase() Result {
	if r.Raw != nil {
		r.Interval[1] = top
		r.Cautions = append(r.Cautions, "Native speakers of this language were not measured, so the score may be too low.")
	}
	return r
}

// Material is all that a scorer may look at. Only the candidate's own turns count.
type Material struct {
	// PCM is the whole recording, 16 kHz mono; nil for a row with text alone.
	PCM          []int16
	Intake       audio.Intake
	Conversation transcript.Conversation
	// Waive lifts the scorers' minima of words and speech: what can be computed at all is.
	Waive bool
}

// loudestNoiseDb is the signal-to-noise ratio, dB, from which down noise adds no more to a spread.
const loudestNoiseDb = 12

// NoiseSpread is what noise adds to the spread of a score on the scale of 0 to 5: none with a
// signal-to-noise ratio of freeDb or more, then rising evenly to most at 12 dB. A ratio of 0 is not
// known and adds nothing. Under noise a score moves in either direction, by what the noise is: with
// other voices or an automatic gain in it up, else down (docs/validation.md).
func NoiseSpread(snrDb, freeDb, most float64) float64 {
	if snrDb == 0 {
		return 0
	}
	return most * min(max((freeDb-snrDb)/(freeDb-loudestNoiseDb), 0), 1)
}
