package conversation

// pronouns are the words for oneself and for whom one speaks to, lower case. A word that also means
// another, as the Spanish su and the German sie do, is in neither.
type pronouns struct{ me, you map[string]bool }

// byLanguage holds them by ISO 639-1; a language that is not here gives no such evidence.
var byLanguage = map[string]pronouns{
	"en": {
		set("i", "i'm", "i've", "i'd", "i'll", "me", "my", "mine", "myself"),
		set("you", "you're", "you've", "you'd", "you'll", "your", "yours", "yourself"),
	},
	"de": {
		set("ich", "mich", "mir", "mein", "meine", "meinen", "meinem", "meiner", "meines"),
		set("du", "dich", "dir", "dein", "deine", "deinen", "deinem", "deiner", "deines", "ihnen"),
	},
	"es": {
		set("yo", "me", "mí", "mi", "mis", "mío", "mía", "conmigo"),
		set("tú", "te", "ti", "tu", "tus", "tuyo", "tuya", "usted", "ustedes", "contigo"),
	},
	"fr": {
		set("je", "me", "moi", "mon", "ma", "mes", "j'ai", "j'étais", "j'avais", "j'aime", "j'aimerais"),
		set("vous", "votre", "vos", "tu", "te", "toi", "ton", "ta", "tes"),
	},
}

// person counts a speaker's words, and those for oneself and for the other.
type person struct{ words, me, you int }

func (p *person) add(turn []sentence, language string) {
	of := byLanguage[language]
	for _, s := range turn {
		for _, w := range s.words {
			p.words++
			if of.me[w] {
				p.me++
			}
			if of.you[w] {
				p.you++
			}
		}
	}
}

// share is how much more the speaker speaks of oneself than to the other, of all words, -mostSelf
// to mostSelf.
func (p person) share() float64 {
	return min(mostSelf, max(-mostSelf, float64(p.me-p.you)/float64(p.words+fewWords)))
}
