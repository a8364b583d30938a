package main

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"parley/infra/measure/agreement"
	"parley/infra/measure/corpus"
	"parley/shared/speech/score"
)

const (
	// clearly is the human accuracy of a word, 0 to 10, from which it was pronounced well.
	clearly = 9
	// ahead is how many aligned words are looked through for one that was read.
	ahead = 4
	// leastWords is how many words, and of them how many pronounced badly, a sound needs to be
	// judged.
	leastWords, leastBad = 60, 15
)

// rated is a word with its clarity and what the raters gave it.
type rated struct {
	score.Pronounced
	speaker  int
	child    bool
	accuracy float64
}

// ratedWords are the words that were heard as they were read.
func (t *table) ratedWords(words map[string][]corpus.Word) (out []rated) {
	for who, c := range t.speakers {
		byTime := slices.SortedFunc(slices.Values(c.pronounced), func(a, b score.Pronounced) int { return cmp.Compare(a.StartMs, b.StartMs) })
		for _, p := range c.Parts {
			var mine []score.Pronounced
			for _, w := range byTime {
				if middle := (w.StartMs + w.EndMs) / 2; middle >= p.Span.StartMs && middle < p.Span.EndMs {
					mine = append(mine, w)
				}
			}
			read := words[strings.TrimSuffix(filepath.Base(c.files[p.Turn]), ".flac")]
			for _, w := range read {
				for k := range min(ahead, len(mine)) {
					if strings.EqualFold(mine[k].Text, w.Text) {
						out = append(out, rated{mine[k], who, c.child, w.Accuracy})
						mine = mine[k+1:]
						break
					}
				}
			}
		}
	}
	return out
}

// agreed is how far clarity follows the raters.
type agreed struct {
	name   string
	n, bad int
	// chance that a word pronounced badly is less clear than one pronounced well
	auc          float64
	aucIn        [2]float64
	spearman     float64
	adults, kids float64 // auc
}

// agreement of the clarity, word by word, that of gives.
func agreementOf(name string, words []rated, clarity []float64) agreed {
	a := agreed{name: name, n: len(words)}
	var accuracy []float64
	bad := make([]bool, len(words))
	byWho := map[int][]int{}
	var adults, kids []int
	for i, w := range words {
		accuracy = append(accuracy, w.accuracy)
		if bad[i] = w.accuracy < clearly; bad[i] {
			a.bad++
		}
		byWho[w.speaker] = append(byWho[w.speaker], i)
		if w.child {
			kids = append(kids, i)
		} else {
			adults = append(adults, i)
		}
	}
	area := func(rows []int) float64 {
		ranks := agreement.Ranks(agreement.Pick(clarity, rows))
		var sum, n float64
		for k, i := range rows {
			if !bad[i] {
				sum += ranks[k]
				n++
			}
		}
		if n == 0 || int(n) == len(rows) {
			return 0.5
		}
		return (sum - n*(n+1)/2) / (n * (float64(len(rows)) - n))
	}
	a.auc, a.adults, a.kids = area(all(len(words))), area(adults), area(kids)
	a.spearman = agreement.Spearman(clarity, accuracy)
	var clusters [][]int
	for _, who := range slices.Sorted(maps.Keys(byWho)) {
		clusters = append(clusters, byWho[who])
	}
	a.aucIn = agreement.Bootstrap(clusters, area)
	return a
}

func all(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// pronunciation is the agreement of words, and of each sound with the accuracy of the words that
// hold it, the best first.
func (t *table) pronunciation(words map[string][]corpus.Word) (ofWords agreed, ofSounds []agreed) {
	heard := t.ratedWords(words)
	clarity := make([]float64, len(heard))
	bySound := map[string][]int{}
	for i, w := range heard {
		clarity[i] = w.Clarity
		seen := map[string]bool{}
		for _, s := range w.Sounds {
			if !seen[s.IPA] {
				seen[s.IPA] = true
				bySound[s.IPA] = append(bySound[s.IPA], i)
			}
		}
	}
	ofWords = agreementOf("words", heard, clarity)
	for _, sound := range slices.Sorted(maps.Keys(bySound)) {
		var with []rated
		var lowest []float64
		for _, i := range bySound[sound] {
			with = append(with, heard[i])
			low := 100.0
			for _, s := range heard[i].Sounds {
				if s.IPA == sound {
					low = min(low, s.Clarity)
				}
			}
			lowest = append(lowest, low)
		}
		if a := agreementOf(sound, with, lowest); a.n >= leastWords && a.bad >= leastBad {
			ofSounds = append(ofSounds, a)
		}
	}
	slices.SortFunc(ofSounds, func(a, b agreed) int { return cmp.Compare(b.auc, a.auc) })
	return ofWords, ofSounds
}

func (p *page) pronunciationText(say sayer) {
	say("\n## Pronunciation in detail\n\n")
	if p.ofWords.n == 0 {
		say("Not measured in this run.\n")
		return
	}
	say("%d words of the same speakers that were heard as they were read; %d of them have a mean human accuracy under %d of 10. The area under the curve is the chance that such a word is less clear\n", p.ofWords.n, p.ofWords.bad, clearly)
	say("than one of the others. Of sounds no rating is at hand: theirs is held against that of the words that hold them. The norms of the sounds are of the same corpus.\n\n")
	say("| | words | rated low | area under the curve | adults | children | Spearman |\n|---|---|---|---|---|---|---|\n")
	row := func(a agreed) {
		say("| %s | %d | %d | %s%s | %s | %s | %s |\n", a.name, a.n, a.bad, number(a.auc, 2), brackets(a.aucIn), number(a.adults, 2), number(a.kids, 2), number(a.spearman, 2))
	}
	row(p.ofWords)
	for _, a := range p.ofSounds {
		row(a)
	}
}
