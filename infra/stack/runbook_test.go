package stack

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// Ensure that whoever is woken by an alarm finds its section in the runbook, and that no section is
// about an alarm that is gone.
func TestRunbookHasASectionForEachAlarm(t *testing.T) {
	raw, err := os.ReadFile("../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	var sections, alarms []string
	for _, m := range regexp.MustCompile(`(?m)^### (.+)$`).FindAllSubmatch(raw, -1) {
		sections = append(sections, string(m[1]))
	}
	for _, a := range Alarms("parley") {
		alarms = append(alarms, a.Name)
	}
	slices.Sort(sections)
	slices.Sort(alarms)
	if !slices.Equal(sections, alarms) {
		t.Errorf("sections %v\nalarms   %v", sections, alarms)
	}
}
