package page_test

import (
	"encoding/csv"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"parley/shared/page"
)

// entry is a run of a list with an overall score and its interval.
func entry(id, reference, at string, score, low, high float64) []byte {
	return fmt.Appendf(nil, `{"id":%q,"externalId":%q,"status":"success","createdAt":%q,"audio":{"durationMs":240000,"quality":{"cautions":["It is noisy."]}},"tags":["june"],
		"scores":{"overall":%v,"cefrLevel":"B2","fluency":%v},"confidence":{"overall":{"level":"medium","interval":[%v,%v]}}}`, id, reference, at, score, 5-score, low, high)
}

func threeRuns() [][]byte {
	return [][]byte{
		entry("req_a", "Ada", "2026-04-21T10:00:00.000Z", 2.0, 1.8, 2.2),
		entry("req_b", "=Bob", "2026-04-21T11:00:00.000Z", 4.0, 3.6, 4.4),
		entry("req_c", "Cem <b>", "2026-04-21T12:00:00.000Z", 4.2, 3.8, 4.6),
		[]byte(`{"id":"req_d","externalId":null,"status":"processing","createdAt":"2026-04-21T13:00:00.000Z","audio":{"durationMs":240000}}`),
	}
}

// rows returns the texts of the first two cells of each row.
func rows(t *testing.T, p page.Page) [][2]string {
	t.Helper()
	var out [][2]string
	for _, m := range regexp.MustCompile(`<tr><td>([^<]*)</td><th scope="row">(?:<a[^>]*>)?([^<]*)`).FindAllStringSubmatch(string(p.HTML), -1) {
		out = append(out, [2]string{m[1], m[2]})
	}
	return out
}

// Ensure that runs are sorted by what is asked for, and that two runs whose intervals overlap share
// their places: they are not told apart.
func TestCompare(t *testing.T) {
	for sort, want := range map[string]string{
		"":         "[[1 to 2 Cem &lt;b&gt;] [1 to 2 =Bob] [3 Ada] [ req_d]]",
		"overall":  "[[1 to 2 Cem &lt;b&gt;] [1 to 2 =Bob] [3 Ada] [ req_d]]",
		"<script>": "[[1 to 2 Cem &lt;b&gt;] [1 to 2 =Bob] [3 Ada] [ req_d]]",
		// Without an interval a score has no place.
		"fluency":   "[[ Ada] [ =Bob] [ Cem &lt;b&gt;] [ req_d]]",
		"reference": "[[1 to 2 =Bob] [3 Ada] [1 to 2 Cem &lt;b&gt;] [ req_d]]",
		"submitted": "[[ req_d] [1 to 2 Cem &lt;b&gt;] [1 to 2 =Bob] [3 Ada]]",
	} {
		p, err := page.Compare(threeRuns(), page.CompareOptions{Title: "june", Sort: sort, Links: map[string]string{"req_a": "../x"}})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(rows(t, p)); got != want {
			t.Errorf("by %q: %s, want %s", sort, got, want)
		}
		for _, part := range []string{`<a href="../x">Ada</a>`, "It is noisy.", "Not finished yet.", "not told apart", "3.6 to 4.4, medium confidence"} {
			if !strings.Contains(string(p.HTML), part) {
				t.Errorf("by %q: the page lacks %q", sort, part)
			}
		}
		if strings.Contains(string(p.HTML), "<script") || strings.Contains(p.CSP, "script-src") || strings.Contains(string(p.HTML), "ZgotmplZ") {
			t.Errorf("by %q: %s", sort, p.CSP)
		}
	}
	if _, err := page.Compare([][]byte{[]byte("x")}, page.CompareOptions{}); err == nil {
		t.Error("what is no JSON has a page")
	}
}

// Ensure that the table has a row for each run, sorted in the same way, and that no cell of it is a
// formula.
func TestCompareAsATable(t *testing.T) {
	raw, err := page.CSV(threeRuns(), "overall")
	if err != nil {
		t.Fatal(err)
	}
	table, err := csv.NewReader(strings.NewReader(string(raw))).ReadAll()
	if err != nil || len(table) != 5 {
		t.Fatalf("%v %v", table, err)
	}
	var names []string
	for _, row := range table[1:] {
		names = append(names, row[1])
	}
	if got := strings.Join(names, " | "); got != "Cem <b> | '=Bob | Ada | " {
		t.Errorf("%q", got)
	}
}
