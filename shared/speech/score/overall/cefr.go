package overall

import (
	"math"

	"parley/shared/speech/score/norms"
)

// Levels are the levels of the CEFR, from the lowest.
var Levels = [6]string{"A1", "A2", "B1", "B2", "C1", "C2"}

// Shown is a score as it is shown: 0 to 5 with one decimal. Level and Percent are those of the
// shown score, so that what is read together fits together.
func Shown(raw float64) float64 { return math.Round(clamp(raw)*10) / 10 }

// Level is the CEFR level of a score.
func Level(raw float64) string {
	level := Levels[0]
	for _, l := range Levels {
		if Shown(raw) >= norms.CEFR().Number(l) {
			level = l
		}
	}
	return level
}

// Percent is a score in percent of the scale, 0 to 100.
func Percent(raw float64) int { return int(math.Round(Shown(raw) * 20)) }
