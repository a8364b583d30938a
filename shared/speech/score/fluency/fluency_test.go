package fluency

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/score/timing"
	"parley/shared/speech/transcript"
)

// speak makes a turn of bursts of syllables with pauses between them: a 200 Hz tone that swings 4
// times a second.
func speak(bursts int, burstMs, pauseMs int) []int16 {
	var x []int16
	for i := range bursts {
		for k := range burstMs * audio.SampleRate / 1000 {
			t := float64(k) / audio.SampleRate
			x = append(x, int16(8000*(0.55-0.45*math.Cos(2*math.Pi*4*t))*math.Sin(2*math.Pi*200*t)))
		}
		if i < bursts-1 {
			x = append(x, make([]int16, pauseMs*audio.SampleRate/1000)...)
		}
	}
	return x
}

// material is one turn of the candidate with two words of two syllables in every second.
func material(pcm []int16) score.Material {
	ms := int64(len(pcm)) * 1000 / audio.SampleRate
	m := score.Material{PCM: pcm, Waive: true}
	var words []transcript.Word
	for at := int64(0); at+500 <= ms; at += 500 {
		words = append(words, transcript.Word{Text: []string{"talking", "about", "water", "today"}[at/500%4], StartMs: at, EndMs: at + 450, P: 0.9})
	}
	m.Conversation.Turns = []transcript.Turn{{StartMs: 0, EndMs: ms, Words: words}}
	return m
}

func must(t *testing.T, m score.Material) score.Result {
	t.Helper()
	return Score(m, timing.Candidate(m))
}

func value(t *testing.T, r score.Result, name string) float64 {
	t.Helper()
	for _, m := range r.Measures {
		if m.Name == name {
			if m.Value == nil {
				t.Fatalf("%s was not measured: %s", name, m.Reason)
			}
			return *m.Value
		}
	}
	t.Fatalf("no measure %s", name)
	return 0
}

func TestMeasuresOfKnownSpeech(t *testing.T) {
	for _, c := range []struct {
		name                          string
		bursts, burstMs, pauseMs      int
		phonation, pauses, pause, run float64
	}{
		{"half a second of pause after every two of speech", 16, 2000, 500, 0.81, 23.3, 0.5, 9.9},
		{"a second of pause after every three of speech", 10, 3000, 1000, 0.77, 13.8, 1.0, 15.7},
		{"two seconds of pause after every one of speech", 12, 1000, 2000, 0.35, 19.4, 2.0, 11.5},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := must(t, material(speak(c.bursts, c.burstMs, c.pauseMs)))
			for name, want := range map[string]float64{"phonationRatio": c.phonation, "pausesPerMinute": c.pauses,
				"meanPause": c.pause, "meanRunLength": c.run, "peakRate": 4, "wordsPerMinute": 120, "speechRate": 4} {
				if got := value(t, r, name); math.Abs(got-want) > 0.1*want {
					t.Errorf("%s: got %.3f, want %.3f", name, got, want)
				}
			}
		})
	}
}

func TestScore(t *testing.T) {
	m := material(speak(16, 2000, 500))
	r := must(t, m)
	t.Run("it lies inside its interval, and both inside the scale", func(t *testing.T) {
		if r.Raw == nil || *r.Raw <= 0 || *r.Raw >= 5 || r.Interval[0] >= *r.Raw || r.Interval[1] <= *r.Raw || r.Interval[0] < 0 || r.Interval[1] > 5 {
			t.Fatalf("%v in %v", r.Raw, r.Interval)
		}
	})
	t.Run("weights add up to 1 and the interviewer's choice has none", func(t *testing.T) {
		var sum float64
		for _, m := range r.Measures {
			sum += m.Weight
			if m.Name == "wordsPerTurn" && m.Weight != 0 {
				t.Error("words per turn is scored")
			}
		}
		if math.Abs(sum-1) > 1e-4 {
			t.Fatalf("weights add up to %g", sum)
		}
	})
	t.Run("more pauses never raise it", func(t *testing.T) {
		last := math.Inf(1)
		for pause := 200; pause <= 3000; pause += 200 {
			m := material(speak(20, 1500, pause))
			words := m.Conversation.Turns[0].Words[:60] // three in each burst
			for i := range words {
				words[i].StartMs = int64(i/3*(1500+pause) + i%3*500)
				words[i].EndMs = words[i].StartMs + 450
			}
			m.Conversation.Turns[0].Words = words
			raw := *must(t, m).Raw
			if raw > last+0.01 { // in which part a word lies moves it a little
				t.Fatalf("pauses of %d ms raise it from %g to %g", pause, last, raw)
			}
			last = raw
		}
	})
	t.Run("the same samples give the same bytes", func(t *testing.T) {
		a, errA := json.Marshal(r)
		b, errB := json.Marshal(must(t, m))
		if errA != nil || errB != nil || string(a) != string(b) {
			t.Fatalf("%s\n%s", a, b)
		}
	})
	t.Run("another speaker's turn changes nothing", func(t *testing.T) {
		n := m
		n.PCM = append(append([]int16(nil), m.PCM...), speak(3, 5000, 2000)...)
		from := m.Conversation.Turns[0].EndMs
		n.Conversation.Turns = append([]transcript.Turn{m.Conversation.Turns[0]}, transcript.Turn{Speaker: 1, StartMs: from, EndMs: from + 19_000})
		if a, b := *r.Raw, *must(t, n).Raw; a != b {
			t.Fatalf("%g, %g", a, b)
		}
	})
	t.Run("without words the sound alone is scored", func(t *testing.T) {
		n := m
		n.Conversation.Turns = []transcript.Turn{{StartMs: 0, EndMs: m.Conversation.Turns[0].EndMs}}
		r := must(t, n)
		if r.Raw == nil {
			t.Fatal(r.Reason)
		}
		if !slices.Contains(r.Cautions, byBeats) {
			t.Errorf("%q", r.Cautions)
		}
	})
	t.Run("what the microphone does to the sounds changes nothing", func(t *testing.T) {
		n := m
		n.Conversation.Turns = []transcript.Turn{m.Conversation.Turns[0]}
		n.Conversation.Turns[0].Words = slices.Clone(m.Conversation.Turns[0].Words)
		for i := range n.Conversation.Turns[0].Words {
			n.Conversation.Turns[0].Words[i].P = 0.3
		}
		n.Intake.Quality = audio.Quality{BandwidthHz: 3400, SNRDb: 40}
		if got := must(t, n); *got.Raw != *r.Raw || got.Interval != r.Interval || len(got.Cautions) != len(r.Cautions) {
			t.Fatalf("%v %v %v, before %v %v", *got.Raw, got.Interval, got.Cautions, *r.Raw, r.Interval)
		}
	})
	for word, q := range map[string]audio.Quality{"Noise": {SNRDb: 15}} {
		t.Run(word+" widens the interval and is told", func(t *testing.T) {
			n := m
			n.Intake.Quality = q
			w := must(t, n)
			if w.Interval[1]-w.Interval[0] <= r.Interval[1]-r.Interval[0] || !strings.Contains(strings.Join(w.Cautions, " "), word) {
				t.Fatalf("%v %v", w.Interval, w.Cautions)
			}
		})
	}
}

func TestThePaceIsThatOfTheLanguage(t *testing.T) {
	for language, want := range map[string]bool{"en": true, "es": true, "sw": false} {
		if pace, known := paceOf(language); known != want || pace < 0.5 || pace > 2 {
			t.Errorf("%s: %g, %v", language, pace, known)
		}
	}
}

func TestSyllablesAreThoseOfTheLanguage(t *testing.T) {
	pcm := speak(8, 2000, 500)
	said := func(language string, words ...string) score.Result {
		m := material(pcm)
		m.Conversation.Language = language
		for i := range m.Conversation.Turns[0].Words {
			m.Conversation.Turns[0].Words[i].Text = words[i%len(words)]
		}
		return must(t, m)
	}
	of := func(r score.Result, name string) score.Measure {
		for _, m := range r.Measures {
			if m.Name == name {
				return m
			}
		}
		t.Fatalf("no measure %s", name)
		return score.Measure{}
	}
	english := of(said("en", "water"), "articulationRate")
	t.Run("um is a word in German and a filler in English", func(t *testing.T) {
		en, de := said("en", "um", "table"), said("de", "um", "Tisch")
		if value(t, en, "filledPauses") == 0 || value(t, de, "filledPauses") != 0 {
			t.Errorf("%g and %g fillers per minute", value(t, en, "filledPauses"), value(t, de, "filledPauses"))
		}
	})
	t.Run("a pace as usual in Spanish counts as the same in English", func(t *testing.T) {
		es := of(said("es", "agua"), "articulationRate")
		if *es.Value != *english.Value || es.Norm.High <= english.Norm.High || es.Contribution >= english.Contribution {
			t.Errorf("%+v, in English %+v", es, english)
		}
	})
	t.Run("outside English the interval reaches the top, and a caution says why", func(t *testing.T) {
		en, es := said("en", "water"), said("es", "agua")
		if len(en.Cautions)+1 != len(es.Cautions) || es.Interval[1] != 5 {
			t.Errorf("%v %q, in English %v %q", es.Interval, es.Cautions, en.Interval, en.Cautions)
		}
	})
	for language, word := range map[string]string{"ar": "ماء", "pt": "água"} {
		t.Run("beats stand for syllables in "+language, func(t *testing.T) {
			r := said(language, word)
			if m := of(r, "speechRate"); m.Value != nil || m.Reason == "" {
				t.Errorf("%+v", m)
			}
			if rate := of(r, "articulationRate"); rate.Value == nil || math.Abs(*rate.Value-4) > 0.4 || !slices.Contains(r.Cautions, byBeats) {
				t.Errorf("%+v, %q", rate, r.Cautions)
			}
		})
	}
}

func TestTooLittleSpeechIsNullWithAReason(t *testing.T) {
	for _, c := range []struct {
		name  string
		ms    int
		waive bool
		null  bool
	}{
		{"no sound at all, waived", 0, true, true},
		{"just under the least, waived", 400, true, true},
		{"just over the least, waived", 700, true, false},
		{"just under the least of a run", 9500, false, true},
		{"just over the least of a run", 10_500, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := material(append(speak(1, c.ms, 0), make([]int16, 16000)...))
			m.Waive = c.waive
			r := must(t, m)
			if (r.Raw == nil) != c.null || (r.Reason != "") != c.null {
				t.Fatalf("raw %v, reason %q", r.Raw, r.Reason)
			}
			if c.null && (len(r.Measures) == 0 || r.Measures[0].Value != nil || r.Measures[0].Reason == "") {
				t.Fatalf("%+v", r.Measures)
			}
		})
	}
}

func TestRepairs(t *testing.T) {
	for text, want := range map[string]int{
		"I went home": 0, "I I went home": 1, "I I I went home": 2, "I went I went home": 1, "I uh I went": 1,
		"the hou- the house": 1, "we were all there we were all there now": 1, "had had": 1, "": 0,
	} {
		t.Run(text, func(t *testing.T) {
			var words []transcript.Word
			for w := range strings.FieldsSeq(text) {
				words = append(words, transcript.Word{Text: w})
			}
			if got := repairs("en", words); got != want {
				t.Fatalf("%d, want %d", got, want)
			}
		})
	}
}

func TestPausesAtAndWithinClauses(t *testing.T) {
	words := []transcript.Word{{Text: "I", StartMs: 0, EndMs: 200}, {Text: "know.", StartMs: 200, EndMs: 600},
		{Text: "She", StartMs: 2000, EndMs: 2200}, {Text: "left", StartMs: 2200, EndMs: 2600}, {Text: "the", StartMs: 4000, EndMs: 4200},
		{Text: "house", StartMs: 4200, EndMs: 4600}, {Text: "because", StartMs: 6000, EndMs: 6500}}
	for _, c := range []struct {
		name     string
		from, to int64
		want     bool
	}{
		{"after a full stop", 700, 1900, true}, {"inside a clause", 2950, 3650, false}, {"before a conjunction", 4700, 5900, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := boundary("en", words, c.from, c.to); got != c.want {
				t.Fatalf("got %v", got)
			}
		})
	}
}

func TestFillersAreCountedAndAreNoSyllables(t *testing.T) {
	words := []transcript.Word{{Text: "Um,", EndMs: 400}, {Text: "water", StartMs: 400, EndMs: 900}, {Text: "uh...", StartMs: 900, EndMs: 1200}, {Text: "table", StartMs: 1200, EndMs: 1900}}
	if n, ok := syllables("en", words); n != 4 || !ok {
		t.Fatalf("%g syllables, %v", n, ok)
	}
	parts := timing.Candidate(material(speak(3, 1000, 500))).Parts
	// the runs are 0 to 1 s, 1.5 to 2.5 s and 3 to 4 s: no word lies in the last
	parts[0].Words = words
	if n := count("en", parts).fillers; n != 3 {
		t.Fatalf("%d fillers, want two heard and one under no word", n)
	}
}

func TestRuns(t *testing.T) {
	p := timing.Candidate(material(speak(4, 1000, 500))).Parts[0] // pauses from 1, 2.5 and 4 s on
	word := func(text string, end int64) transcript.Word {
		return transcript.Word{Text: text, StartMs: end - 300, EndMs: end}
	}
	for _, c := range []struct {
		name string
		said []transcript.Word
		want float64
	}{
		{"each pause inside a sentence ends a run", []transcript.Word{word("one", 1000), word("two,", 2500), word("three", 4000)}, 4},
		{"a pause between two sentences ends half of one", []transcript.Word{word("one.", 1000), word("two,", 2500), word("three?", 4000)}, 3},
		{"a sentence that ends elsewhere changes nothing", []transcript.Word{word("one.", 600), word("two", 2500)}, 4},
		{"without words every pause counts", nil, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := runs(p, c.said); got != c.want {
				t.Fatalf("%g runs, want %g", got, c.want)
			}
		})
	}
	t.Run("pauses between sentences are left out of the share of speech inside them", func(t *testing.T) {
		for want, said := range map[float64][]transcript.Word{1.5: nil, 1: {word("one.", 1000)}, 0: {word("one.", 1000), word("two!", 2500), word("three?", 4000)}} {
			if got := 1.5 - between(p, said); math.Abs(got-want) > 0.05 {
				t.Errorf("%.2f s of pauses inside sentences, want %.2f", got, want)
			}
		}
	})
	t.Run("a part that ends with the pause it was cut at has no run after it", func(t *testing.T) {
		q := p
		q.Runs = p.Runs[:3]
		if got := runs(q, nil); got != 3 {
			t.Fatalf("%g runs, want 3", got)
		}
	})
}
