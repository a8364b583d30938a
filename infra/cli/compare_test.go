package main

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"
)

// Ensure that runs are compared as a table with places, as CSV and by a link, and that a wrong
// question is refused before anything is asked.
func TestCompare(t *testing.T) {
	other := strings.NewReplacer(`"c-17"`, `"c-18"`, "req_a", "req_b").Replace(finished)
	service(t, http.StatusOK, `{"data":[`+finished+`,`+other+`,`+failedRun+`],"nextCursor":null}`)
	out, errs, exit := parley(t, "compare", "--tag", "june")
	if exit != 0 {
		t.Fatalf("exit %d: %s", exit, errs)
	}
	for _, want := range []string{"PLACE   REFERENCE", "1 to 2  c-17", "1 to 2  c-18", "Could not be scored.", "Sorted by overall.", "not told apart"} {
		if !strings.Contains(out, want) {
			t.Errorf("the table lacks %q:\n%s", want, out)
		}
	}
	out, errs, exit = parley(t, "compare", "--external-id", "c-17", "--sort", "reference", "--csv")
	if rows, err := csv.NewReader(strings.NewReader(out)).ReadAll(); exit != 0 || err != nil || len(rows) != 4 || rows[0][0] != "id" {
		t.Errorf("exit %d, %v: %s%s", exit, err, out, errs)
	}
	for _, args := range [][]string{{}, {"--tag", "a", "--external-id", "b"}, {"--tag", "a", "--sort", "luck"}, {"--tag", "a", "--csv", "--json"}, {"--tag", "a", "--csv", "--link"}} {
		if _, _, exit := parley(t, append([]string{"compare"}, args...)...); exit != exitUsage {
			t.Errorf("%v: exit %d", args, exit)
		}
	}
}

// Ensure that a link to the comparison is printed alone on its line.
func TestCompareLink(t *testing.T) {
	service(t, http.StatusCreated, `{"url":"https://parley.example.com/api/v1/reports/compare/c2Fk","expiresAt":"2026-04-28T12:34:56.789Z","runs":7}`)
	out, errs, exit := parley(t, "compare", "--tag", "june", "--link")
	if exit != 0 || out != "https://parley.example.com/api/v1/reports/compare/c2Fk\n  compares 7 runs, until 2026-04-28 12:34 UTC\n" {
		t.Errorf("exit %d: %s%s", exit, out, errs)
	}
}
