package score

// The lists of a Lexis are shown to people: so long may they be.
const (
	MaxBandWords = 40 // words of one band
	MaxPatterns  = 60
	MaxPlaces    = 3 // of one pattern
)

// Parts are the parts of speech that a LexisWord may have, and PatternKinds the kinds of a Pattern.
var (
	Parts        = []string{"verb", "adjective", "adverb", "noun", "structure word"}
	PatternKinds = []string{"clause", "verb", "phrasal verb", "fixed pair"}
)

// Lexis is what a vocabulary score rests on: the candidate's words by CEFR level and the patterns
// found, each with where it stands in the transcript. The lists are cut to a readable length; the
// counts are of all there is.
type Lexis struct {
	// Words is how many running words were measured, a contraction being two.
	Words int `json:"words"`
	// LeftOut is how many rare words were heard too uncertainly to count.
	LeftOut int `json:"leftOut"`
	// Unrated is true where the words have no probability; that of each place is then 0.
	Unrated bool `json:"unrated,omitempty"`
	// Bands are the candidate's words by level, A1 first; a level that no word has is not there.
	// Names, numbers, words of talk ("yes", "thanks") and words off the lists have none.
	Bands []Band `json:"bands"`
	// Patterns are the patterns of grammar and phrase that were found, those learnt latest first.
	Patterns []Pattern `json:"patterns"`
	// Openings are places where a pattern that the candidate did not use would have fitted.
	Openings []Opening `json:"openings"`
}

// Band is the candidate's words of one CEFR level.
type Band struct {
	Level     string `json:"level"`     // A1 … C2
	Different int    `json:"different"` // different words
	Said      int    `json:"said"`      // running words
	Verbs     int    `json:"verbs"`     // different verbs, auxiliaries left out
	// Words are the words most said, by count.
	Words []LexisWord `json:"words"`
}

// LexisWord is one word of the candidate's: a base form, or the form itself where it is a structure
// word.
type LexisWord struct {
	Word  string `json:"word"`
	Part  string `json:"part"` // one of Parts
	Count int    `json:"count"`
	At    Place  `json:"at"` // where it was heard most surely
}

// Pattern is one pattern of grammar or phrase.
type Pattern struct {
	Name string `json:"name"`           // stable: "relative", "modal perfect", "pair"
	Form string `json:"form,omitempty"` // its word where it has one: "who", "instead of"
	Kind string `json:"kind"`           // one of PatternKinds
	// the CEFR level at which it is learnt; empty where no list has it
	Level string  `json:"level,omitempty"`
	Count int     `json:"count"`
	At    []Place `json:"at"` // up to three places, the surest first
}

// Opening is a pattern that the candidate did not use, with a place where it would have fitted.
type Opening struct {
	Pattern string `json:"pattern"` // stable: "relative"
	Level   string `json:"level"`   // the CEFR level at which it is learnt
	Count   int    `json:"count"`   // how many such places there are
	At      Place  `json:"at"`      // the surest
}

// MaxPoints is how many points anybody can work on.
const MaxPoints = 3

// Point is one thing to practise, taken from the candidate's own words.
type Point struct {
	Measure string   `json:"measure"` // the measure that it would raise
	Text    string   `json:"text"`    // one sentence, to the candidate
	At      Place    `json:"at"`      // the example in the transcript
	Better  []string `json:"better"`  // words or patterns to use instead; empty: none is known
}

// Place is where something stands in the transcript.
type Place struct {
	Turn    int    `json:"turn"`  // index in the conversation's turns
	Word    int    `json:"word"`  // index of the first word in the turn
	Words   int    `json:"words"` // how many words of the turn it takes
	StartMs int64  `json:"startMs"`
	EndMs   int64  `json:"endMs"`
	Said    string `json:"said"` // the words there, without punctuation and hesitation
	// the same with up to three words of the sentence on either side
	Context string  `json:"context"`
	P       float64 `json:"p"` // the lowest probability of the words, 0 to 1, two decimals
}
