package accent

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"

	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
	"parley/shared/speech/score/timing"
	"parley/shared/speech/transcript"
)

// ipa writes the aligner's phones (ARPAbet, American English) in the International Phonetic
// Alphabet.
var ipa = map[string]string{
	"AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AY": "aɪ", "B": "b", "CH": "tʃ", "D": "d", "DH": "ð", "EH": "ɛ", "ER": "ɝ",
	"EY": "eɪ", "F": "f", "G": "ɡ", "HH": "h", "IH": "ɪ", "IY": "i", "JH": "dʒ", "K": "k", "L": "l", "M": "m", "N": "n", "NG": "ŋ",
	"OW": "oʊ", "OY": "ɔɪ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "UH": "ʊ", "UW": "u", "V": "v", "W": "w",
	"Y": "j", "Z": "z", "ZH": "ʒ",
}

const frameMs = 10 // of the aligner

// z is the phone's Goodness of Pronunciation in spreads from the mean of its kind in speech that
// human raters found good, cut at phoneClip either side; ok is false for a phone without norms or
// frames.
func (p Phone) z() (z float64, ok bool) {
	mean, known := norms.Of(score.Accent).Numbers[phoneMean+p.Name]
	gop, ok := p.GOP()
	if !known || !ok {
		return 0, false
	}
	z = (gop - mean.Value) / norms.Of(score.Accent).Number(phoneSD+p.Name)
	return max(-phoneClip, min(phoneClip, z)), true
}

// clarity is the share, 0 to 100, of a normal distribution that lies below z.
func clarity(z float64) float64 { return 50 * math.Erfc(-z/math.Sqrt2) }

// pronounced tells how clear an aligned word is that begins at a time of the recording; ok is false
// where nothing is known of its sounds.
func (w AlignedWord) pronounced(startMs int64) (out score.Pronounced, ok bool) {
	out = score.Pronounced{Text: w.Text, StartMs: startMs, EndMs: startMs + int64(w.Frames)*frameMs}
	var zs []float64
	at := startMs
	for _, p := range w.Phones {
		end := at + int64(max(0, p.Frames))*frameMs
		if z, known := p.z(); known {
			zs = append(zs, z)
			out.Sounds = append(out.Sounds, score.Sound{IPA: ipa[p.Name], StartMs: at, EndMs: end, Clarity: clarity(z)})
		}
		at = end
	}
	if len(zs) == 0 {
		return out, false
	}
	out.Clarity = clarity(mean(zs))
	return out, true
}

// leastClear are the words of all parts, as the recogniser wrote them, the least clear first.
func leastClear(aligned []sounds, parts []timing.Part) []score.Pronounced {
	var out []score.Pronounced
	for i, a := range aligned {
		named(a.pronounced, parts[i].Words)
		out = append(out, a.pronounced...)
	}
	slices.SortStableFunc(out, func(a, b score.Pronounced) int {
		return cmp.Or(cmp.Compare(a.Clarity, b.Clarity), cmp.Compare(a.StartMs, b.StartMs))
	})
	return out
}

// named puts the recogniser's spelling for the aligner's, in lower case and with the number of a
// variant, word for word in order. What the aligner has and the recogniser has not keeps its own.
func named(aligned []score.Pronounced, said []transcript.Word) {
	next := 0
	for i, a := range aligned {
		for k := next; k < len(said); k++ {
			bare := strings.TrimFunc(said[k].Text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
			if strings.EqualFold(bare, a.Text) {
				aligned[i].Text, next = bare, k+1
				break
			}
		}
	}
}

// offsetMs is where in the recording an aligned word of a window begins.
func (w AlignedWord) offsetMs(p timing.Piece) int64 {
	return int64(w.Start)*frameMs + p.OffsetMs
}

// middle is the sample of a window in the middle of an aligned word.
func (w AlignedWord) middle() int { return (w.Start + w.Frames/2) * audio.SampleRate / 100 }
