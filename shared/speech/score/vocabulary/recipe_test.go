package vocabulary

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"parley/infra/measure/agreement"
	"parley/infra/measure/corpus"
	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
)

// rowsOf reads a table of tab-separated lines, its header left out.
func rowsOf(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out [][]string
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		out = append(out, strings.Split(in.Text(), "\t"))
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return out[1:]
}

// rows reads a table of ../shared/data/vocabulary, which lies beside the repository and is never
// part of it.
func rows(t *testing.T, name string) [][]string {
	t.Helper()
	data, err := corpus.Data()
	if err != nil {
		t.Skip("the texts with known levels are not here: ", err)
	}
	path := filepath.Join(data, "vocabulary", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the texts with known levels are not here: %v", err)
	}
	return rowsOf(t, path)
}

// measured are the measures and the predictor of a text of which every word was heard for certain.
func measured(text string) (values, float64, int) {
	kept, _ := candidate(spoken(text, 1).Conversation)
	ws, _ := read(kept, 5, 0.6)
	got := measure(ws, countables(ws, find(ws)))
	x, _ := combine(norms.Of(score.Vocabulary), got, 1)
	return got, x, len(ws)
}

// agree compares a text's measures with a line of testdata/recipe.tsv: the specification's
// reference implementation, run with the base forms of words.Lemma.
func agree(t *testing.T, text string, want []string) {
	t.Helper()
	got, x, n := measured(text)
	if strconv.Itoa(n) != want[2] {
		t.Errorf("%s %s: %d running words, want %s", want[0], want[1], n, want[2])
	}
	for i, name := range []string{varietyOfWords, varietyOfPatterns, steps, meanLevel, "x"} {
		v, there := got[name]
		if name == "x" {
			v, there = x, true
		}
		if w := want[3+i]; !there && w != "" || there && strconv.FormatFloat(v, 'f', 4, 64) != w && math.Abs(v-number64(t, w)) > 0.6e-4 {
			t.Errorf("%s %s: %s is %.6f, want %s", want[0], want[1], name, v, w)
		}
	}
}

func number64(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Ensure that the measures are those of the reference implementation to the fourth digit: on the
// two example texts, and on the shared texts, whole and cut (of the sentences every tenth).
func TestTheRecipesNumbers(t *testing.T) {
	want := map[string][][]string{}
	for _, r := range rowsOf(t, "testdata/recipe.tsv") {
		want[r[0]] = append(want[r[0]], r)
	}
	t.Run("examples", func(t *testing.T) {
		texts := rowsOf(t, "testdata/examples.tsv")
		if len(texts) != len(want["examples"]) {
			t.Fatalf("%d texts", len(texts))
		}
		for i, r := range texts {
			agree(t, r[1], want["examples"][i])
		}
	})
	t.Run("news in three versions", func(t *testing.T) {
		for i, r := range rows(t, "onestop.tsv") {
			agree(t, r[4], want["onestop"][i])
			agree(t, cut(r[4], 250), want["onestop 250"][i])
		}
	})
	t.Run("sentences", func(t *testing.T) {
		for i, r := range rows(t, "cefr-sp-wikiauto.tsv") {
			if i%10 == 0 {
				agree(t, r[0], want["sentences"][i/10])
			}
		}
	})
}

// Ensure that the figures of the specification come out: means by version and pairs in order, whole
// and cut to 250 words.
func TestVersionsOfOneText(t *testing.T) {
	texts := triples(t)
	for _, c := range []struct {
		words int
		means map[string][3]string
		pairs map[string]string
	}{
		{math.MaxInt, map[string][3]string{varietyOfWords: {"25.97", "26.30", "26.50"}, varietyOfPatterns: {"8.84", "8.75", "8.54"},
			steps: {"13.25", "18.23", "21.87"}, meanLevel: {"1.782", "1.946", "2.068"}, "x": {"1.38", "2.57", "3.36"}},
			map[string]string{varietyOfWords: "0.68", varietyOfPatterns: "0.36", steps: "1.00", meanLevel: "0.98", "x": "1.00"}},
		{250, nil, map[string]string{varietyOfWords: "0.58", varietyOfPatterns: "0.43", steps: "0.94", meanLevel: "0.94", "x": "0.93"}},
	} {
		sums, right, pairs := map[string][3]float64{}, map[string]int{}, 0
		for _, v := range texts {
			var of [3]values
			for i, text := range v {
				got, x, _ := measured(cut(text, c.words))
				got["x"] = x
				of[i] = got
				for name, v := range got {
					s := sums[name]
					s[i] += v / float64(len(texts))
					sums[name] = s
				}
			}
			for _, p := range [][2]int{{0, 1}, {1, 2}, {0, 2}} {
				pairs++
				for name := range of[0] {
					if of[p[0]][name] < of[p[1]][name] {
						right[name]++
					}
				}
			}
		}
		for name, want := range c.pairs {
			share := float64(right[name]) / float64(pairs)
			t.Logf("%s: means %.3f, %d of %d pairs in order", name, sums[name], right[name], pairs)
			if got := fmt.Sprintf("%.2f", share+1e-9); got != want {
				t.Errorf("%s: %s of the pairs are in order, want %s", name, got, want)
			}
			for i, want := range c.means[name] {
				if want == "" {
					continue
				}
				if got := sums[name][i]; math.Abs(got-number64(t, want)) > 0.6*math.Pow(10, float64(strings.Index(want, ".")-len(want)+1)) {
					t.Errorf("%s at level %d: mean %.4f, want %s", name, i+1, got, want)
				}
			}
		}
	}
}

// Ensure that single sentences give the figures of the specification, the drop against estimated
// levels of rare words included.
func TestSentencesAgainstTheirAnnotators(t *testing.T) {
	got, human := map[string][]float64{}, map[string][]float64{}
	for _, r := range rows(t, "cefr-sp-wikiauto.tsv") {
		level := (number64(t, r[1]) + number64(t, r[2])) / 2
		vs, x, n := measured(r[0])
		if n == 0 {
			continue
		}
		vs["x"] = x
		for name, v := range vs {
			got[name], human[name] = append(got[name], v), append(human[name], level)
		}
	}
	for name, want := range map[string]string{varietyOfWords: "0.03", varietyOfPatterns: "0.06", steps: "0.21", meanLevel: "0.35", "x": "0.28"} {
		r := agreement.Pearson(got[name], human[name])
		t.Logf("%s: %.3f of %d sentences", name, r, len(got[name]))
		if s := fmt.Sprintf("%.2f", r); s != want {
			t.Errorf("%s: %s, want %s", name, s, want)
		}
	}
}
