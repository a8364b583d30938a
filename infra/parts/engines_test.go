package parts

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/infra/measure/corpus"
	"parley/shared/speech/installed"
)

// answerLimit bounds how long a test waits for an engine: far longer than any of these requests
// takes.
const answerLimit = 5 * time.Minute

// talker is an engine that a test talks to.
type talker struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// start starts an engine, or skips the test if the engines do not exist.
func start(t *testing.T, files []string, args ...string) *talker {
	t.Helper()
	if err := installed.Missing(installed.Dir(), files...); err != nil {
		t.Skip(err)
	}
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(answerLimit, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		limit.Stop()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	tk := &talker{t: t, cmd: cmd, in: in, out: bufio.NewReaderSize(out, 1<<20)}
	var ready struct{ Ready bool }
	if line := tk.line(); json.Unmarshal(line, &ready) != nil || !ready.Ready {
		t.Fatalf("the engine began with %q", line)
	}
	return tk
}

func asr(t *testing.T) *talker {
	dir := installed.Dir()
	return start(t, []string{installed.ASRFile, installed.TinyFile, installed.VADFile}, installed.ASR(dir), installed.Tiny(dir), installed.VAD(dir))
}

func gop(t *testing.T) *talker {
	dir := installed.Dir()
	return start(t, installed.LayerFiles("aligner"), installed.GOP(dir), installed.Models(dir))
}

func voice(t *testing.T) *talker {
	dir := installed.Dir()
	return start(t, installed.LayerFiles("voices"), installed.Voice(dir), installed.CAMPlus(dir), installed.Segmentation(dir))
}

func (tk *talker) line() []byte {
	tk.t.Helper()
	line, err := tk.out.ReadBytes('\n')
	if err != nil {
		tk.t.Fatalf("no answer: %v", err)
	}
	return line
}

// ask sends a request, with its number of samples filled in, and the samples.
func (tk *talker) ask(request map[string]any, pcm []int16) []byte {
	tk.t.Helper()
	request["samples"] = len(pcm)
	line, err := json.Marshal(request)
	if err != nil {
		tk.t.Fatal(err)
	}
	b := bytes.NewBuffer(append(line, '\n'))
	if err := binary.Write(b, binary.LittleEndian, pcm); err != nil {
		tk.t.Fatal(err)
	}
	tk.send(b.Bytes())
	return tk.line()
}

func (tk *talker) send(b []byte) {
	tk.t.Helper()
	if _, err := tk.in.Write(b); err != nil {
		tk.t.Fatal(err)
	}
}

// end closes the engine's input and returns its exit status.
func (tk *talker) end() int {
	tk.t.Helper()
	_ = tk.in.Close()
	_ = tk.cmd.Wait()
	return tk.cmd.ProcessState.ExitCode()
}

// noise is white noise at about -30 dB of full scale.
func noise(samples int) []int16 {
	r := rand.New(rand.NewPCG(1, 2))
	pcm := make([]int16, samples)
	for i := range pcm {
		pcm[i] = int16(math.Round(r.NormFloat64() * 1000))
	}
	return pcm
}

// spoken returns an utterance of speechocean762 that its raters found well spoken, and its text in
// lower case.
func spoken(t *testing.T) ([]int16, string) {
	t.Helper()
	data, err := corpus.Data()
	if err != nil {
		t.Skip("the utterances of speechocean762 are not there: ", err)
	}
	speakers, err := corpus.Speakers(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := installed.Missing(installed.Dir(), installed.FFmpegFile); err != nil {
		t.Skip(err)
	}
	var good corpus.Utterance
	for _, s := range speakers {
		for _, u := range s.Utterances {
			if good.Audio == "" && u.Accuracy >= 9 && u.Accuracy < 10 && strings.Count(u.Text, " ") >= 6 {
				good = u
			}
		}
	}
	if good.Audio == "" {
		t.Fatal("no utterance is good enough")
	}
	raw, err := exec.CommandContext(t.Context(), installed.FFmpeg(installed.Dir()), "-nostdin", "-v", "error", "-i", good.Audio,
		"-ac", "1", "-ar", "16000", "-f", "s16le", "-").Output()
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, len(raw)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return pcm, strings.ToLower(good.Text)
}

// heard is parley-asr's answer.
type heard struct {
	Language  string
	LanguageP float64
	Heard     string
	HeardP    float64
	Speech    [][2]int
	Segments  []struct {
		StartMs, EndMs int
		Tokens         []struct {
			T              string
			P              float64
			StartMs, EndMs int
			Others         []struct {
				T string
				P float64
			}
		}
	}
}

func understand[T any](t *testing.T, line []byte) T {
	t.Helper()
	var v T
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return v
}

func TestTheRecogniserHearsNoWordsWhereNobodySpeaks(t *testing.T) {
	tk := asr(t)
	for name, pcm := range map[string][]int16{"nothing": nil, "silence": make([]int16, 16000*10), "white noise": noise(16000 * 10), "a click": {32767}} {
		a := understand[heard](t, tk.ask(map[string]any{"language": "en"}, pcm))
		if len(a.Speech) != 0 || len(a.Segments) != 0 || a.Language != "" || a.LanguageP != 0 {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if got := tk.end(); got != 0 {
		t.Errorf("it ended with %d", got)
	}
}

func TestTheRecogniserHearsWhatIsSaidTheSameEveryTime(t *testing.T) {
	pcm, text := spoken(t)
	tk := asr(t)
	first := tk.ask(map[string]any{"language": "auto"}, pcm)
	a := understand[heard](t, first)
	if a.Language != "en" || a.Heard != "en" || a.LanguageP != a.HeardP || len(a.Speech) == 0 {
		t.Errorf("it heard %+v", a)
	}
	var said strings.Builder
	doubtful := 0
	for _, s := range a.Segments {
		for _, token := range s.Tokens {
			said.WriteString(token.T)
			if token.P < 0 || token.P > 1 || token.EndMs < token.StartMs {
				t.Errorf("a token is %+v", token)
			}
			if len(token.Others) == 0 {
				continue
			}
			doubtful++
			sum, last, itself := 0.0, 1.0, false
			for _, o := range token.Others {
				if sum += o.P; o.P > last || !strings.HasPrefix(o.T, " ") {
					t.Errorf("of %q others are %+v", token.T, token.Others)
				}
				last, itself = o.P, itself || o.T == token.T
			}
			if len(token.Others) < 2 || sum > 1.001 || !itself {
				t.Errorf("of %q others are %+v", token.T, token.Others)
			}
		}
	}
	if doubtful == 0 {
		t.Error("no token may have been another one")
	}
	words, right := strings.Fields(strings.ToLower(said.String())), 0
	for _, w := range words {
		if strings.Contains(text, strings.Trim(w, ".,")) {
			right++
		}
	}
	if right*2 < len(strings.Fields(text)) {
		t.Errorf("of %q it heard %q", text, said.String())
	}
	tk.ask(map[string]any{"language": "en"}, append(noise(16000), pcm[:len(pcm)/2]...))
	if again := tk.ask(map[string]any{"language": "auto"}, pcm); !bytes.Equal(first, again) {
		t.Errorf("the same request was answered\n%s and then\n%s", first, again)
	}
}

func TestAWordHeardOtherwiseDoesNotChangeWhatIsHeardAfterAPause(t *testing.T) {
	said, _ := spoken(t)
	garbled := slices.Clone(said)
	slices.Reverse(garbled)
	again := slices.Concat(make([]int16, 16000/2), said)
	half := slices.Repeat(again, 20*16000/len(again))
	pause := make([]int16, 2*16000)
	tk := asr(t)
	after := func(first []int16) []string {
		pcm := slices.Concat(first, half, pause, half)
		from := (len(first) + len(half)) / 16
		var words []string
		for _, s := range understand[heard](t, tk.ask(map[string]any{"language": "en"}, pcm)).Segments {
			for _, token := range s.Tokens {
				if s.StartMs > from {
					words = append(words, token.T)
				}
			}
		}
		return words
	}
	if plain, moved := after(said), after(garbled); len(plain) == 0 || !slices.Equal(plain, moved) {
		t.Errorf("after the pause it heard %q, and with other words before it %q", plain, moved)
	}
}

func TestMalformedRequestsEndAnEngine(t *testing.T) {
	for name, c := range map[string]struct {
		start   func(*testing.T) *talker
		request string
	}{
		"asr: no JSON":             {asr, "hello\n"},
		"asr: not an object":       {asr, "[1]\n"},
		"asr: no sample count":     {asr, `{"language":"en"}` + "\n"},
		"asr: below zero":          {asr, `{"samples":-1}` + "\n"},
		"asr: a fraction":          {asr, `{"samples":1.5}` + "\n"},
		"asr: above ten minutes":   {asr, `{"samples":9600001}` + "\n"},
		"asr: unknown language":    {asr, `{"samples":0,"language":"xx"}` + "\n"},
		"asr: unknown field":       {asr, `{"samples":0,"beam":5}` + "\n"},
		"asr: samples missing":     {asr, `{"samples":2}` + "\nabc"},
		"asr: endless line":        {asr, strings.Repeat(" ", 1<<18+1)},
		"gop: no JSON":             {gop, "hello\n"},
		"gop: above one minute":    {gop, `{"samples":960001,"words":""}` + "\n"},
		"gop: words not a string":  {gop, `{"samples":0,"words":["a"]}` + "\n"},
		"gop: extra not pairs":     {gop, `{"samples":0,"words":"a","extra":[["a"]]}` + "\n"},
		"gop: unknown phone":       {gop, `{"samples":0,"words":"a","extra":[["zzz","QQ"]]}` + "\n"},
		"gop: line not ended":      {gop, `{"samples":0}`},
		"voice: no windows":        {voice, `{"samples":0}` + "\n"},
		"voice: a short window":    {voice, `{"samples":3199,"windows":[[0,3199]]}` + "\n"},
		"voice: a long window":     {voice, `{"samples":320001,"windows":[[0,320001]]}` + "\n"},
		"voice: past the end":      {voice, `{"samples":3200,"windows":[[1,3201]]}` + "\n"},
		"voice: backwards":         {voice, `{"samples":6400,"windows":[[6400,0]]}` + "\n"},
		"voice: below zero":        {voice, `{"samples":6400,"windows":[[-1,6400]]}` + "\n"},
		"voice: one number":        {voice, `{"samples":6400,"windows":[[0]]}` + "\n"},
		"voice: too many windows":  {voice, `{"samples":6400,"windows":[` + strings.Repeat("[0,3200],", 1024) + "[0,3200]]}\n"},
		"voice: above ten minutes": {voice, `{"samples":9600001,"windows":[]}` + "\n"},
		"voice: starts no list":    {voice, `{"samples":10,"starts":1}` + "\n"},
		"voice: a start below":     {voice, `{"samples":10,"starts":[-1]}` + "\n"},
		"voice: a start past":      {voice, `{"samples":10,"starts":[10]}` + "\n"},
		"voice: too many starts":   {voice, `{"samples":10,"starts":[` + strings.Repeat("0,", 96) + "0]}\n"},
		"voice: both requests":     {voice, `{"samples":10,"starts":[],"windows":[]}` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			tk := c.start(t)
			tk.send([]byte(c.request))
			_ = tk.in.Close()
			if a := understand[struct{ Error string }](t, tk.line()); a.Error == "" {
				t.Error("no error")
			}
			if got := tk.end(); got != 1 {
				t.Errorf("it ended with %d, want 1", got)
			}
		})
	}
}

// aligned is parley-gop's answer.
type aligned struct {
	Frames  int
	Dropped []string
	Words   []struct {
		W               string
		Start, N, Score int
		Phones          []struct {
			P               string
			Start, N, Score int
			Loop            float64
		}
	}
	Loop []struct {
		P               string
		Start, N, Score int
	}
}

// Ensure that the aligner's own ways of scoring answer as PocketSphinx does, to the byte: on
// speech, on noise, and where the words are not what is said.
func TestTheAlignerAnswersAsPocketSphinxDoes(t *testing.T) {
	pcm, text := spoken(t)
	dir := installed.Dir()
	fast, plain := gop(t), start(t, installed.LayerFiles("aligner"), installed.GOP(dir), installed.Models(dir), installed.Dict(dir), "plain")
	for name, c := range map[string]struct {
		pcm   []int16
		words string
	}{
		"what is said": {pcm, text}, "other words": {pcm, "the rain in spain stays mainly in the plain"}, "no words": {pcm, ""},
		"noise": {noise(32000), "she had your dark suit"}, "silence": {make([]int16, 32000), "she had"}, "too short": {pcm[:1600], text}, "speech in noise": {added(pcm, noise(len(pcm))), text},
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := fast.ask(map[string]any{"words": c.words}, c.pcm), plain.ask(map[string]any{"words": c.words}, c.pcm); !bytes.Equal(got, want) {
				t.Errorf("it answered %s, want %s", got, want)
			}
		})
	}
}

// added is the sum of two sounds.
func added(a, b []int16) []int16 {
	out := make([]int16, len(a))
	for i := range a {
		out[i] = a[i] + b[i]
	}
	return out
}

func TestTheAlignerScoresEveryWordTheSameEveryTime(t *testing.T) {
	pcm, text := spoken(t)
	tk := gop(t)
	request := map[string]any{"words": text + " qwertyuiop <sil>"}
	first := tk.ask(request, pcm)
	a := understand[aligned](t, first)
	if a.Frames != len(pcm)/160 || len(a.Loop) == 0 {
		t.Errorf("%d frames, %d phones in the loop", a.Frames, len(a.Loop))
	}
	if strings.Join(a.Dropped, " ") != "qwertyuiop <sil>" {
		t.Errorf("it dropped %q", a.Dropped)
	}
	var words []string
	next, score, frames := 0, 0.0, 0
	for _, w := range a.Words {
		if w.Start != next {
			t.Errorf("%s begins at frame %d, want %d", w.W, w.Start, next)
		}
		next = w.Start + w.N
		if strings.ContainsAny(w.W[:1], "<[") {
			continue
		}
		base, _, _ := strings.Cut(w.W, "(")
		words = append(words, base)
		for _, p := range w.Phones {
			score += float64(p.Score) - p.Loop
			frames += p.N
		}
	}
	if got := strings.Join(words, " "); got != text {
		t.Errorf("it aligned %q, want %q", got, text)
	}
	if g := score / float64(frames); g > 5 || g < -80 {
		t.Errorf("the goodness is %.1f a frame, far from the -17 that is usual", g)
	}
	tk.ask(map[string]any{"words": "she"}, noise(16000))
	if again := tk.ask(request, pcm); !bytes.Equal(first, again) {
		t.Error("the same request was answered in two ways")
	}

	t.Run("and takes pronunciations that it lacks", func(t *testing.T) {
		request := map[string]any{"words": text, "extra": [][2]string{{"rose", "IGNORED AS IT IS KNOWN"}, {"qwertyuiop", "K W ER T IY"}, {"qwertyuiop(2)", "K W ER"}}}
		if a := understand[aligned](t, tk.ask(request, pcm)); len(a.Words) == 0 {
			t.Error("no words")
		}
		if a := understand[aligned](t, tk.ask(map[string]any{"words": text + " qwertyuiop"}, pcm)); len(a.Dropped) != 0 {
			t.Errorf("it dropped %q", a.Dropped)
		}
	})
	t.Run("and goes on after a request that cannot be aligned", func(t *testing.T) {
		if a := understand[struct{ Error string }](t, tk.ask(map[string]any{"words": text}, pcm[:1600])); a.Error == "" {
			t.Error("no error")
		}
		// With words, the loop has its scores from their decoder; without, it computes them.
		if alone := understand[aligned](t, tk.ask(map[string]any{"words": ""}, pcm)); len(alone.Words) != 0 || !slices.Equal(alone.Loop, a.Loop) {
			t.Errorf("without words: %+v, want the loop %+v", alone, a.Loop)
		}
		if got := tk.end(); got != 0 {
			t.Errorf("it ended with %d", got)
		}
	})
}
