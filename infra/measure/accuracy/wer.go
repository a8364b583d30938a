package main

import (
	"slices"
	"strings"
	"unicode"
)

// token is one word in its plain form, and who says it.
type token struct {
	text, speaker string
}

// numerals are spelled out, because a recogniser may write numbers either way.
var numerals = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty")

// tokens returns the words of a text in plain form: lower case, letters, digits and inner
// apostrophes.
func tokens(text, speaker string) []token {
	var out []token
	for _, w := range strings.FieldsFunc(strings.ToLower(strings.ReplaceAll(text, "’", "'")), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\''
	}) {
		w = strings.Trim(w, "'")
		for i, n := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20"} {
			if w == n {
				w = numerals[i]
			}
		}
		if w != "" {
			out = append(out, token{w, speaker})
		}
	}
	return out
}

// pair is one step of an alignment: the positions of a word of the reference and of the word heard
// for it; -1 if there is none.
type pair struct{ ref, hyp int }

// align aligns a hypothesis with the reference, with the fewest edits (Levenshtein), in order.
func align(ref, hyp []token) []pair {
	n, m := len(ref), len(hyp)
	cost := make([][]int32, n+1)
	for i := range cost {
		cost[i] = make([]int32, m+1)
		cost[i][0] = int32(i)
	}
	for j := range m + 1 {
		cost[0][j] = int32(j)
	}
	for i := 1; i <= n; i++ {
		for j := 1; j <= m; j++ {
			sub := cost[i-1][j-1]
			if ref[i-1].text != hyp[j-1].text {
				sub++
			}
			cost[i][j] = min(sub, cost[i-1][j]+1, cost[i][j-1]+1)
		}
	}
	pairs := make([]pair, 0, max(n, m))
	for i, j := n, m; i > 0 || j > 0; {
		switch {
		case i > 0 && j > 0 && ref[i-1].text == hyp[j-1].text && cost[i][j] == cost[i-1][j-1],
			i > 0 && j > 0 && cost[i][j] == cost[i-1][j-1]+1:
			i, j = i-1, j-1
			pairs = append(pairs, pair{i, j})
		case i > 0 && cost[i][j] == cost[i-1][j]+1:
			i--
			pairs = append(pairs, pair{i, -1})
		default:
			j--
			pairs = append(pairs, pair{-1, j})
		}
	}
	slices.Reverse(pairs)
	return pairs
}

// wordErrors counts the errors per speaker of the reference, and the reference's words. An inserted
// word counts for the speaker of the reference word before it.
func wordErrors(ref, hyp []token) (errors, words map[string]int) {
	errors, words = map[string]int{}, map[string]int{}
	for _, t := range ref {
		words[t.speaker]++
	}
	if len(ref) == 0 {
		return errors, words
	}
	last := 0
	for _, p := range align(ref, hyp) {
		if p.ref >= 0 {
			last = p.ref
		}
		if p.ref < 0 || p.hyp < 0 || ref[p.ref].text != hyp[p.hyp].text {
			errors[ref[last].speaker]++
		}
	}
	return errors, words
}

// strayWords counts the heard words that stand for a word of the reference but were assigned to the
// other speaker, and those that stand for any word. Speakers are given by their roles.
func strayWords(ref, hyp []token) (stray, of int) {
	for _, p := range align(ref, hyp) {
		if p.ref < 0 || p.hyp < 0 {
			continue
		}
		of++
		if ref[p.ref].speaker != hyp[p.hyp].speaker {
			stray++
		}
	}
	return stray, of
}
