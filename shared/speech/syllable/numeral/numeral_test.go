package numeral

import (
	"strings"
	"testing"
)

func TestCardinal(t *testing.T) {
	for n, want := range map[int64]string{0: "zero", 13: "thirteen", 20: "twenty", 26: "twenty six", 100: "one hundred",
		105: "one hundred five", 1000: "one thousand", 2500: "two thousand five hundred", 1_000_001: "one million one",
		999_999_999_999:   "nine hundred ninety nine billion nine hundred ninety nine million nine hundred ninety nine thousand nine hundred ninety nine",
		1_000_000_000_000: "", -1: ""} {
		if got := strings.Join(Cardinal(n), " "); got != want {
			t.Errorf("Cardinal(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestReadings(t *testing.T) {
	for digits, want := range map[string]string{
		"1984":           "nineteen eighty four|one thousand nine hundred eighty four|one nine eight four",
		"2005":           "two thousand five|twenty oh five|two zero zero five|two oh oh five",
		"905":            "nine hundred five|nine oh five|nine zero five",
		"26":             "twenty six|two six",
		"07":             "zero seven|oh seven",
		"0":              "zero|oh",
		"12x":            "",
		"":               "",
		"1234567890123":  "one two three four five six seven eight nine zero one two three|one two three four five six seven eight nine oh one two three",
		"1900":           "nineteen hundred|one thousand nine hundred|one nine zero zero|one nine oh oh",
		"9999":           "nine thousand nine hundred ninety nine|ninety nine ninety nine|nine nine nine nine",
		"00":             "zero zero|oh oh",
		"100":            "one hundred|one zero zero|one oh oh",
		"0123":           "zero one two three|oh one two three",
		"12345678901234": "one two three four five six seven eight nine zero one two three four|one two three four five six seven eight nine oh one two three four",
	} {
		var got []string
		for _, r := range Readings(digits) {
			got = append(got, strings.Join(r, " "))
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("Readings(%q) = %q, want %q", digits, s, want)
		}
	}
}

func TestRead(t *testing.T) {
	for w, want := range map[string]string{"hello": "", "2,500": "two thousand five hundred", "3.5": "three point five",
		"20%": "twenty percent", "$5": "five dollars", "7th": "seventh", "21st": "twenty first", "20th": "twentieth",
		"1990s": "nineteen nineties", "mp3": "mp three", "B2B": "b two b", "10,20": "ten twenty", "1,000,000": "one million",
		"3.": "three", "5th,": "fifth", "26s": "twenty sixes"} {
		if got := strings.Join(Read(w), " "); got != want {
			t.Errorf("Read(%q) = %q, want %q", w, got, want)
		}
	}
}
