// Command gen writes exceptions.txt: the words of the CMU Pronouncing Dictionary whose syllables syllable.Rule miscounts.
// Usage: go run ./gen [dictionary]; without an argument it takes the dictionary of the parts directory.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"

	"parley/shared/speech/syllable"
)

func main() {
	path := filepath.Join(partsDir(), "model", "cmudict-en-us.dict")
	if len(os.Args) > 1 {
		path = os.Args[1]
	}
	f, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	byCount := map[int][]string{}
	total, wrong := 0, 0
	s := bufio.NewScanner(f)
	for s.Scan() {
		word, phones, ok := strings.Cut(s.Text(), " ")
		if !ok || strings.Contains(word, "(") || strings.ContainsAny(word, "0123456789.") {
			continue // alternate pronunciations, abbreviations with points
		}
		total++
		if n := vowels(phones); n > 0 && n != syllable.Rule(strings.ReplaceAll(word, "-", "")) {
			byCount[n] = append(byCount[n], word)
			wrong++
		}
	}
	if err := s.Err(); err != nil {
		log.Fatal(err)
	}
	var counts []int
	for n := range byCount {
		counts = append(counts, n)
	}
	sort.Ints(counts)
	var b strings.Builder
	for _, n := range counts {
		sort.Strings(byCount[n])
		fmt.Fprintf(&b, "%d\n", n)
		line := ""
		for _, w := range byCount[n] {
			if len(line)+len(w) > 150 {
				fmt.Fprintln(&b, line)
				line = ""
			}
			if line != "" {
				line += " "
			}
			line += w
		}
		fmt.Fprintln(&b, line)
	}
	if err := os.WriteFile("exceptions.txt", []byte(b.String()), 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d words, the rule miscounts %d (%.1f %%)\n", total, wrong, 100*float64(wrong)/float64(total))
}

// vowels counts the vowels of an ARPAbet pronunciation, which are its syllables.
func vowels(phones string) int {
	n := 0
	for _, p := range strings.Fields(phones) {
		if strings.ContainsRune("AEIOU", rune(p[0])) {
			n++
		}
	}
	return n
}

func partsDir() string {
	if d := os.Getenv("PARLEY_PARTS"); d != "" {
		return d
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		log.Fatal(err)
	}
	return filepath.Join(cache, "parley", "parts", runtime.GOARCH)
}
