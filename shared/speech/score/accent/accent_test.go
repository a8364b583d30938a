package accent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
	"parley/shared/speech/score/timing"
	"parley/shared/speech/transcript"
)

// listener aligns every word over an equal share of the audio, each one phone with the GOP it is
// told; more words than limit it cannot align.
type listener struct {
	mu      sync.Mutex
	gop     float64
	limit   int
	err     error
	seconds float64
	calls   int
}

func (l *listener) Version() string { return "test" }

func (l *listener) Align(_ context.Context, pcm []int16, words []string) ([]AlignedWord, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	l.seconds += float64(len(pcm)) / audio.SampleRate
	if l.err != nil {
		return nil, l.err
	}
	if l.limit > 0 && len(words) > l.limit {
		return nil, ErrNotAligned
	}
	n := len(pcm) / 160 / (len(words) + 1)
	out := []AlignedWord{{Text: "<sil>", Frames: n, Phones: []Phone{{"SIL", n, -1e6, 0}}}}
	for i, w := range words {
		out = append(out, AlignedWord{Text: w, Start: (i + 1) * n, Frames: n, Phones: []Phone{{"AA", n, l.gop * float64(n), 0}}})
	}
	return out, nil
}

// listens takes all speech for English with the probability p, that of silence for nothing.
type listens struct {
	p   float64
	err error
}

func (l listens) LanguageProbability(_ context.Context, pcm []int16, language string) (float64, bool, error) {
	return l.p, l.p > 0 && language == "en" && len(pcm) > 0, l.err
}

// material is turns of 8 s, each a swinging tone with words of probability p, apart by a second of
// the other speaker.
func material(turns int, p float64) score.Material {
	var m score.Material
	for i := range turns {
		from := int64(i) * 9000
		for k := range 8 * audio.SampleRate {
			t := float64(k) / audio.SampleRate
			m.PCM = append(m.PCM, int16(8000*(0.55-0.45*math.Cos(2*math.Pi*4*t))*math.Sin(2*math.Pi*200*t)))
		}
		m.PCM = append(m.PCM, make([]int16, audio.SampleRate)...)
		turn := transcript.Turn{StartMs: from, EndMs: from + 8000}
		for k, w := range strings.Fields("people talk about the weather and then they go home again today") {
			turn.Words = append(turn.Words, transcript.Word{Text: w, StartMs: from + int64(k)*600, EndMs: from + int64(k)*600 + 500, P: p})
		}
		m.Conversation.Turns = append(m.Conversation.Turns, turn, transcript.Turn{Speaker: 1, StartMs: from + 8000, EndMs: from + 9000})
	}
	m.Intake.Quality = audio.Quality{SNRDb: 40, BandwidthHz: 8000}
	return m
}

func scored(t *testing.T, m score.Material, a Aligner, l WhisperListener) (score.Result, error) {
	t.Helper()
	return Score(t.Context(), m, timing.Candidate(m), Engines{a, l})
}

func must(t *testing.T, m score.Material, a Aligner) score.Result {
	t.Helper()
	r, err := scored(t, m, a, listens{p: 0.9})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestScore(t *testing.T) {
	m := material(10, 0.8)
	r := must(t, m, &listener{gop: -30})
	t.Run("it lies inside its interval, and both inside the scale", func(t *testing.T) {
		if r.Raw == nil || *r.Raw <= 0 || *r.Raw >= 5 || r.Interval[0] >= *r.Raw || r.Interval[1] <= *r.Raw || r.Interval[0] < 0 || r.Interval[1] > 5 {
			t.Fatalf("%v in %v", r.Raw, r.Interval)
		}
	})
	t.Run("silence is no word and the measures are those of the aligner and the recogniser", func(t *testing.T) {
		for _, x := range r.Measures {
			if want, ok := map[string]float64{"worstWordsGop": -30, "meanGop": -30, "wordProbability": 0.8, "unsureWords": 0}[x.Name]; ok {
				if x.Value == nil || math.Abs(*x.Value-want) > 1e-6 {
					t.Errorf("%s: %v, want %g", x.Name, x.Value, want)
				}
			}
		}
	})
	t.Run("the recogniser's two opinions have less than half of the weight", func(t *testing.T) {
		if r.Measures[0].Name != "wordProbability" || r.Measures[8].Name != "languageOdds" || r.Measures[0].Weight+r.Measures[8].Weight >= 0.5 {
			t.Fatalf("%+v, %+v", r.Measures[0], r.Measures[8])
		}
	})
	t.Run("it rises with how surely the speech is taken for English, within bounds", func(t *testing.T) {
		of := func(p float64) (raw float64, odds *float64) {
			r, err := scored(t, m, &listener{gop: -30}, listens{p: p})
			if err != nil {
				t.Fatal(err)
			}
			return *r.Raw, r.Measures[8].Value
		}
		unsure, _ := of(0.5)
		surer, odds := of(0.9)
		surest, top := of(1)
		if unsure >= surer || surer >= surest || math.Abs(*odds-math.Log(9)) > 1e-6 || *top != mostOdds {
			t.Fatalf("%g, %g at %g, %g at %g", unsure, surer, *odds, surest, *top)
		}
		if _, none := of(0); none != nil {
			t.Errorf("%g where no language was heard", *none)
		}
	})
	t.Run("the listener's own failure is an error", func(t *testing.T) {
		broken := errors.New("broken pipe")
		if _, err := scored(t, m, &listener{gop: -30}, listens{err: broken}); !errors.Is(err, broken) {
			t.Fatalf("%v", err)
		}
	})
	t.Run("it rises with the words' probability and with their pronunciation", func(t *testing.T) {
		if surer := must(t, material(10, 0.9), &listener{gop: -30}); *surer.Raw <= *r.Raw {
			t.Error("surer words do not raise it")
		}
		if better := must(t, m, &listener{gop: -20}); *better.Raw <= *r.Raw {
			t.Error("better pronunciation does not raise it")
		}
	})
	t.Run("the same samples give the same bytes", func(t *testing.T) {
		a, errA := json.Marshal(r)
		b, errB := json.Marshal(must(t, m, &listener{gop: -30}))
		if errA != nil || errB != nil || string(a) != string(b) {
			t.Fatalf("%s\n%s", a, b)
		}
	})
	t.Run("no more is aligned than the limit allows", func(t *testing.T) {
		l := &listener{gop: -30}
		must(t, material(60, 0.8), l)
		if l.seconds < 0.7*AlignSeconds || l.seconds > 1.25*AlignSeconds {
			t.Fatalf("%.1f s aligned", l.seconds)
		}
	})
	t.Run("each part is aligned alone, so that none takes its words from another's sound", func(t *testing.T) {
		w := must(t, m, &listener{gop: -30, limit: 12})
		if w.Measures[2].Value == nil || *w.Measures[2].Value != -30 {
			t.Fatalf("%+v", w.Measures[2])
		}
	})
	t.Run("where nothing can be aligned the rest is scored", func(t *testing.T) {
		w := must(t, m, &listener{err: ErrNotAligned})
		if w.Raw == nil || w.Measures[1].Value != nil || w.Measures[1].Reason == "" {
			t.Fatalf("%+v", w)
		}
	})
	t.Run("another language is not compared with English sounds", func(t *testing.T) {
		l := &listener{gop: -30}
		other := m
		other.Conversation.Language = "es"
		w := must(t, other, l)
		if l.calls != 0 || w.Raw == nil || w.Measures[1].Value != nil || w.Measures[8].Value != nil || len(w.Cautions) != 2 || w.Interval[1] != 5 {
			t.Fatalf("%d calls, %+v", l.calls, w)
		}
	})
	t.Run("a high voice is a caution and widens the interval, from 230 Hz on", func(t *testing.T) {
		width := func(hz float64) (float64, int) {
			high := m
			high.PCM = make([]int16, len(m.PCM))
			for i := range high.PCM {
				at := float64(i%(9*audio.SampleRate)) / audio.SampleRate
				if at < 8 {
					high.PCM[i] = int16(8000 * (0.55 - 0.45*math.Cos(2*math.Pi*4*at)) * math.Sin(2*math.Pi*hz*at))
				}
			}
			w := must(t, high, &listener{gop: -30})
			return w.Interval[1] - w.Interval[0], len(w.Cautions)
		}
		low, none := width(225)
		wide, one := width(235)
		if none != 0 || one != 1 || wide <= low {
			t.Fatalf("%g and %d cautions at 225 Hz, %g and %d at 235 Hz", low, none, wide, one)
		}
	})
	t.Run("the aligner's own failure is an error", func(t *testing.T) {
		broken := errors.New("broken pipe")
		if _, err := scored(t, m, &listener{err: broken}, listens{p: 0.9}); !errors.Is(err, broken) {
			t.Fatalf("%v", err)
		}
	})
}

func TestWhatCannotBeMeasuredIsNullWithAReason(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*score.Material)
		reason string
	}{
		{"enough clean speech is measured", func(*score.Material) {}, ""},
		{"under 20 seconds of speech", func(m *score.Material) { *m = material(2, 0.8) }, "seconds"},
		{"over 20 seconds of speech", func(m *score.Material) { *m = material(3, 0.8) }, ""},
		{"under 20 seconds of speech, waived", func(m *score.Material) { *m = material(2, 0.8); m.Waive = true }, ""},
		{"no speech, waived", func(m *score.Material) { m.Conversation.Turns = nil; m.Waive = true }, "seconds"},
		{"no words", func(m *score.Material) {
			for i := range m.Conversation.Turns {
				m.Conversation.Turns[i].Words = nil
			}
		}, "No words"},
		{"noise just too loud", func(m *score.Material) { m.Intake.Quality.SNRDb = MinSNRDb - 0.1 }, "noisy"},
		{"noise just bearable", func(m *score.Material) { m.Intake.Quality.SNRDb = MinSNRDb }, ""},
		{"clipping just too much", func(m *score.Material) { m.Intake.Quality.ClippedPercent = MaxClippedPercent + 0.1 }, "clipped"},
		{"clipping just bearable", func(m *score.Material) { m.Intake.Quality.ClippedPercent = MaxClippedPercent }, ""},
		{"noise is not waived", func(m *score.Material) { m.Intake.Quality.SNRDb = MinSNRDb - 1; m.Waive = true }, "noisy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := material(9, 0.8)
			c.change(&m)
			r := must(t, m, &listener{gop: -30})
			if (c.reason == "") != (r.Raw != nil) || !strings.Contains(r.Reason, c.reason) || len(r.Measures) != 10 {
				t.Fatalf("raw %v, reason %q, %d measures", r.Raw, r.Reason, len(r.Measures))
			}
			for _, x := range r.Measures {
				if r.Raw == nil && (x.Value != nil || x.Reason == "") {
					t.Fatalf("%+v", x)
				}
			}
		})
	}
}

// Ensure that where the words have no probability, how surely they are heard is measured on the
// sample of our own recogniser, and without one it is null with a reason.
func TestWordsWithoutProbabilitiesAreJudgedByASample(t *testing.T) {
	m := material(9, 0.8)
	own := must(t, m, &listener{gop: -30})
	sample := []transcript.Word{}
	for i := range m.Conversation.Turns {
		turn := &m.Conversation.Turns[i]
		if i < 4 {
			sample = append(sample, turn.Words...)
		}
		turn.Words = slices.Clone(turn.Words)
		for k := range turn.Words {
			turn.Words[k].P = 0
		}
	}
	m.Conversation.Unrated, m.Conversation.Sample = true, sample
	got := must(t, m, &listener{gop: -30})
	m.Conversation.Sample = nil
	none := must(t, m, &listener{gop: -30})
	for i, x := range got.Measures {
		was, without := own.Measures[i], none.Measures[i]
		if (x.Value == nil) != (was.Value == nil) || x.Value != nil && math.Abs(*x.Value-*was.Value) > 1e-9 {
			t.Errorf("%s is %v, by our own words %v", x.Name, x.Value, was.Value)
		}
		if byProbability := x.Name == wordProbability || x.Name == unsureWords; byProbability != (without.Value == nil) || byProbability && without.Reason == "" {
			t.Errorf("without a sample %s is %v, %q", without.Name, without.Value, without.Reason)
		}
	}
}

func TestAShortAnswerHasAWiderInterval(t *testing.T) {
	width, cautions := math.Inf(1), 0
	for turns := 3; turns <= 9; turns += 2 { // 23 s to 70 s of speech
		r := must(t, material(turns, 0.8), &listener{gop: -30})
		if now := r.Interval[1] - r.Interval[0]; now > width+1e-9 {
			t.Errorf("%d turns: %.2f, fewer %.2f", turns, now, width)
		} else {
			width = now
		}
		cautions += len(r.Cautions)
		if turns*8 > CautionSeconds+2 != (len(r.Cautions) == 0) {
			t.Errorf("%d turns: %q", turns, r.Cautions)
		}
	}
	if cautions == 0 {
		t.Error("no caution")
	}
}

func TestDoubtfulAudioWidensTheIntervalAndSaysSo(t *testing.T) {
	width := func(q audio.Quality) (float64, int) {
		m := material(9, 0.8)
		m.Intake.Quality = q
		r := must(t, m, &listener{gop: -30})
		return r.Interval[1] - r.Interval[0], len(r.Cautions)
	}
	clean, none := width(audio.Quality{SNRDb: 40, BandwidthHz: 8000})
	if none != 0 {
		t.Fatal("clean audio has a caution")
	}
	for name, q := range map[string]audio.Quality{
		"telephone": {SNRDb: 40, BandwidthHz: 3400},
		"noise":     {SNRDb: 15, BandwidthHz: 8000},
		"clipping":  {SNRDb: 40, BandwidthHz: 8000, ClippedPercent: 1},
	} {
		t.Run(name, func(t *testing.T) {
			if w, n := width(q); w <= clean || n != 1 {
				t.Fatalf("width %g of %g, %d cautions", w, clean, n)
			}
		})
	}
}

func TestChosenPartsAreSpreadEvenly(t *testing.T) {
	parts := timing.Candidate(material(40, 0.8)).Parts
	which := chosen(parts, 80)
	if len(which) != 10 {
		t.Fatalf("%d parts", len(which))
	}
	for eighth := range 8 {
		if !slices.ContainsFunc(which, func(i int) bool { return i*8/len(parts) == eighth }) {
			t.Errorf("of %v none is in eighth %d of %d", which, eighth+1, len(parts))
		}
	}
	if n := len(chosen(parts, 1e6)); n != len(parts) {
		t.Fatalf("%d of %d where all fit", n, len(parts))
	}
	parts[0].Words = nil
	if n := len(chosen(parts, 1e6)); n != len(parts)-1 {
		t.Fatal("a part without words was chosen")
	}
}

// Ensure that the choice does not hang on some ms, which any codec moves.
func TestTheSamePartsAreChosenThroughAnotherCodec(t *testing.T) {
	parts := timing.Candidate(material(40, 0.8)).Parts
	want := chosen(parts, 60)
	if none := chosen(parts, 0); len(none) != 0 {
		t.Errorf("%v are chosen where nothing is to be aligned", none)
	}
	for _, ms := range []int64{-40, -10, 10, 40} {
		moved := slices.Clone(parts)
		for i := range moved {
			moved[i].Span.StartMs += ms * int64(i%3)
			moved[i].Span.EndMs += ms * int64(i%2)
		}
		got := chosen(moved, 60)
		others := slices.DeleteFunc(slices.Clone(got), func(i int) bool { return slices.Contains(want, i) })
		if len(got) != len(want) || len(others) > 1 { // of equal parts, any may be the last to fit
			t.Errorf("parts moved by up to %d ms: %v chosen, before %v", 2*ms, got, want)
		}
	}
}

// Ensure that what is packed fits, leaves no room for another part, and holds none twice.
func TestPartsArePackedIntoWindows(t *testing.T) {
	speech := timing.Candidate(material(12, 0.8))
	for _, windows := range []int{0, 1, 2, 3} {
		packs := packed(speech.Parts, windows)
		if len(packs) != windows {
			t.Fatalf("%d windows of %d", len(packs), windows)
		}
		var all []int
		for _, pack := range packs {
			joined := speech.Join(pack)
			if len(joined) != 1 {
				t.Fatalf("%v is %d windows", pack, len(joined))
			}
			if !slices.IsSorted(pack) {
				t.Errorf("%v is not by time", pack)
			}
			if s, shortest := float64(len(joined[0].PCM))/audio.SampleRate, 8.0; s+shortest+timing.GapSeconds < timing.WindowSeconds {
				t.Errorf("%v fills %.1f s", pack, s)
			}
			all = append(all, pack...)
		}
		slices.Sort(all)
		if len(slices.Compact(slices.Clone(all))) != len(all) {
			t.Errorf("a part is in two of %v", packs)
		}
	}
	if packs := packed(speech.Parts[:2], 3); len(packs) != 1 || len(packs[0]) != 2 {
		t.Errorf("two parts are packed into %v", packs)
	}
}

func TestLowest(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{
		{[]float64{-1}, -1}, {[]float64{-1, -9, -2, -3, -4}, -9}, {[]float64{-1, -9, -2, -3, -4, -5}, -7}, {[]float64{-1, -9, -2, -3, -4, -5, -6, -7, -8, -10}, -9.5},
	} {
		if got := lowest(c.v, 20); got != c.want {
			t.Errorf("%v: %g, want %g", c.v, got, c.want)
		}
	}
	if !math.IsNaN(lowest(nil, 20)) {
		t.Error("of nothing there is no lowest")
	}
}

func TestPhonesAreHeldAgainstTheirOwnNorms(t *testing.T) {
	n := norms.Of(score.Accent)
	of := func(phone string, spreads float64) Phone {
		return Phone{Name: phone, Frames: 5, Score: 5 * (n.Number(phoneMean+phone) + spreads*n.Number(phoneSD+phone))}
	}
	for _, c := range []struct {
		name   string
		phones []Phone
		want   []float64
	}{
		{"a sound as it is in good speech is at 0, whichever sound it is", []Phone{of("AA", 0), of("L", 0)}, []float64{0, 0}},
		{"spreads are those of the sound", []Phone{of("IY", -1), of("T", 2)}, []float64{-1, 2}},
		{"it is believed to 4 spreads either side", []Phone{of("S", -4.5), of("S", -3.9)}, []float64{-4, -3.9}},
		{"what has no norm or no frames is left out", []Phone{{Name: "SIL", Frames: 5}, {Name: "AA"}}, nil},
	} {
		got := AlignedWord{Text: "w", Phones: c.phones}.standardised()
		if len(got) != len(c.want) {
			t.Fatalf("%s: %v", c.name, got)
		}
		for i := range got {
			if math.Abs(got[i]-c.want[i]) > 1e-9 {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
			}
		}
	}
}

func TestHowWordsWerePronounced(t *testing.T) {
	m := material(10, 0.8)
	r := must(t, m, &listener{gop: -30})
	t.Run("the least clear come first, no more than are told", func(t *testing.T) {
		if len(r.Pronounced) != score.MaxPronounced || !slices.IsSortedFunc(r.Pronounced, func(a, b score.Pronounced) int { return cmp.Compare(a.Clarity, b.Clarity) }) {
			t.Fatalf("%d words: %+v", len(r.Pronounced), r.Pronounced)
		}
	})
	t.Run("each lies in a turn of the candidate, and its sounds in it", func(t *testing.T) {
		for _, w := range r.Pronounced {
			in := false
			for _, turn := range m.Conversation.CandidateTurns() {
				in = in || w.StartMs >= turn.StartMs-500 && w.EndMs <= turn.EndMs+500
			}
			if !in || len(w.Sounds) != 1 || w.Sounds[0].StartMs != w.StartMs || w.Sounds[0].EndMs != w.EndMs || w.Sounds[0].IPA != "ɑ" {
				t.Fatalf("%+v", w)
			}
		}
	})
	t.Run("clearer sounds have more clarity, between 0 and 100", func(t *testing.T) {
		better := must(t, m, &listener{gop: -10})
		if a, b := r.Pronounced[0].Clarity, better.Pronounced[0].Clarity; a <= 0 || a >= b || b >= 100 {
			t.Fatalf("%g and %g", a, b)
		}
	})
	t.Run("in another language nothing is told", func(t *testing.T) {
		other := m
		other.Conversation.Language = "es"
		if r := must(t, other, &listener{gop: -30}); r.Pronounced != nil {
			t.Fatalf("%+v", r.Pronounced)
		}
	})
	t.Run("a clarity is the share of others below", func(t *testing.T) {
		for z, want := range map[float64]float64{0: 50, -phoneClip: 0.003, phoneClip: 99.997, 1: 84.134} {
			if got := clarity(z); math.Abs(got-want) > 0.001 {
				t.Errorf("%g at %g spreads, want %g", got, z, want)
			}
		}
	})
	t.Run("every phone that has a norm can be written", func(t *testing.T) {
		for name := range norms.Of(score.Accent).Numbers {
			if phone, is := strings.CutPrefix(name, phoneMean); is && ipa[phone] == "" {
				t.Errorf("%s has no sign", phone)
			}
		}
	})
}

func TestWordsKeepTheRecognisersSpelling(t *testing.T) {
	said := []transcript.Word{{Text: "I", P: 0.9}, {Text: "saw", P: 0.8}, {Text: "3", P: 0.7}, {Text: "Kings,", P: 0.6}, {Text: "saw", P: 0.5}}
	var aligned []told
	for _, text := range []string{"i", "saw", "three", "kings", "saw"} {
		aligned = append(aligned, told{Pronounced: score.Pronounced{Text: text}})
	}
	got := named(aligned, said)
	for i, want := range []string{"I", "saw", "three", "Kings", "saw"} {
		if aligned[i].Text != want {
			t.Errorf("%q, want %q", aligned[i].Text, want)
		}
	}
	if want := []float64{0.9, 0.8, 0, 0.6, 0.5}; !slices.Equal(got, want) {
		t.Errorf("probabilities %v, want %v: a number that is spelt out has none", got, want)
	}
}

func TestTheClarityOfAWord(t *testing.T) {
	usual := math.Exp(norms.Of(score.Accent).Number(wordProbabilityLog))
	of := func(p float64, zs ...float64) float64 { return ofWords(clearness(zs, p)) }
	limit := norms.ClarityToPractise()
	for _, c := range []struct {
		name       string
		less, more float64
	}{
		{"sounds as in good speech, surely heard, are usual", limit, of(0.95, 0, 0, 0)},
		{"a native's three sounds are clearer than a good learner's", of(0.8, 0, 0, 0), of(0.95, 0.7, 0.7, 0.7)},
		{"a misheard word, which lies over other sounds, is one to practise", of(0.3, -3, 0, -2), limit},
		{"clear sounds do not make up for an unclear one", of(0.9, 2, -2, 2, 1), of(0.9, 0, 0, 0, 0)},
		{"what is heard less surely is less clear", of(0.5, 0, 0), of(0.6, 0, 0)},
	} {
		if c.less >= c.more {
			t.Errorf("%s: %g and %g", c.name, c.less, c.more)
		}
	}
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"no more than the two least clear sounds count", of(0.9, 1, -1, 0.5, -2), of(0.9, -1, -2)},
		{"a single sound counts alone", of(0.9, -1), of(0.9, -1, -1)},
		{"a word without a probability counts as one that is heard as is usual", of(0, -1, 1), of(usual, -1, 1)},
		{"under the least probability it makes no difference", of(LeastP/2, 0, 0), of(LeastP, 0, 0)},
	} {
		if math.Abs(c.got-c.want) > 1e-9 {
			t.Errorf("%s: %g, want %g", c.name, c.got, c.want)
		}
	}
	if of(LeastP, 0, 0) >= of(LeastP*1.01, 0, 0) {
		t.Error("above the least probability it makes one")
	}
}
