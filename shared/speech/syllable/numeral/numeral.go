// Package numeral reads written numbers aloud in English: a recogniser writes "26", a speaker says
// two words of three syllables.
package numeral

import "strings"

// MaxDigits is the longest run of digits read as one number; longer ones are read digit by digit.
const MaxDigits = 12

var (
	ones = []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
		"thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"}
	tens   = []string{"", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}
	scales = []struct {
		n    int64
		name string
	}{{1_000_000_000, "billion"}, {1_000_000, "million"}, {1_000, "thousand"}}
	ordinals = map[string]string{"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
		"nine": "ninth", "twelve": "twelfth"}
)

// Cardinal is n in words; n is from 0 to 999,999,999,999 (nil outside).
func Cardinal(n int64) []string {
	if n < 0 || n >= 1_000_000_000_000 {
		return nil
	}
	if n < 20 {
		return []string{ones[n]}
	}
	var out []string
	for _, s := range scales {
		if n >= s.n {
			out = append(append(out, Cardinal(n/s.n)...), s.name)
			n %= s.n
		}
	}
	if n >= 100 {
		out = append(out, ones[n/100], "hundred")
		n %= 100
	}
	if n >= 20 {
		out = append(out, tens[n/10])
		n %= 10
		if n == 0 {
			return out
		}
		return append(out, ones[n])
	}
	if n > 0 {
		out = append(out, ones[n])
	}
	return out
}

// Readings are the ways in which a run of digits is said, the likeliest first, without repeats: as
// a year or in pairs (nineteen eighty four), as a cardinal, digit by digit with "zero" and with
// "oh". Nil for anything but digits.
func Readings(digits string) [][]string {
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return nil
	}
	var out [][]string
	add := func(r []string) {
		if len(r) == 0 {
			return
		}
		for _, o := range out {
			if strings.Join(o, " ") == strings.Join(r, " ") {
				return
			}
		}
		out = append(out, r)
	}
	n, fits := value(digits)
	year := len(digits) == 4 && n >= 1100 && n <= 2099 && n/10 != 200
	if year {
		add(pairs(digits))
	}
	if fits && (digits[0] != '0' || len(digits) == 1) {
		add(Cardinal(n))
	}
	if len(digits) == 3 || len(digits) == 4 {
		add(pairs(digits))
	}
	add(single(digits, "zero"))
	add(single(digits, "oh"))
	return out
}

// Read is the likeliest reading of a written token that holds digits: 26, 2,500, 3.5, 20%, $5, 7th,
// 1990s, mp3 (letters are kept as they are). Nil where w holds no digit.
func Read(w string) []string {
	if !strings.ContainsAny(w, "0123456789") {
		return nil
	}
	w = strings.ToLower(w)
	var out []string
	money := false
	for i := 0; i < len(w); {
		switch c := w[i]; {
		case isDigit(c):
			j := i
			for j < len(w) && (isDigit(w[j]) || w[j] == ',' && grouped(w[j:])) {
				j++
			}
			r := Readings(strings.ReplaceAll(w[i:j], ",", ""))
			if strings.Contains(w[i:j], ",") {
				if n, ok := value(strings.ReplaceAll(w[i:j], ",", "")); ok {
					r = [][]string{Cardinal(n)}
				}
			}
			words := append([]string(nil), r[0]...)
			i = j
			if rest := letters(w[i:]); rest != "" {
				if turned := ending(words, rest); turned != nil {
					words, i = turned, i+len(rest)
				}
			}
			out = append(out, words...)
			if i+1 < len(w) && w[i] == '.' && isDigit(w[i+1]) {
				k := i + 1
				for k < len(w) && isDigit(w[k]) {
					k++
				}
				out = append(append(out, "point"), single(w[i+1:k], "zero")...)
				i = k
			}
			if money {
				out, money = append(out, "dollars"), false
			}
		case c == '$':
			money = true
			i++
		case c == '%':
			out = append(out, "percent")
			i++
		case c >= 'a' && c <= 'z':
			l := letters(w[i:])
			out = append(out, l)
			i += len(l)
		default:
			i++
		}
	}
	return out
}

// ending turns the last word by what is written after the digits: st, nd, rd, th make an ordinal, s
// a plural; nil for any other.
func ending(words []string, suffix string) []string {
	last := words[len(words)-1]
	switch suffix {
	case "st", "nd", "rd", "th":
		switch o := ordinals[last]; {
		case o != "":
			last = o
		case strings.HasSuffix(last, "y"):
			last = last[:len(last)-1] + "ieth"
		default:
			last += "th"
		}
	case "s":
		switch {
		case strings.HasSuffix(last, "y"):
			last = last[:len(last)-1] + "ies"
		case strings.HasSuffix(last, "x"):
			last += "es"
		default:
			last += "s"
		}
	default:
		return nil
	}
	return append(append([]string(nil), words[:len(words)-1]...), last)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// grouped tells whether s begins with a comma and exactly three digits.
func grouped(s string) bool {
	n := 0
	for n+1 < len(s) && isDigit(s[n+1]) {
		n++
	}
	return n == 3
}

func letters(s string) string {
	n := 0
	for n < len(s) && s[n] >= 'a' && s[n] <= 'z' {
		n++
	}
	return s[:n]
}

func value(digits string) (int64, bool) {
	if len(digits) > MaxDigits {
		return 0, false
	}
	var n int64
	for _, c := range digits {
		n = n*10 + int64(c-'0')
	}
	return n, true
}

func single(digits, zero string) []string {
	var out []string
	for _, c := range digits {
		if c == '0' {
			out = append(out, zero)
		} else {
			out = append(out, ones[c-'0'])
		}
	}
	return out
}

// pairs reads three or four digits as two numbers: nine oh five, nineteen hundred, twenty fifteen.
func pairs(digits string) []string {
	head, tail := digits[:len(digits)-2], digits[len(digits)-2:]
	if head[0] == '0' {
		return nil
	}
	h, _ := value(head)
	t, _ := value(tail)
	out := Cardinal(h)
	switch {
	case t == 0:
		return append(out, "hundred")
	case t < 10:
		return append(out, "oh", ones[t])
	}
	return append(out, Cardinal(t)...)
}
