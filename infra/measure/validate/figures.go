package main

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"parley/infra/measure/agreement"
	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
)

// timed are the measures of the baseline that hears no word and no sound.
var timed = []string{"phonationRatio", "peakRate"}

// dimension is what is validated: a score, its human column, and the sets of measures from which
// the inner folds choose.
type dimension struct {
	name    score.Dimension
	section norms.Section
	human   func(speaker) []float64
	read    func(candidate) []norms.Reading
	shipped []string
	ridge   float64 // of the shipped weights
	sets    [][]string
}

func dimensions() []dimension {
	return []dimension{
		{
			score.Fluency, norms.Of(score.Fluency), func(s speaker) []float64 { return s.fluency }, func(c candidate) []norms.Reading { return c.fluent },
			[]string{"meanRunLength", "articulationRate"}, 2,
			[][]string{
				{"meanRunLength", "articulationRate"},
				{"meanRunLength", "articulationRate", "peakRate"},
				{"meanRunLength", "articulationRate", "phonationRatio"},
				{"meanRunLength", "articulationRate", "sentencePhonation"},
				{"sentencePhonation", "articulationRate"},
				{"meanRunLength", "peakRate"},
				{"phonationRatio", "peakRate", "articulationRate"},
				{"phonationRatio", "peakRate"},
				{"pausesPerMinute", "articulationRate"},
				{"speechRate"},
			},
		},
		{
			score.Accent, norms.Of(score.Accent), func(s speaker) []float64 { return s.accuracy }, func(c candidate) []norms.Reading { return c.accents },
			[]string{"wordProbability", "weakPhonesGop", "sentencePhonation", "languageOdds"}, 40,
			[][]string{
				{"wordProbability", "weakPhonesGop", "sentencePhonation", "languageOdds"},
				{"wordProbability", "weakPhonesGop", "meanRunLength", "languageOdds"},
				{"wordProbability", "weakPhonesGop", "phonationRatio", "languageOdds"},
				{"wordProbability", "weakPhonesGop", "languageOdds"},
				{"wordProbability", "weakPhonesGop", "articulationRate", "languageOdds"},
				{"wordProbability", "weakPhonesGop", "meanRunLength"},
				{"wordProbability", "weakPhonesGop"},
				{"weakPhonesGop", "languageOdds"},
				{"wordProbability", "weakPhonesGop", "phonationRatio", "peakRate", "languageOdds"},
				{"wordProbability", "phonationRatio", "languageOdds"},
				{"logWordProbability", "weakPhonesGop", "phonationRatio", "languageOdds"},
				{"unsureWords", "weakPhonesGop", "phonationRatio", "languageOdds"},
				{"wordProbability", "worstWordsGop", "phonationRatio", "languageOdds"},
				{"wordProbability", "meanGop", "phonationRatio", "languageOdds"},
				{"wordProbability", "weakPhonesGop", "worstWordsGop", "phonationRatio", "languageOdds"},
				{"wordProbability", "weakPhonesGop", "pausesPerMinute", "languageOdds"},
				{"wordProbability", "weakPhonesGop", "phonationRatio"},
				{"wordProbability", "worstWordsGop", "phonationRatio"},
				{"wordProbability", "meanGop", "phonationRatio"},
				{"wordProbability", "weakPhonesGop", "worstWordsGop", "phonationRatio"},
				{"wordProbability", "weakPhonesGop", "phonationRatio", "peakRate"},
				{"wordProbability", "weakPhonesGop", "pausesPerMinute"},
				{"wordProbability", "weakPhonesGop", "speechRate", "phonationRatio"},
				{"wordProbability", "phonationRatio"},
				{"logWordProbability", "weakPhonesGop", "phonationRatio"},
				{"unsureWords", "weakPhonesGop", "phonationRatio"},
			},
		},
	}
}

// figures says how well held-out scores follow the human raters: means over the repeats. The
// intervals are those of the mean prediction.
type figures struct {
	pearson, spearman, byUtterance, byUtteranceSpearman, beyond float64
	pearsonIn, spearmanIn, byUtteranceIn, byUtteranceSpearmanIn [2]float64
	beyondIn                                                    [2]float64
	groups                                                      map[string]group // by name
	// per speaker, mean over the repeats
	predicted, human []float64
}

// group is how well the scores of some of the speakers follow the raters. The intervals are those
// of the mean prediction.
type group struct {
	speakers              int
	pearson, residual     float64 // residual: mean, in points of 10
	pearsonIn, residualIn [2]float64
}

// groups are the speakers by age and sex. Adults decide; children are reported.
var groups = []struct {
	name string
	has  func(candidate) bool
}{
	{adults, func(c candidate) bool { return !c.child }},
	{"women", func(c candidate) bool { return !c.child && c.gender == "f" }},
	{"men", func(c candidate) bool { return !c.child && c.gender == "m" }},
	{children, func(c candidate) bool { return c.child }},
	{"girls", func(c candidate) bool { return c.child && c.gender == "f" }},
	{"boys", func(c candidate) bool { return c.child && c.gender == "m" }},
}

const adults, children = "adults", "children"

// rowsOf are the places of a group's speakers in the table.
func (t *table) rowsOf(has func(candidate) bool) (rows []int) {
	for i, c := range t.speakers {
		if has(c) {
			rows = append(rows, i)
		}
	}
	return rows
}

// figuresOf compares the held-out predictions of each repeat with the human scores; baseline are
// those of timing alone per speaker, nil for none.
func (t *table) figuresOf(runs [][]float64, y, baseline []float64) figures {
	f := figures{groups: map[string]group{}, human: t.perSpeaker(y)}
	n := float64(len(runs))
	all := make([]float64, len(y))
	for _, run := range runs {
		p := t.perSpeaker(run)
		f.pearson += agreement.Pearson(p, f.human) / n
		f.spearman += agreement.Spearman(p, f.human) / n
		f.byUtterance += agreement.Pearson(run, y) / n
		f.byUtteranceSpearman += agreement.Spearman(run, y) / n
		if baseline != nil {
			f.beyond += agreement.Partial(p, f.human, baseline) / n
		}
		for i := range all {
			all[i] += run[i] / n
		}
		for _, g := range groups {
			rows := t.rowsOf(g.has)
			was := f.groups[g.name]
			was.pearson += agreement.Pearson(agreement.Pick(p, rows), agreement.Pick(f.human, rows)) / n
			was.residual += residual(p, f.human, rows) / n
			f.groups[g.name] = was
		}
	}
	f.predicted = t.perSpeaker(all)
	of := func(x, y []float64, how func(x, y []float64) float64) func([]int) float64 {
		return func(rows []int) float64 { return how(agreement.Pick(x, rows), agreement.Pick(y, rows)) }
	}
	for _, g := range groups {
		rows, with := t.rowsOf(g.has), f.groups[g.name]
		each := make([][]int, len(rows))
		for i, row := range rows {
			each[i] = []int{row}
		}
		with.speakers = len(rows)
		with.pearsonIn = agreement.Bootstrap(each, of(f.predicted, f.human, agreement.Pearson))
		with.residualIn = agreement.Bootstrap(each, func(rows []int) float64 { return residual(f.predicted, f.human, rows) })
		f.groups[g.name] = with
	}
	speakers := agreement.Each(len(t.rows))
	f.pearsonIn = agreement.Bootstrap(speakers, of(f.predicted, f.human, agreement.Pearson))
	f.spearmanIn = agreement.Bootstrap(speakers, of(f.predicted, f.human, agreement.Spearman))
	f.byUtteranceIn = agreement.Bootstrap(t.rows, of(all, y, agreement.Pearson))
	f.byUtteranceSpearmanIn = agreement.Bootstrap(t.rows, of(all, y, agreement.Spearman))
	if baseline != nil {
		f.beyondIn = agreement.Bootstrap(speakers, func(rows []int) float64 {
			return agreement.Partial(agreement.Pick(f.predicted, rows), agreement.Pick(f.human, rows), agreement.Pick(baseline, rows))
		})
	}
	return f
}

// residual is by how much these speakers are predicted too high, on average.
func residual(predicted, human []float64, rows []int) float64 {
	return agreement.Mean(agreement.Pick(predicted, rows)) - agreement.Mean(agreement.Pick(human, rows))
}

// held returns the predictions of every utterance in each of the splits.
func (t *table) held(splits []split, after func(float64) float64) [][]float64 {
	var out [][]float64
	for _, s := range splits {
		out = append(out, t.predictions(s, after))
	}
	return out
}

func plain(f float64) float64 { return f }

// coverage is the share of held-out human scores that a 90 % interval holds.
type coverage struct {
	material  string
	speakers  int
	share     float64
	shareIn   [2]float64 // over bootstraps of the speakers
	halfWidth float64    // mean, points of the 0-5 scale
	// spread of held-out scores of whole speakers about the human ones, points of the 0-5 scale
	modelSD float64
	// spread of the held-out scores of one speaker's utterances, each put to the weight of 1
	withinSD float64
	cases    int
}

// coverSeconds are how many seconds of phonation intervals are asked about; 0 is all there is, a
// minute to a minute and a half.
var coverSeconds = []float64{0, 20, 30, 45, 60}

// cover asks of the intervals what they promise. The section's weights are those fitted without the
// speaker; the human score is put onto the scale of 0 to 5 by the line through the scores of the
// adults fitted on. Adults alone, since scores are for them.
func (t *table) cover(d dimension, splits []split, y []float64) []coverage {
	var out []coverage
	human := t.perSpeaker(y)
	for _, seconds := range coverSeconds {
		c := coverage{material: "whole speaker, 20 utterances"}
		if seconds > 0 {
			c.material = fmt.Sprintf("%g s of speech", seconds)
		}
		var width, wrong, within, degrees float64
		var held []float64    // of each case: 1 if the interval holds the human score
		of := map[int][]int{} // by speaker, the cases
		judge := func(who int, in [2]float64, want float64) {
			width += (in[1] - in[0]) / 2
			of[who] = append(of[who], len(held))
			if want >= in[0] && want <= in[1] {
				held = append(held, 1)
			} else {
				held = append(held, 0)
			}
		}
		for _, s := range splits {
			for f, out_ := range s.held {
				section := refitted(d.section, t, s.models[f])
				raws := map[int]float64{}
				var x, h []float64
				for who := range t.speakers {
					raw, _ := t.scored(d, section, who, 0, 0)
					raws[who] = raw
					if !has(out_, who) && !t.speakers[who].child {
						x, h = append(x, raw), append(h, human[who])
					}
				}
				a, b := line(h, x)
				for _, who := range out_ {
					if t.speakers[who].child {
						continue
					}
					want := a + b*human[who]
					if seconds == 0 {
						raw, in := t.scored(d, section, who, 0, 0)
						judge(who, in, want)
						wrong += (raw - want) * (raw - want)
						var each, weights []float64
						for turn := range t.rows[who] {
							if r, _ := t.scored(d, section, who, turn, turn+1); !math.IsNaN(r) {
								each, weights = append(each, r), append(weights, t.speakers[who].weight(turn))
							}
						}
						m := agreement.Mean(each)
						for i, r := range each {
							within += weights[i] * (r - m) * (r - m)
						}
						degrees += float64(len(each) - 1)
						continue
					}
					for _, piece := range t.speakers[who].pieces(seconds) {
						raw, in := t.scored(d, section, who, piece[0], piece[1])
						if !math.IsNaN(raw) {
							judge(who, in, want)
						}
					}
				}
			}
		}
		c.cases, c.speakers = len(held), len(of)
		c.share, c.halfWidth = agreement.Mean(held), width/float64(c.cases)
		bySpeaker := slices.SortedFunc(maps.Values(of), func(a, b []int) int { return a[0] - b[0] })
		c.shareIn = agreement.Bootstrap(bySpeaker, func(rows []int) float64 { return agreement.Mean(agreement.Pick(held, rows)) })
		c.modelSD = math.Sqrt(wrong / float64(c.cases))
		if degrees > 0 {
			c.withinSD = math.Sqrt(within / degrees)
		}
		out = append(out, c)
	}
	return out
}

// weight is that of the parts of an utterance together.
func (c candidate) weight(turn int) (w float64) {
	for _, p := range c.Parts {
		if p.Turn == turn {
			w += p.Weight
		}
	}
	return w
}

// pieces are utterances in a row, from and up to but not including to, that hold so many seconds of
// phonation; what is left at the end is left out.
func (c candidate) pieces(seconds float64) (out [][2]int) {
	from, sum := 0, 0.0
	for i, p := range c.Parts {
		sum += p.SpeechSeconds()
		if last := i+1 == len(c.Parts) || c.Parts[i+1].Turn != p.Turn; last && sum >= seconds {
			out = append(out, [2]int{from, p.Turn + 1})
			from, sum = p.Turn+1, 0
		}
	}
	return out
}

// scored is the score of a speaker's utterances from up to but not including to (0, 0: all), by a
// section; NaN where there is nothing.
func (t *table) scored(d dimension, section norms.Section, who, from, to int) (raw float64, interval [2]float64) {
	c := t.speakers[who]
	var which []int
	var weights []float64
	for i, p := range c.Parts {
		if to == 0 || p.Turn >= from && p.Turn < to {
			which = append(which, i)
			weights = append(weights, p.Weight)
		}
	}
	if len(which) == 0 {
		return math.NaN(), interval
	}
	var readings []norms.Reading
	for _, r := range d.read(c) {
		if r.Parts != nil {
			cut := make([]float64, len(which))
			var sum, n float64
			for k, i := range which {
				cut[k] = r.Parts[i]
				if !math.IsNaN(cut[k]) {
					sum, n = sum+weights[k]*cut[k], n+weights[k]
				}
			}
			r.Parts, r.Value = cut, nil
			if n > 0 {
				mean := sum / n
				r.Value = &mean
			}
		}
		readings = append(readings, r)
	}
	raw, interval, _ = section.Linear(readings, weights, 0)
	return raw, interval
}

// refitted returns a section with the weights, means and spreads of a model instead of its own.
// Measures that the model lacks keep their hand-set weights, and measures that no scorer reports
// come with their norms.
func refitted(s norms.Section, t *table, m model) norms.Section {
	out := norms.Section{Numbers: map[string]norms.Number{}}
	maps.Copy(out.Numbers, s.Numbers)
	out.Numbers["constant"] = norms.Number{Value: m.constant, Source: "fold"}
	known := map[string]bool{}
	put := func(x norms.Measure) {
		known[x.Name] = true
		if slices.Contains(t.names, x.Name) {
			x.Weight.Value = 0
		}
		for i, k := range m.columns {
			if t.names[k] == x.Name {
				x.Mean.Value, x.SD.Value, x.Weight.Value = m.mean[i], m.sd[i], m.weight[i]
			}
		}
		out.Measures = append(out.Measures, x)
	}
	for _, x := range s.Measures {
		put(x)
	}
	for _, b := range beside {
		if !known[b.name] {
			put(norms.Measure{Name: b.name, Norm: b.norm, SD: norms.Number{Value: 1}})
		}
	}
	for _, k := range m.columns { // what another section reports
		if other, ok := norms.Of(score.Accent).Find(t.names[k]); ok && !known[other.Name] {
			put(other)
		}
		if other, ok := norms.Of(score.Fluency).Find(t.names[k]); ok && !known[other.Name] {
			put(other)
		}
	}
	return out
}

// line is the least-squares line y = a + b x.
func line(x, y []float64) (a, b float64) {
	mx, my := agreement.Mean(x), agreement.Mean(y)
	var xy, xx float64
	for i := range x {
		xy += (x[i] - mx) * (y[i] - my)
		xx += (x[i] - mx) * (x[i] - mx)
	}
	b = xy / xx
	return my - b*mx, b
}

func has(v []int, x int) bool {
	return slices.Contains(v, x)
}
