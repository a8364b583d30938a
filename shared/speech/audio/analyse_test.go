package audio

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"parley/infra/measure/corpus"
	"parley/shared/errcode"
)

// voice writes a buzz of 140 Hz with harmonics up to top Hz, its loudness moving as syllables do,
// over [from, to) ms.
func voice(pcm []int16, from, to int64, level, top float64) {
	for i := from * SampleRate / 1000; i < to*SampleRate/1000; i++ {
		t := float64(i) / SampleRate
		x := 0.0
		for f := 140.0; f < top; f += 140 {
			x += math.Sin(2*math.Pi*f*t+f) / math.Sqrt(f)
		}
		pcm[i] += int16(x * level * (0.1 + math.Pow(math.Sin(2*math.Pi*2*t), 2)))
	}
}

func hiss(pcm []int16, level float64) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range pcm {
		pcm[i] += int16(r.NormFloat64() * level)
	}
}

func near(a, b, within int64) bool { return a-b <= within && b-a <= within }

func TestCutFindsTheStretchesOfSpeech(t *testing.T) {
	for _, noise := range []float64{0, 10, 60} {
		pcm := make([]int16, 20*SampleRate)
		hiss(pcm, noise)
		want := []Span{{1000, 4000}, {4500, 8000}, {12000, 19000}}
		for _, s := range want {
			voice(pcm, s.StartMs, s.EndMs, 40000, 6000)
		}
		window, got := Cut(pcm, DefaultCut())
		if window != (Span{0, 20000}) || len(got) != len(want) {
			t.Fatalf("noise %v: got %v in %v", noise, got, window)
		}
		for i := range want {
			if !near(got[i].StartMs, want[i].StartMs-50, 60) || !near(got[i].EndMs, want[i].EndMs+50, 60) {
				t.Errorf("noise %v: got %v, want %v and 50 ms around", noise, got[i], want[i])
			}
		}
	}
}

func TestCutKeepsToItsSettings(t *testing.T) {
	pcm := make([]int16, 20*SampleRate)
	hiss(pcm, 5)
	voice(pcm, 1000, 4000, 40000, 6000)
	voice(pcm, 4400, 8000, 40000, 6000)
	voice(pcm, 12000, 12060, 40000, 6000)
	for name, c := range map[string]struct {
		change func(*CutSettings)
		spans  int
	}{
		"as they are":              {func(*CutSettings) {}, 2},
		"longer silences":          {func(s *CutSettings) { s.MinSilenceMs = 600 }, 1},
		"shorter bursts":           {func(s *CutSettings) { s.MinSpeechMs = 50 }, 3},
		"a window after the first": {func(s *CutSettings) { s.StartSeconds = 4.2 }, 1},
		"a window before the last": {func(s *CutSettings) { s.EndSeconds = 4.2 }, 1},
		"much padding":             {func(s *CutSettings) { s.PaddingMs = 500 }, 1},
	} {
		s := DefaultCut()
		c.change(&s)
		window, got := Cut(pcm, s)
		if len(got) != c.spans {
			t.Errorf("%s: got %v", name, got)
		}
		for _, g := range got {
			if g.StartMs < window.StartMs || g.EndMs > window.EndMs || g.Len() <= 0 {
				t.Errorf("%s: %v lies outside %v", name, g, window)
			}
		}
	}
}

func TestSteadySoundsAreNoSpeech(t *testing.T) {
	n := 30 * SampleRate
	tone := func(hz, level float64) []int16 {
		p := make([]int16, n)
		for i := range p {
			p[i] = int16(level * math.Sin(2*math.Pi*hz*float64(i)/SampleRate))
		}
		return p
	}
	white := make([]int16, n)
	hiss(white, 3000)
	beeps := make([]int16, n)
	for s := range 10 {
		copy(beeps[s*3*SampleRate:], tone(440, 8000)[:2*SampleRate])
	}
	for name, pcm := range map[string][]int16{"silence": make([]int16, n), "hum": tone(50, 3000), "tone": tone(1000, 9000), "hiss": white, "beeps": beeps, "nothing": nil} {
		a := Analyse(pcm, DefaultCut())
		if len(a.Speech) != 0 || len(a.Chunks) != 0 || a.Quality.SpeechPercent != 0 {
			t.Errorf("%s: %v", name, a)
		}
	}
}

func TestMeasureTellsLevelNoiseClippingAndBandwidth(t *testing.T) {
	pcm := make([]int16, 60*SampleRate)
	hiss(pcm, 30)
	for at := int64(0); at < 60000; at += 6000 {
		voice(pcm, at+1000, at+5000, 40000, 6000)
	}
	q := Measure(pcm)
	if q.SNRDb < 30 || q.SNRDb > 45 || q.ClippedPercent != 0 || math.Abs(q.SpeechPercent-68) > 3 || q.BandwidthHz < 5700 || q.BandwidthHz > 6300 {
		t.Errorf("got %+v", q)
	}
	telephone := make([]int16, 60*SampleRate)
	for at := int64(0); at < 60000; at += 6000 {
		voice(telephone, at+1000, at+5000, 40000, 3400)
	}
	if q := Measure(telephone); q.BandwidthHz < 3200 || q.BandwidthHz > 3700 {
		t.Errorf("telephone: got %+v", q)
	}
	for i := range pcm[:len(pcm)/100] {
		pcm[i*100] = 32767
	}
	if q := Measure(pcm); math.Abs(q.ClippedPercent-1) > 0.1 {
		t.Errorf("clipped: got %+v", q)
	}
}

func TestChunks(t *testing.T) {
	// a sentence of 4 s every 5 s
	speech := func(from, to int64) (out []Span) {
		for at := from; at+4000 <= to; at += 5000 {
			out = append(out, Span{at, at + 4000})
		}
		return out
	}
	for name, c := range map[string]struct {
		speech []Span
		window Span
		pieces int
	}{
		"nothing":                {nil, Span{0, 60000}, 0},
		"a short one":            {speech(0, 15000), Span{0, 15000}, 1},
		"less than two":          {speech(0, 39000), Span{0, 39000}, 1},
		"two":                    {speech(0, 180000), Span{0, 180000}, 2},
		"four minutes":           {speech(0, 240000), Span{0, 240000}, 2},
		"more than two may hold": {speech(0, 251000), Span{0, 251000}, 4},
		"45 minutes":             {speech(0, 2700000), Span{0, 2700000}, 22},
		"without any silence":    {[]Span{{0, 240000}}, Span{0, 240000}, 2},
		"speech at the end":      {speech(200000, 240000), Span{0, 240000}, 1},
		"a hole in the middle":   {append(speech(0, 100000), speech(200000, 300000)...), Span{0, 300000}, 4},
		"a window from the cut":  {speech(60000, 300000), Span{60000, 300000}, 2},
	} {
		got := Chunks(c.speech, c.window)
		if len(got) != c.pieces {
			t.Errorf("%s: %d pieces: %v", name, len(got), got)
		}
		last := c.window.StartMs
		for i, p := range got {
			if p.StartMs < last || p.EndMs > c.window.EndMs || p.Len() > maxChunk || p.Len() < minChunk && len(got) > 1 && name != "a hole in the middle" {
				t.Errorf("%s: piece %d: %v", name, i, p)
			}
			last = p.EndMs
		}
		for _, s := range c.speech {
			covered := int64(0)
			for _, p := range got {
				covered += max(0, min(p.EndMs, s.EndMs)-max(p.StartMs, s.StartMs))
			}
			if covered != s.Len() {
				t.Errorf("%s: %v is not covered", name, s)
			}
		}
		for i := 1; i < len(got) && name != "without any silence"; i++ {
			for _, s := range c.speech {
				if got[i].StartMs > s.StartMs && got[i].StartMs < s.EndMs {
					t.Errorf("%s: piece %d begins within %v", name, i, s)
				}
			}
		}
	}
}

func TestChunksKeepTheirBoundsWhateverTheSpeech(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		var speech []Span
		at := int64(r.IntN(20000))
		for end := 180000 + r.Int64N(2520000); at < end; {
			n := 200 + r.Int64N(30000)
			speech = append(speech, Span{at, at + n})
			at += n + 250 + r.Int64N(5000)
			if r.IntN(40) == 0 {
				at += r.Int64N(200000)
			}
		}
		window := Span{0, at + r.Int64N(10000)}
		got := Chunks(speech, window)
		if len(got) > MaxChunks {
			t.Fatalf("%d pieces", len(got))
		}
		covered := int64(0)
		for i, p := range got {
			if p.Len() > maxChunk || p.Len() <= 0 || i > 0 && p.StartMs < got[i-1].EndMs {
				t.Fatalf("piece %d of %v", i, got)
			}
			for _, s := range speech {
				covered += max(0, min(p.EndMs, s.EndMs)-max(p.StartMs, s.StartMs))
			}
		}
		if window.EndMs <= 2700000 && covered != total(speech) {
			t.Fatalf("%d of %d ms covered: %v", covered, total(speech), got)
		}
	}
}

func TestValidateCut(t *testing.T) {
	d := DefaultCut()
	if d != (CutSettings{SilenceThresholdDb: -35, MinSilenceMs: 250, MinSpeechMs: 100, PaddingMs: 50}) {
		t.Fatalf("defaults: %+v", d)
	}
	for raw, want := range map[string]string{
		``:                                     "",
		`{}`:                                   "",
		`{"startSeconds":60}`:                  "",
		`{"startSeconds":60.001}`:              "startSeconds tooLittleLeft",
		`{"startSeconds":1,"endSeconds":180}`:  "startSeconds tooLittleLeft,endSeconds tooLittleLeft",
		`{"startSeconds":61,"endSeconds":300}`: "startSeconds tooLittleLeft",
		`{"endSeconds":180}`:                   "",
		`{"endSeconds":179}`:                   "endSeconds outOfBounds",
		`{"endSeconds":2700}`:                  "",
		`{"endSeconds":2701}`:                  "endSeconds outOfBounds",
		`{"silenceThresholdDb":-60}`:           "",
		`{"silenceThresholdDb":-60.5}`:         "silenceThresholdDb outOfBounds",
		`{"silenceThresholdDb":-14}`:           "silenceThresholdDb outOfBounds",
		`{"minSilenceMs":99}`:                  "minSilenceMs outOfBounds",
		`{"minSilenceMs":100.5}`:               "minSilenceMs notWhole",
		`{"minSilenceMs":2e3}`:                 "",
		`{"paddingMs":"50"}`:                   "paddingMs notANumber",
		`{"paddingMs":null}`:                   "paddingMs notANumber",
		`{"paddingMs":true}`:                   "paddingMs notANumber",
		`{"paddingMs":1e999}`:                  "paddingMs notANumber",
		`{"padding":50,"minSpeechMs":1001}`:    "minSpeechMs outOfBounds,padding unknown",
		`[]`:                                   "cutSettings notAnObject",
		`null`:                                 "cutSettings notAnObject",
		`{"a":`:                                "cutSettings notAnObject",
	} {
		_, err := ValidateCut(json.RawMessage(raw), 240_000)
		got := ""
		if e, ok := errors.AsType[*errcode.Error](err); ok {
			for _, f := range e.Details["fields"].([]CutFault) {
				got += "," + f.Name + " " + f.Reason
			}
		}
		if strings.TrimPrefix(got, ",") != want || err != nil && !errcode.Is(err, errcode.InvalidParameters) {
			t.Errorf("%s: got %q, %v, want %q", raw, got, err, want)
		}
	}
	c, err := ValidateCut(json.RawMessage(`{"startSeconds":1.5,"endSeconds":200,"minSilenceMs":300}`), 240_000)
	if err != nil || c != (CutSettings{StartSeconds: 1.5, EndSeconds: 200, SilenceThresholdDb: -35, MinSilenceMs: 300, MinSpeechMs: 100, PaddingMs: 50}) {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestAnalyseFindsTheSpeechOfInterviews(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(shared(t), "interviews", "*.flac"))
	if err != nil || len(files) == 0 {
		t.Skip("the shared interviews are not here")
	}
	d := Decoder{FFmpeg: ffmpeg(t)}
	for _, f := range files {
		pcm, err := d.Decode(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		a := Analyse(pcm, DefaultCut())
		if again := Analyse(pcm, DefaultCut()); !reflect.DeepEqual(a, again) {
			t.Error("twice is not the same")
		}
		b, err := os.ReadFile(strings.TrimSuffix(f, ".flac") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var truth struct {
			Segments []struct{ Start, End float64 }
		}
		if err := json.Unmarshal(b, &truth); err != nil {
			t.Fatal(err)
		}
		said, found := 0.0, 0.0
		for _, s := range truth.Segments {
			said += s.End - s.Start
			for _, x := range a.Speech {
				found += max(0, min(s.End, float64(x.EndMs)/1000)-max(s.Start, float64(x.StartMs)/1000))
			}
		}
		t.Logf("%s: %+v, %d chunks %v, %.2f of the speech found, %.2f of what was found is speech", filepath.Base(f), a.Quality, len(a.Chunks), a.Chunks, found/said, found*1000/float64(total(a.Speech)))
		if found/said < 0.7 || found*1000/float64(total(a.Speech)) < 0.95 {
			t.Errorf("%s: %.2f of the speech found, %.2f of it right", f, found/said, found*1000/float64(total(a.Speech)))
		}
	}
}

// shared is the folder of data that is not part of the repository.
func shared(t *testing.T) string {
	t.Helper()
	dir, err := corpus.Data()
	if err != nil {
		t.Skip("the shared recordings are not beside the repository: ", err)
	}
	return dir
}
