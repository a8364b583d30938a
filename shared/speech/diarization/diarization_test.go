package diarization

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"

	"parley/shared/speech/audio"
)

// wrong is the share of the true turns' time, in percent, that has another speaker; both are
// numbered by appearance.
func wrong(truth, got []Turn) float64 {
	at := func(turns []Turn, ms int64) int {
		for _, t := range turns {
			if ms >= t.StartMs && ms < t.EndMs {
				return t.Speaker
			}
		}
		return -1
	}
	total, bad := 0, 0
	for _, t := range truth {
		for ms := t.StartMs; ms < t.EndMs; ms += 10 {
			g := at(got, ms)
			if g < 0 {
				continue
			}
			total++
			if g != t.Speaker {
				bad++
			}
		}
	}
	return 100 * float64(bad) / float64(max(total, 1))
}

func TestVoicesAreCountedAndToldApart(t *testing.T) {
	cases := []struct {
		name    string
		voices  []voice
		lengths []int // of the turns, ms
	}{
		{"one low voice", []voice{low}, []int{6000}},
		{"one high voice", []voice{high}, []int{6000}},
		{"two voices", []voice{low, high}, []int{6000}},
		{"the second voice speaks little", []voice{low, high}, []int{15000, 2500}},
		{"the first voice speaks little", []voice{high, low}, []int{2000, 12000}},
		{"two voices of nearly the same pitch", []voice{low, {pitchHz: 120, tract: 1.2, tilt: 0.8}}, []int{5000}},
		{"three voices", []voice{low, high, mid}, []int{6000}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			pcm, truth, speech := talk(1, tc.voices, tc.lengths, 120_000)
			d, err := Diarize(context.Background(), pcm, speech, oracle(truth))
			if err != nil {
				t.Fatal(err)
			}
			if d.Speakers != len(tc.voices) {
				t.Fatalf("%d speakers (separation %.1f), want %d", d.Speakers, d.Separation, len(tc.voices))
			}
			if w := wrong(truth, d.Turns); w > 1 {
				t.Errorf("%.2f %% of the speech went to another speaker", w)
			}
			if (d.Separation > 0) != (d.Speakers > 1) {
				t.Errorf("separation %.2f of %d speakers", d.Separation, d.Speakers)
			}
		})
	}
}

func TestTurnsAreInOrderAndLongEnough(t *testing.T) {
	pcm, truth, speech := talk(2, []voice{low, high}, []int{3000, 400}, 60_000)
	d, err := Diarize(context.Background(), pcm, speech, oracle(truth))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for i, turn := range d.Turns {
		if turn.Len() < MinTurnMs {
			t.Errorf("turn %d lasts %d ms", i, turn.Len())
		}
		if turn.Speaker > seen {
			t.Errorf("turn %d is of speaker %d before there was a speaker %d", i, turn.Speaker, seen)
		}
		seen = max(seen, turn.Speaker+1)
		if i == 0 {
			continue
		}
		before := d.Turns[i-1]
		if turn.StartMs < before.EndMs {
			t.Errorf("turn %d begins before turn %d ends", i, i-1)
		}
		if turn.Speaker == before.Speaker && turn.StartMs-before.EndMs <= mergeGapMs {
			t.Errorf("turns %d and %d of one speaker are parted by %d ms", i-1, i, turn.StartMs-before.EndMs)
		}
	}
}

func TestTheSameRecordingGivesTheSameAnswer(t *testing.T) {
	pcm, truth, speech := talk(3, []voice{low, high, mid}, []int{4000}, 60_000)
	var first Diarization
	for i, procs := range []int{1, 2, 4, 4} {
		before := runtime.GOMAXPROCS(procs)
		d, err := Diarize(context.Background(), pcm, speech, oracle(truth))
		runtime.GOMAXPROCS(before)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = d
		} else if !reflect.DeepEqual(d, first) {
			t.Fatalf("with %d processors %+v, before %+v", procs, d, first)
		}
	}
}

func TestWhatIsNoConversation(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	noise := make([]int16, 60*audio.SampleRate)
	for i := range noise {
		noise[i] = int16(1000 * r.NormFloat64())
	}
	whole := []audio.Span{{StartMs: 0, EndMs: 60_000}}
	cases := []struct {
		name   string
		pcm    []int16
		speech []audio.Span
		most   int // speakers
	}{
		{"nothing", nil, nil, 0},
		{"no speech", noise, nil, 0},
		{"silence called speech", make([]int16, 60*audio.SampleRate), whole, 0},
		{"noise called speech", noise, whole, 1},
		{"speech beyond the end", noise[:audio.SampleRate], whole, 1},
		{"a blink", noise, []audio.Span{{StartMs: 10, EndMs: 30}}, 0},
		{"a span before the beginning and one turned round", noise, []audio.Span{{StartMs: -500, EndMs: -10}, {StartMs: 300, EndMs: 200}}, 0},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			d, err := Diarize(context.Background(), tc.pcm, tc.speech, oracle(nil))
			if err != nil {
				t.Fatal(err)
			}
			if d.Speakers > tc.most || (d.Speakers == 0) != (len(d.Turns) == 0) {
				t.Errorf("got %+v, want at most %d speakers", d, tc.most)
			}
		})
	}
}

func TestBoundsOfTheRecording(t *testing.T) {
	whole := []audio.Span{{StartMs: 0, EndMs: 100}}
	if _, err := Diarize(context.Background(), make([]int16, maxMs*audio.SampleRate/1000), whole, oracle(nil)); err != nil {
		t.Errorf("50 minutes: %v", err)
	}
	if _, err := Diarize(context.Background(), make([]int16, (maxMs+1)*audio.SampleRate/1000), whole, oracle(nil)); err == nil {
		t.Error("more than 50 minutes pass")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	pcm, truth, speech := talk(4, []voice{low}, []int{3000}, 10_000)
	if _, err := Diarize(ctx, pcm, speech, oracle(truth)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestWindowsAreBounded(t *testing.T) {
	bursts := func(n int, every, length int64) (speech []audio.Span) {
		for i := range int64(n) {
			speech = append(speech, audio.Span{StartMs: i * every, EndMs: i*every + length})
		}
		return speech
	}
	for name, c := range map[string]struct {
		speech []audio.Span
		want   int
	}{
		"45 minutes of half-second bursts": {bursts(2700, 1000, 500), maxWindows},
		"45 minutes without a pause":       {bursts(1, 0, 2_700_000), 2000},
		"one burst":                        {bursts(1, 0, 100), 1},
		"one window":                       {bursts(1, 0, windowMs), 1},
		"a little more than one":           {bursts(1, 0, windowMs+1), 2},
		"nothing":                          {nil, 0},
	} {
		ws := cut(frames{}, c.speech)
		if len(ws) > maxWindows || len(ws) < c.want-2 || len(ws) > c.want {
			t.Errorf("%s: %d windows, want %d", name, len(ws), c.want)
		}
		total, seconds := 0.0, 0.0
		for _, s := range c.speech {
			total += float64(s.Len()) / 1000
		}
		for i, s := range described(ws, 2_800_000) {
			seconds += ws[i].seconds
			if s.Len() < widenedMs || i > 0 && s.StartMs < ws[i-1].StartMs-widenedMs {
				t.Fatalf("%s: window %d is %v", name, i, s)
			}
		}
		if math.Abs(seconds-total) > 0.01*total {
			t.Errorf("%s: windows of %.1f s for %.1f s", name, seconds, total)
		}
	}
	if got := described([]window{{}}, MinEmbedMs-1); got != nil {
		t.Errorf("a recording that is too short is described: %v", got)
	}
}

func TestAFaultOfTheEmbedderIsAnError(t *testing.T) {
	pcm, _, speech := talk(6, []voice{low}, []int{3000}, 10_000)
	broken := errors.New("broken")
	for name, e := range map[string]embedded{
		"an error": func([]audio.Span) ([][]float32, error) { return nil, broken },
		"too few":  func(ws []audio.Span) ([][]float32, error) { return make([][]float32, len(ws)-1), nil },
		"other dimensions": func(ws []audio.Span) ([][]float32, error) {
			return append(make([][]float32, len(ws)-1), []float32{1}), nil
		},
	} {
		if _, err := Diarize(t.Context(), pcm, speech, e); err == nil || name == "an error" && !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestADoubtIsKept(t *testing.T) {
	pcm, truth, speech := talk(7, []voice{low, high}, []int{6000}, 60_000)
	alike := func(ws []audio.Span) ([][]float32, error) {
		v, err := oracle(truth)(ws)
		// The voices' own parts nearly vanish in what they share, and scatter.
		for i, w := range ws {
			r := rand.New(rand.NewPCG(uint64(w.StartMs), 1))
			v[i][0] += float32(0.35 * r.NormFloat64())
			v[i][8] += 2
			unit(v[i])
		}
		return v, err
	}
	d, err := Diarize(t.Context(), pcm, speech, embedded(alike))
	if err != nil {
		t.Fatal(err)
	}
	if d.Speakers != 1 || len(d.Doubted) == 0 {
		t.Fatalf("%d speakers, %d doubted turns", d.Speakers, len(d.Doubted))
	}
	if w := wrong(truth, d.Doubted); w > 5 {
		t.Errorf("%.1f %% of the doubted turns are wrong", w)
	}
}

func TestWardGroupsWhatIsNear(t *testing.T) {
	points := []float64{0, 10, 0.1, 10.1, 20, 0.2, 20.3}
	cases := []struct {
		k    int
		want []int
	}{
		{1, []int{0, 0, 0, 0, 0, 0, 0}},
		{2, []int{0, 0, 0, 0, 1, 0, 1}},
		{3, []int{0, 1, 0, 1, 2, 0, 2}},
		{7, []int{0, 1, 2, 3, 4, 5, 6}},
		{9, []int{0, 1, 2, 3, 4, 5, 6}},
	}
	for _, tc := range cases {
		got := ward(points, 1).cut(tc.k)
		// 10 may go either way: 0 to 10 costs 120.1, 10 to 20 costs 100.8.
		if tc.k == 2 && got[1] != 0 {
			if want := []int{0, 1, 0, 1, 1, 0, 1}; !reflect.DeepEqual(got, want) {
				t.Errorf("k=2: %v, want %v", got, want)
			}
			continue
		}
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("k=%d: %v, want %v", tc.k, got, tc.want)
		}
	}
	if got := ward(nil, 1).cut(2); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	if got := ward(make([]float64, 12), 1).cut(3); len(got) != 12 {
		t.Errorf("of equal points: %v", got)
	}
}

func TestPitchIsThatOfTheVoice(t *testing.T) {
	a := newAnalyser()
	for _, v := range []voice{low, mid, high} {
		pcm := v.say(rand.New(rand.NewPCG(1, 1)), nil, 3000)
		sum, n := 0.0, 0
		for from := 0; from+frameLen < len(pcm); from += frameHop {
			if p := a.pitch(pcm, from); p > 0 {
				sum += p
				n++
			}
		}
		want := v.pitchHz * 0.95 // falls by a tenth in each syllable
		if mean := math.Exp2(sum / float64(max(n, 1))); n < 100 || mean < 0.9*want || mean > 1.1*want {
			t.Errorf("%d voiced frames of %.0f Hz, want %.0f", n, mean, want)
		}
	}
}

func TestDiarizationIsPinnedAsJSON(t *testing.T) {
	d := Diarization{Speakers: 2, Turns: []Turn{{1, audio.Span{StartMs: 5, EndMs: 400}}}, Separation: 5.5}
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"speakers":2,"turns":[{"speaker":1,"startMs":5,"endMs":400}],"separation":5.5}`; string(b) != want {
		t.Errorf("got %s", b)
	}
	var back Diarization
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, d) {
		t.Errorf("back: %+v, %v", back, err)
	}
}

// BenchmarkDiarize reports the CPU time and, as MB/op of all allocations, an upper bound of the
// memory of 4 and 45 minutes.
func BenchmarkDiarize(b *testing.B) {
	for _, minutes := range []int{4, 45} {
		b.Run(map[int]string{4: "4min", 45: "45min"}[minutes], func(b *testing.B) {
			pcm, truth, speech := talk(5, []voice{low, high}, []int{5000, 12000}, minutes*60_000)
			b.ReportAllocs()
			peak := uint64(0)
			for b.Loop() {
				d, err := Diarize(context.Background(), pcm, speech, oracle(truth))
				if err != nil {
					b.Fatal(err)
				}
				if d.Speakers != 2 {
					b.Fatalf("%d speakers", d.Speakers)
				}
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.Sys)
			}
			b.ReportMetric(float64(peak)/1e6, "MB-sys")
		})
	}
}
