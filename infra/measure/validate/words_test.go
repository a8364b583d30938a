package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"parley/shared/speech/score"
	"parley/shared/speech/transcript/certainty"
)

func TestWordsThatAreRight(t *testing.T) {
	for _, c := range []struct {
		name, read, heard string
		want              []int
	}{
		{"all of them", "the race is close", "the race is close", []int{0, 1, 2, 3}},
		{"none", "the race is close", "uh huh", nil},
		{"one is another", "the race is close", "the rice is close", []int{0, 2, 3}},
		{"one is missing", "the race is close", "the race close", []int{0, 1, 2}},
		{"one is too many", "the race is close", "the the race is close", []int{1, 2, 3, 4}},
		{"nothing was heard", "the race", "", nil},
		{"nothing was read", "", "the race", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := rightOf(strings.Fields(c.read), strings.Fields(c.heard))
			slices.Sort(got)
			if !slices.Equal(got, c.want) {
				t.Fatal(got)
			}
		})
	}
	for _, c := range []struct{ in, want string }{{" It’s,", "it's"}, {"42!", "42"}, {"...", ""}, {"“Ünder”", "ünder"}} {
		if got := plainWord(c.in); got != c.want {
			t.Errorf("%q is %q, want %q", c.in, got, c.want)
		}
	}
}

// Ensure that the fit finds weights that made the words right, and that what it then says of words
// is what is right of them.
func TestTheFitOfCertainty(t *testing.T) {
	truth := [certainty.Features]float64{-1, 0.5, 2, -0.3, -0.6, 0.2}
	r := rand.New(rand.NewPCG(1, 1))
	f := &wordsHeard{}
	for range 20 {
		var s listened
		for range 500 {
			w := heardWord{x: [certainty.Features]float64{1, r.NormFloat64(), r.Float64(), r.NormFloat64(), math.Abs(r.NormFloat64()), r.NormFloat64()}}
			if r.Float64() < logistic(truth, w.x) {
				w.right = 1
			}
			s.words = append(s.words, w)
		}
		f.speakers = append(f.speakers, s)
	}
	got := f.fit(func(int) bool { return true })
	for i, w := range got {
		if math.Abs(w-truth[i]) > 0.15 {
			t.Errorf("weight %d is %.2f, made with %.2f", i, w, truth[i])
		}
	}
	if _, off := f.reliabilities(func(s, w int) float64 { return logistic(got, f.speakers[s].words[w].x) }); off > 0.02 {
		t.Errorf("it is off by %.3f", off)
	}
	if _, off := f.reliabilities(func(int, int) float64 { return 1 }); off < 0.2 {
		t.Errorf("what calls all words right is off by %.3f only", off)
	}
	if got := (&wordsHeard{}).fit(func(int) bool { return true }); got != ([certainty.Features]float64{}) {
		t.Errorf("without words it learns %v", got)
	}
}

// Ensure that a vocabulary that means nothing spoils a whole less where it is unsure.
func TestAnUnsureVocabularySpoilsLess(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	var f wholes
	for i := range 40 {
		level, noise := r.Float64()*4, r.Float64()*5
		of := func(v, half float64) score.Result {
			return score.Result{Raw: &v, Interval: [2]float64{v - half, v + half}, Words: 400}
		}
		f = append(f, whole{child: i%2 == 0, total: 2 * level,
			results: score.Results{score.Vocabulary: of(noise, 2), score.Fluency: of(level, 0.4), score.Accent: of(level, 0.4)}})
	}
	adults, all, n, share := f.correlations()
	if n != [2]int{20, 40} || adults[2] <= adults[1] || all[2] <= all[1] || share > 0.2 {
		t.Fatalf("%v %v %v %.2f", adults, all, n, share)
	}
	var b strings.Builder
	f.text(func(format string, args ...any) { fmt.Fprintf(&b, format, args...) })
	if strings.Contains(b.String(), "%!") || strings.Count(b.String(), "\n| ") != 4 {
		t.Fatal(b.String())
	}
}
