package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"parley/shared/speech"
	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/score/overall"
	"parley/shared/speech/score/timing"
	"parley/shared/speech/transcript"
)

// listener hears the word "water" in every half second, and aligns every word perfectly.
type listener struct{ windows []float64 }

func (l *listener) Version() string { return "test" }

func (l *listener) Transcribe(_ context.Context, pcm []int16, _ int64, _ string) (transcript.Chunk, error) {
	l.windows = append(l.windows, float64(len(pcm))/audio.SampleRate)
	c := transcript.Chunk{Heard: "en", HeardP: 0.9, RequestedP: 0.9}
	for at := int64(0); at < ms(len(pcm)); at += 500 {
		c.Words = append(c.Words, transcript.Word{Text: "water", StartMs: at, EndMs: at + 400, P: 0.8})
	}
	return c, nil
}

func (l *listener) Align(_ context.Context, pcm []int16, words []string) ([]accent.AlignedWord, error) {
	var out []accent.AlignedWord
	n := len(pcm) / 160 / len(words)
	for i, w := range words {
		out = append(out, accent.AlignedWord{Text: w, Start: i * n, Frames: n, Phones: []accent.Phone{{Name: "AA", Frames: n, Score: -20 * float64(n)}}})
	}
	return out, nil
}

func (l *listener) LanguageProbability(context.Context, []int16, string) (float64, bool, error) {
	return 0.9, true, nil
}

func rig(l *listener, seen *score.Material) Engine {
	scorings := slices.Clone(speech.Scorings)
	scorings[0].Score = func(_ context.Context, m score.Material, _ timing.Speech, _ accent.Engines) (score.Result, error) {
		*seen = m
		v := 2.5
		return score.Result{Raw: &v}, nil
	}
	return Engine{
		Decode: func(_ context.Context, path string) ([]int16, error) {
			var seconds int
			if _, err := fmt.Sscanf(path, "%d.wav", &seconds); err != nil {
				return nil, errors.New("not a recording: " + path)
			}
			x := make([]int16, seconds*audio.SampleRate)
			for i := range x {
				t := float64(i) / audio.SampleRate
				x[i] = int16(8000 * (0.55 - 0.45*math.Cos(8*math.Pi*t)) * math.Sin(400*math.Pi*t))
			}
			return x, nil
		},
		Inspect:    func([]int16) audio.Quality { return audio.Quality{SNRDb: 40, BandwidthHz: 8000} },
		Recogniser: l, Engines: accent.Engines{Aligner: l, Listener: l}, Language: "en",
		Scorings: scorings,
		Present: func(r score.Results, _ score.Material) (any, any, score.Result, error) {
			return map[string]any{"vocabulary": r[score.Vocabulary].Raw}, map[string]any{}, overall.Score(r), nil
		},
	}
}

func TestScore(t *testing.T) {
	var m score.Material
	l := &listener{}
	e := rig(l, &m)
	line, err := e.Score(t.Context(), Row{ID: "a", Audio: []string{"4.wav", "4.wav", "4.wav", "40.wav"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("each recording is one turn, and every word lies in its own", func(t *testing.T) {
		if len(m.Conversation.Turns) != 4 {
			t.Fatalf("%d turns", len(m.Conversation.Turns))
		}
		for i, turn := range m.Conversation.Turns {
			if want := (turn.EndMs - turn.StartMs) / 500; int64(len(turn.Words)) < want-1 {
				t.Errorf("turn %d has %d words of %d", i, len(turn.Words), want)
			}
			for _, w := range turn.Words {
				if mid := (w.StartMs + w.EndMs) / 2; mid < turn.StartMs-300 || mid > turn.EndMs+300 {
					t.Errorf("turn %d from %d to %d ms has a word at %d ms", i, turn.StartMs, turn.EndMs, mid)
				}
			}
		}
	})
	t.Run("short recordings share a window of the recogniser", func(t *testing.T) {
		if len(l.windows) != 2 {
			t.Fatalf("windows of %v s", l.windows)
		}
	})
	t.Run("all that can be computed is, under the names of the documentation", func(t *testing.T) {
		b, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"id":"a"`, `"scores":{`, `"raw":{"vocabulary":2.5,"fluency":`, `"confidence":{`, `"measures":{`, `"name":"articulationRate"`} {
			if !strings.Contains(string(b), want) {
				t.Errorf("no %s in %s", want, b)
			}
		}
		if line.Raw[score.Fluency] == nil || line.Raw[score.Accent] == nil || len(line.Reasons) != 0 {
			t.Fatalf("%+v", line)
		}
	})
	t.Run("text alone is scored for vocabulary alone", func(t *testing.T) {
		line, err := e.Score(t.Context(), Row{ID: "b", Text: "Some words that were said."})
		if err != nil || line.Raw[score.Fluency] != nil || line.Raw[score.Accent] != nil || line.Raw[score.Vocabulary] == nil || line.Raw[score.Overall] != nil ||
			line.Reasons[score.Fluency] == "" || line.Reasons[score.Overall] == "" {
			t.Fatalf("%+v %v", line, err)
		}
		if len(m.Conversation.Turns) != 1 || len(m.Conversation.Turns[0].Words) != 5 {
			t.Fatalf("%+v", m.Conversation)
		}
	})
	t.Run("a given text takes the place of the recogniser, and nobody heard it", func(t *testing.T) {
		before := len(l.windows)
		line, err := e.Score(t.Context(), Row{ID: "c", Audio: []string{"4.wav", "4.wav"}, Text: "one two three four five six seven eight"})
		if err != nil || len(l.windows) != before || line.Raw[score.Accent] == nil {
			t.Fatalf("%+v %v", line, err)
		}
		for _, x := range line.Measures[score.Accent] {
			if x.Name == "wordProbability" && (x.Value != nil || x.Reason == "") {
				t.Fatalf("%+v", x)
			}
		}
		if a, b := len(m.Conversation.Turns[0].Words), len(m.Conversation.Turns[1].Words); a != 4 || b != 4 {
			t.Fatalf("%d and %d words", a, b)
		}
	})
	t.Run("a recording that cannot be read is the row's own fault", func(t *testing.T) {
		line, err := e.Score(t.Context(), Row{ID: "d", Audio: []string{"bad"}})
		if err != nil || !strings.Contains(line.Error, "not a recording") || len(line.Reasons) != 4 || line.Measures[score.Accent] == nil ||
			!reflect.DeepEqual(line.Raw, RawOf(score.Results{score.Vocabulary: {}, score.Fluency: {}, score.Accent: {}}, score.Result{})) {
			t.Fatalf("%+v %v", line, err)
		}
	})
	t.Run("too many recordings are refused, and as many as allowed are not", func(t *testing.T) {
		files := make([]string, MaxFiles+1)
		for i := range files {
			files[i] = "0.wav"
		}
		if line, err := e.Score(t.Context(), Row{ID: "e", Audio: files}); err != nil || line.Error == "" {
			t.Fatalf("%+v %v", line.Error, err)
		}
		if line, err := e.Score(t.Context(), Row{ID: "e", Audio: files[1:]}); err != nil || line.Error != "" {
			t.Fatalf("%+v %v", line.Error, err)
		}
	})
	t.Run("a context that ended is an error", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := e.Score(ctx, Row{ID: "f", Audio: []string{"4.wav"}}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
}

func TestManifest(t *testing.T) {
	for _, c := range []struct{ name, text, refused string }{
		{"a sound one", "id\taudio\ttext\na\tx.flac|/y.flac\t\nb\t\tsome words\n", ""},
		{"columns in another order", "text\tid\taudio\n\ta\tx.flac|/y.flac\nsome words\tb\t\n", ""},
		{"no header", "a\tx.flac\n", "columns id and audio"},
		{"empty", "", "unexpected EOF"},
		{"an id twice", "id\taudio\na\tx\na\ty\n", "used twice"},
		{"a row with nothing to score", "id\taudio\na\t\n", "neither"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, err := Manifest(strings.NewReader(c.text), "dir")
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("%v", err)
				}
				return
			}
			if err != nil || len(rows) != 2 || strings.Join(rows[0].Audio, "|") != "dir/x.flac|/y.flac" || rows[1].Text != "some words" || rows[1].Audio != nil {
				t.Fatalf("%+v %v", rows, err)
			}
		})
	}
}

func TestCorrelate(t *testing.T) {
	h, err := HumanScores(strings.NewReader("id\tfluency\tgender\ta\nr0\t0\tf\t5\nr1\t1\tm\t4\nr2\t2\tf\t3\nr3\t4\tm\t\nr4\t3\tf\t1\nr9\t9\tm\t9\n"))
	if err != nil || strings.Join(h.Columns, " ") != "fluency a" {
		t.Fatalf("%v %v", h.Columns, err)
	}
	var lines []Line
	for i := range 6 {
		v := float64(i)
		l := Line{ID: fmt.Sprintf("r%d", i)}
		if i != 2 {
			l.Raw = score.ByDimension[*float64]{score.Fluency: &v}
		}
		lines = append(lines, l)
	}
	got := Correlate(lines, h)
	if len(got) != 1 || got[0].N != 4 || got[0].Column != "fluency" {
		t.Fatalf("%+v", got)
	}
	// 0, 1, 3, 4 against 0, 1, 4, 3
	if math.Abs(got[0].PCC-0.9) > 1e-9 || math.Abs(got[0].Spearman-0.8) > 1e-9 {
		t.Fatalf("%+v", got[0])
	}
	if got[0].PCCInterval[0] > got[0].PCC || got[0].PCCInterval[1] < got[0].PCC {
		t.Fatalf("%+v", got[0])
	}
}
