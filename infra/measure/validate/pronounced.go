package main

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"parley/infra/measure/agreement"
	"parley/infra/measure/corpus"
	"parley/shared/speech/score"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/score/norms"
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

// firstSpeakers are those that rules for the clarity of a word were looked for on.
const firstSpeakers = 24

// rated is a word with its clarity and what the raters gave it.
type rated struct {
	score.Pronounced
	speaker  int
	child    bool
	accuracy float64 // 0 to 10
}

// ratedWords are the words that were heard as they were read, and those that were not, which have
// no rating.
func (t *table) ratedWords(words map[string][]corpus.Word) (out, misheard []rated) {
	mistaken := func(who int, mine []score.Pronounced) {
		for _, w := range mine {
			misheard = append(misheard, rated{Pronounced: w, speaker: who, child: t.speakers[who].child})
		}
	}
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
						mistaken(who, mine[:k])
						mine = mine[k+1:]
						break
					}
				}
			}
			mistaken(who, mine)
		}
	}
	return out, misheard
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
	// pooled is the area of a sound, and its 95 % interval, with what the others tell of it.
	pooled   float64
	pooledIn [2]float64
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
	area := func(rows []int) float64 { return area(bad, clarity, rows) }
	a.auc, a.adults, a.kids = area(all(len(words))), area(adults), area(kids)
	a.spearman = agreement.Spearman(clarity, accuracy)
	var clusters [][]int
	for _, who := range slices.Sorted(maps.Keys(byWho)) {
		clusters = append(clusters, byWho[who])
	}
	a.aucIn = agreement.Bootstrap(clusters, area)
	return a
}

// area is the chance that one of the rows that are bad is less clear than one of the others; a half
// where there are none of either.
func area(bad []bool, clarity []float64, rows []int) float64 {
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
	return (sum - n*(n-1)/2) / (n * (float64(len(rows)) - n)) // ranks count from 0
}

// sameLength is the area among adults' words of as many sounds, weighted by the pairs.
func sameLength(words []rated, clarity []float64) float64 {
	bad := make([]bool, len(words))
	byLength := map[int][]int{}
	for i, w := range words {
		bad[i] = w.accuracy < clearly
		if !w.child {
			byLength[len(w.Sounds)] = append(byLength[len(w.Sounds)], i)
		}
	}
	var sum, pairs float64
	for _, length := range slices.Sorted(maps.Keys(byLength)) {
		rows := byLength[length]
		low := 0.0
		for _, i := range rows {
			if bad[i] {
				low++
			}
		}
		n := low * (float64(len(rows)) - low)
		sum, pairs = sum+n*area(bad, clarity, rows), pairs+n
	}
	return sum / max(1, pairs)
}

// below is the area between the words that were misheard and those that were not, among adults.
func below(misheard, heard []rated) (auc float64, n int) {
	var bad []bool
	var clarity []float64
	add := func(words []rated, is bool) {
		for _, w := range words {
			if !w.child {
				bad, clarity = append(bad, is), append(clarity, w.Clarity)
			}
		}
	}
	add(misheard, true)
	n = len(bad)
	add(heard, false)
	return area(bad, clarity, all(len(bad))), n
}

func all(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// pronunciation is how far the clarity of words and of sounds follows the raters.
type pronunciation struct {
	// words are judged by the rule in use, on all speakers, the first and the others, and by other
	// rules.
	words    []agreed
	sounds   []agreed  // with the accuracy of the words that hold the sound, the best first
	spread   float64   // of the sounds' areas, beyond their errors
	lengths  []float64 // area among words of as many sounds, by the rule in use and by others
	misheard float64   // area between the words misheard and those that were not
	mistaken int       // words misheard
	// listed is the share of adults' words below the clarity to practise, 0 to 1: of those that
	// are rated low, and of the others.
	listed [2]float64
}

// shareBelow is the share of values below a limit, 0 to 1.
func shareBelow(v []float64, limit float64) float64 {
	n := 0.0
	for _, x := range v {
		if x < limit {
			n++
		}
	}
	return n / max(1, float64(len(v)))
}

// others are rules for the clarity of a word that are not in use.
var others = []struct {
	name string
	of   func(sounds []float64) float64 // what they show, in spreads, the least clear first
}{
	{"by the mean of the sounds, as before", agreement.Mean},
	{"by the two least clear sounds alone", func(s []float64) float64 { return agreement.Mean(s[:min(2, len(s))]) }},
}

func (t *table) pronunciation(words map[string][]corpus.Word) (p pronunciation) {
	heard, misheard := t.ratedWords(words)
	clarity := make([]float64, len(heard))
	bySound := map[string][]int{}
	var halves [2][]rated
	var clarities [2][]float64
	var low, good []float64
	for i, w := range heard {
		clarity[i] = w.Clarity
		half := min(1, w.speaker/firstSpeakers)
		halves[half], clarities[half] = append(halves[half], w), append(clarities[half], w.Clarity)
		switch {
		case w.child:
		case w.accuracy < clearly:
			low = append(low, w.Clarity)
		default:
			good = append(good, w.Clarity)
		}
		seen := map[string]bool{}
		for _, s := range w.Sounds {
			if !seen[s.IPA] {
				seen[s.IPA] = true
				bySound[s.IPA] = append(bySound[s.IPA], i)
			}
		}
	}
	p.words = append(p.words, agreementOf("words", heard, clarity),
		agreementOf(fmt.Sprintf("words, the first %d speakers", firstSpeakers), halves[0], clarities[0]), agreementOf("words, the other speakers", halves[1], clarities[1]))
	p.listed = [2]float64{shareBelow(low, norms.ClarityToPractise()), shareBelow(good, norms.ClarityToPractise())}
	p.lengths = append(p.lengths, sameLength(heard, clarity))
	for _, o := range others {
		by := make([]float64, len(heard))
		for i, w := range heard {
			var zs []float64
			for _, s := range w.Sounds {
				zs = append(zs, spreads(s.Clarity))
			}
			slices.Sort(zs)
			by[i] = o.of(zs)
		}
		p.words, p.lengths = append(p.words, agreementOf(o.name, heard, by)), append(p.lengths, sameLength(heard, by))
	}
	p.misheard, p.mistaken = below(misheard, heard)
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
			p.sounds = append(p.sounds, a)
		}
	}
	slices.SortFunc(p.sounds, func(a, b agreed) int { return cmp.Compare(b.auc, a.auc) })
	p.spread = pool(p.sounds)
	return p
}

// normal95 is how many standard errors the middle 95 % of a normal distribution reach either side.
const normal95 = 1.96

// pool sets the area of each sound to a mean of its own and of that of all sounds, each by how
// surely it is known. The spread between the sounds, which it returns, is what the areas differ by
// beyond their errors (DerSimonian and Laird 1986); the errors are those of their intervals.
func pool(sounds []agreed) (spread float64) {
	if len(sounds) < 2 {
		return 0
	}
	weights := make([]float64, len(sounds))
	var sum, squares, mean float64
	for i, a := range sounds {
		se := max(1e-3, (a.aucIn[1]-a.aucIn[0])/(2*normal95))
		weights[i] = 1 / (se * se)
		sum, squares, mean = sum+weights[i], squares+weights[i]*weights[i], mean+weights[i]*a.auc
	}
	mean /= sum
	q := 0.0
	for i, a := range sounds {
		q += weights[i] * (a.auc - mean) * (a.auc - mean)
	}
	between := max(0, (q-float64(len(sounds)-1))/(sum-squares/sum))
	for i := range sounds {
		a := &sounds[i]
		// own is the share of its own area: 0 if the sounds do not differ.
		own := weights[i] * between / (1 + weights[i]*between)
		a.pooled = mean + own*(a.auc-mean)
		reach := normal95 * math.Sqrt(own/weights[i]+(1-own)*(1-own)/sum)
		a.pooledIn = [2]float64{a.pooled - reach, a.pooled + reach}
	}
	return math.Sqrt(between)
}

// spreads is the inverse of a clarity: how many spreads from the mean it lies.
func spreads(clarity float64) float64 { return -math.Sqrt2 * math.Erfcinv(clarity/50) }

// clearWords are the numbers that the norms file should hold on words: of the words of good
// speakers, the clearness and the logarithm of the probability.
type clearWords struct{ clearness, logP []float64 }

func (t *table) clearWords() (c clearWords) {
	n := norms.Of(score.Accent)
	for _, s := range t.speakers {
		if agreement.Mean(s.accuracy) < goodAccuracy {
			continue
		}
		for _, w := range s.pronounced {
			c.clearness = append(c.clearness, n.Number("wordClearnessMean")+n.Number("wordClearnessSD")*spreads(w.Clarity))
		}
		for _, p := range s.Parts {
			for _, w := range p.Words {
				c.logP = append(c.logP, math.Log(max(w.P, accent.LeastP)))
			}
		}
	}
	return c
}

func (p *page) pronunciationText(say sayer) {
	say("\n## Pronunciation in detail\n\n")
	if len(p.pronounced.words) == 0 || p.pronounced.words[0].n == 0 {
		say("Not measured in this run.\n")
		return
	}
	words := p.pronounced.words
	say("%d words of the same speakers that were heard as they were read; %d of them have a mean human accuracy under %d of 10. The area under the curve is the chance that such a word is less clear\n", words[0].n, words[0].bad, clearly)
	say("than one of the others. A word's clarity is computed from its two least clear sounds and from how surely the recogniser hears it; \"as before\", from the mean of its sounds. Rules were tried on the first %d\n", firstSpeakers)
	say("speakers. The rule in use is the one that also held on the others (below), so every speaker had a part in the choice. Sounds have no ratings of their own: their clarity is compared with the ratings of the words that contain them.\n")
	say("The norms of sounds and words come from the same corpus. `go run ./infra/measure/validate -only pronunciation` writes this section alone.\n\n")
	say("| | words | rated low | area under the curve | adults | children | Spearman | with the other sounds |\n|---|---|---|---|---|---|---|---|\n")
	row := func(a agreed, pooled string) {
		say("| %s | %d | %d | %s%s | %s | %s | %s | %s |\n", a.name, a.n, a.bad, number(a.auc, 2), brackets(a.aucIn), number(a.adults, 2), number(a.kids, 2), number(a.spearman, 2), pooled)
	}
	for _, a := range words {
		row(a, "")
	}
	var chance []string
	for _, a := range p.pronounced.sounds {
		row(a, number(a.pooled, 2)+brackets(a.pooledIn))
		if a.pooledIn[0] <= 0.5 {
			chance = append(chance, a.name)
		}
	}
	say("\nThe areas of single sounds rest on few words and hardly differ by more than their errors: the spread beyond the errors is %s. So the last column combines the area of each sound with that of all sounds, each weighted by how\n", number(p.pronounced.spread, 3))
	say("surely it is known (DerSimonian and Laird 1986). Sounds that are no better than chance by that column: %s.\n", cmp.Or(strings.Join(chance, ", "), "none"))
	say("\nThe raters mark down long words more often, and a word of many sounds is more likely to have an unclear one. Among adults' words with the same number of sounds, the area is %s", number(p.pronounced.lengths[0], 2))
	for i, o := range others {
		say(", %s %s", o.name, number(p.pronounced.lengths[i+1], 2))
	}
	say(".\nMisheard words: of the adults' words that were aligned, %d are not what was read. The chance that one of these is less clear than a word that was heard correctly is %s.\n", p.pronounced.mistaken, number(p.pronounced.misheard, 2))
	usual := norms.ClarityToPractise()
	say("Native readers: half of their words are clearer than %s of 100, and %.0f %% are below %s. From there on a word counts as usual; the report page lists those below to practise. Among the words of adult learners,\n", number(quantile(p.natives.clarity, 0.5), 0), 100*shareBelow(p.natives.clarity, usual), number(usual, 0))
	say("these are %.0f %% of the words that the raters marked low, and %.0f %% of the others.\n", 100*p.pronounced.listed[0], 100*p.pronounced.listed[1])
	say("%s", pronouncedTried)
}

// pronouncedTried are experiments that this command does not repeat.
const pronouncedTried = `
Tried for words, by hand and not by this command: area among adults' words, 851 of the first 24 speakers (153 rated low) and 1,707 of the others (125).

| tried | the first | the others |
|---|---|---|
| the mean of the sounds (before) | 0.642 | 0.651 |
| the least clear sound; the mean of the two, of the three least clear | 0.689; 0.700, 0.673 | 0.663; 0.673, 0.663 |
| the two least clear and the logarithm of the word's probability, weighted 0.5; 1 (in use); 2 | 0.706; 0.705; 0.694 | 0.689; 0.698; 0.708 |
| all sounds by -2 ln of the sum of exp(-z/2); with the logarithm of the probability | 0.738; 0.746 | 0.661; 0.685 |
| each sound against what the 60 native readers show instead of the good learners: the two least clear; with the probability | 0.695; 0.700 | 0.686; 0.704 |
| the likelihood of the sounds against the native readers', without the phone loop: the two least clear; with the probability | 0.674; 0.686 | 0.672; 0.693 |
| the share of a sound's time in which the phone loop hears the same sound, the mean of the two least | 0.594 | 0.511 |
| the rule in use, but a sound counts as less clear the longer it lasts compared with good speakers' (half a spread for a spread). Not used: it needs one more norm for each sound, and slow speech is not unclear speech | 0.710 | 0.711 |
| the rule in use, each sound against the speaker's own mean; each word against the speaker's | 0.688; 0.686 | 0.692; 0.684 |
| the rule in use on vowels alone; on consonants alone | 0.660; 0.642 | 0.649; 0.674 |
| a logistic model fitted on the first: the two least clear and the probability; and the number of sounds; and the speaker's means; of 14 measures | 0.705; 0.745; 0.775; 0.778 (fitted) | 0.698; 0.688; 0.688; 0.687 |
| a logistic model fitted on the first, with a weight for each sound and its clearness beside the rule in use | 0.751 (fitted) | 0.692 |
`
