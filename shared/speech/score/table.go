package score

import (
	"strings"
)

// Row is all that the product knows of one dimension beside its scorer and its norms.
type Row struct {
	Name Dimension
	// Title is the name as a heading has it: Vocabulary.
	Title string
	// Required fails a run that lacks this score, whatever the client allows.
	Required bool
	// Counted is the unit of its material: the more of it, the surer the score.
	Counted Unit
	// Capped limits what the score counts in the overall one (package overall). The limit is the
	// number NAMECap in the section "overall" of the norms.
	Capped bool
	// Habit is the advice to the candidate where the measure to work on has none of its own. It
	// follows "To practise,".
	Habit string
	// Wordings are how sentences speak of its measures, by the measure's name. A measure that
	// counts in several dimensions stands in the first of them.
	Wordings map[string]Wording
}

// Unit is in what the material of a dimension is counted.
type Unit int

// The units of material.
const (
	Words         Unit = iota // of the candidate
	SpeechSeconds             // of the candidate, pauses left out; such a dimension needs the sound
)

// Wording is how sentences speak of a measure.
type Wording struct {
	// Plain names the measure in everyday words, as a noun: "the speed of speaking". Empty: its
	// label does.
	Plain string
	// Goal is what to do to score higher in it, as an order: "speak faster". Empty: "work on" and
	// the name.
	Goal string
	// Amount says the measure's value of somebody, as what they do: "make %s silent pauses| a
	// minute". What follows the bar is said once, of the candidate, and not of the speakers that
	// they are compared with. Empty: the value means nothing to people who do not know the field,
	// and is not said.
	Amount string
	// Percent is true where Amount says 100 times the value.
	Percent bool
	// Practice is the advice to the candidate, as Row.Habit. Empty: the dimension's habit.
	Practice string
}

// Table holds the dimensions in the order in which they are shown. Whatever has a place for each
// dimension is built from it: answers and their schemas, the overall score, sentences, lists.
var Table = []Row{
	{
		Name: Vocabulary, Title: "Vocabulary", Counted: Words,
		Habit: "read and listen a little every day, and use what is new in sentences of your own",
		Wordings: map[string]Wording{
			"range": {Plain: "how many different words are used", Goal: "use a wider range of words",
				Practice: "describe the same thing three times, each time with other verbs and adjectives"},
			"patterns": {Plain: "how varied the sentence patterns are", Goal: "use more kinds of sentences",
				Practice: "tell a story again and join its sentences with who, which, although and while"},
			"steps": {Plain: "how often words beyond the basic ones are used", Goal: "use words beyond the basic ones more often",
				Practice: "replace the plain verbs and adjectives of a short talk by more exact ones, and give it again"},
			"level": {Plain: "how advanced the different words are on average", Goal: "use more advanced words",
				Practice: "note the more exact words that you meet in texts of your field, and use five of them in your next conversation"},
		},
	},
	{
		Name: Fluency, Title: "Fluency", Counted: SpeechSeconds, Capped: true,
		Habit: "tell the same story several times, a little faster each time",
		Wordings: map[string]Wording{
			"articulationRate": {Plain: "the speed of speaking between pauses", Goal: "speak a little faster between pauses",
				Amount:   "say %s syllables| a second between pauses",
				Practice: "read dialogues along with a recording until you keep up with it"},
			"speechRate": {Plain: "the speed of speaking, pauses included", Goal: "speak a little faster, with fewer pauses",
				Amount:   "say %s syllables| a second, pauses included",
				Practice: "talk about one topic in four minutes, then in three, then in two"},
			"peakRate": {Plain: "the pace of the beats in the voice", Goal: "give your speech a quicker beat",
				Amount:   "make %s beats of the voice| a second",
				Practice: "read sentences aloud to a steady beat, a little quicker each time"},
			"meanRunLength": {Plain: "how much is said between two pauses", Goal: "say more between two pauses",
				Amount:   "say %s syllables| between two pauses",
				Practice: "practise phrases of four and five words until they come in one breath"},
			"pausesPerMinute": {Plain: "how often silent pauses come", Goal: "make fewer silent pauses",
				Amount:   "make %s silent pauses| a minute",
				Practice: "think your sentence to its end before you begin it, and pause between sentences"},
			"meanPause": {Plain: "how long the silent pauses are", Goal: "keep silent pauses short",
				Amount:   "pause for %s seconds| on average",
				Practice: "learn a few phrases that give you time to think aloud"},
			"phonationRatio": {Plain: "how much of the speaking time is filled with speech", Goal: "fill more of your speaking time with speech",
				Amount: "fill %s % of the time| with speech", Percent: true,
				Practice: "talk for two minutes without stopping, on a topic that you know well"},
			"sentencePhonation": {Plain: "how much of the time inside sentences is filled with speech", Goal: "hesitate less inside sentences",
				Amount: "fill %s % of the time inside sentences| with speech", Percent: true,
				Practice: "plan the next sentence while you pause after the last one"},
			"midClausePauses": {Plain: "how many of the pauses break into a clause", Goal: "pause between clauses, not inside them",
				Amount:   "make %s % of the pauses inside a clause",
				Practice: "finish the clause that you are in before you pause"},
			"filledPauses": {Plain: "how often uh and um come", Goal: "say uh and um less often",
				Amount:   "say uh or um %s times| a minute",
				Practice: "pause in silence where you would say uh or um"},
			"repairs": {Plain: "how often words are repeated or begun again", Goal: "repeat and begin again less often",
				Amount:   "repeat or begin again %s times| in a hundred words",
				Practice: "say the sentence to its end, even if a word in it was not the best one"},
		},
	},
	{
		Name: Accent, Title: "Accent", Required: true, Counted: SpeechSeconds,
		Habit: "record yourself reading a short text, let a dictation program write it down, and repeat what it got wrong",
		Wordings: map[string]Wording{
			"wordProbability": {Plain: "how sure the computer is of the words", Goal: "make your words easier to recognise",
				Practice: "let a dictation program write down what you say, and repeat the words that it got wrong"},
			"weakPhonesGop": {Plain: "how clear the weakest sounds are", Goal: "make your weakest sounds clearer",
				Practice: "look up the sounds of the words that others ask you to repeat, and say these words slowly until every sound is there"},
			"languageOdds": {Plain: "how sure the computer is that the speech is English and not another language", Goal: "make your speech easier to recognise as English",
				Practice: "repeat short recordings of English sentence by sentence, and copy their melody and their linking of words as well as the sounds"},
		},
	},
}

// Find returns the row of a dimension; ok is false for a name that is not in the table.
func Find(d Dimension) (row Row, ok bool) {
	for _, r := range Table {
		if r.Name == d {
			return r, true
		}
	}
	return Row{}, false
}

// Names are the names of all scores in the order in which they are shown: the dimensions of the
// table, then Overall.
func Names() []Dimension {
	out := make([]Dimension, 0, len(Table)+1)
	for _, r := range Table {
		out = append(out, r.Name)
	}
	return append(out, Overall)
}

// WordingOf is how sentences speak of a measure; the zero value where the table has nothing on it.
func WordingOf(measure string) Wording {
	for _, r := range Table {
		if w, ok := r.Wordings[measure]; ok {
			return w
		}
	}
	return Wording{}
}

// Listed names the dimensions of the rows that which picks, as a sentence does: with the word
// "and", "vocabulary, fluency and accent". Empty where there is none.
func Listed(word string, which func(Row) bool) string {
	var names []string
	for _, r := range Table {
		if which(r) {
			names = append(names, string(r.Name))
		}
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " " + word + " " + names[last]
}

// Results are those of the dimensions. One that is missing was not measured.
type Results map[Dimension]Result

// InOrder returns a result for each row of the table, in its order; that of a missing one has
// neither score nor reason.
func (r Results) InOrder() []Result {
	out := make([]Result, len(Table))
	for i, row := range Table {
		out[i] = r[row.Name]
		out[i].Dimension = row.Name
	}
	return out
}

// ByDimension holds something of each dimension, and of Overall where it has a key of that name.
// Its JSON object has a member for each row of the table, in the table's order, and then that of
// Overall. Others are left out.
type ByDimension[T any] map[Dimension]T

// MarshalJSON implements json.Marshaler.
func (b ByDimension[T]) MarshalJSON() ([]byte, error) {
	var o Object
	for _, row := range Table {
		o = append(o, Member{string(row.Name), b[row.Name]})
	}
	if all, ok := b[Overall]; ok {
		o = append(o, Member{string(Overall), all})
	}
	return o.MarshalJSON()
}
