package batch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"parley/shared/audio"
	"parley/shared/engine"
	"parley/shared/score/accent"
	"parley/shared/score/fluency"
	"parley/shared/score/norms"
	"parley/shared/score/timing"
	"parley/shared/transcript"
)

// calibrationVariable names the folder that keeps what the engines answered, so that they are asked once: 1.1 hours of
// audio take them some 20 minutes of a processor.
const calibrationVariable = "PARLEY_CALIBRATION"

const (
	// together is how many utterances make one row of the regression: about a window. Single ones are so noisy that the noisiest
	// measures come out too light for a whole candidate.
	together = 5
	ridge    = 2.0
)

// TestCalibration fits the weights of fluency and accent on the human scores of speechocean762 and prints them with the
// cross-validated figures: what the sources in norms.json refer to. It fails where they fall clearly below those in the packages' comments.
func TestCalibration(t *testing.T) {
	cache := os.Getenv(calibrationVariable)
	if cache == "" {
		t.Skipf("%s names no folder for the engines' answers", calibrationVariable)
	}
	spoken := corpus(t)
	engines := realEngines(t)
	e := Engine{Decode: decoder(t), Language: "en", Inspect: audio.Measure, Recogniser: cachedRecogniser{engines.recogniser, t, cache}}
	aligner := cachedAligner{engines.aligner, t, cache}
	fl, ac := newFit(), newFit()
	var fluencies, accents, humanFluency, humanAccuracy []float64
	for _, s := range spoken {
		m, err := e.Material(t.Context(), Row{ID: s.speaker, Audio: s.files})
		if err != nil {
			t.Fatal(err)
		}
		parts, readings := fluency.Measure(m)
		fl.add(s, parts, readings, s.fluency, norms.Fluency())
		fluencies = append(fluencies, scored(norms.Fluency(), parts, readings))
		parts, readings, err = accent.Measure(t.Context(), m, aligner, math.Inf(1))
		if err != nil {
			t.Fatal(err)
		}
		ac.add(s, parts, readings, s.accuracy, norms.Accent())
		accents = append(accents, scored(norms.Accent(), parts, readings))
		humanFluency, humanAccuracy = append(humanFluency, mean(s.fluency)), append(humanAccuracy, mean(s.accuracy))
	}
	timed := ac.only("phonationRatio", "peakRate")
	if pcc, _ := fl.report(t, "fluency", norms.Fluency(), nil); pcc < 0.90 {
		t.Errorf("fluency follows the human scores at %.3f only", pcc)
	}
	if pcc, beyond := ac.report(t, "accent", norms.Accent(), timed); pcc < 0.87 || beyond < 0.65 {
		t.Errorf("accent follows the human scores at %.3f, beyond timing at %.3f only", pcc, beyond)
	}
	t.Logf("as scored, per speaker, weights of norms.json: fluency %.3f, accent %.3f", pearson(fluencies, humanFluency), pearson(accents, humanAccuracy))
}

// scored is the score with the weights of norms.json.
func scored(s norms.Section, parts []timing.Part, readings []norms.Reading) float64 {
	weights := make([]float64, len(parts))
	for i, p := range parts {
		weights[i] = p.Weight
	}
	raw, _, _ := s.Linear(readings, weights, 0)
	return raw
}

// speaker is one speaker of the corpus with the human scores per utterance.
type speaker struct {
	speaker           string
	age               string
	files             []string
	fluency, accuracy []float64
}

func corpus(t *testing.T) []speaker {
	t.Helper()
	dir := repository(t)
	dir = filepath.Join(dir, "..", "shared", "data", "speechocean762")
	b, err := os.ReadFile(filepath.Join(dir, "utterances.tsv"))
	if err != nil {
		t.Skip("the corpus is not there: ", err)
	}
	var out []speaker
	for i, l := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		c := strings.Split(l, "\t")
		if i == 0 || len(c) < 8 {
			continue
		}
		if len(out) == 0 || out[len(out)-1].speaker != c[1] {
			out = append(out, speaker{speaker: c[1], age: c[2]})
		}
		s := &out[len(out)-1]
		var f, a float64
		if _, err := fmt.Sscan(c[7]+" "+c[5], &f, &a); err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, filepath.Join(dir, "audio", c[0]+".flac"))
		s.fluency, s.accuracy = append(s.fluency, f), append(s.accuracy, a)
	}
	return out
}

func repository(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

func decoder(t *testing.T) func(context.Context, string) ([]int16, error) {
	t.Helper()
	dir := engine.Dir()
	if err := engine.Missing(dir, engine.FFmpegFile); err != nil {
		t.Skip(err)
	}
	return audio.Decoder{FFmpeg: filepath.Join(dir, engine.FFmpegFile)}.Decode
}

// key names a piece of audio in the cache.
func key(pcm []int16) string {
	h := sha256.Sum256(audio.Bytes(pcm))
	return hex.EncodeToString(h[:8])
}

// remember reads the cached answer, or asks and keeps it.
func remember[T any](t *testing.T, path string, ask func() (T, error)) (T, error) {
	t.Helper()
	var v T
	if b, err := os.ReadFile(path); err == nil {
		return v, json.Unmarshal(b, &v)
	}
	v, err := ask()
	if err != nil {
		return v, err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return v, err
	}
	return v, os.WriteFile(path, b, 0o600)
}

type cachedRecogniser struct {
	transcript.Recogniser
	t   *testing.T
	dir string
}

func (c cachedRecogniser) Transcribe(ctx context.Context, pcm []int16, offsetMs int64, language string) (transcript.Chunk, error) {
	return remember(c.t, filepath.Join(c.dir, "asr-"+key(pcm)+".json"), func() (transcript.Chunk, error) {
		return c.Recogniser.Transcribe(ctx, pcm, offsetMs, language)
	})
}

type cachedAligner struct {
	accent.Aligner
	t   *testing.T
	dir string
}

func (c cachedAligner) Align(ctx context.Context, pcm []int16, words []string) ([]accent.AlignedWord, error) {
	out, err := remember(c.t, filepath.Join(c.dir, "gop-"+key(pcm)+".json"), func() ([]accent.AlignedWord, error) {
		out, err := c.Aligner.Align(ctx, pcm, words)
		if errors.Is(err, accent.ErrNotAligned) {
			return nil, nil // kept, as no words
		}
		return out, err
	})
	if err == nil && len(out) == 0 {
		err = accent.ErrNotAligned
	}
	return out, err
}

// fit gathers the measures of the utterances and regresses the human score on those that norms.json gives a
// weight and on the peak rate; all of them rise with the human scores.
type fit struct {
	names    []string
	signs    []float64
	held     []float64 // weights set by hand; 0: to be fitted
	speakers []string
	children map[string]bool
	x        [][]float64 // utterance, measure; NaN: none
	y        []float64
	order    []string // speakers
	means    []float64
	sds      []float64
}

func newFit() *fit { return &fit{children: map[string]bool{}} }

// add takes one speaker's utterances: the parts of one turn are averaged.
func (f *fit) add(s speaker, parts []timing.Part, readings []norms.Reading, human []float64, section norms.Section) {
	f.order = append(f.order, s.speaker)
	f.children[s.speaker] = len(s.age) == 1 || s.age < "16"
	if f.names == nil {
		for _, r := range readings {
			w := section.Measure(r.Name).Weight
			if r.Parts == nil || w.Value == 0 && r.Name != "peakRate" {
				continue
			}
			f.names = append(f.names, r.Name)
			f.signs = append(f.signs, 1)
			f.held = append(f.held, 0)
			if strings.Contains(w.Source, "by hand") {
				f.held[len(f.held)-1] = w.Value
			}
		}
	}
	for turn, y := range human {
		row := make([]float64, len(f.names))
		for k, name := range f.names {
			row[k] = math.NaN()
			var sum, n float64
			for _, r := range readings {
				if r.Name != name {
					continue
				}
				for i, p := range parts {
					if p.Turn == turn && r.Parts != nil && !math.IsNaN(r.Parts[i]) {
						sum, n = sum+r.Parts[i], n+1
					}
				}
			}
			if n > 0 {
				row[k] = sum / n
			}
		}
		f.x, f.y, f.speakers = append(f.x, row), append(f.y, y), append(f.speakers, s.speaker)
	}
}

// standard are the rows standardised and cut at 4 spreads; what is missing is the mean.
func (f *fit) standard() [][]float64 {
	out := make([][]float64, len(f.x))
	for i := range out {
		out[i] = make([]float64, len(f.names))
	}
	f.means, f.sds = make([]float64, len(f.names)), make([]float64, len(f.names))
	for k := range f.names {
		var sum, sq, n float64
		for _, r := range f.x {
			if !math.IsNaN(r[k]) {
				sum, sq, n = sum+r[k], sq+r[k]*r[k], n+1
			}
		}
		m := sum / n
		sd := math.Sqrt(sq/n - m*m)
		f.means[k], f.sds[k] = m, sd
		for i, r := range f.x {
			if !math.IsNaN(r[k]) {
				out[i][k] = max(-4, min(4, (r[k]-m)/sd))
			}
		}
	}
	return out
}

// solve is ridge regression with the signs of the weights held, by coordinate descent, on means of `together` utterances of a
// speaker. Weights that norms.json sets by hand are held too.
func (f *fit) solve(z [][]float64, use []bool, on func(speaker string) bool) (w []float64, constant float64) {
	w = make([]float64, len(f.names))
	for k := range w {
		if use[k] {
			w[k] = f.held[k]
		}
	}
	var rows [][]float64
	var res []float64
	for _, s := range f.order {
		if !on(s) {
			continue
		}
		var mine []int
		for i := range z {
			if f.speakers[i] == s {
				mine = append(mine, i)
			}
		}
		for group := range slices.Chunk(mine, together) {
			row := make([]float64, len(w))
			var y float64
			for _, i := range group {
				y += f.y[i] / float64(len(group))
				for k := range row {
					row[k] += z[i][k] / float64(len(group))
				}
			}
			rows, res = append(rows, row), append(res, y)
		}
	}
	constant = mean(res)
	middle := make([]float64, len(w))
	for _, r := range rows {
		for k := range middle {
			middle[k] += r[k] / float64(len(rows))
		}
	}
	for j, r := range rows {
		res[j] -= constant
		for k := range w {
			res[j] -= w[k] * (r[k] - middle[k])
		}
	}
	for range 300 {
		for k := range w {
			if !use[k] || f.held[k] != 0 {
				continue
			}
			var num, den float64
			for j, r := range rows {
				v := r[k] - middle[k]
				num += v * (res[j] + v*w[k])
				den += v * v
			}
			next := num / (den + ridge)
			if next*f.signs[k] < 0 {
				next = 0
			}
			for j, r := range rows {
				res[j] -= (r[k] - middle[k]) * (next - w[k])
			}
			w[k] = next
		}
	}
	for k := range w {
		constant -= w[k] * middle[k]
	}
	return w, constant
}

// validated are the predictions of the utterances, each by a fit on all other speakers.
func (f *fit) validated(use []bool) []float64 {
	z := f.standard()
	out := make([]float64, len(z))
	for _, s := range f.order {
		w, c := f.solve(z, use, func(other string) bool { return other != s })
		for i := range z {
			if f.speakers[i] == s {
				out[i] = c + dot(w, z[i])
			}
		}
	}
	return out
}

// only are the validated predictions of the named measures alone, per speaker.
func (f *fit) only(names ...string) []float64 {
	use := make([]bool, len(f.names))
	for k, n := range f.names {
		for _, name := range names {
			use[k] = use[k] || n == name
		}
	}
	return f.perSpeaker(f.validated(use), nil)
}

// perSpeaker are the means per speaker, of those that keep allows.
func (f *fit) perSpeaker(v []float64, keep func(string) bool) []float64 {
	var out []float64
	for _, s := range f.order {
		if keep != nil && !keep(s) {
			continue
		}
		var mine []float64
		for i := range v {
			if f.speakers[i] == s {
				mine = append(mine, v[i])
			}
		}
		out = append(out, mean(mine))
	}
	return out
}

// report prints the figures and the weights; pcc is that per speaker on the scale of 0 to 5, beyond its partial correlation with
// the timed predictions held fixed.
func (f *fit) report(t *testing.T, name string, section norms.Section, timed []float64) (pcc, beyond float64) {
	t.Helper()
	all := make([]bool, len(f.names))
	for k := range all {
		all[k] = true
	}
	p := f.validated(all)
	a, b := f.perSpeaker(p, nil), f.perSpeaker(f.y, nil)
	scaled := make([]float64, len(p))
	for i := range p {
		scaled[i] = section.Scale(p[i])
	}
	child := func(s string) bool { return f.children[s] }
	adult := func(s string) bool { return !f.children[s] }
	t.Logf("%s, each speaker predicted from the others: per speaker PCC %.3f, Spearman %.3f; adults %.3f, children %.3f; per utterance %.3f", name,
		pearson(a, b), pearson(ranks(a), ranks(b)), pearson(f.perSpeaker(p, adult), f.perSpeaker(f.y, adult)),
		pearson(f.perSpeaker(p, child), f.perSpeaker(f.y, child)), pearson(p, f.y))
	onScale := f.perSpeaker(scaled, nil)
	t.Logf("%s, the same on the scale of 0 to 5: per speaker PCC %.3f; adults %.3f, children %.3f; per utterance %.3f; from %.2f to %.2f", name,
		pearson(onScale, b), pearson(f.perSpeaker(scaled, adult), f.perSpeaker(f.y, adult)),
		pearson(f.perSpeaker(scaled, child), f.perSpeaker(f.y, child)), pearson(scaled, f.y), slices.Min(onScale), slices.Max(onScale))
	pcc = pearson(onScale, b)
	if timed != nil {
		beyond = pearson(residual(onScale, [][]float64{timed}), residual(b, [][]float64{timed}))
		t.Logf("%s, beyond timing: %.3f (timing alone %.3f)", name, beyond, pearson(timed, b))
	}
	wrong := residual(onScale, [][]float64{b})
	var within float64
	for i := range scaled {
		for k, s := range f.order {
			if s == f.speakers[i] {
				within += (scaled[i] - onScale[k]) * (scaled[i] - onScale[k])
			}
		}
	}
	t.Logf("%s: modelSD %.3f, partSD %.3f", name, math.Sqrt(dot(wrong, wrong)/float64(len(wrong)-2)), math.Sqrt(within/float64(len(p)-len(a))))
	w, c := f.solve(f.standard(), all, func(string) bool { return true })
	t.Logf("%s: constant %.4f", name, c)
	for k, n := range f.names {
		var v []float64
		for _, r := range f.x {
			if !math.IsNaN(r[k]) {
				v = append(v, r[k])
			}
		}
		sort.Float64s(v)
		t.Logf("%s: %s mean %.4f, SD %.4f, weight %.4f; 10th and 90th percentile %.3f, %.3f", name, n, f.means[k], f.sds[k], w[k], v[len(v)/10], v[len(v)*9/10])
	}
	return pcc, beyond
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
