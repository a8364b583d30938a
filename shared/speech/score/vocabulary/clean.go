package vocabulary

import (
	"math"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/shared/speech/transcript"
	"parley/shared/speech/transcript/certainty"
	"parley/shared/speech/words"
)

const (
	// maxWords bounds what is looked at: 45 minutes at 400 words a minute.
	maxWords = 18000
	// maxRepeat is the longest repeated stretch that is taken for a repetition, in words.
	maxRepeat = 4
	// maxRetrace is how many words back a broken-off phrase may have begun.
	maxRetrace = 5
)

// heard is one word of the candidate after the transcript's dressing is off.
type heard struct {
	form    string  // lower case, straight apostrophes, no other punctuation
	p       float64 // the recogniser's probability
	sure    float64 // how probable it is that the word is right
	at      int     // index of the transcript's word in its turn
	turn    int     // index of the turn in the conversation
	capital bool
	first   bool // begins a sentence
	broken  bool // the speaker broke off after it: a dash or dots follow
	cut     bool // the word itself was not finished: "vocab-"
}

var (
	// interjections are left out beside fillers.
	interjections = regexp.MustCompile(`^(u+r+|m|o+h+|huh|hem)$`)
	bracketed     = regexp.MustCompile(`[\[(*<][^\])*>]*[\])*>]`)
)

// clean returns the words of a turn without fillers, cut-off words, fragments, restarts and
// repetitions of one to four words: fluency counts them.
func clean(ws []transcript.Word, by certainty.Speaker, turn int) []heard {
	var out []heard
	for _, h := range undress(ws, by) {
		if h.cut || words.Filler(english, h.form) || interjections.MatchString(h.form) {
			if n := len(out); n > 0 && (h.broken || h.cut) {
				out[n-1].broken = true
			}
			continue
		}
		h.turn = turn
		out = append(out, h)
	}
	return withoutRepeats(withoutRestarts(withoutFragments(out)))
}

var apostrophes = strings.NewReplacer("’", "'", "‘", "'", "ʼ", "'")

// undress splits what the recogniser wrote into words of letters. Digits are left out: whether "26"
// was one word or two is not known. So are single letters other than "a" and "I": they spell
// something.
func undress(ws []transcript.Word, by certainty.Speaker) []heard {
	var out []heard
	first := true
	for at, w := range ws {
		text := apostrophes.Replace(bracketed.ReplaceAllString(w.Text, ""))
		trimmed := strings.TrimRight(text, `"'”»)`)
		parts := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) && r != '\'' })
		for i, part := range parts {
			part = strings.Trim(part, "'")
			form := strings.ToLower(part)
			if form == "" || utf8.RuneCountInString(form) == 1 && form != "a" && form != "i" {
				continue
			}
			h := heard{form: form, p: probability(w.P), sure: by.Of(w), at: at, capital: unicode.IsUpper([]rune(part)[0]), first: first}
			if i == len(parts)-1 {
				h.broken = hasAnySuffix(trimmed, "-", "–", "—", "...", "…")
				h.cut = strings.HasSuffix(trimmed, "-") && !strings.HasSuffix(trimmed, "--")
			}
			out = append(out, h)
			first = false
		}
		if hasAnySuffix(trimmed, ".", "!", "?", ":", "…") {
			first = true
		}
	}
	return out
}

// probability is p between 0 and 1; what is no number counts as not heard.
func probability(p float64) float64 {
	if math.IsNaN(p) || p < 0 {
		return 0
	}
	return min(p, 1)
}

func hasAnySuffix(s string, suffixes ...string) bool {
	for _, x := range suffixes {
		if strings.HasSuffix(s, x) {
			return true
		}
	}
	return false
}

// withoutFragments drops an unknown form that the next word completes: "vo vocabulary".
func withoutFragments(in []heard) []heard {
	var out []heard
	for i, h := range in {
		if i+1 < len(in) && len(h.form) < len(in[i+1].form) && strings.HasPrefix(in[i+1].form, h.form) {
			if lowest(h.form, words.Lemma(h.form)) == 0 {
				continue
			}
		}
		out = append(out, h)
	}
	return out
}

// withoutRestarts drops a broken-off phrase that is begun again: "I was going to... I went" (a
// retracing in CHAT, MacWhinney 2000).
func withoutRestarts(in []heard) []heard {
	var out []heard
	for i, h := range in {
		out = append(out, h)
		if !h.broken || i+1 == len(in) {
			continue
		}
		for back := 1; back <= min(maxRetrace, len(out)); back++ {
			if out[len(out)-back].form == in[i+1].form {
				out = out[:len(out)-back]
				break
			}
		}
	}
	return out
}

// withoutRepeats keeps the last of immediate repetitions of one to maxRepeat words.
func withoutRepeats(in []heard) []heard {
	var out []heard
	for _, h := range in {
		out = append(out, h)
		for again := true; again; {
			again = false
			for n := 1; n <= maxRepeat && 2*n <= len(out); n++ {
				if same(out[len(out)-2*n:len(out)-n], out[len(out)-n:]) {
					out = append(out[:len(out)-2*n], out[len(out)-n:]...)
					again = true
					break
				}
			}
		}
	}
	return out
}

func same(a, b []heard) bool {
	for i := range a {
		if a[i].form != b[i].form {
			return false
		}
	}
	return true
}
