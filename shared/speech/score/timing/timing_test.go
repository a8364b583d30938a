package timing

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/transcript"
)

// tone is a 200 Hz tone of the given amplitude whose level swings between full and -20 dB `rate`
// times a second.
func tone(ms int, amplitude, rate float64) []int16 {
	x := make([]int16, ms*audio.SampleRate/1000)
	for i := range x {
		t := float64(i) / audio.SampleRate
		swing := 1.0
		if rate > 0 {
			swing = 0.55 - 0.45*math.Cos(2*math.Pi*rate*t)
		}
		x[i] = int16(amplitude * swing * math.Sin(2*math.Pi*200*t))
	}
	return x
}

func silence(ms int) []int16 { return make([]int16, ms*audio.SampleRate/1000) }

func join(parts ...[]int16) []int16 {
	var out []int16
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within {
		t.Errorf("%s: got %.3f, want %.3f within %.3f", what, got, want, within)
	}
}

func TestMeasure(t *testing.T) {
	for _, c := range []struct {
		name         string
		pcm          []int16
		pauses, runs int
		speech, span float64 // s
	}{
		{"silence has no runs", silence(1000), 0, 0, 0, 0},
		{"less than a frame has no runs", tone(20, 8000, 0), 0, 0, 0, 0},
		{"an unbroken tone is one run", tone(2000, 8000, 0), 0, 1, 2, 2},
		{"silence around belongs to nobody", join(silence(700), tone(1000, 8000, 0), silence(900)), 0, 1, 1, 1},
		{"a gap below a pause is speech", join(tone(1000, 8000, 0), silence(240), tone(1000, 8000, 0)), 0, 1, 2.24, 2.24},
		{"a gap above a pause is one", join(tone(1000, 8000, 0), silence(290), tone(1000, 8000, 0)), 1, 2, 2, 2.29},
		{"every pause counts", join(tone(500, 8000, 0), silence(500), tone(500, 8000, 0), silence(500), tone(500, 8000, 0)), 2, 3, 1.5, 2.5},
		{"what is 30 dB down is no speech", join(tone(1000, 8000, 0), tone(500, 250, 0), tone(1000, 8000, 0)), 1, 2, 2, 2.5},
		{"what is 15 dB down is speech", join(tone(1000, 8000, 0), tone(500, 1420, 0), tone(1000, 8000, 0), silence(300)), 0, 1, 2.5, 2.5},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := Energy(c.pcm)
			s := e.Measure(0, nil)
			if len(s.Pauses) != c.pauses || len(s.Runs) != c.runs {
				t.Fatalf("%d pauses, %d runs: want %d, %d", len(s.Pauses), len(s.Runs), c.pauses, c.runs)
			}
			near(t, "speech", s.SpeechSeconds(), c.speech, 0.06)
			near(t, "span", s.SpanSeconds(), c.span, 0.06)
		})
	}
}

func TestPeaksCountSyllableLikeSwings(t *testing.T) {
	for _, rate := range []float64{2, 3, 4, 5} {
		t.Run(fmt.Sprintf("%g per second", rate), func(t *testing.T) {
			c := Energy(tone(10_000, 8000, rate))
			near(t, "rate", c.Measure(0, nil).PeakRate(), rate, 0.3)
		})
	}
	t.Run("a swing below 2 dB is no peak of its own", func(t *testing.T) {
		if n := Energy(tone(2000, 8000, 0)).Measure(0, nil).Peaks(); n != 1 {
			t.Fatalf("%d peaks", n)
		}
	})
}

func TestSplit(t *testing.T) {
	var x []int16
	for range 8 {
		x = join(x, tone(3000, 8000, 3), silence(400))
	}
	c := Energy(x)
	whole := c.Measure(5000, nil)
	parts := whole.Split(10_000)
	t.Run("parts are of the given length at least", func(t *testing.T) {
		if len(parts) != 2 {
			t.Fatalf("%d parts", len(parts))
		}
		for _, p := range parts {
			if p.Span.Len() < 9_900 {
				t.Errorf("part of %d ms", p.Span.Len())
			}
		}
	})
	t.Run("nothing is lost", func(t *testing.T) {
		var span, speech float64
		pauses, runs, peaks := 0, 0, 0
		for _, p := range parts {
			span, speech = span+p.SpanSeconds(), speech+p.SpeechSeconds()
			pauses, runs, peaks = pauses+len(p.Pauses), runs+len(p.Runs), peaks+p.Peaks()
		}
		near(t, "span", span, whole.SpanSeconds(), 1e-9)
		near(t, "speech", speech, whole.SpeechSeconds(), 1e-9)
		if pauses != len(whole.Pauses) || runs != len(whole.Runs) || peaks != whole.Peaks() {
			t.Fatalf("%d pauses, %d runs, %d peaks of %d, %d, %d", pauses, runs, peaks, len(whole.Pauses), len(whole.Runs), whole.Peaks())
		}
	})
	t.Run("a short stretch stays whole", func(t *testing.T) {
		if n := len(whole.Split(20_000)); n != 1 {
			t.Fatalf("%d parts", n)
		}
	})
}

func TestCandidate(t *testing.T) {
	pcm := join(tone(4000, 8000, 3), silence(3000), tone(4000, 8000, 3), tone(4000, 8000, 3))
	m := score.Material{PCM: pcm}
	m.Conversation.Candidate.Speaker = 1
	m.Conversation.Turns = []transcript.Turn{
		{Speaker: 1, StartMs: 0, EndMs: 5000, Words: []transcript.Word{{StartMs: 100, EndMs: 900, P: 0.5}, {StartMs: 1000, EndMs: 2000, P: 1}}},
		{Speaker: 1, StartMs: 5000, EndMs: 6000},
		{Speaker: 1, StartMs: 6500, EndMs: 11_000},
		{Speaker: 0, StartMs: 11_000, EndMs: 15_000},
		{Speaker: 1, StartMs: 14_900, EndMs: 99_000},
	}
	speech := Candidate(m)
	parts := speech.Parts
	t.Run("only the candidate's turns with sound count, and pauses between turns do not", func(t *testing.T) {
		if len(parts) != 3 || parts[0].Turn != 0 || parts[1].Turn != 2 || parts[2].Turn != 3 {
			t.Fatalf("%+v", parts)
		}
		near(t, "speech", speech.Seconds(), 8.1, 0.2)
		if len(parts[0].Pauses)+len(parts[1].Pauses) != 0 {
			t.Fatal("a pause between turns was counted")
		}
	})
	t.Run("a short part weighs less", func(t *testing.T) {
		if parts[0].Weight != 0.4 || parts[2].Weight > 0.1 {
			t.Fatalf("weights %g, %g", parts[0].Weight, parts[2].Weight)
		}
	})
	t.Run("words go to their part, and the first tells nothing of how sure they are", func(t *testing.T) {
		if p, ok := parts[0].Probability(); !ok || p != 1 {
			t.Fatalf("%v %v", p, ok)
		}
		if _, ok := parts[1].Probability(); ok {
			t.Fatal("a part without words has no probability")
		}
		one := Part{Words: parts[0].Words[:1]}
		if _, ok := one.Probability(); ok {
			t.Fatal("a single word has no probability of its own")
		}
	})
	t.Run("windows join parts and tell their times in the recording", func(t *testing.T) {
		ws := speech.Join([]int{0, 1})
		if len(ws) != 1 || len(ws[0].Pieces) != 2 {
			t.Fatalf("%d windows", len(ws))
		}
		p := ws[0].At(len(ws[0].PCM) - 1)
		near(t, "end of the second part, ms", float64(p.OffsetMs)+float64(len(ws[0].PCM))/16, 11_000, 30)
		if p.Part != 1 || ws[0].At(0).Part != 0 || ws[0].At(0).OffsetMs != 0 {
			t.Fatalf("%+v", ws[0].Pieces)
		}
	})
	t.Run("other words take the place of those that were there", func(t *testing.T) {
		turns := m.Conversation.CandidateTurns()
		turns[0].Words, turns[2].Words = nil, []transcript.Word{{StartMs: 7000, EndMs: 8000}}
		other := speech.WithWords(turns)
		if len(other.Parts[0].Words) != 0 || len(other.Parts[1].Words) != 1 || len(speech.Parts[0].Words) != 2 {
			t.Errorf("%v", other.Parts)
		}
	})
	t.Run("windows are bounded", func(t *testing.T) {
		for _, w := range speech.Join([]int{0, 1, 0, 1, 0, 1, 0, 1, 0, 1}) {
			if s := float64(len(w.PCM)) / audio.SampleRate; s > WindowSeconds {
				t.Errorf("%.1f s", s)
			}
		}
	})
}

func TestDigitalSilenceIsDithered(t *testing.T) {
	of := func(spans ...int) (pcm []int16) { // in turn so many samples of sound and of 0
		for i, n := range spans {
			for k := range n {
				pcm = append(pcm, int16((1-i%2)*(k%100+1)))
			}
		}
		return pcm
	}
	for _, c := range []struct {
		name string
		pcm  []int16
		want int // samples that may have changed
	}{
		{"nothing", nil, 0},
		{"no silence", of(1000), 0},
		{"one sample less than 10 ms", of(500, digital-1, 500), 0},
		{"10 ms", of(500, digital, 500), digital},
		{"two silences, one at the end", of(500, 2*digital, 500, 3*digital), 5 * digital},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := slices.Clone(c.pcm)
			got := dithered(c.pcm)
			if !slices.Equal(c.pcm, before) || !slices.Equal(got, dithered(c.pcm)) || len(got) != len(before) {
				t.Fatal("the recording itself was changed, or not twice the same comes out")
			}
			run, most, off := 0, 0, 0
			for i, v := range got {
				if run++; v != 0 {
					run = 0
				}
				most = max(most, run)
				if v != before[i] && (before[i] != 0 || v > 1 || v < -1) {
					off++
				}
			}
			if off > 0 || c.want > 0 && most >= digital || c.want == 0 && !slices.Equal(got, before) {
				t.Errorf("%d samples of sound changed, %d of 0 in a row", off, most)
			}
		})
	}
}

func TestSpeechIsWhereAVoiceIs(t *testing.T) {
	// two seconds of speech, one of noise as loud as that of a microphone that turns itself up, two
	// of speech
	x := join(tone(2000, 8000, 4), tone(1000, 4000, 0), tone(2000, 8000, 4))
	spans := func(ms ...int64) []audio.Span {
		var out []audio.Span
		for i := 0; i+1 < len(ms); i += 2 {
			out = append(out, audio.Span{StartMs: ms[i], EndMs: ms[i+1]})
		}
		return out
	}
	for _, c := range []struct {
		name         string
		pcm          []int16
		voice        []audio.Span
		pauses, runs int
		speech       float64 // s
		within       float64 // s
	}{
		{"nobody was asked: loud noise is speech", x, nil, 0, 1, 5, 0.12},
		{"noise in a pause is none, nor are edges that are as quiet", x, spans(0, 2000, 3000, 5000), 1, 2, 3.8, 0.05},
		{"noise 8 dB down in a pause that was not noticed is none", join(tone(1000, 8000, 0), tone(300, 3200, 0), tone(1000, 8000, 0), tone(1000, 3200, 0)), spans(0, 2300), 1, 2, 2, 0.12},
		{"what is 8 dB down without noise is speech", join(tone(1000, 8000, 0), tone(300, 3200, 0), tone(1000, 8000, 0), silence(1000)), spans(0, 2300), 0, 1, 2.3, 0.12},
		{"where no voice is there is no speech", x, []audio.Span{}, 0, 0, 0, 0},
		{"energy refines the edges", join(tone(1000, 8000, 0), silence(600), tone(1000, 8000, 0)), spans(0, 1150, 1450, 2600), 1, 2, 2, 0.12},
		{"a voice at the edge of the turn counts up to there", x, spans(-700, 2000, 3000, 9000), 1, 2, 3.8, 0.05},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Energy(c.pcm).Measure(0, c.voice)
			if len(s.Pauses) != c.pauses || len(s.Runs) != c.runs {
				t.Fatalf("%d pauses, %d runs: want %d, %d", len(s.Pauses), len(s.Runs), c.pauses, c.runs)
			}
			near(t, "speech", s.SpeechSeconds(), c.speech, c.within)
		})
	}
	t.Run("times are those of the recording", func(t *testing.T) {
		s := Energy(x).Measure(10_000, spans(10_000, 12_000, 13_000, 15_000))
		if len(s.Pauses) != 1 || s.Pauses[0].StartMs < 11_900 || s.Pauses[0].EndMs > 13_100 {
			t.Fatalf("%+v", s.Pauses)
		}
	})
}
