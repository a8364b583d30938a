// Command gen makes the embedded word list from the two published ones: get both CSV files from
// https://github.com/openlanguageprofiles/olp-en-cefrj into one folder, then
// `go run ./shared/speech/words/gen --lists FOLDER --out shared/speech/words`.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sources are the published lists with their hashes: another edition is refused, because scores
// depend on every line.
var sources = []struct{ name, sha string }{
	{"cefrj-vocabulary-profile-1.5.csv", "b0dd3c635f1c9a4fdf1490c7e5b7c48e8bbe55b652ad0c9860a95f98e10ae498"},
	{"octanove-vocabulary-profile-c1c2-1.0.csv", "18c33a407f2f89f7b8de9671c6d45fe3ea0bce45e7d2d7dcaab48d73e0f7b380"},
}

// output is the name of the file that is made.
const output = "headwords.tsv"

func main() {
	lists := flag.String("lists", "", "the folder with both published lists")
	out := flag.String("out", ".", "the folder to write to")
	flag.Parse()
	if err := run(*lists, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(lists, out string) error {
	levels := map[string]string{}
	for _, s := range sources {
		b, err := os.ReadFile(filepath.Join(lists, s.name))
		if err != nil {
			return fmt.Errorf("gen: %w", err)
		}
		if h := sha256.Sum256(b); hex.EncodeToString(h[:]) != s.sha {
			return fmt.Errorf("gen: %s is not the pinned edition: sha256 %x", s.name, h)
		}
		if err := collect(levels, b); err != nil {
			return fmt.Errorf("gen: %s: %w", s.name, err)
		}
	}
	lines := make([]string, 0, len(levels))
	for key, level := range levels {
		lines = append(lines, key+"\t"+level+"\n")
	}
	slices.Sort(lines)
	text := strings.Join(lines, "")
	path := filepath.Join(out, output)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("gen: %w", err)
	}
	fmt.Printf("%s: %d lines, %d bytes\n", path, len(lines), len(text))
	return nil
}

// collect adds a list to levels: "headword TAB part of speech" to its level, the lowest one where
// it has several. A headword of several spellings ("cafe/café") is one for each; a headword of
// several words is left out, since words are looked up one by one.
func collect(levels map[string]string, b []byte) error {
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff")))).ReadAll()
	if err != nil {
		return err
	}
	if len(rows) < 2 || !slices.Equal(rows[0][:3], []string{"headword", "pos", "CEFR"}) {
		return errors.New("the columns are not headword, pos, CEFR")
	}
	for i, r := range rows[1:] {
		level := strings.TrimSpace(r[2])
		if len(level) != 2 || level < "A1" || level > "C2" {
			return fmt.Errorf("row %d: level %q", i+2, level)
		}
		for w := range strings.SplitSeq(strings.ToLower(r[0]), "/") {
			w = strings.TrimSpace(w)
			if w == "" || strings.ContainsAny(w, " \t") {
				continue
			}
			key := w + "\t" + r[1]
			if old, ok := levels[key]; !ok || level < old {
				levels[key] = level
			}
		}
	}
	return nil
}
