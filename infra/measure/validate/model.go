package main

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"parley/infra/measure/agreement"
	"parley/shared/speech/score/norms"
)

const (
	// together is how many utterances form one row of the regression: about a window. Single
	// utterances are so noisy that the noisiest measures get too little weight for a whole
	// candidate.
	together = 5
	clip     = 4   // how far from the mean a measure counts, in SD
	sweeps   = 200 // of coordinate descent
)

// best is how many of the candidates (a set of measures with a penalty) are averaged into the
// chosen model. With so few speakers, chance decides which of many similar candidates comes first.
// The mean of linear models is a linear model, with a weight for each measure.
const best = 4

// ridges are the penalties among which the inner folds choose, in rows of the regression.
var ridges = []float64{2, 5, 15, 40}

// falling lists measures that fall when the human scores rise. All others rise.
var falling = map[string]bool{"pausesPerMinute": true, "unsureWords": true}

// model is a linear predictor of the human score.
type model struct {
	columns  []int
	mean, sd []float64
	weight   []float64
	constant float64
}

// fit is ridge regression with the signs of the weights held, by coordinate descent, on means of
// utterances of the adults among the speakers given: scores are for adults, and a recogniser that
// was trained on them hears children otherwise.
func (t *table) fit(names []string, y []float64, ridge float64, on []int) model {
	m := model{}
	on = slices.DeleteFunc(slices.Clone(on), func(s int) bool { return t.speakers[s].child })
	for _, n := range names {
		for k, have := range t.names {
			if have == n {
				m.columns = append(m.columns, k)
			}
		}
	}
	for _, k := range m.columns {
		var sum, sq, n float64
		for _, s := range on {
			for _, i := range t.rows[s] {
				if v := t.x[i][k]; !math.IsNaN(v) {
					sum, sq, n = sum+v, sq+v*v, n+1
				}
			}
		}
		m.mean = append(m.mean, sum/n)
		m.sd = append(m.sd, math.Sqrt(sq/n-sum/n*sum/n))
	}
	var rows [][]float64
	var target []float64
	for _, s := range on {
		for _, group := range windows(t.rows[s]) {
			row := make([]float64, len(m.columns))
			var v float64
			for _, i := range group {
				v += y[i] / float64(len(group))
				for k, z := range m.z(t.x[i]) {
					row[k] += z / float64(len(group))
				}
			}
			rows, target = append(rows, row), append(target, v)
		}
	}
	m.weight, m.constant = descend(rows, target, ridge, t.signs(m.columns))
	return m
}

// signs are those that the weights must have.
func (t *table) signs(columns []int) (signs []float64) {
	for _, k := range columns {
		sign := 1.0
		if falling[t.names[k]] {
			sign = -1
		}
		signs = append(signs, sign)
	}
	return signs
}

func descend(x [][]float64, y []float64, ridge float64, signs []float64) (w []float64, constant float64) {
	w = make([]float64, len(signs))
	middle := make([]float64, len(w))
	for _, r := range x {
		for k := range middle {
			middle[k] += r[k] / float64(len(x))
		}
	}
	constant = agreement.Mean(y)
	res := make([]float64, len(y))
	for j, r := range x {
		res[j] = y[j] - constant
		for k := range w {
			res[j] -= w[k] * (r[k] - middle[k])
		}
	}
	for range sweeps {
		for k := range w {
			var num, den float64
			for j, r := range x {
				v := r[k] - middle[k]
				num += v * (res[j] + v*w[k])
				den += v * v
			}
			next := num / (den + ridge)
			if next*signs[k] < 0 {
				next = 0
			}
			for j, r := range x {
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

func (m model) z(row []float64) []float64 {
	out := make([]float64, len(m.columns))
	for i, k := range m.columns {
		if v := row[k]; !math.IsNaN(v) {
			out[i] = max(-clip, min(clip, (v-m.mean[i])/m.sd[i]))
		}
	}
	return out
}

func (m model) predict(row []float64) float64 {
	p := m.constant
	for i, z := range m.z(row) {
		p += m.weight[i] * z
	}
	return p
}

// folds splits the given speakers into k parts at random, with the given seed, and spreads children
// and adults alike.
func (t *table) folds(on []int, k int, seed uint64) [][]int {
	rng := rand.New(rand.NewPCG(seed, 762))
	out := make([][]int, k)
	next := 0
	for _, child := range []bool{true, false} {
		var group []int
		for _, s := range on {
			if t.speakers[s].child == child {
				group = append(group, s)
			}
		}
		rng.Shuffle(len(group), func(a, b int) { group[a], group[b] = group[b], group[a] })
		for _, s := range group {
			out[next%k] = append(out[next%k], s)
			next++
		}
	}
	return out
}

func without(all, out []int) []int {
	drop := map[int]bool{}
	for _, s := range out {
		drop[s] = true
	}
	var rest []int
	for _, s := range all {
		if !drop[s] {
			rest = append(rest, s)
		}
	}
	return rest
}

func (t *table) everybody() []int {
	out := make([]int, len(t.speakers))
	for i := range out {
		out[i] = i
	}
	return out
}

const (
	repeats    = 10
	outerFolds = 6
	innerFolds = 4
)

// split is one way to split the speakers, with a model for each part that has not seen it.
type split struct {
	held   [][]int
	models []model
}

// pick is one candidate: a set of measures and a penalty.
type pick struct {
	set   []string
	ridge float64
}

// validate fits on the speakers outside each fold of each repeat. With several candidates, folds
// inside those speakers alone choose the best, which are averaged. choices counts how often each
// candidate was among them.
func (t *table) validate(section norms.Section, sets [][]string, penalties []float64, y []float64) (splits []split, choices map[string]int) {
	choices = map[string]int{}
	var all []pick
	for _, set := range sets {
		for _, r := range penalties {
			all = append(all, pick{set, r})
		}
	}
	for seed := range uint64(repeats) {
		s := split{held: t.folds(t.everybody(), outerFolds, seed)}
		for _, held := range s.held {
			on := without(t.everybody(), held)
			chosen := all
			if len(all) > 1 {
				chosen = t.choose(section, all, y, on, seed)
			}
			var models []model
			for _, c := range chosen {
				choices[name(c.set, c.ridge)]++
				models = append(models, t.fit(c.set, y, c.ridge, on))
			}
			s.models = append(s.models, mean(models))
		}
		splits = append(splits, s)
	}
	return splits, choices
}

// choose ranks the candidates by what the score is for: the correlation, on the scale of 0 to 5, of
// held-out windows of adults' utterances with the human raters. Of windows and not of speakers, who
// are too few to tell candidates apart.
func (t *table) choose(section norms.Section, all []pick, y []float64, on []int, seed uint64) []pick {
	inner := t.folds(on, innerFolds, seed+1000)
	type ranked struct {
		pick
		r float64
	}
	var out []ranked
	for _, c := range all {
		var p, h []float64
		for _, held := range inner {
			m := t.fit(c.set, y, c.ridge, without(on, held))
			scale := refitted(section, t, m).Scaler()
			for _, s := range held {
				if t.speakers[s].child {
					continue
				}
				for _, group := range windows(t.rows[s]) {
					var predicted float64
					for _, i := range group {
						predicted += scale(m.predict(t.x[i]))
					}
					p, h = append(p, predicted/float64(len(group))), append(h, agreement.Mean(agreement.Pick(y, group)))
				}
			}
		}
		out = append(out, ranked{c, agreement.Pearson(p, h)})
	}
	slices.SortStableFunc(out, func(a, b ranked) int { return cmp.Compare(b.r, a.r) })
	var first []pick
	for _, r := range out[:min(best, len(out))] {
		first = append(first, r.pick)
	}
	return first
}

// windows splits a speaker's rows into groups of utterances as the regression combines them.
func windows(rows []int) [][]int { return slices.Collect(slices.Chunk(rows, together)) }

// mean returns the model whose predictions are the means of the models' predictions. All of them
// must be fitted on the same rows.
func mean(models []model) model {
	if len(models) == 1 {
		return models[0]
	}
	var out model
	share := 1 / float64(len(models))
	for _, m := range models {
		out.constant += share * m.constant
		for i, k := range m.columns {
			at := slices.Index(out.columns, k)
			if at < 0 {
				at = len(out.columns)
				out.columns, out.weight = append(out.columns, k), append(out.weight, 0)
				out.mean, out.sd = append(out.mean, m.mean[i]), append(out.sd, m.sd[i])
			}
			out.weight[at] += share * m.weight[i]
		}
	}
	return out
}

// predictions returns those of every utterance in one split, each by the model that has not seen
// its speaker. after transforms the predictor.
func (t *table) predictions(s split, after func(float64) float64) []float64 {
	out := make([]float64, len(t.x))
	for f, held := range s.held {
		for _, who := range held {
			for _, i := range t.rows[who] {
				out[i] = after(s.models[f].predict(t.x[i]))
			}
		}
	}
	return out
}

// perSpeaker are the means of a column by speaker.
func (t *table) perSpeaker(v []float64) []float64 {
	out := make([]float64, len(t.rows))
	for s, rows := range t.rows {
		out[s] = agreement.Mean(agreement.Pick(v, rows))
	}
	return out
}

// human are the human scores of every utterance.
func (t *table) human(of func(speaker) []float64) []float64 {
	var out []float64
	for _, s := range t.speakers {
		out = append(out, of(s.speaker)...)
	}
	return out
}

func name(set []string, ridge float64) string {
	return join(set) + ", ridge " + number(ridge, 0)
}
