package syllable

import "testing"

func TestIn(t *testing.T) {
	for language, words := range map[string]map[string]int{
		"es": {"casa": 2, "bueno": 2, "ciudad": 2, "día": 2, "país": 2, "teatro": 3, "aéreo": 4, "trabajo": 3, "experiencia": 4, "que": 1, "guerra": 2, "guitarra": 3,
			"vergüenza": 3, "lengua": 2, "hoy": 1, "yo": 1, "mayo": 2, "y": 1, "ahora": 3, "entrevista": 4, "Universidad,": 5, "veintiséis": 3, "río": 2, "rió": 1, "oír": 2, "come": 2},
		"fr": {"je": 1, "le": 1, "table": 1, "tables": 1, "parler": 2, "parlent": 1, "vraiment": 2, "beaucoup": 2, "eau": 1, "nation": 2, "oiseau": 2, "travail": 2, "travailler": 3,
			"créé": 2, "aéroport": 4, "naïf": 2, "lui": 1, "qui": 1, "langue": 1, "question": 2, "également": 3, "j'ai": 1, "l'entreprise": 3, "aujourd'hui": 3, "client": 2, "expérience": 3, "université": 5},
		"de": {"haus": 1, "bauen": 2, "zeit": 1, "liebe": 2, "neue": 2, "quelle": 2, "ich": 1, "arbeite": 3, "Universität": 5, "Nation": 2, "Theater": 3, "Erfahrung": 3,
			"Ferien": 3, "eigentlich": 3, "schön": 1, "Mädchen": 2, "Häuser": 2, "ja": 1, "Gespräch": 2, "vielleicht": 2},
		"it": {"casa": 2, "mio": 2, "più": 1, "lavoro": 3, "buono": 2, "guerra": 2, "qui": 1, "italiano": 4, "l'esperienza": 4, "perché": 2},
		"pt": {"não": 1, "dia": 2, "água": 2, "trabalho": 3, "você": 2, "informações": 4, "muito": 2},
		"nl": {"huis": 1, "werken": 2}, "ru": {"работа": 3, "я": 1, "здравствуйте": 3}, "zh": {"你好": 2, "面试": 2}, "ja": {"こんにちは": 5, "きょう": 2}, "ko": {"안녕하세요": 5}, "el": {"καλημέρα": 4},
		"": {"table": 2}, "en": {"come": 1, "26": 3},
	} {
		for word, want := range words {
			if got, ok := In(language, word); got != want || !ok {
				t.Errorf("%s: In(%q) = %d, %v, want %d", language, word, got, ok, want)
			}
		}
	}
	for language, word := range map[string]string{"ar": "مرحبا", "he": "שלום", "hi": "नमस्ते", "th": "สวัสดี", "es": "مرحبا"} {
		if n, ok := In(language, word); ok || n != 0 {
			t.Errorf("%s: %q does not show its vowels and counts %d", language, word, n)
		}
	}
	for _, c := range []struct {
		word string
		want int
	}{{"", 0}, {"...", 0}, {"26", 2}, {"km", 1}, {"d'", 0}, {"ex-marido", 4}} {
		if got, ok := In("es", c.word); got != c.want || !ok {
			t.Errorf("In(es, %q) = %d, want %d", c.word, got, c.want)
		}
	}
}

func FuzzIn(f *testing.F) {
	f.Add("es", "vergüenza")
	f.Add("fr", "qu'ement'gues")
	f.Add("de", "qu")
	f.Fuzz(func(t *testing.T, language, word string) {
		if n, ok := In(language, word); n < 0 || !ok && n != 0 || n > 40*len(word) {
			t.Errorf("%d %v", n, ok)
		}
	})
}
