package overall

import (
	"fmt"

	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
)

// Caution is something in the sound that makes scores less sure.
type Caution struct {
	Text string // a sentence
	// AtMost is the highest confidence that a score made from such sound has.
	AtMost Confidence
}

// Cautions are what the quality of a recording gives reason for: noise, clipping, the band of a
// telephone, and a speed that voices do not have. The bounds stand in the norms file.
func Cautions(q audio.Quality) []Caution {
	n := norms.Of(score.Overall)
	var out []Caution
	if level := atLeast(q.SNRDb, n.Number("highSnrDb"), n.Number("mediumSnrDb")); level != High {
		text := "There is noise in the recording."
		if q.SNRDb > 0 {
			text = fmt.Sprintf("There is noise in the recording: the speech is %.0f dB above it.", q.SNRDb)
		}
		out = append(out, Caution{text, level})
	}
	if level := atMost(q.ClippedPercent, n.Number("highClippedPercent"), n.Number("mediumClippedPercent")); level != High {
		out = append(out, Caution{fmt.Sprintf("The recording is too loud in places and distorted: %.1f %% of it is cut off (clipped).", q.ClippedPercent), level})
	}
	if q.Telephone() {
		// What that does to a score is the scorers' own caution.
		out = append(out, Caution{fmt.Sprintf("The recording contains speech only up to %.0f Hz, as a telephone call does.", q.BandwidthHz), High})
	}
	if s := q.Speed; s > 0 {
		how := "fast"
		if s < 1 {
			how = "slowly"
		}
		out = append(out, Caution{fmt.Sprintf("The voices sound as if they were played too %s: the file may state the wrong playing speed (sampling rate).", how), Low})
	}
	return out
}
