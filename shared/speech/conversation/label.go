package conversation

import "parley/shared/speech/transcript"

// leastLabelled is how many words of a piece a recogniser must give to a second voice for that to
// count, set by hand: a few words of another are a change that was put too late.
const leastLabelled = 8

const labelsDiffer = " The recogniser heard more than one voice in it, so check that the score is one person's."

// labelled lowers the confidence of a detection where the sound was taken for one voice and the
// recogniser's own labels are of several. They are a hint: they move no word and choose nobody.
func labelled(c transcript.Conversation, tracks [][]transcript.Chunk, d transcript.Detection) transcript.Detection {
	if len(c.Speakers) != 1 || d.Confidence == Low {
		return d
	}
	for _, chunks := range tracks {
		for _, chunk := range chunks {
			words, voices := map[string]int{}, 0
			for _, w := range chunk.Words {
				if words[w.Voice]++; w.Voice != "" && words[w.Voice] == leastLabelled {
					voices++
				}
			}
			if voices > 1 {
				d.Confidence = Low
				d.Reason += labelsDiffer
				return d
			}
		}
	}
	return d
}
