package words

import "regexp"

// Filled pauses in the spellings that recognisers and transcribers use. In other languages than
// English "um", "er" and "ah" are words.
var (
	fillersOfEnglish = regexp.MustCompile(`^(u+h+m*|u+m+|e+r+m*|h+m+|m{2,}|m+h+m+|a+h+|e+h+m*)$`)
	fillersElsewhere = regexp.MustCompile(`^(u+h+m*|h+m+|m+|m+h+m+|e+h+|e+h+m+|ä+h+m*|e+u+h+)$`)
)

// Filler tells whether a form in lower case is a filled pause of the language (ISO 639-1; empty:
// English) and no word.
func Filler(language, form string) bool {
	if language == "" || language == "en" {
		return fillersOfEnglish.MatchString(form)
	}
	return fillersElsewhere.MatchString(form)
}
