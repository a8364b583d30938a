package conversation

import (
	"strings"
	"testing"

	"parley/shared/errcode"
	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

// unrated takes the probabilities from the words of chunks, as of a recogniser that has none.
func unrated(chunks []transcript.Chunk) []transcript.Chunk {
	for i := range chunks {
		for k := range chunks[i].Words {
			chunks[i].Words[k].P = 0
		}
	}
	return chunks
}

func TestWordsWithoutProbabilitiesAreNoReasonToRefuse(t *testing.T) {
	chunks, d := script(following(append([]said(nil), interview...), 400))
	c, err := Join(unrated(chunks), d, audio.Intake{}, "en", "")
	if err != nil || !c.Unrated {
		t.Fatalf("%v, unrated %v", err, c.Unrated)
	}
	rated, d := script(following(append([]said(nil), interview...), 400))
	if c, err := Join(rated, d, audio.Intake{}, "en", ""); err != nil || c.Unrated {
		t.Fatalf("%v, unrated %v", err, c.Unrated)
	}
}

func TestASampleThatIsHardlyCertainEndsTheRun(t *testing.T) {
	sample := func(p float64) []transcript.Word {
		return []transcript.Word{{Text: "well,", P: p}, {Text: "-", P: 0}, {Text: "yes", P: p}}
	}
	for _, c := range []struct {
		sample []transcript.Word
		ends   bool
	}{{nil, false}, {sample(MinWordP), false}, {sample(MinWordP - 0.01), true}} {
		got, err := WithSample(transcript.Conversation{Unrated: true}, c.sample)
		if errcode.Is(err, errcode.TranscriptionLowConfidence) != c.ends || !c.ends && err != nil || len(got.Sample) != len(c.sample) {
			t.Errorf("%v: %v", c.sample, err)
		}
	}
}

// Ensure that a recogniser's labels of voices move no word, and lower the confidence only where one
// voice was heard and they are surely of two.
func TestLabelsOfVoicesAreAHint(t *testing.T) {
	lines := following([]said{{0, 0, strings.Repeat("I build small tools for our people there ", 5)}}, 400)
	for _, c := range []struct {
		name    string
		second  int // words that are labelled as a second voice
		doubted bool
	}{{"one label", 0, false}, {"a few words of a second", leastLabelled - 1, false}, {"many words of a second", leastLabelled, true}} {
		t.Run(c.name, func(t *testing.T) {
			chunks, d := script(lines)
			plain, err := Join(chunks, d, audio.Intake{}, "en", "")
			if err != nil {
				t.Fatal(err)
			}
			for i := range chunks[0].Words {
				chunks[0].Words[i].Voice = "spk_0"
				if i < c.second {
					chunks[0].Words[i].Voice = "spk_1"
				}
			}
			got, err := Join(chunks, d, audio.Intake{}, "en", "")
			if err != nil {
				t.Fatal(err)
			}
			if (got.Candidate.Confidence == Low) != c.doubted || strings.Contains(got.Candidate.Reason, labelsDiffer) != c.doubted || !c.doubted && got.Candidate != plain.Candidate {
				t.Errorf("%+v", got.Candidate)
			}
			if len(got.Turns) != len(plain.Turns) || len(got.Speakers) != 1 {
				t.Errorf("%d turns of %d speakers", len(got.Turns), len(got.Speakers))
			}
		})
	}
}

func TestWordsWithoutProbabilitiesAreReadByWhichTheyAre(t *testing.T) {
	for text, want := range map[string]bool{
		"and then we had to go to the office with them": true,
		"claro que también mi familia vive en Granada":  false,
	} {
		var words []transcript.Word
		for w := range strings.FieldsSeq(text) {
			words = append(words, transcript.Word{Text: w})
		}
		if got := reads(words, "en"); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
