package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
)

// made is a table of made-up speakers whose human score is 2 a - with falling measures - 1 b plus
// some noise.
func made() (*table, []float64) {
	t := &table{names: []string{"a", "pausesPerMinute", "noise"}}
	rng := rand.New(rand.NewPCG(7, 7))
	var y []float64
	for s := range 24 {
		level := rng.NormFloat64()
		t.speakers = append(t.speakers, candidate{speaker: speaker{id: strconv.Itoa(s), child: s%3 == 0, gender: "fm"[s%2 : s%2+1]}})
		var rows []int
		for range 10 {
			a, b := level+0.3*rng.NormFloat64(), 10+rng.NormFloat64()
			rows = append(rows, len(t.x))
			t.x = append(t.x, []float64{a, b, rng.NormFloat64()})
			t.of = append(t.of, s)
			y = append(y, 7+2*a-(b-10)+0.1*rng.NormFloat64())
		}
		t.rows = append(t.rows, rows)
	}
	return t, y
}

// madeSection is the scale of the made-up scores.
var madeSection = norms.Section{
	Measures: []norms.Measure{
		{Name: "a", Norm: score.Norm{Low: -2, High: 2}, SD: norms.Number{Value: 1}},
		{Name: "pausesPerMinute", Norm: score.Norm{Low: 12, High: 8}, SD: norms.Number{Value: 1}},
		{Name: "noise", Norm: score.Norm{Low: -2, High: 2}, SD: norms.Number{Value: 1}},
	},
	Numbers: map[string]norms.Number{"constant": {}, "scoreAtLow": {Value: 1}, "scoreAtHigh": {Value: 4}},
}

func TestFoldsPartTheSpeakers(t *testing.T) {
	table, _ := made()
	for seed := range uint64(5) {
		seen := map[int]int{}
		for _, f := range table.folds(table.everybody(), outerFolds, seed) {
			children := 0
			for _, s := range f {
				seen[s]++
				if table.speakers[s].child {
					children++
				}
			}
			if children < 1 || children > 2 {
				t.Errorf("a fold of %d speakers has %d children", len(f), children)
			}
		}
		if len(seen) != len(table.speakers) {
			t.Fatalf("%d speakers of %d are held out", len(seen), len(table.speakers))
		}
		for s, n := range seen {
			if n != 1 {
				t.Errorf("speaker %d is held out %d times", s, n)
			}
		}
	}
}

func TestWhatIsHeldOutDecidesNothing(t *testing.T) {
	table, y := made()
	sets := [][]string{{"a", "pausesPerMinute"}, {"a", "noise"}, {"noise"}}
	before, _ := table.validate(madeSection, sets, ridges, y)
	first := before[0]
	changed := append([]float64{}, y...)
	for _, who := range first.held[0] {
		for _, i := range table.rows[who] {
			changed[i] = 10 - changed[i]
		}
	}
	after, _ := table.validate(madeSection, sets, ridges, changed)
	if a, b := fmt.Sprint(first.models[0]), fmt.Sprint(after[0].models[0]); a != b {
		t.Fatalf("the held-out speakers' scores changed the model that judges them:\n%s\n%s", a, b)
	}
	if a, b := fmt.Sprint(first.models[1]), fmt.Sprint(after[0].models[1]); a == b {
		t.Fatal("scores that are fitted on changed nothing")
	}
}

func TestFitFindsTheWeightsAndTheChoiceTheMeasures(t *testing.T) {
	table, y := made()
	m := table.fit([]string{"a", "pausesPerMinute"}, y, 0, table.everybody())
	for i, want := range []float64{2, -1} {
		if got := m.weight[i] / m.sd[i]; math.Abs(got-want) > 0.15 {
			t.Errorf("weight %d: %g, want %g", i, got, want)
		}
	}
	_, choices := table.validate(madeSection, [][]string{{"noise"}, {"a"}, {"noise", "a"}, {"pausesPerMinute"}, {"a", "pausesPerMinute"}}, []float64{2}, y)
	for n, times := range choices {
		if strings.HasPrefix(n, "a + pausesPerMinute") && times != repeats*outerFolds {
			t.Errorf("%s was chosen %d times", n, times)
		}
	}
}

func TestTheMeanOfModelsPredictsTheMeanOfTheirPredictions(t *testing.T) {
	table, y := made()
	a, b := table.fit([]string{"a", "noise"}, y, 2, table.everybody()), table.fit([]string{"pausesPerMinute", "a"}, y, 40, table.everybody())
	both := mean([]model{a, b})
	for _, row := range table.x[:5] {
		if got, want := both.predict(row), (a.predict(row)+b.predict(row))/2; math.Abs(got-want) > 1e-9 {
			t.Errorf("%g, want %g", got, want)
		}
	}
}
