package conversation

import (
	"slices"

	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

// People greet each other in one language and hold the interview in another. The recogniser writes
// all of it in the requested language: what was said in the other one comes out as words that
// nobody said. It tells the language of a piece by its first 15 s of speech or more, so only the
// first pieces are looked at, from their beginnings, and the words tell where the other language
// ends. Of Spanish of two voices, written as English, turns had a mean probability of 0.43 to 0.60
// where they were translated, and 0.72 to 0.77 with hardly a common word where they were not; the
// English that followed had 0.61 to 0.93.
const (
	// otherP and notP are the probability of another language and that of the requested one from
	// and up to which a piece begins in another language. Pieces of accented English had English at
	// 0.2 and more, of other languages at 0.04 and less.
	otherP = 0.8
	notP   = 0.05
	// surelyP is the probability of the requested language in the other pieces: half of the speech
	// at least must be in such, or the whole recording is doubtful and understood decides.
	surelyP = 0.5
	// readsWords is how many words a turn needs to be read, readsShare the share of the commonest
	// words in it, and readsP their mean probability, for it to be the requested language.
	readsWords = 6
	readsShare = 0.25
	readsP     = 0.65
)

// commonest are frequent words of a language, lower case: about two fifths of any English text.
// Without a list the probabilities decide alone.
var commonest = map[string]map[string]bool{
	"en": set("the", "be", "to", "of", "and", "a", "in", "that", "have", "i", "it", "for", "not", "on", "with", "he", "as", "you", "do", "at", "this", "but", "his", "by", "from", "they", "we",
		"say", "her", "she", "or", "an", "will", "my", "one", "all", "would", "there", "their", "what", "so", "up", "out", "if", "about", "who", "get", "which", "go", "when", "can", "like", "was",
		"is", "are", "were", "had", "has", "been", "i'm", "it's", "your", "our", "them", "because", "did", "how", "very", "some", "more", "then", "than", "could", "me", "us", "am"),
}

// foreign marks the turns with which a recording begins in another language than the requested
// one. It returns the pieces that hold such turns; chunks are by start.
func foreign(turns []transcript.Turn, chunks []transcript.Chunk, language string) (mixed []bool) {
	mixed = make([]bool, len(chunks))
	var all, sure int64
	for _, c := range chunks {
		ms := spokenMs(c)
		all += ms
		if c.RequestedP >= surelyP {
			sure += ms
		}
	}
	if 2*sure < all {
		return mixed
	}
	for k, c := range chunks {
		if c.Heard == "" || c.Heard == language || c.HeardP < otherP || c.RequestedP > notP {
			break
		}
		for i := range turns {
			t := &turns[i]
			if middle := (t.StartMs + t.EndMs) / 2; middle < c.Span.StartMs || middle >= c.Span.EndMs {
				continue
			}
			if reads(t.Words, language) {
				break
			}
			t.Aside, mixed[k] = true, true
		}
	}
	return mixed
}

// spokenMs is the speech of a piece.
func spokenMs(c transcript.Chunk) (ms int64) {
	for _, s := range c.Speech {
		ms += s.Len()
	}
	return ms
}

// reads tells whether words are surely of a language: of words without a probability by which they
// are alone.
func reads(words []transcript.Word, language string) bool {
	if len(words) < readsWords {
		return false
	}
	common, sum := 0, 0.0
	for _, w := range words {
		sum += w.P
	}
	for _, s := range split(words) {
		for _, w := range s.words {
			if commonest[language][w] {
				common++
			}
		}
	}
	n := float64(len(words))
	return (sum >= readsP*n || !transcript.Rated(words)) && (commonest[language] == nil || float64(common) >= readsShare*n)
}

// answered is the language of the candidate's answers, and the probability of the requested one:
// each piece weighs by the candidate's speech in it. Pieces that begin in another language do not
// count. ok is false where no piece is left.
func answered(c transcript.Conversation, chunks []transcript.Chunk, mixed []bool) (heard string, p float64, ok bool) {
	votes := map[string]float64{}
	var all float64
	turns := c.CandidateTurns()
	for k, x := range chunks {
		if mixed[k] || x.Heard == "" {
			continue
		}
		var ms int64
		for _, t := range turns {
			ms += common(audio.Span{StartMs: t.StartMs, EndMs: t.EndMs}, x.Speech)
		}
		all += float64(ms)
		votes[x.Heard] += float64(ms) * x.HeardP
		p += float64(ms) * x.RequestedP
	}
	if all == 0 {
		return "", 0, false
	}
	for _, l := range sorted(votes) {
		if heard == "" || votes[l] > votes[heard] {
			heard = l
		}
	}
	return heard, p / all, true
}

func sorted(votes map[string]float64) []string {
	var out []string
	for l := range votes {
		out = append(out, l)
	}
	slices.Sort(out)
	return out
}
