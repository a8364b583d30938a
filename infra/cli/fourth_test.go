package main

import (
	"bytes"
	"strings"
	"testing"

	"parley/infra/prove/throwaway"
)

func TestAFourthDimensionIsOnTheTerminal(t *testing.T) {
	throwaway.Dimension(t)
	body := strings.NewReplacer(`"overall":3.1`, `"melody":1.1,"melodyCefr":"A2","melodyPercent":22,"overall":3.1`,
		`"accent":"Accent is 2.9 of 5."`, `"accent":"Accent is 2.9 of 5.","melody":"Melody is 1.1 of 5."`,
		`"fluency":null,"accent":null}`, `"fluency":null,"accent":null,"melody":{"measures":[{"name":"contour","label":"contour","value":1,"unit":"semitones","norm":null,"weight":1}]}}`).Replace(finished)
	var b bytes.Buffer
	if err := printReport(&b, []byte(body)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"melody      1.1  A2   22 %", "\nMelody\n", "Melody is 1.1 of 5.", "1.00 semitones"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
	service(t, 200, `{"data":[`+body+`],"nextCursor":null}`)
	out, errs, exit := parley(t, "runs")
	if head, row, _ := strings.Cut(out, "\n"); exit != 0 || !strings.Contains(head, "ACCENT  MELODY  OVERALL") || !strings.Contains(row, "2.9     1.1     3.1") {
		t.Errorf("exit %d: %s%s", exit, out, errs)
	}
}
