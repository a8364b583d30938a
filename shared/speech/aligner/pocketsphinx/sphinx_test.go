package pocketsphinx

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"parley/infra/measure/corpus"
	"parley/shared/speech/audio"
	"parley/shared/speech/installed"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/transcript"
)

func dictionary(t *testing.T) Dictionary {
	t.Helper()
	if err := installed.Missing(installed.Dir(), installed.DictFile); err != nil {
		t.Skip(err)
	}
	d, err := ReadDictionary(installed.Dict(installed.Dir()))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// small is a dictionary of a few words, so that the rules show without the real one.
var small = Dictionary{
	"walk": {"W", "AO", "K"}, "bake": {"B", "EY", "K"}, "stop": {"S", "T", "AA", "P"}, "judge": {"JH", "AH", "JH"}, "happy": {"HH", "AE", "P", "IY"},
	"data": {"D", "EY", "T", "AH"}, "base": {"B", "EY", "S"}, "twenty": {"T", "W", "EH", "N", "T", "IY"}, "six": {"S", "IH", "K", "S"}, "two": {"T", "UW"},
	"could": {"K", "UH", "D"}, "want": {"W", "AA", "N", "T"}, "dog": {"D", "AO", "G"}, "able-bodied": {"EY", "B"}, "mark": {"M", "AA", "R", "K"},
}

func TestPronounce(t *testing.T) {
	for w, want := range map[string]string{
		"walk": "W AO K", "walks": "W AO K S", "walked": "W AO K T", "walking": "W AO K IH NG", "baking": "B EY K IH NG", "baked": "B EY K T",
		"stopped": "S T AA P T", "judges": "JH AH JH AH Z", "judge's": "JH AH JH AH Z", "dogs": "D AO G Z", "wanted": "W AA N T AH D", "happiness": "HH AE P IY N AH S",
		"database": "D EY T AH B EY S", "couldn't": "K UH D AH N T", "hr": "EY CH AA R", "26": "T W EH N T IY S IH K S | T UW S IH K S", "zug": "Z AH G",
		"": "", "'": "", "naïve": "", "[noise]": "", strings.Repeat("a", 41): "",
	} {
		var got []string
		for _, p := range small.Pronounce(w) {
			got = append(got, strings.Join(p, " "))
		}
		if g := strings.Join(got, " | "); g != want {
			t.Errorf("Pronounce(%q) = %q, want %q", w, g, want)
		}
	}
}

func TestLay(t *testing.T) {
	text, extra := small.lay([]string{"Walk,", "able-bodied", "walk-dog", "26.", "26", "—", "Café!", "“Zug”", "$5", "mark's"})
	if got := strings.Join(text, " "); got != "walk able-bodied walk dog 26 26 cafe zug $5 mark's" {
		t.Errorf("got %q", got)
	}
	names := []string{}
	for _, e := range extra {
		names = append(names, e[0])
	}
	if got := strings.Join(names, " "); got != "26 26(2) cafe zug $5 mark's" {
		t.Errorf("got %q", got)
	}
	for w, want := range map[string]string{"read(2)": "read", "read": "read", "(2)": "(2)", "a(b)": "a(b)"} {
		if got := base(w); got != want {
			t.Errorf("base(%q) = %q", w, got)
		}
	}
}

// Every 25th word of the dictionary is hidden from it and pronounced: the share of phones that come
// out wrong.
func TestPronounceIsCloseToTheDictionary(t *testing.T) {
	d := dictionary(t)
	var words []string
	for w := range d {
		if !strings.ContainsAny(w, ".'-0123456789") {
			words = append(words, w)
		}
	}
	sort.Strings(words)
	var all, rules transcript.Edits
	for i := 0; i < len(words); i += 25 {
		w := words[i]
		said := d[w]
		rules = rules.Add(transcript.Compare(said, sound(w)))
		delete(d, w)
		if ways := d.Pronounce(w); len(ways) > 0 {
			all = all.Add(transcript.Compare(said, ways[0]))
		}
		d[w] = said
	}
	t.Logf("phones wrong: %.1f %% with endings and compounds, %.1f %% by letters alone, %d phones", 100*all.WER(), 100*rules.WER(), all.Said)
	if all.WER() > 0.35 {
		t.Errorf("%.3f of the phones are wrong", all.WER())
	}
}

func aligner(t *testing.T) *Aligner {
	t.Helper()
	dir := installed.Dir()
	if err := installed.Missing(dir, append([]string{installed.GOPFile, installed.DictFile, installed.PhoneLoopFile}, installed.AcousticFiles...)...); err != nil {
		t.Skip(err)
	}
	a := New(installed.GOP(dir), installed.Models(dir), 2)
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func TestAlignPutsWordsWhereTheyAreSaid(t *testing.T) {
	a := aligner(t)
	data, err := corpus.Data()
	if err != nil {
		t.Skip("the shared interviews are not here: ", err)
	}
	name := filepath.Join(data, "interviews", "native_f_mandarin_lj_so9607")
	b, err := os.ReadFile(name + ".json")
	if err != nil {
		t.Skip("the shared interviews are not here")
	}
	var truth struct {
		Segments []struct {
			Start, End float64
			Text       string
		}
	}
	if err := json.Unmarshal(b, &truth); err != nil {
		t.Fatal(err)
	}
	pcm, err := audio.Decoder{FFmpeg: installed.FFmpeg(installed.Dir())}.Decode(t.Context(), name+".flac")
	if err != nil {
		t.Fatal(err)
	}
	align := func(from, to float64, words string) (gop float64, out []accent.AlignedWord) {
		out, err := a.Align(t.Context(), pcm[int(from*16000):int(to*16000)], strings.Fields(words))
		if err != nil {
			t.Fatal(err)
		}
		sum, n := 0.0, 0.0
		for _, w := range out {
			if g, ok := w.GOP(); ok && w.Spoken() {
				sum += g
				n++
			}
		}
		return sum / n, out
	}
	right, wrong := 0.0, 0.0
	for i, s := range truth.Segments[:3] {
		other := truth.Segments[len(truth.Segments)-1-i].Text
		r, words := align(s.Start, s.End, s.Text)
		w, _ := align(s.Start, s.End, other)
		right, wrong = right+r, wrong+w
		spoken, at := 0, -1
		for _, x := range words {
			if x.Start < at {
				t.Errorf("%v begins before the last one", x)
			}
			at = x.Start
			if x.Spoken() {
				spoken++
			}
		}
		if want := len(transcript.Normal(s.Text)); spoken < want-1 || spoken > want+1 {
			t.Errorf("%d words of %d: %v", spoken, want, words)
		}
	}
	t.Logf("mean GOP %.1f with the words that were said, %.1f with others", right/3, wrong/3)
	if right < wrong {
		t.Error("the words that were said fit less well than others")
	}
}

func TestAlignRefusesWhatCannotBe(t *testing.T) {
	a := aligner(t)
	if _, err := a.Align(t.Context(), make([]int16, 16000), nil); !errors.Is(err, accent.ErrNotAligned) {
		t.Errorf("no words: %v", err)
	}
	if _, err := a.Align(t.Context(), make([]int16, 1600), strings.Fields("a great many words in a tenth of a second of silence")); !errors.Is(err, accent.ErrNotAligned) {
		t.Errorf("too many words: %v", err)
	}
	if _, err := a.Align(t.Context(), make([]int16, maxSamples+1), []string{"a"}); !errors.Is(err, accent.ErrNotAligned) {
		t.Errorf("too long: %v", err)
	}
}
