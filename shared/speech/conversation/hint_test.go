package conversation

import (
	"strings"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

// Ensure that the client's hint decides who the candidate is, and that one which fits nobody, or
// whom all else speaks against, lowers the confidence.
func TestAHintDecides(t *testing.T) {
	three := append(append([]said(nil), interview...), said{2, 0, "Thank you, that is enough."})
	for _, c := range []struct {
		name    string
		lines   []said
		tracks  []int
		hint    transcript.Hint
		speaker int
		level   string
		says    string
	}{
		{"no hint", interview, nil, "", 1, High, "speak the most"},
		{"second", interview, nil, transcript.HintSecond, 1, High, "candidateSpeaks=second"},
		{"most", interview, nil, transcript.HintMost, 1, High, "candidateSpeaks=most"},
		{"first, against all that was heard", interview, nil, transcript.HintFirst, 0, Medium, "check the hint"},
		{"second of one voice", []said{{0, 0, strings.Repeat("I worked in a factory. ", 8)}}, nil, transcript.HintSecond, 0, Low, "only one voice was heard"},
		{"first of one voice", []said{{0, 0, strings.Repeat("I worked in a factory. ", 8)}}, nil, transcript.HintFirst, 0, High, "candidateSpeaks=first"},
		{"left of one sound", interview, nil, transcript.HintLeft, 1, Low, "speakers of their own"},
		{"right", interview, []int{0, 1}, transcript.HintRight, 1, High, "candidateSpeaks=right"},
		{"left, against all that was heard", interview, []int{0, 1}, transcript.HintLeft, 0, Medium, "check the hint"},
		{"left of a channel without a voice", interview, []int{1, 1}, transcript.HintLeft, 1, Low, "nobody speaks in that channel"},
		{"right of two in the channel: the likeliest", three, []int{0, 1, 1}, transcript.HintRight, 1, High, "candidateSpeaks=right"},
		{"left of two in the channel, not the likeliest: who speaks most", three, []int{0, 1, 0}, transcript.HintLeft, 0, Medium, "check the hint"},
	} {
		t.Run(c.name, func(t *testing.T) {
			chunks, d := script(following(append([]said(nil), c.lines...), 400))
			d.Tracks = c.tracks
			conv, err := Join(chunks, d, audio.Intake{}, "en", c.hint)
			if err != nil {
				t.Fatal(err)
			}
			got := conv.Candidate
			if got.Speaker != c.speaker || got.Confidence != c.level || got.Hint != c.hint || !strings.Contains(got.Reason, c.says) {
				t.Errorf("%+v", got)
			}
			if want := conv.Speakers[c.speaker].WordCount; got.WordCount != want {
				t.Errorf("%d words of %d", got.WordCount, want)
			}
		})
	}
}
