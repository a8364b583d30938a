package speed

import (
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"parley/infra/measure/corpus"
	"parley/shared/speech/audio"
	"parley/shared/speech/diarization"
	"parley/shared/speech/installed"
)

var update = flag.Bool("update", false, "make model.json again from the shared recordings, and print what every one of them is taken for")

const (
	codes  = 48
	rounds = 15
	// trimmed is the likelihood below which a recording is left out of the distribution: a pitch
	// that was misread.
	trimmed = -4.5
	// trainSeconds is the most that is looked at of a recording.
	trainSeconds = 120
	// trainVoiced is the least voiced frames of what the distribution is made of: 6 s.
	trainVoiced = 150
)

// voiceOf is a recording of one speaker, or an interview.
type voiceOf struct {
	name  string
	files []string
}

// TestModel makes model.json with -update; without, it sees that the file fits the code.
func TestModel(t *testing.T) {
	if !*update {
		m, err := load()
		if err != nil || len(m.Codebook) != codes || m.Precision[0][0] <= 0 {
			t.Fatalf("%d codes, %v: make the file again with -update", len(m.Codebook), err)
		}
		return
	}
	dir := data(t)
	d := audio.Decoder{FFmpeg: installed.FFmpeg(installed.Dir())}
	read := func(files []string) []int16 {
		var pcm []int16
		for _, f := range files {
			one, err := d.Decode(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			pcm = append(pcm, one...)
		}
		return pcm[:min(len(pcm), trainSeconds*audio.SampleRate)]
	}
	natives, err := filepath.Glob(filepath.Join(dir, "natives", "*.flac"))
	if err != nil || len(natives) == 0 {
		t.Skip("no natives")
	}
	var of [][][]float64
	for _, f := range natives {
		pcm := read([]string{f})
		at, _ := voicedOf(pcm)
		of = append(of, spectra(pcm, at[:min(len(at), 400)]))
	}
	m := model{Codebook: learn(of)}
	var all []features
	var names []string
	sounds := map[string][]int16{}
	learnt := 0
	for _, v := range voices(t, dir) {
		if !strings.Contains(v.name, "/") {
			learnt = len(all) + 1
		}
		pcm := read(v.files)
		if f, ok := measureOf(pcm, m); ok {
			all, names = append(all, f), append(names, v.name)
			sounds[v.name] = pcm
		}
	}
	kept := all[:learnt]
	for range 3 {
		fit(&m, kept)
		kept = nil
		for _, f := range all[:learnt] {
			if m.likelihood(f) > trimmed {
				kept = append(kept, f)
			}
		}
	}
	fmt.Printf("%d of %d recordings kept, mean %.3f\n", len(kept), learnt, m.Mean)
	for i, f := range all {
		gain, factor := m.judge(f)
		fmt.Printf("%-40s %.2f likelier at %.2f: pitch %.0f, scale %.2f, rate %.2f\n", names[i], gain, factor, math.Exp(f[0]), f[1], math.Exp(f[2]))
		if i%10 != 0 && !strings.Contains(names[i], "/") {
			continue
		}
		for _, k := range []float64{0.667, 0.75, 1.333, 1.5} {
			if f, ok := measureOf(played(sounds[names[i]], k), m); ok {
				gain, factor := m.judge(f)
				fmt.Printf("    x%.2f %-40s %.2f likelier at %.2f\n", k, names[i], gain, factor)
			}
		}
	}
	for _, c := range m.Codebook {
		for i := range c {
			c[i] = math.Round(c[i]*1000) / 1000
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("model.json", append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func voicedOf(pcm []int16) ([]int, []float64) {
	return diarization.Voiced(pcm, audio.Analyse(pcm, audio.DefaultCut()).Speech, voicedFrames)
}

func measureOf(pcm []int16, m model) (features, bool) {
	return m.measure(pcm, audio.Analyse(pcm, audio.DefaultCut()).Speech, trainVoiced)
}

// played is a recording played so many times as fast.
func played(pcm []int16, factor float64) []int16 {
	x := make([]float64, len(pcm))
	for i, v := range pcm {
		x[i] = float64(v)
	}
	if factor > 1 { // what would lie beyond half the rate is taken out
		for range 4 {
			low := 0.0
			a := 1 / factor
			for i, v := range x {
				low += a * (v - low)
				x[i] = low
			}
		}
	}
	out := make([]int16, int(float64(len(x)-2)/factor))
	for i := range out {
		at := float64(i) * factor
		k := int(at)
		out[i] = int16(x[k] + (at-float64(k))*(x[k+1]-x[k]))
	}
	return out
}

func data(t *testing.T) string {
	t.Helper()
	dir, err := corpus.Data()
	if err != nil {
		t.Skip("no shared recordings: ", err)
	}
	if err := installed.Missing(installed.Dir(), installed.FFmpegFile); err != nil {
		t.Skip(err)
	}
	return dir
}

// voices are every third speaker of speechocean762, twelve sentences each, and the natives, which
// the distribution is made of; after them, with a folder in their names, interviews and others that
// it has not seen.
func voices(t *testing.T, dir string) (all []voiceOf) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "speechocean762", "utterances.tsv"))
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes = '\t', true
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]string{}
	var order []string
	for _, row := range rows[1:] {
		if files[row[1]] == nil {
			order = append(order, row[1])
		}
		if len(files[row[1]]) < 12 {
			files[row[1]] = append(files[row[1]], filepath.Join(dir, "speechocean762", "audio", row[0]+".flac"))
		}
	}
	slices.Sort(order)
	for i, s := range order {
		if i%3 == 0 {
			all = append(all, voiceOf{s, files[s]})
		}
	}
	natives, _ := filepath.Glob(filepath.Join(dir, "natives", "*.flac"))
	for _, f := range natives {
		all = append(all, voiceOf{filepath.Base(f), []string{f}})
	}
	for _, folder := range []string{"interviews", "scripted", "languages"} {
		found, _ := filepath.Glob(filepath.Join(dir, folder, "*.flac"))
		for _, f := range found {
			if !strings.Contains(f, "narrow") && !strings.Contains(f, "g712") {
				all = append(all, voiceOf{folder + "/" + strings.TrimSuffix(filepath.Base(f), ".flac"), []string{f}})
			}
		}
	}
	return all
}

// learn makes a codebook of speakers' frames: clusters of them (k-means), each speaker warped to
// it, three times over.
func learn(of [][][]float64) [][]float64 {
	r := rand.New(rand.NewPCG(1, 2))
	warps := make([]float64, len(of))
	var m model
	for range 3 {
		var points [][]float64
		for i, s := range of {
			points = append(points, warped(s, warps[i])...)
		}
		m.Codebook = nil
		for _, k := range r.Perm(len(points))[:codes] {
			m.Codebook = append(m.Codebook, slices.Clone(points[k]))
		}
		for range rounds {
			sums, n := make([][bands]float64, codes), make([]float64, codes)
			for _, p := range points {
				k, _ := m.nearest(p)
				n[k]++
				for b, v := range p {
					sums[k][b] += v
				}
			}
			for k := range sums {
				for b := range bands {
					if n[k] > 0 {
						m.Codebook[k][b] = sums[k][b] / n[k]
					}
				}
			}
		}
		mean := 0.0
		for i, s := range of {
			warps[i] = m.scale(s)
			mean += warps[i] / float64(len(of))
		}
		for i := range warps {
			warps[i] -= mean
		}
	}
	return m.Codebook
}

// fit is the normal distribution of the features.
func fit(m *model, all []features) {
	m.Mean = [3]float64{}
	for _, f := range all {
		for i, v := range f {
			m.Mean[i] += v / float64(len(all))
		}
	}
	cov := mat.NewDense(3, 3, nil)
	for _, f := range all {
		for i := range f {
			for j := range f {
				cov.Set(i, j, cov.At(i, j)+(f[i]-m.Mean[i])*(f[j]-m.Mean[j])/float64(len(all)-1))
			}
		}
	}
	var inverse mat.Dense
	if err := inverse.Inverse(cov); err != nil {
		panic(err)
	}
	for i := range 3 {
		for j := range 3 {
			m.Precision[i][j] = inverse.At(i, j)
		}
	}
}
