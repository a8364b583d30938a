package report

import "parley/shared/speech/score"

// Lexicon is what a vocabulary score rests on. The lists are bounded (score.Lexis); the counts are
// of all there is. Each list is null where there is no score.
type Lexicon struct {
	// Bands are the candidate's words by CEFR level, A1 first.
	Bands []Band `json:"bands"`
	// Patterns are those of grammar and phrase that were found, those learnt latest first.
	Patterns []Pattern `json:"patterns"`
	// Practice is what to practise: the points of the candidate's feedback.
	Practice []Point `json:"practice"`
}

// Band is the candidate's words of one level.
type Band struct {
	Level     string     `json:"level"`     // A1 to C2
	Different int        `json:"different"` // different words
	Said      int        `json:"said"`      // running words
	Words     []BandWord `json:"words"`     // those most said
}

// BandWord is one of the candidate's words.
type BandWord struct {
	Word  string `json:"word"` // its base form; of a structure word the form itself
	Part  string `json:"part"`
	Count int    `json:"count"`
	At    Spot   `json:"at"` // where it was heard most surely
}

// Pattern is one pattern of grammar or phrase.
type Pattern struct {
	Name  string  `json:"name"` // does not change
	Form  *string `json:"form"` // its word; null where the pattern has none
	Kind  string  `json:"kind"`
	Level *string `json:"level"` // A1 to C2; null where no list has it
	Count int     `json:"count"`
	At    []Spot  `json:"at"` // up to three places, the surest first
}

// Point is one thing to practise.
type Point struct {
	Measure string   `json:"measure"` // the name of the measure that it would raise
	Text    string   `json:"text"`
	Better  []string `json:"better"` // words or patterns to use instead
	At      Spot     `json:"at"`
}

// Spot is where something stands in the transcript.
type Spot struct {
	Segment int    `json:"segment"` // index in transcript.segments
	Word    int    `json:"word"`    // index of the first word in the segment
	Words   int    `json:"words"`   // how many words it takes
	StartMs int64  `json:"startMs"`
	EndMs   int64  `json:"endMs"`
	Text    string `json:"text"` // as quoted: without punctuation and hesitation
	// the lowest of the words, 0 to 1; null where the recogniser gives none
	Confidence *float64 `json:"confidence"`
}

// lexiconOf is what the client reads of a vocabulary's lexis. The transcript's segments
// are the conversation's turns, word for word.
func lexiconOf(r score.Result) *Lexicon {
	out := &Lexicon{}
	if r.Lexis == nil {
		return out
	}
	spotOf := func(at score.Place) Spot {
		spot := Spot{Segment: at.Turn, Word: at.Word, Words: at.Words, StartMs: at.StartMs, EndMs: at.EndMs, Text: at.Said}
		if !r.Lexis.Unrated {
			spot.Confidence = &at.P
		}
		return spot
	}
	out.Bands, out.Patterns, out.Practice = []Band{}, []Pattern{}, []Point{}
	for _, b := range r.Lexis.Bands {
		band := Band{Level: b.Level, Different: b.Different, Said: b.Said, Words: []BandWord{}}
		for _, w := range b.Words {
			band.Words = append(band.Words, BandWord{Word: w.Word, Part: w.Part, Count: w.Count, At: spotOf(w.At)})
		}
		out.Bands = append(out.Bands, band)
	}
	for _, p := range r.Lexis.Patterns {
		pattern := Pattern{Name: p.Name, Form: orNil(p.Form), Kind: p.Kind, Level: orNil(p.Level), Count: p.Count, At: []Spot{}}
		for _, at := range p.At {
			pattern.At = append(pattern.At, spotOf(at))
		}
		out.Patterns = append(out.Patterns, pattern)
	}
	for _, p := range r.Practice {
		out.Practice = append(out.Practice, Point{Measure: p.Measure, Text: p.Text, Better: append([]string{}, p.Better...), At: spotOf(p.At)})
	}
	return out
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
