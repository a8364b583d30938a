package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"parley/infra/measure/agreement"
	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
	"parley/shared/speech/score/overall"
	"parley/shared/speech/score/vocabulary"
	"parley/shared/speech/transcript"
)

const (
	// cutWords is the length to which the versions of a text are cut.
	cutWords = 250
	// pooledWords is how many words of sentences of one level make a text.
	pooledWords = 200
	// wholeWords and pieceWords are the lengths between which a text's predictor must not drift.
	wholeWords = 400
)

var pieceWords = []int{100, 200}

// measureNames are the measures that count, in the order of the page.
var measureNames = []string{"range", "patterns", "steps", "level"}

// predictor names the four measures taken together: a half width of the norms is 1.
const predictor = "x"

// wordFigures says how the vocabulary score does on texts with known levels.
type wordFigures struct {
	whole, cut versions
	news       []distribution // by version
	sentences  sentenceFigures
	pooled     []distribution // by level of the sentences
	pooledR    float64        // correlation of the pooled texts' predictors with their level
	drift      [][2]float64   // by pieceWords: of the predictor, mean and mean absolute difference
	halves     [2]int         // those that agree within their intervals, all
}

// versions are the three versions of each text.
type versions struct {
	means map[string][3]float64
	right map[string]int // pairs in order
	pairs int
}

// distribution says how the texts of one labelled level score.
type distribution struct {
	label  string
	cefr   int // 1 to 6; 0: the label is no CEFR level
	points []float64
}

type sentenceFigures struct {
	n          int
	r          map[string]float64
	annotators float64
}

func measureVocabulary(dir string) (wordFigures, error) {
	var f wordFigures
	texts, err := readTable(filepath.Join(dir, "onestop.tsv"), 5)
	if err != nil {
		return f, err
	}
	triples := map[string]*[3]string{}
	var order []string
	for _, r := range texts {
		level, err := strconv.Atoi(r[2])
		if err != nil || level < 1 || level > 3 {
			return f, fmt.Errorf("onestop.tsv: level %q", r[2])
		}
		if triples[r[1]] == nil {
			triples[r[1]] = &[3]string{}
			order = append(order, r[1])
		}
		triples[r[1]][level-1] = r[4]
	}
	var all [][3]string
	for _, id := range order {
		all = append(all, *triples[id])
	}
	if f.whole, err = versionsOf(all, math.MaxInt); err != nil {
		return f, err
	}
	if f.cut, err = versionsOf(all, cutWords); err != nil {
		return f, err
	}
	for i, label := range []string{"elementary", "intermediate", "advanced"} {
		d := distribution{label: label}
		for _, v := range all {
			if err := d.add(v[i]); err != nil {
				return f, err
			}
		}
		f.news = append(f.news, d)
	}
	if err := f.lengths(all); err != nil {
		return f, err
	}
	return f, f.sentencesOf(filepath.Join(dir, "cefr-sp-wikiauto.tsv"))
}

func versionsOf(texts [][3]string, limit int) (versions, error) {
	out := versions{means: map[string][3]float64{}, right: map[string]int{}}
	for _, v := range texts {
		var of [3]map[string]float64
		for i, text := range v {
			r, err := scoreText(first(text, limit))
			if err != nil {
				return out, err
			}
			of[i] = measuresOf(r)
			for name, v := range of[i] {
				m := out.means[name]
				m[i] += v / float64(len(texts))
				out.means[name] = m
			}
		}
		for _, p := range [][2]int{{0, 1}, {1, 2}, {0, 2}} {
			out.pairs++
			for name, v := range of[p[0]] {
				if v < of[p[1]][name] {
					out.right[name]++
				}
			}
		}
	}
	return out, nil
}

// share returns the share of the pairs that a measure puts in order, with two decimals; halves are
// rounded up.
func share(v versions, name string) string {
	return number(float64(v.right[name])/float64(v.pairs)+1e-9, 2)
}

// lengths finds how far the pieces of a text lie from the whole, and whether its halves agree
// within their intervals.
func (f *wordFigures) lengths(texts [][3]string) error {
	var sums, apart, n []float64
	for range pieceWords {
		sums, apart, n = append(sums, 0), append(apart, 0), append(n, 0)
	}
	for _, v := range texts {
		for _, text := range v {
			w := strings.Fields(text)
			if len(w) < wholeWords {
				continue
			}
			long, err := scoreText(strings.Join(w[:wholeWords], " "))
			if err != nil {
				return err
			}
			whole := measuresOf(long)[predictor]
			var halves []score.Result
			for i, length := range pieceWords {
				for from := 0; from < wholeWords; from += length {
					r, err := scoreText(strings.Join(w[from:from+length], " "))
					if err != nil {
						return err
					}
					d := measuresOf(r)[predictor] - whole
					sums[i], apart[i], n[i] = sums[i]+d, apart[i]+math.Abs(d), n[i]+1
					if 2*length == wholeWords {
						halves = append(halves, r)
					}
				}
			}
			f.halves[1]++
			if math.Abs(predicted(*halves[0].Raw)-predicted(*halves[1].Raw)) <= math.Hypot(halfWidth(halves[0]), halfWidth(halves[1])) {
				f.halves[0]++
			}
		}
	}
	for i := range pieceWords {
		f.drift = append(f.drift, [2]float64{sums[i] / n[i], apart[i] / n[i]})
	}
	return nil
}

func halfWidth(r score.Result) float64 {
	return (predicted(r.Interval[1]) - predicted(r.Interval[0])) / 2
}

func (f *wordFigures) sentencesOf(path string) error {
	rows, err := readTable(path, 3)
	if err != nil {
		return err
	}
	got, human := map[string][]float64{}, map[string][]float64{}
	var a, b []float64
	pools := map[int][]string{}
	for _, r := range rows {
		x, errA := strconv.ParseFloat(r[1], 64)
		y, errB := strconv.ParseFloat(r[2], 64)
		if errA != nil || errB != nil {
			return fmt.Errorf("%s: levels %q and %q", path, r[1], r[2])
		}
		a, b = append(a, x), append(b, y)
		if x == y {
			pools[int(x)] = append(pools[int(x)], r[0])
		}
		res, err := scoreText(r[0])
		if err != nil {
			return err
		}
		for name, v := range measuresOf(res) {
			got[name], human[name] = append(got[name], v), append(human[name], (x+y)/2)
		}
	}
	f.sentences = sentenceFigures{n: len(rows), r: map[string]float64{}, annotators: agreement.Pearson(a, b)}
	for name := range got {
		f.sentences.r[name] = agreement.Pearson(got[name], human[name])
	}
	var x, level []float64
	for l := 1; l <= len(overall.Levels); l++ {
		d := distribution{label: overall.Levels[l-1], cefr: l}
		text, words := "", 0
		for _, s := range pools[l] {
			text, words = text+" "+s, words+len(strings.Fields(s))
			if words < pooledWords {
				continue
			}
			if err := d.add(text); err != nil {
				return err
			}
			x, level = append(x, predicted(d.points[len(d.points)-1])), append(level, float64(l))
			text, words = "", 0
		}
		if len(d.points) > 0 {
			f.pooled = append(f.pooled, d)
		}
	}
	f.pooledR = agreement.Pearson(x, level)
	return nil
}

func (d *distribution) add(text string) error {
	r, err := scoreText(text)
	if err != nil {
		return err
	}
	d.points = append(d.points, *r.Raw)
	return nil
}

// quantile of the scores, q from 0 to 1, the nearest one.
func (d distribution) quantile(q float64) float64 {
	v := slices.Sorted(slices.Values(d.points))
	return v[int(math.Round(q*float64(len(v)-1)))]
}

// bands is how many of the texts score in each CEFR band.
func (d distribution) bands() (n [6]int) {
	for _, p := range d.points {
		n[slices.Index(overall.Levels[:], overall.Level(p))]++
	}
	return n
}

// scoreText is the vocabulary score of a text, every word heard for certain.
func scoreText(text string) (score.Result, error) {
	w := strings.Fields(text)
	turn := transcript.Turn{EndMs: int64(len(w)) * 400}
	for i, v := range w {
		turn.Words = append(turn.Words, transcript.Word{Text: v, StartMs: int64(i) * 400, EndMs: int64(i)*400 + 300, P: 1})
	}
	m := score.Material{Waive: true}
	m.Conversation.Language = vocabulary.English
	m.Conversation.Turns = []transcript.Turn{turn}
	r, err := vocabulary.Score(m)
	if err == nil && r.Raw == nil {
		err = fmt.Errorf("a text of %d words could not be measured: %s", len(w), r.Reason)
	}
	return r, err
}

func first(text string, words int) string {
	w := strings.Fields(text)
	return strings.Join(w[:min(len(w), words)], " ")
}

// measuresOf are the measures that count, and the predictor.
func measuresOf(r score.Result) map[string]float64 {
	out := map[string]float64{}
	for _, m := range r.Measures {
		if m.Value != nil && m.Weight > 0 {
			out[m.Name] = *m.Value
			half := (m.Norm.High - m.Norm.Low) / 2
			cut := norms.Of(score.Vocabulary).Number("cut")
			out[predictor] += m.Weight * max(-cut, min(cut, (*m.Value-m.Norm.Low)/half-1))
		}
	}
	return out
}

// predicted returns the predictor that the scale turns into these points.
func predicted(points float64) float64 {
	logit := func(p float64) float64 { return math.Log(p / (5 - p)) }
	n := norms.Of(score.Vocabulary)
	low, high := logit(n.Number("scoreAtLow")), logit(n.Number("scoreAtHigh"))
	return 2*(logit(max(1e-6, min(5-1e-6, points)))-low)/(high-low) - 1
}

// interviewed holds the published mean scores of interviews by their rated level: 1,025 interviews
// of the NICT JLE Corpus, and telephone conversations of native speakers. ACTFL's table gives the
// CEFR level of each.
var interviewed = []struct {
	label string
	cefr  int // 1 to 6; 0: none
	score float64
}{{"SST 3", 1, 0.7}, {"SST 4", 2, 1.1}, {"SST 5", 2, 1.7}, {"SST 6", 3, 2.3}, {"SST 7", 3, 2.4}, {"SST 8", 3, 2.6}, {"SST 9", 4, 2.8}, {"native speakers, telephone", 0, 3.8}}

// chance is the probability that a speaker whose true score is points scores in a CEFR band, 1 to
// 6, on this many words.
func chance(points float64, words float64, band int) float64 {
	if band < 1 || band > len(overall.Levels) {
		return 0
	}
	n := norms.Of(score.Vocabulary)
	spread := n.Number("priorSpread") * math.Pow(words/100, -n.Number("priorExponent"))
	less := func(end float64) float64 {
		return 0.5 * math.Erfc((predicted(points)-predicted(end))/spread/math.Sqrt2)
	}
	const shown = 0.05 // a score is of the band of its first decimal
	low, high := 0.0, 1.0
	if band > 1 {
		low = less(norms.CEFR().Number(overall.Levels[band-1]) - shown)
	}
	if band < len(overall.Levels) {
		high = less(norms.CEFR().Number(overall.Levels[band]) - shown)
	}
	return high - low
}

// text is the page's section on vocabulary.
func (f wordFigures) text(say sayer) {
	say("\n## Vocabulary\n\nThe score has four measures of equal weight. Nothing is trained, so nothing is held out. The norms are published means of interviews by level. Only written\n")
	say("texts can be measured here. They test order, length and intervals, but not the level of speech. `x` combines the four measures; 1 is half the width of the norms. `go run ./infra/measure/validate -only vocabulary` writes only this section.\n\n")
	say("### One text in three versions\n\nOneStopEnglish (Vajjala and Lučić 2018), %d texts, each written for three levels of learners. The table shows the means by version and the share of pairs in the right order.\n\n", f.whole.pairs/3)
	say("| | elementary | intermediate | advanced | pairs in order, whole | first %d words |\n|---|---|---|---|---|---|\n", cutWords)
	for _, name := range append(slices.Clone(measureNames), predictor) {
		m := f.whole.means[name]
		say("| %s | %s | %s | %s | %s | %s |\n", name, number(m[0], 3), number(m[1], 3), number(m[2], 3),
			share(f.whole, name), share(f.cut, name))
	}
	say("\nRange and patterns should not order the versions: one author's news remains equally varied. With %d words, the levels of CEFR-J's headwords order fewer pairs than\n", cutWords)
	say("estimated levels of all words (1.00), but those estimates fail on speech.\n\n")

	say("### What a score says of a level\n\nThe table shows scores by labelled level, and how many texts score in each CEFR band. Sentences on whose level both annotators agree (Arase, Uchida and Kajiwara 2022) were\n")
	say("joined, in the order of their table, into texts of one level with at least %d words. The norms are those of speech, and written text scores far above speech.\n\n", pooledWords)
	say("| | texts | 10 %% | median | 90 %% |")
	for _, l := range overall.Levels {
		say(" %s |", l)
	}
	say("\n|---|---|---|---|---|%s\n", strings.Repeat("---|", len(overall.Levels)))
	row := func(what string, d distribution) {
		say("| %s %s | %d | %s | %s | %s |", what, d.label, len(d.points), number(d.quantile(0.1), 1), number(d.quantile(0.5), 1), number(d.quantile(0.9), 1))
		for _, n := range d.bands() {
			say(" %d |", n)
		}
		say("\n")
	}
	for _, d := range f.news {
		row("news,", d)
	}
	for _, d := range f.pooled {
		row("sentences of", d)
	}
	say("\nFor the joined sentences, `x` correlates with the level at %s. ", number(f.pooledR, 2))
	f.bandText(say)
	f.interviewText(say)
	say("\n### Single sentences\n\nOn %d sentences, the correlations with the mean of the two annotators (who correlate with each other at %s) are:", f.sentences.n, number(f.sentences.annotators, 2))
	for i, name := range append(slices.Clone(measureNames), predictor) {
		say("%s %s %s", map[bool]string{true: "", false: ","}[i == 0], name, number(f.sentences.r[name], 2))
	}
	say(". Estimated levels of all words reach 0.59\nhere, because single sentences of an encyclopedia depend on rare words that no list contains. In speech, those estimates treat everyday and misheard words as rare, so they are not used.\n\n")
	say("### Length and intervals\n\nMean difference in `x` between pieces of a text and its first %d words:", wholeWords)
	for i, l := range pieceWords {
		say(" %+.2f at %d words (mean absolute difference %.2f)%s", f.drift[i][0], l, f.drift[i][1], map[bool]string{true: ".", false: ","}[i == len(pieceWords)-1])
	}
	say("\nIn %.0f %% of %d texts, the scores of the first and second 200 words agree within their 90 %% intervals. The intervals reflect the spread of speakers; written text varies more.\n",
		100*float64(f.halves[0])/float64(f.halves[1]), f.halves[1])
}

// bandText compares the band of the score with the bands next to it, on the texts of labelled
// sentences.
func (f wordFigures) bandText(say sayer) {
	say("The next table shows how far the band of the score lies from the labelled level, and how far neighbouring bands lie from it:\n\n| | right | mean distance, levels |\n|---|---|---|\n")
	best, shiftOfBest := math.Inf(1), 0
	for _, shift := range []int{-3, -2, -1, 0, 1} {
		right, off, n := 0, 0, 0
		for _, d := range f.pooled {
			for band, texts := range d.bands() {
				at := max(1, min(len(overall.Levels), band+1+shift))
				if at == d.cefr {
					right += texts
				}
				off += texts * max(at-d.cefr, d.cefr-at)
				n += texts
			}
		}
		name := map[int]string{-3: "three lower", -2: "two lower", -1: "one lower", 0: "the band of the score", 1: "one higher"}[shift]
		mean := float64(off) / float64(n)
		say("| %s | %.0f %% | %s |\n", name, 100*float64(right)/float64(n), number(mean, 2))
		if mean < best {
			best, shiftOfBest = mean, shift
		}
	}
	if shiftOfBest == 0 {
		say("\nOn these texts the band of the score is closer to the labels than the neighbouring bands.\n")
		return
	}
	say("\nOn these texts the band of the score is no better than the bands below it. It says nothing about the level of written text.\n")
}

// interviewText says how reliable the band of a score is for speech, from published figures.
func (f wordFigures) interviewText(say sayer) {
	lengths := []float64{200, 400, 1000}
	say("\nFor speech there are published means: the score by rated level of interview. The table takes a speaker whose true score is such a mean. From the spread within one speaker, it gives the chance that this speaker\n")
	say("scores in the rated level, and in the likelier of the two neighbouring levels:\n\n| | rated | score | band |")
	for _, l := range lengths {
		say(" %.0f words |", l)
	}
	say(" better than the next band |\n|---|---|---|---|%s---|\n", strings.Repeat("---|", len(lengths)))
	for _, v := range interviewed {
		rated, better := "-", "-"
		if v.cefr > 0 {
			rated, better = overall.Levels[v.cefr-1], "yes"
		}
		say("| %s | %s | %s | %s |", v.label, rated, number(v.score, 1), overall.Level(v.score))
		for _, l := range lengths {
			if v.cefr == 0 {
				say(" - |")
				continue
			}
			own, next := chance(v.score, l, v.cefr), max(chance(v.score, l, v.cefr-1), chance(v.score, l, v.cefr+1))
			say(" %.0f %%, next %.0f %% |", 100*own, 100*next)
			if own <= next {
				better = "no"
			}
		}
		say(" %s |\n", better)
	}
	say("\nThe ends of the norms were set on most of these interviews. ACTFL's table converts SST levels to CEFR levels. If a neighbouring level is at least 0.8 times as likely as the score's own level, the report says so.\n")
}

// rewrite replaces the section with the same title in a page.
func rewrite(path string, text func(sayer)) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var b strings.Builder
	text(func(format string, args ...any) { fmt.Fprintf(&b, format, args...) })
	section := strings.TrimPrefix(b.String(), "\n")
	title, _, _ := strings.Cut(section, "\n")
	before, after, ok := strings.Cut(string(page), title+"\n")
	if !ok {
		return fmt.Errorf("%s has no section %q", path, title)
	}
	rest := ""
	if i := strings.Index(after, "\n## "); i >= 0 {
		rest = after[i:]
	}
	return os.WriteFile(path, []byte(before+section+rest), 0o644)
}

// readTable reads tab-separated lines after a header.
func readTable(path string, columns int) (rows [][]string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		c := strings.Split(in.Text(), "\t")
		if len(c) < columns {
			return nil, fmt.Errorf("%s: a line has %d columns of %d", path, len(c), columns)
		}
		rows = append(rows, c)
	}
	if len(rows) < 2 {
		return nil, fmt.Errorf("%s holds no rows", path)
	}
	return rows[1:], in.Err()
}
