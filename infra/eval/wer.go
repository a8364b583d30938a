package main

import (
	"strings"
	"unicode"
)

// token is one word in its plain form and who says it.
type token struct {
	text, speaker string
}

// numerals are written out, because a recogniser is free to write them either way.
var numerals = strings.Fields("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty")

// tokens are the words of a text in plain form: lower case, letters, digits and inner apostrophes.
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

// wordErrors aligns a hypothesis with the reference (Levenshtein) and counts the errors per speaker of the reference, and
// the reference's words. An inserted word counts against the speaker of the reference word before it.
func wordErrors(ref, hyp []token) (errors, words map[string]int) {
	errors, words = map[string]int{}, map[string]int{}
	for _, t := range ref {
		words[t.speaker]++
	}
	if len(ref) == 0 {
		return errors, words
	}
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
	for i, j := n, m; i > 0 || j > 0; {
		switch {
		case i > 0 && j > 0 && ref[i-1].text == hyp[j-1].text && cost[i][j] == cost[i-1][j-1]:
			i, j = i-1, j-1
		case i > 0 && j > 0 && cost[i][j] == cost[i-1][j-1]+1:
			errors[ref[i-1].speaker]++
			i, j = i-1, j-1
		case i > 0 && cost[i][j] == cost[i-1][j]+1:
			errors[ref[i-1].speaker]++
			i--
		default:
			errors[ref[max(i-1, 0)].speaker]++
			j--
		}
	}
	return errors, words
}
