package vocabulary

import (
	"bufio"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"parley/infra/measure/corpus"
	"parley/shared/speech/score"
)

// rows reads a table of ../shared/data/vocabulary, which lies beside the repository and is never part of it.
func rows(t *testing.T, name string) [][]string {
	t.Helper()
	data, err := corpus.Data()
	if err != nil {
		t.Skip("the texts with known levels are not here: ", err)
	}
	f, err := os.Open(filepath.Join(data, "vocabulary", name))
	if err != nil {
		t.Skipf("the texts with known levels are not here: %v", err)
	}
	defer func() { _ = f.Close() }()
	var out [][]string
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		out = append(out, strings.Split(in.Text(), "\t"))
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return out[1:]
}

// triples are the texts of OneStopEnglish by their id, each in three versions of rising level.
func triples(t *testing.T) map[string][3]string {
	out := map[string][3]string{}
	for _, r := range rows(t, "onestop.tsv") {
		level, err := strconv.Atoi(r[2])
		if err != nil {
			t.Fatal(err)
		}
		v := out[r[1]]
		v[level-1] = r[4]
		out[r[1]] = v
	}
	return out
}

func TestVersionsOfOneTextAreInOrder(t *testing.T) {
	right, pairs := 0, 0
	for _, v := range triples(t) {
		var s [3]float64
		for i, text := range v {
			s[i] = *mustScore(t, spoken(cut(text, 250), 1)).Raw
		}
		for _, p := range [][2]int{{0, 1}, {1, 2}, {0, 2}} {
			pairs++
			if s[p[0]] < s[p[1]] {
				right++
			}
		}
	}
	share := float64(right) / float64(pairs)
	t.Logf("%d of %d pairs in order: %.3f", right, pairs, share)
	if share < 0.93 {
		t.Fatalf("%.3f of the pairs are in order", share)
	}
}

func TestLengthDecidesNothing(t *testing.T) {
	lengths := []int{150, 250, 400}
	drift, moved, n := make([]float64, len(lengths)), 0.0, 0.0
	for _, v := range triples(t) {
		for _, text := range v {
			if len(strings.Fields(text)) < lengths[2] {
				continue
			}
			long := *mustScore(t, spoken(cut(text, lengths[2]), 1)).Raw
			for i, l := range lengths {
				s := *mustScore(t, spoken(cut(text, l), 1)).Raw
				drift[i] += s - long
				moved += math.Abs(s-long) / float64(len(lengths)-1)
			}
			n++
		}
	}
	for i, l := range lengths {
		t.Logf("%d words: %+.3f points against %d words, mean of %v texts", l, drift[i]/n, lengths[2], n)
		if math.Abs(drift[i]/n) >= 0.1 {
			t.Fatalf("scores of %d words lie %+.3f from those of %d", l, drift[i]/n, lengths[2])
		}
	}
	t.Logf("mean movement of a text's score: %.3f", moved/n)
	if moved/n >= 0.2 {
		t.Fatalf("a text's score moves by %.3f", moved/n)
	}
}

func TestSentenceLevelsFollowTheAnnotators(t *testing.T) {
	var x, y, whole []float64
	for _, r := range rows(t, "cefr-sp-wikiauto.tsv") {
		a, errA := strconv.ParseFloat(r[1], 64)
		b, errB := strconv.ParseFloat(r[2], 64)
		if errA != nil || errB != nil {
			t.Fatal(r)
		}
		m := spoken(r[0], 1)
		m.Waive = true
		res := mustScore(t, m)
		if res.Raw == nil {
			continue
		}
		for _, me := range res.Measures {
			if me.Name == meanBand && me.Value != nil {
				x, y, whole = append(x, *me.Value), append(y, (a+b)/2), append(whole, *res.Raw)
			}
		}
	}
	r := correlation(x, y)
	t.Logf("%d sentences: mean level of words against the annotators %.3f (they agree at 0.73), whole score %.3f", len(x), r, correlation(whole, y))
	if r < 0.5 {
		t.Fatalf("%.3f", r)
	}
	for level := 1.0; level <= 6; level++ {
		sum, n := 0.0, 0.0
		for i := range y {
			if math.Round(y[i]) == level {
				sum += x[i]
				n++
			}
		}
		if n > 0 {
			t.Logf("level %v: mean level of words %.2f (%v sentences)", level, sum/n, n)
		}
	}
}

// TestIntervalsHoldTheRest asks of the intervals what they promise: that they hold the score of the same speaker's other words.
func TestIntervalsHoldTheRest(t *testing.T) {
	const half = 200
	held, n := 0.0, 0.0
	for _, v := range triples(t) {
		for _, text := range v {
			w := strings.Fields(text)
			if len(w) < 2*half {
				continue
			}
			a, b := mustScore(t, spoken(strings.Join(w[:half], " "), 1)), mustScore(t, spoken(strings.Join(w[half:2*half], " "), 1))
			// Both halves are uncertain, so the difference has the spread of both.
			if math.Abs(*a.Raw-*b.Raw) <= math.Hypot(halfWidth(a), halfWidth(b)) {
				held++
			}
			n++
		}
	}
	t.Logf("%v of %v halves of %d words agree within their intervals: %.2f", held, n, half, held/n)
	if held/n < 0.85 {
		t.Fatalf("%.2f", held/n)
	}
}

func halfWidth(r score.Result) float64 { return (r.Interval[1] - r.Interval[0]) / 2 }

func correlation(x, y []float64) float64 {
	var mx, my, xy, xx, yy float64
	n := float64(len(x))
	for i := range x {
		mx += x[i] / n
		my += y[i] / n
	}
	for i := range x {
		xy += (x[i] - mx) * (y[i] - my)
		xx += (x[i] - mx) * (x[i] - mx)
		yy += (y[i] - my) * (y[i] - my)
	}
	return xy / math.Sqrt(xx*yy)
}
