package report

import (
	"fmt"
	"strings"

	"parley/shared/speech/score"
)

// practice is what to do about a measure, by its name.
var practice = map[string]string{
	"meanBand":          "note the more exact words that you meet in texts of your field, and use five of them in your next conversation",
	"mtld":              "retell a short article without using its main words twice",
	"differentLemmas50": "describe the same thing three times, each time with other words",
	"articulationRate":  "read dialogues along with a recording until you keep up with it",
	"speechRate":        "talk about one topic in four minutes, then in three, then in two",
	"peakRate":          "read sentences aloud to a steady beat, a little quicker each time",
	"meanRunLength":     "practise phrases of four and five words until they come in one breath",
	"pausesPerMinute":   "think your sentence to its end before you begin it, and pause between sentences",
	"meanPause":         "learn a few phrases that give you time to think aloud",
	"phonationRatio":    "talk for two minutes without stopping, on a topic that you know well",
	"midClausePauses":   "finish the clause that you are in before you pause",
	"filledPauses":      "pause in silence where you would say uh or um",
	"repairs":           "say the sentence to its end, even if a word in it was not the best one",
	"wordProbability":   "let a dictation program write down what you say, and repeat the words that it got wrong",
	"languageOdds":      "repeat short recordings of English sentence by sentence, and copy their melody and their linking of words as well as the sounds",
	"weakPhonesGop":     "look up the sounds of the words that others ask you to repeat, and say these words slowly until every sound is there",
}

// habit is what to do about a dimension where the measure has no advice of its own.
var habit = map[score.Dimension]string{
	score.Vocabulary: "read and listen a little every day, and use what is new in sentences of your own",
	score.Fluency:    "tell the same story several times, a little faster each time",
	score.Accent:     "record yourself reading a short text, let a dictation program write it down, and repeat what it got wrong",
}

// feedback tells the candidate what is strong and what to practise.
func (s sheet) feedback() string {
	var out []string
	var strongest *score.Measure
	for _, r := range s.dims {
		if up, _ := extremes(r); r.Raw != nil && up != nil && (strongest == nil || up.Contribution > strongest.Contribution) {
			strongest = up
		}
	}
	if strongest != nil {
		out = append(out, fmt.Sprintf("What helped you most is %s.", describe(*strongest)))
	}
	advised := map[string]bool{} // a measure may count in two dimensions
	for _, r := range s.dims {
		title := titles[r.Dimension]
		if r.Raw == nil {
			out = append(out, title+" could not be measured this time. "+sentence(r.Reason))
			continue
		}
		g := toGain(r, advised)
		if shared := toGain(r, nil); g == nil && shared != nil {
			out = append(out, fmt.Sprintf("%s: the same helps here, since %s counts for it too.", title, name(*shared)))
			continue
		}
		if g == nil {
			out = append(out, fmt.Sprintf("%s: no measure stands out to work on; keep using the language as you do.", title))
			continue
		}
		advised[g.Name] = true
		do, ok := practice[g.Name]
		if !ok {
			do = habit[r.Dimension]
		}
		out = append(out, fmt.Sprintf("%s: to bring %s from %s towards %s, %s.", title, name(*g), amount(*g, *g.Value), num(g.Norm.High), do))
	}
	return strings.Join(out, " ")
}
