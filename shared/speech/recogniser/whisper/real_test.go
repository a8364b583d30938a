package whisper

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"parley/infra/measure/corpus"
	"parley/shared/speech/audio"
	"parley/shared/speech/installed"
	"parley/shared/speech/transcript"
)

// model is the model of the tests on real engines: base, or what PARLEY_MODEL names (a file below
// model/).
func recogniser(t *testing.T) *Recogniser {
	t.Helper()
	dir := installed.Dir()
	if err := installed.Missing(dir, installed.ASRFile, installed.WhisperFile, installed.VADFile); err != nil {
		t.Skip(err)
	}
	model := installed.Whisper(dir)
	if m := os.Getenv("PARLEY_MODEL"); m != "" {
		model = filepath.Join(installed.Models(dir), m)
	}
	r := New(installed.ASR(dir), model, installed.VAD(dir))
	t.Cleanup(func() { _ = r.Close() })
	return r
}

const minute = 60 * audio.SampleRate

// noises are a minute each of what is no speech.
func noises() map[string][]int16 {
	rnd := rand.New(rand.NewPCG(7, 8))
	fill := func(f func(i int) float64) []int16 {
		p := make([]int16, minute)
		for i := range p {
			p[i] = int16(max(-32767, min(32767, f(i))))
		}
		return p
	}
	var pink [7]float64
	brown := 0.0
	chords := [][]float64{{261.63, 329.63, 392}, {220, 261.63, 329.63}, {174.61, 220, 261.63}, {196, 246.94, 293.66}}
	return map[string][]int16{
		"digital silence": fill(func(int) float64 { return 0 }),
		"white noise":     fill(func(int) float64 { return 2000 * rnd.NormFloat64() }),
		"loud white":      fill(func(int) float64 { return 9000 * rnd.NormFloat64() }),
		"faint white":     fill(func(int) float64 { return 3 * rnd.NormFloat64() }),
		"pink noise": fill(func(int) float64 { // Paul Kellet's filter
			w := rnd.NormFloat64()
			for k, c := range [][2]float64{{0.99886, 0.0555179}, {0.99332, 0.0750759}, {0.969, 0.153852}, {0.8665, 0.3104856}, {0.55, 0.5329522}, {-0.7616, -0.016898}} {
				pink[k] = c[0]*pink[k] + c[1]*w
			}
			s := pink[0] + pink[1] + pink[2] + pink[3] + pink[4] + pink[5] + pink[6] + w*0.5362
			pink[6] = w * 0.115926
			return 700 * s
		}),
		"brown noise": fill(func(int) float64 { brown = 0.998*brown + rnd.NormFloat64(); return 300 * brown }),
		"hum": fill(func(i int) float64 {
			t := 2 * math.Pi * 50 * float64(i) / audio.SampleRate
			return 3000*math.Sin(t) + 1500*math.Sin(2*t) + 800*math.Sin(3*t)
		}),
		"chords": fill(func(i int) float64 {
			t := float64(i) / audio.SampleRate
			within := math.Mod(t, 1)
			x := 0.0
			for _, f := range chords[int(t)%4] {
				for h := 1.0; h <= 5; h++ {
					x += math.Sin(2*math.Pi*f*h*t) / h
				}
			}
			return 2500 * x * math.Exp(-2*within) * min(1, within*50)
		}),
	}
}

func TestSilenceAndNoiseHaveNoWords(t *testing.T) {
	r := recogniser(t)
	for name, pcm := range noises() {
		c, err := r.Transcribe(t.Context(), pcm, 0, "en")
		if err != nil {
			t.Fatal(name, err)
		}
		if len(c.Words) != 0 {
			t.Errorf("%s: %v in %v", name, c.Words, c.Speech)
		}
		t.Logf("%-16s %d words, %d speech spans, heard %q %.2f; by energy %d chunks", name, len(c.Words), len(c.Speech), c.Heard, c.HeardP,
			len(audio.Analyse(pcm, audio.DefaultCut()).Chunks))
	}
}

// interview is one recording with what was said in it.
type interview struct {
	Name     string
	PCM      []int16
	Segments []struct {
		Start, End    float64
		Speaker, Text string
	}
}

func interviews(t *testing.T) []interview {
	t.Helper()
	data, err := corpus.Data()
	if err != nil {
		t.Skip("the shared interviews are not here: ", err)
	}
	files, err := filepath.Glob(filepath.Join(data, "interviews", "*.flac"))
	if err != nil || len(files) == 0 {
		t.Skip("the shared interviews are not here")
	}
	var out []interview
	for _, f := range files {
		i := interview{Name: strings.TrimSuffix(filepath.Base(f), ".flac")}
		if i.PCM, err = (audio.Decoder{FFmpeg: installed.FFmpeg(installed.Dir())}).Decode(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(strings.TrimSuffix(f, ".flac") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &i); err != nil {
			t.Fatal(err)
		}
		out = append(out, i)
	}
	return out
}

func hear(ctx context.Context, t *testing.T, r *Recogniser, pcm []int16, pieces []audio.Span) []transcript.Word {
	t.Helper()
	var words []transcript.Word
	for _, p := range pieces {
		c, err := r.Transcribe(ctx, pcm[p.StartMs*16:p.EndMs*16], p.StartMs, "en")
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, c.Words...)
	}
	return words
}

func text(words []transcript.Word) []string {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(w.Text + " ")
	}
	return transcript.Normal(b.String())
}

// maxWER is what the base model may get wrong in all interviews together.
const maxWER = 0.24

// TestWordErrorRate prints a table of word error rates of the shared interviews, in pieces and
// whole, and holds the pieces to a bound. It takes minutes, so it runs where PARLEY_ACCURACY is
// set; set to "pieces" it leaves out the whole ones.
func TestWordErrorRate(t *testing.T) {
	if os.Getenv("PARLEY_ACCURACY") == "" {
		t.Skip("set PARLEY_ACCURACY to measure word error rates (minutes of processor time)")
	}
	r := recogniser(t)
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var inPieces, whole transcript.Edits
	for _, i := range interviews(t) {
		var said []string
		for _, s := range i.Segments {
			said = append(said, transcript.Normal(s.Text)...)
		}
		length := int64(len(i.PCM)) / 16
		began := time.Now()
		pieces := audio.Analyse(i.PCM, audio.DefaultCut()).Chunks
		words := hear(t.Context(), t, r, i.PCM, pieces)
		took := time.Since(began)
		p := transcript.Compare(said, text(words))
		w := transcript.Edits{}
		if os.Getenv("PARLEY_ACCURACY") != "pieces" {
			w = transcript.Compare(said, text(hear(t.Context(), t, r, i.PCM, []audio.Span{{StartMs: 0, EndMs: length}})))
		}
		inPieces, whole = inPieces.Add(p), whole.Add(w)
		t.Logf("%-42s %d pieces: WER %.1f %% %+v, whole: %.1f %% %+v, %.1f s per minute", i.Name, len(pieces), 100*p.WER(), p, 100*w.WER(), w, took.Seconds()/(float64(length)/60000))
	}
	t.Logf("all: in pieces %.1f %%, whole %.1f %%", 100*inPieces.WER(), 100*whole.WER())
	if inPieces.WER() > maxWER {
		t.Errorf("WER in pieces %.3f, want %v at most", inPieces.WER(), maxWER)
	}
}

func TestADeadlineKillsTheEngineAndTheNextRequestFindsAnother(t *testing.T) {
	r := recogniser(t)
	i := interviews(t)[0]
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	if _, err := r.Transcribe(ctx, i.PCM[:minute], 0, "en"); err == nil {
		t.Fatal("no error")
	}
	c, err := r.Transcribe(t.Context(), i.PCM[:11*audio.SampleRate], 5000, "en")
	if err != nil || len(c.Words) < 10 || c.Heard != "en" || c.RequestedP < 0.5 {
		t.Fatalf("%+v, %v", c, err)
	}
	for k, w := range c.Words {
		if w.StartMs < 5000 || w.EndMs > 16000 || w.P <= 0 || w.P > 1 || k > 0 && w.StartMs < c.Words[k-1].EndMs {
			t.Errorf("word %d: %+v", k, w)
		}
	}
	t.Log(c.Words)
	heard, err := r.Hear(t.Context(), i.PCM[:11*audio.SampleRate], 5000, "en")
	if math.Abs(heard.RequestedP-c.RequestedP) > 0.1 { // the one is without the pauses
		t.Errorf("English is heard with %g, and with the words with %g", heard.RequestedP, c.RequestedP)
	}
	c.Words, c.HeardP, c.RequestedP = []transcript.Word{}, heard.HeardP, heard.RequestedP
	if err != nil || !reflect.DeepEqual(heard, c) {
		t.Errorf("without the words %+v, %v; with them %+v", heard, err, c)
	}
}
