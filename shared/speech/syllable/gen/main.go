// Command gen writes exceptions.txt: the words of the CMU Pronouncing Dictionary whose syllables
// syllable.Rule miscounts. The dictionary is one of the engines' files.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"parley/shared/speech/installed"
	"parley/shared/speech/syllable"
)

// lineWidth is the most bytes of words in a line.
const lineWidth = 150

func main() {
	dictionary := flag.String("dictionary", filepath.Join(installed.Dir(), installed.DictFile), "the dictionary")
	out := flag.String("out", ".", "the folder to write to")
	flag.Parse()
	if err := run(*dictionary, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dictionary, out string) error {
	f, err := os.Open(dictionary)
	if err != nil {
		return fmt.Errorf("gen: %w", err)
	}
	defer func() { _ = f.Close() }()
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
		return fmt.Errorf("gen: %w", err)
	}
	if err := os.WriteFile(filepath.Join(out, "exceptions.txt"), []byte(table(byCount)), 0o644); err != nil {
		return fmt.Errorf("gen: %w", err)
	}
	fmt.Printf("%d words, the rule miscounts %d (%.1f %%)\n", total, wrong, 100*float64(wrong)/float64(total))
	return nil
}

// table lists words by their syllables: a line with the number, then lines of words.
func table(byCount map[int][]string) string {
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
			if len(line)+len(w) > lineWidth {
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
	return b.String()
}

// vowels counts the vowels of an ARPAbet pronunciation, which are its syllables.
func vowels(phones string) int {
	n := 0
	for p := range strings.FieldsSeq(phones) {
		if strings.ContainsRune("AEIOU", rune(p[0])) {
			n++
		}
	}
	return n
}
