// Package throwaway adds a dimension to the table while a test runs, to check that it is carried
// everywhere the product has a place for each dimension.
package throwaway

import (
	"slices"
	"testing"

	"parley/shared/speech/score"
)

// Melody is the dimension that Dimension adds. No scorer measures it, and there are no norms for
// it.
const Melody score.Dimension = "melody"

// Dimension adds Melody to the table until the test ends. Such a test must not run in parallel: the
// table is global.
func Dimension(t *testing.T) score.Row {
	t.Helper()
	t.Setenv("PARLEY_THROWAWAY_DIMENSION", string(Melody)) // panics in a parallel test
	before := score.Table
	t.Cleanup(func() { score.Table = before })
	row := score.Row{Name: Melody, Title: "Melody", Counted: score.SpeechSeconds, Habit: "hum along with what you hear"}
	score.Table = append(slices.Clip(before), row)
	return row
}

// Result is a result of Melody with raw points, 0 to 5. The measure contour contributed to it, and
// has the most to gain.
func Result(raw float64) score.Result {
	value := 1.0
	return score.Result{Raw: &raw, Interval: [2]float64{raw - 0.2, raw + 0.2}, SpeechSeconds: 200,
		Measures: []score.Measure{{Name: "contour", Label: "contour", Value: &value, Unit: "semitones",
			Norm: score.Norm{Low: 0, High: 8, Source: "made up"}, Weight: 1, Contribution: -0.4}}}
}
