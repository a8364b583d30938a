package whisper

import "strings"

// languages are the two-letter codes that Whisper was trained on.
const languages = " af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha he hi hr ht hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv" +
	" mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo zh "

// renamed maps ISO 639-1 codes to Whisper's own.
var renamed = map[string]string{"jv": "jw", "nb": "no"}

// engineLanguage is the engine's name of an ISO 639-1 language; auto for one it does not know: it
// then writes what it hears.
func engineLanguage(code string) string {
	if r, ok := renamed[code]; ok {
		code = r
	}
	if len(code) != 2 || !strings.Contains(languages, " "+code+" ") {
		return "auto"
	}
	return code
}

// unspaced tells whether a language is written without spaces between words: each token is a word
// then.
func unspaced(language string) bool {
	switch language {
	case "zh", "ja", "th", "lo", "my", "km", "bo", "yue":
		return true
	}
	return false
}
