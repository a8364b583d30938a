package amazon

import (
	"fmt"
	"strconv"

	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

// answer is what a job writes, as far as it is read. Its numbers are texts, its times in seconds
// from the beginning of the piece.
type answer struct {
	Results struct {
		Items  []item `json:"items"`
		Labels struct {
			Segments []struct {
				Items []item `json:"items"`
			} `json:"segments"`
		} `json:"speaker_labels"` //nolint:tagliatelle // the service's own name
	} `json:"results"`
}

// item is a word or a punctuation mark. Which voice says it stands in the item itself, or only in
// that of the same time among the labels.
type item struct {
	Type         string `json:"type"`
	Start        string `json:"start_time"`    //nolint:tagliatelle // the service's own name
	End          string `json:"end_time"`      //nolint:tagliatelle // the same
	Label        string `json:"speaker_label"` //nolint:tagliatelle // the same
	Alternatives []struct {
		Content string `json:"content"`
	} `json:"alternatives"`
}

const punctuation = "punctuation"

// words are the answer's, put into the piece that lies at span. Confidences are left out.
func (a answer) words(span audio.Span) ([]transcript.Word, error) {
	labels := map[string]string{}
	for _, s := range a.Results.Labels.Segments {
		for _, i := range s.Items {
			labels[i.Start] = i.Label
		}
	}
	out := []transcript.Word{}
	for _, i := range a.Results.Items {
		if len(i.Alternatives) == 0 || i.Alternatives[0].Content == "" {
			continue
		}
		text := i.Alternatives[0].Content
		if i.Type == punctuation {
			if n := len(out); n > 0 {
				out[n-1].Text += text
			}
			continue
		}
		start, err1 := milliseconds(i.Start)
		end, err2 := milliseconds(i.End)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("%w: item %d", errNoTime, len(out))
		}
		w := transcript.Word{Text: text, StartMs: min(span.StartMs+start, span.EndMs), EndMs: min(span.StartMs+end, span.EndMs), Voice: i.Label}
		if w.Voice == "" {
			w.Voice = labels[i.Start]
		}
		out = append(out, w)
	}
	return out, nil
}

// milliseconds reads seconds from 0 to a day.
func milliseconds(seconds string) (int64, error) {
	v, err := strconv.ParseFloat(seconds, 64)
	if err != nil || !(v >= 0 && v < 86_400) {
		return 0, errNoTime
	}
	return int64(v*1000 + 0.5), nil
}
