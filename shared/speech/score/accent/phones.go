package accent

// phoneClip bounds a phone's Goodness of Pronunciation, in spreads from the mean of its kind: one
// phone that was laid over a noise should not decide for a whole sentence.
const phoneClip = 4.0

// The numbers of the norms file that hold a phone's mean and spread, before its name in ARPAbet.
const (
	phoneMean = "gopMean"
	phoneSD   = "gopSD"
)

// GOP is the phone's Goodness of Pronunciation per frame, 0 or less as a rule, in the aligner's
// unit; ok is false for a phone without frames.
func (p Phone) GOP() (gop float64, ok bool) {
	if p.Frames <= 0 {
		return 0, false
	}
	return (p.Score - p.Loop) / float64(p.Frames), true
}

// standardised are the Goodness of Pronunciation of the word's phones. Each is in spreads from the
// mean of its kind in speech that human raters found good, cut at phoneClip either side: against a
// free loop a flap or a schwa loses to its neighbours in anybody's mouth. Phones without norms are
// left out.
func (w AlignedWord) standardised() []float64 {
	var out []float64
	for _, p := range w.Phones {
		if z, ok := p.z(); ok {
			out = append(out, z)
		}
	}
	return out
}
