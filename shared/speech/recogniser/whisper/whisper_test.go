package whisper

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

// The test binary plays the engine: its first argument is what it answers, one line per request,
// "die" ends it.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && strings.HasPrefix(os.Args[1], "play:") {
		play(strings.Split(strings.TrimPrefix(os.Args[1], "play:"), "\n"))
		return
	}
	os.Exit(m.Run())
}

func play(answers []string) {
	fmt.Println(`{"ready":true}`)
	in := bufio.NewReader(os.Stdin)
	for _, a := range answers {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var r struct{ Samples int }
		if err := json.Unmarshal(line, &r); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, in, int64(2*r.Samples)); err != nil {
			return
		}
		if a == "die" {
			fmt.Fprint(os.Stderr, "no memory")
			os.Exit(1)
		}
		fmt.Println(a)
	}
	_, _ = in.ReadByte()
}

// fake is a recogniser whose engine gives these answers.
func fake(t *testing.T, answers ...any) *Recogniser {
	t.Helper()
	lines := make([]string, len(answers))
	for i, a := range answers {
		if s, ok := a.(string); ok {
			lines[i] = s
			continue
		}
		b, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		lines[i] = string(b)
	}
	r := New(os.Args[0], "play:"+strings.Join(lines, "\n"), "vad")
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// seg is a segment whose tokens, parted by |, have equal times and the probability p.
func seg(start, end int64, p float64, tokens string) segment {
	s := segment{StartMs: start, EndMs: end}
	parts := strings.Split(tokens, "|")
	for i, t := range parts {
		step := (end - start) / int64(len(parts))
		s.Tokens = append(s.Tokens, token{Text: t, P: p, StartMs: start + int64(i)*step, EndMs: start + int64(i+1)*step})
	}
	return s
}

func texts(words []transcript.Word) string {
	var out []string
	for _, w := range words {
		out = append(out, w.Text)
	}
	return strings.Join(out, " ")
}

func ask(t *testing.T, r *Recogniser, seconds int, offset int64, language string) transcript.Chunk {
	t.Helper()
	c, err := r.Transcribe(t.Context(), make([]int16, seconds*audio.SampleRate), offset, language)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTokensBecomeWords(t *testing.T) {
	for name, c := range map[string]struct{ tokens, want string }{
		"a space begins a word":               {" Hello| wor|ld|.", "Hello world."},
		"punctuation belongs to its word":     {" Well|,| yes|!", "Well, yes!"},
		"a dash alone is none":                {" I| -| think", "I think"},
		"apostrophes":                         {" don|'t| it|'s", "don't it's"},
		"music":                               {" [|MUSIC|]| hello", "hello"},
		"laughter":                            {" yes| (|laugh|s|)| no", "yes no"},
		"a song":                              {" ♪| la| la| la| ♪", ""},
		"asterisks":                           {" so| *|sigh|s|*| yes", "so yes"},
		"an aside of many words is speech":    {" he| (|who| came| from| far| away|)| spoke", "he (who came from far away) spoke"},
		"brackets are never speech":           {" [| speaking| in| a| foreign| language| ]", ""},
		"an open bracket at the end":          {" yes| [|BLANK", "yes"},
		"the first token may lack its space":  {"Hello| there", "Hello there"},
		"numbers":                             {" 26| and| 2|,|500", "26 and 2,500"},
		"what follows an aside begins a word": {" a| (|b|)|c", "a c"},
	} {
		if got := texts(seg(0, 1000, 0.9, c.tokens).words(0, false)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	if got := texts(seg(0, 1000, 0.9, "你|好|。").words(0, true)); got != "你 好。" {
		t.Errorf("Chinese: got %q", got)
	}
}

func TestAWordsProbabilityIsTheGeometricMeanOfItsSpokenTokens(t *testing.T) {
	s := segment{EndMs: 100, Tokens: []token{{Text: " wor", P: 0.9, EndMs: 50}, {Text: "ld", P: 0.4, StartMs: 50, EndMs: 90}, {Text: ",", P: 0.01, StartMs: 90, EndMs: 100}}}
	got := s.words(0, false)
	if len(got) != 1 || math.Abs(got[0].P-0.6) > 1e-9 || got[0].EndMs != 90 {
		t.Errorf("got %+v", got)
	}
}

// Ensure that a word of one token has the others that may have been said, that their probabilities
// and its own add up to 1, and that the same word with another case is none.
func TestAWordOfOneTokenMayHaveBeenAnother(t *testing.T) {
	others := []likely{{" safe", 0.4}, {" save", 0.2}, {" Safe", 0.1}, {" ♪", 0.2}, {" say", 0.1}}
	for name, c := range map[string]struct {
		tokens []token
		want   []transcript.Other
	}{
		"one token, punctuation behind it":       {[]token{{Text: " safe", Others: others}, {Text: "."}}, []transcript.Other{{Text: "save", P: 0.25}, {Text: "say", P: 0.125}}},
		"the end of a word makes it another one": {[]token{{Text: " safe", Others: others}, {Text: "ty"}}, nil},
		"no other is known":                      {[]token{{Text: " safe"}}, nil},
		"it is not among the likeliest":          {[]token{{Text: " soft", Others: others}}, nil},
		"only itself is known":                   {[]token{{Text: " safe", Others: others[:1]}}, nil},
	} {
		got := segment{Tokens: c.tokens}.words(0, false)[0].Others
		if !slices.EqualFunc(got, c.want, func(a, b transcript.Other) bool { return a.Text == b.Text && math.Abs(a.P-b.P) < 1e-9 }) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestWordsLieInTheirSegmentOneAfterTheOther(t *testing.T) {
	s := segment{StartMs: 1000, EndMs: 2000, Tokens: []token{{Text: " a", StartMs: 500, EndMs: 1400}, {Text: " b", StartMs: 1300, EndMs: 1200}, {Text: " c", StartMs: 1500, EndMs: 2500}, {Text: " d", StartMs: 3000, EndMs: 3100}}}
	got := s.words(1100, false)
	want := []audio.Span{{StartMs: 1100, EndMs: 1400}, {StartMs: 1400, EndMs: 1400}, {StartMs: 1500, EndMs: 2000}, {StartMs: 2000, EndMs: 2000}}
	for i, w := range got {
		if w.StartMs != want[i].StartMs || w.EndMs != want[i].EndMs {
			t.Errorf("%+v, want %v", w, want[i])
		}
	}
}

func TestTimesAreThoseOfTheRecording(t *testing.T) {
	c := ask(t, fake(t, hearing{Language: "en", LanguageP: 0.98, Heard: "en", HeardP: 0.98, Speech: [][2]int64{{100, 900}}, Segments: []segment{seg(100, 900, 0.8, " hello| there")}}), 2, 60000, "en")
	if texts(c.Words) != "hello there" || c.Words[0].StartMs != 60100 || c.Words[1].EndMs != 60900 || c.Speech[0] != (audio.Span{StartMs: 60100, EndMs: 60900}) ||
		c.Span != (audio.Span{StartMs: 60000, EndMs: 62000}) || c.Heard != "en" || c.HeardP != 0.98 || c.RequestedP != 0.98 {
		t.Errorf("got %+v", c)
	}
}

func TestTheRequestedLanguageHasItsOwnProbability(t *testing.T) {
	h := hearing{Language: "fr", LanguageP: 0.03, Heard: "de", HeardP: 0.9}
	for language, want := range map[string]float64{"fr": 0.03, "de": 0.9, "en": 0, "ga": 0} {
		if got := h.requestedP(language); got != want {
			t.Errorf("%s: %v, want %v", language, got, want)
		}
	}
	for code, want := range map[string]string{"en": "en", "nb": "no", "jv": "jw", "ga": "auto", "": "auto", "n ": "auto"} { //nolint:gocritic // the space is what is tried
		if got := engineLanguage(code); got != want {
			t.Errorf("engineLanguage(%q) = %q, want %q", code, got, want)
		}
	}
}

func TestWithoutSpeechThereAreNoWords(t *testing.T) {
	c := ask(t, fake(t, hearing{Segments: []segment{seg(0, 2000, 0.9, " Thank| you|.")}}), 2, 0, "en")
	if len(c.Words) != 0 || c.Words == nil || c.Speech == nil || c.Heard != "" {
		t.Errorf("got %+v", c)
	}
}

func TestWordsFarFromAnySpeechAreDropped(t *testing.T) {
	speech := [][2]int64{{0, 1000}, {9000, 10000}}
	for name, c := range map[string]struct {
		s    segment
		want string
	}{
		"in speech":                   {seg(0, 1000, 0.9, " one| two"), "one two"},
		"a second away":               {segment{0, 10000, []token{{Text: " a", P: 0.9, StartMs: 1900, EndMs: 2000}}}, "a"},
		"more than a second away":     {segment{0, 10000, []token{{Text: " a", P: 0.9, StartMs: 2001, EndMs: 2100}}}, ""},
		"a segment in silence":        {seg(1500, 8900, 0.9, " one| two"), ""},
		"a phantom on little speech":  {seg(800, 3000, 0.3, " Thank| you|."), ""},
		"the same, but surely heard":  {seg(800, 3000, 0.9, " Thank| you|."), "Thank you."},
		"the same, within the speech": {seg(0, 1000, 0.3, " Thank| you|."), "Thank you."},
	} {
		h := hearing{Language: "en", Speech: speech, Segments: []segment{c.s}}
		if got := texts(h.words(h.spans())); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestWhatRepeatsItselfIsDropped(t *testing.T) {
	for name, c := range map[string]struct{ said, want string }{
		"nothing":                       {"", ""},
		"three times is speech":         {"no no no then", "no no no then"},
		"four times is a loop":          {"no no no no then", "no then"},
		"a phrase":                      {"so I think. so I think so i think So I think, yes", "so I think. yes"},
		"three words three times":       {"I do not I do not I do not know", "I do not I do not I do not know"},
		"four words three times":        {"I like to eat I like to eat. I like to eat then", "I like to eat then"},
		"four words twice":              {"I like to eat I like to eat then", "I like to eat I like to eat then"},
		"a phrase of eight three times": {strings.Repeat("a b c d e f g h ", 3) + "j", "a b c d e f g h j"},
		"a phrase of nine said twice":   {"a b c d e f g h i a b c d e f g h i j", "a b c d e f g h i j"},
		"a phrase of eight said twice":  {"a b c d e f g h a b c d e f g h j", "a b c d e f g h a b c d e f g h j"},
		"the loop goes on to the end":   {"well " + strings.Repeat("it was good ", 30), "well it was good"},
		"two loops":                     {"a a a a b b b b", "a b"},
		"a loop that breaks off midway": {"it was good it was good it was good it was good it was", "it was good it was"},
	} {
		var words []transcript.Word
		for w := range strings.FieldsSeq(c.said) {
			words = append(words, transcript.Word{Text: w})
		}
		if got := texts(unloop(words)); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestSpeechWithoutWordsIsHeardAgain(t *testing.T) {
	first := hearing{Language: "en", Heard: "en", Speech: [][2]int64{{0, 2000}, {3000, 5500}, {7000, 9000}},
		Segments: []segment{seg(0, 2000, 0.9, " one| two"), seg(7000, 9000, 0.9, " five| six")}}
	again := hearing{Language: "en", Heard: "en", Speech: [][2]int64{{150, 2650}}, Segments: []segment{seg(150, 2650, 0.7, " one| two| three| four| five| six")}}
	c := ask(t, fake(t, first, again), 10, 1000, "en")
	if texts(c.Words) != "one two three four five six" {
		t.Errorf("got %v", texts(c.Words))
	}
	for i, w := range c.Words {
		if i > 0 && w.StartMs < c.Words[i-1].EndMs {
			t.Errorf("%v begins before the last one ended", w)
		}
	}
	if c = ask(t, fake(t, first, hearing{Language: "en"}), 10, 0, "en"); texts(c.Words) != "one two five six" {
		t.Errorf("nothing there the second time: got %v", texts(c.Words))
	}
}

func TestOnlySpeechOfMoreThanTwoSecondsAndOnlyFourTimes(t *testing.T) {
	if got := missed(nil, []audio.Span{{StartMs: 1000, EndMs: 3000}}, 5000); len(got) != 0 {
		t.Errorf("two seconds: %v", got)
	}
	if got := missed(nil, []audio.Span{{StartMs: 1000, EndMs: 3001}}, 5000); len(got) != 1 || got[0] != (audio.Span{StartMs: 850, EndMs: 3151}) {
		t.Errorf("more than two: %v", got)
	}
	var speech []audio.Span
	var words []transcript.Word
	for i := range int64(8) {
		speech = append(speech, audio.Span{StartMs: i * 10000, EndMs: i*10000 + 3000 + i})
		words = append(words, transcript.Word{StartMs: i*10000 + 5000, EndMs: i*10000 + 5500})
	}
	got := missed(words, speech, 80000)
	if len(got) != 4 || got[0].StartMs != 40000-missedEdge || got[3].StartMs != 70000-missedEdge {
		t.Errorf("the longest four: %v", got)
	}
}

func TestErrorsAreThoseOfThePort(t *testing.T) {
	pcm := make([]int16, audio.SampleRate)
	_, err := New("/nonexistent/asr", "m", "v").Transcribe(t.Context(), pcm, 0, "en")
	if !errors.Is(err, transcript.ErrDenied) {
		t.Errorf("no program: %v", err)
	}
	_, err = fake(t, `{"error":"no such model"}`).Transcribe(t.Context(), pcm, 0, "en")
	if !errors.Is(err, transcript.ErrProvider) || !strings.Contains(err.Error(), "no such model") {
		t.Errorf("its own refusal: %v", err)
	}
	_, err = fake(t, "die").Transcribe(t.Context(), pcm, 0, "en")
	if !errors.Is(err, transcript.ErrProvider) || !strings.Contains(err.Error(), "no memory") {
		t.Errorf("its death: %v", err)
	}
	_, err = fake(t, "nonsense").Transcribe(t.Context(), pcm, 0, "en")
	if !errors.Is(err, transcript.ErrProvider) {
		t.Errorf("nonsense: %v", err)
	}
	_, err = fake(t).Transcribe(t.Context(), make([]int16, maxSamples+1), 0, "en")
	if !errors.Is(err, transcript.ErrProvider) {
		t.Errorf("too long: %v", err)
	}
	if c, err := fake(t).Transcribe(t.Context(), nil, 7, "en"); err != nil || len(c.Words) != 0 {
		t.Errorf("nothing: %+v, %v", c, err)
	}
	if v := New("a", "/x/ggml-base-q8_0.bin", "/x/ggml-silero-v6.2.3.bin").Version(); v != "whisper.cpp ggml-base-q8_0 ggml-silero-v6.2.3" {
		t.Errorf("version %q", v)
	}
}
