package diarization

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"gonum.org/v1/gonum/mat"
)

var (
	update    = flag.Bool("update", false, "make the projection again from the shared corpus")
	calibrate = flag.Bool("calibrate", false, "count speakers that the projection has not seen, to set the constants of count.go")
)

// directions is how many of the projection's directions are kept: the ratios of the rest are under 0.07.
const directions = 30

// TestProjection makes projection.json with -update (a few minutes); without, it sees that the file fits the code.
func TestProjection(t *testing.T) {
	if !*update {
		p, err := loadProjection()
		if err != nil || len(p.Rows) != directions {
			t.Fatalf("%d directions, %v: make the file again with -update", len(p.Rows), err)
		}
		return
	}
	p := train(t, people(t, 0, 1), 300)
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("projection.json", append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// train learns a projection from that many compositions of two of the people.
func train(t *testing.T, people []person, trials int) projection {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	within, between := mat.NewSymDense(features, nil), mat.NewSymDense(features, nil)
	count := 0.0
	for trial := range trials {
		a, b := r.IntN(len(people)), r.IntN(len(people))
		for a == b || trial%3 != 0 && people[a].group != people[b].group {
			a, b = r.IntN(len(people)), r.IntN(len(people))
		}
		c := composition{seconds: 100, equal: trial%4 == 0, phone: trial%5 == 2}
		if trial%3 == 1 {
			c.snrDb = 15 + 10*r.Float64()
		}
		pcm, truth := c.compose(r, []person{people[a], people[b]})
		f, err := extract(context.Background(), pcm, spans(pcm))
		if err != nil {
			t.Fatal(err)
		}
		ws := cut(f)
		points := describe(f, ws)
		labels := make([]int, f.len())
		for i, at := range f.at {
			labels[i] = speakerAt(truth, int64(at)*hopMs)
		}
		group := make([]int, len(ws))
		for i, w := range ws {
			group[i] = labels[(w.from+w.to)/2]
			if labels[w.from] != group[i] || labels[w.to-1] != group[i] {
				group[i] = -1
			}
		}
		mean, _ := means(points, features, ws, group, 2)
		difference := mat.NewVecDense(features, nil)
		for i, g := range group {
			if g < 0 {
				continue
			}
			difference.SubVec(mat.NewVecDense(features, points[i*features:(i+1)*features]), mat.NewVecDense(features, mean[g]))
			within.SymRankOne(within, 1, difference)
			count++
		}
		difference.SubVec(mat.NewVecDense(features, mean[0]), mat.NewVecDense(features, mean[1]))
		between.SymRankOne(between, 0.5, difference)
	}
	within.ScaleSym(1/count, within)
	between.ScaleSym(1/float64(trials), between)
	for d := range features {
		within.SetSym(d, d, within.At(d, d)*1.02+1e-4)
	}
	// Between voices, in coordinates where within a voice is the identity: its eigenvectors are the directions.
	var root mat.Cholesky
	if !root.Factorize(within) {
		t.Fatal("the variance within voices is singular")
	}
	var lower, inverse mat.TriDense
	root.LTo(&lower)
	if err := inverse.InverseTri(&lower); err != nil {
		t.Fatal(err)
	}
	var half, whole mat.Dense
	half.Mul(&inverse, between)
	whole.Mul(&half, inverse.T())
	symmetric := mat.NewSymDense(features, nil)
	for i := range features {
		for j := i; j < features; j++ {
			symmetric.SetSym(i, j, (whole.At(i, j)+whole.At(j, i))/2)
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(symmetric, true) {
		t.Fatal("no eigenvectors")
	}
	var vectors, rows mat.Dense
	eigen.VectorsTo(&vectors)
	rows.Mul(vectors.T(), &inverse)
	values := eigen.Values(nil) // rising
	p := projection{Note: "Linear discriminant analysis on compositions of the 48 speakers of speechocean762 (Zhang et al. 2021, openslr.org/101)."}
	for k := features - 1; k >= features-directions; k-- {
		row := make([]float64, features)
		for d := range row {
			row[d] = math.Round(1e4*rows.At(k, d)*math.Sqrt(values[k]/(values[k]+1))) / 1e4
		}
		p.Rows = append(p.Rows, row)
	}
	t.Logf("ratios %.2f", values)
	return p
}

// speakerAt is whose turn it is, -1 between the turns.
func speakerAt(truth []Turn, ms int64) int {
	for _, t := range truth {
		if ms >= t.StartMs && ms < t.EndMs {
			return t.Speaker
		}
	}
	return -1
}

// TestCounting shows, with -calibrate (several minutes), how often speakers are counted right whom the projection has not
// seen: it learns from one half of the corpus and counts compositions of the other, and the other way round.
func TestCounting(t *testing.T) {
	if !*calibrate {
		t.Skip("only with -calibrate")
	}
	people := people(t, 0, 1)
	conditions := []composition{{}, {snrDb: 15}, {phone: true}, {equal: true}, {phone: true, snrDb: 20, equal: true}}
	names := []string{"clean", "noise 15 dB", "telephone", "equal loudness", "telephone, noise 20 dB"}
	table := map[string][3]int{} // right, wrong number, more than 5 % of the speech wrong
	for fold := range 2 {
		var learnt, other []person
		for i, p := range people {
			if i%2 == fold {
				learnt = append(learnt, p)
			} else {
				other = append(other, p)
			}
		}
		p := train(t, learnt, 150)
		r := rand.New(rand.NewPCG(3, uint64(fold)))
		for i := range 100 {
			at := i % len(conditions)
			c := conditions[at]
			c.seconds = 180
			c.short = i%4 == 3
			count := 1
			switch {
			case i >= 85:
				count = 3
			case i >= 48:
				count = 2
			}
			cast := []person{other[i%len(other)]}
			for len(cast) < count {
				next := other[r.IntN(len(other))]
				if next.id != cast[len(cast)-1].id && next.id != cast[0].id && (i%3 == 0 || next.group == cast[0].group || count == 3) {
					cast = append(cast, next)
				}
			}
			pcm, truth := c.compose(r, cast)
			speech := spans(pcm)
			f, err := extract(context.Background(), pcm, speech)
			if err != nil {
				t.Fatal(err)
			}
			ws := cut(f)
			points := p.points(describe(f, ws))
			h, err := voices(context.Background(), f, ws, points, len(p.Rows))
			if err != nil {
				t.Fatal(err)
			}
			kind := fmt.Sprintf("%d speakers, %s", count, names[at])
			row := table[kind]
			lost := wrong(truth, turns(f, h.labels, speech))
			switch {
			case h.k != count:
				row[1]++
			case count > 1 && lost > 5:
				row[2]++
			default:
				row[0]++
			}
			table[kind] = row
			fmt.Printf("%s (%s): heard %d, %.1f %% wrong, score %.2f\n", kind, cast[0].group, h.k, lost, h.score)
		}
	}
	for kind, row := range table {
		fmt.Printf("%-40s right %3d, another number %3d, unclean %3d\n", kind, row[0], row[1], row[2])
	}
}
