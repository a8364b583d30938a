package accent

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"

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

// The numbers of the norms file that the clarity of words is told by: mean and spread of the
// clearness of words in speech that human raters found good, and the mean logarithm there of the
// probability of a word, which stands for one that is not known.
const (
	wordMean           = "wordClearnessMean"
	wordSD             = "wordClearnessSD"
	wordProbabilityLog = "wordProbabilityLog"
)

// LeastP is the recogniser's probability of a word, 0 to 1, below which it says no more.
const LeastP = 0.02

// clearness of a word is that of its two least clear sounds (zs, in spreads of their kind): the
// others make up for nothing. What is added is how surely the word is recognised, p (0 to 1; 0: not
// known).
func clearness(zs []float64, p float64) float64 {
	least := slices.Sorted(slices.Values(zs))[:min(telling, len(zs))]
	logP := norms.Of(score.Accent).Number(wordProbabilityLog)
	if p > 0 {
		logP = math.Log(max(p, LeastP))
	}
	return mean(least) + logP
}

// telling is how many sounds tell how clear a word is.
const telling = 2

// ofWords is the share, 0 to 100, of words in good speech that are less clear.
func ofWords(clearness float64) float64 {
	n := norms.Of(score.Accent)
	return clarity((clearness - n.Number(wordMean)) / n.Number(wordSD))
}

// told is an aligned word before it is known how surely the recogniser heard it.
type told struct {
	score.Pronounced
	zs []float64 // of its sounds
}

// pronounced tells of an aligned word that begins at a time of the recording, all but its clarity;
// ok is false where nothing is known of its sounds.
func (w AlignedWord) pronounced(startMs int64) (out told, ok bool) {
	out.Pronounced = score.Pronounced{Text: w.Text, StartMs: startMs, EndMs: startMs + int64(w.Frames)*frameMs}
	at := startMs
	for _, p := range w.Phones {
		end := at + int64(max(0, p.Frames))*frameMs
		if z, known := p.z(); known {
			out.zs = append(out.zs, z)
			out.Sounds = append(out.Sounds, score.Sound{IPA: ipa[p.Name], StartMs: at, EndMs: end, Clarity: clarity(z)})
		}
		at = end
	}
	return out, len(out.zs) > 0
}

// leastClear are the words of all parts, as the recogniser wrote them, the least clear first.
func leastClear(aligned []sounds, parts []timing.Part) []score.Pronounced {
	var out []score.Pronounced
	for i, a := range aligned {
		probabilities := named(a.told, parts[i].Words)
		for k, w := range a.told {
			w.Clarity = ofWords(clearness(w.zs, probabilities[k]))
			out = append(out, w.Pronounced)
		}
	}
	slices.SortStableFunc(out, func(a, b score.Pronounced) int {
		return cmp.Or(cmp.Compare(a.Clarity, b.Clarity), cmp.Compare(a.StartMs, b.StartMs))
	})
	return out
}

// named puts the recogniser's spelling for the aligner's, in lower case and with the number of a
// variant, word for word in order, and returns the recogniser's probability of each word. What the
// aligner has and the recogniser has not keeps its own, and has 0.
func named(aligned []told, said []transcript.Word) (probabilities []float64) {
	next := 0
	probabilities = make([]float64, len(aligned))
	for i, a := range aligned {
		for k := next; k < len(said); k++ {
			bare := strings.TrimFunc(said[k].Text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
			if strings.EqualFold(bare, a.Text) {
				aligned[i].Text, probabilities[i], next = bare, said[k].P, k+1
				break
			}
		}
	}
	return probabilities
}
