package api

import (
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strings"
	"time"

	"parley/shared/audio"
	"parley/shared/run"
)

// cutBound is one of the cut settings.
type cutBound struct {
	name          string
	min, max, def float64
	whole         bool // ms settings are whole numbers
	set           func(*run.CutSettings, float64)
}

var cutBounds = []cutBound{
	{"startSeconds", 0, 2520, 0, false, func(c *run.CutSettings, v float64) { c.StartSeconds = v }},
	{"endSeconds", 180, 2700, 0, false, func(c *run.CutSettings, v float64) { c.EndSeconds = v }},
	{"silenceThresholdDb", -60, -15, -35, false, func(c *run.CutSettings, v float64) { c.SilenceThresholdDb = v }},
	{"minSilenceMs", 100, 2000, 250, true, func(c *run.CutSettings, v float64) { c.MinSilenceMs = int(v) }},
	{"minSpeechMs", 50, 1000, 100, true, func(c *run.CutSettings, v float64) { c.MinSpeechMs = int(v) }},
	{"paddingMs", 0, 500, 50, true, func(c *run.CutSettings, v float64) { c.PaddingMs = int(v) }},
}

// cut reads the cut settings, defaults filled in: INVALID_PARAMETERS naming every one that is wrong.
func (f *form) cut() (run.CutSettings, error) {
	var c run.CutSettings
	raw, sent := f.one(fieldCut)
	values := map[string]json.RawMessage{}
	if sent {
		var err error
		if values, err = strictObject(raw); err != nil {
			return c, invalid(field{Name: fieldCut, Message: err.Error()})
		}
	}
	var bad []field
	for _, b := range cutBounds {
		b.set(&c, b.def)
		v, ok := values[b.name]
		if !ok {
			continue
		}
		delete(values, b.name)
		var n *float64 // null is no number
		kind := "a number"
		if b.whole {
			kind = "a whole number"
		}
		err := json.Unmarshal(v, &n)
		switch {
		case err != nil || n == nil || b.whole && *n != math.Trunc(*n):
			bad = append(bad, field{Name: b.name, Message: "must be " + kind, Min: b.min, Max: b.max})
		case *n < b.min || *n > b.max:
			bad = append(bad, field{Name: b.name, Message: "is out of its bounds", Min: b.min, Max: b.max})
		default:
			b.set(&c, *n)
		}
	}
	for name := range values {
		bad = append(bad, field{Name: clip(name), Message: "is not a cut setting; there are " + cutNames()})
	}
	if len(bad) > 0 {
		sort.SliceStable(bad, func(i, j int) bool { return bad[i].Name < bad[j].Name })
		return c, invalid(bad...)
	}
	return c, nil
}

func cutNames() string {
	names := make([]string, len(cutBounds))
	for i, b := range cutBounds {
		names[i] = b.name
	}
	return strings.Join(names, ", ")
}

// leaves tells whether the cut leaves enough of a recording of this length: INVALID_PARAMETERS.
func leaves(c run.CutSettings, length time.Duration) error {
	if c.StartSeconds == 0 && c.EndSeconds == 0 {
		return nil
	}
	end := length.Seconds()
	name := "startSeconds"
	if c.EndSeconds != 0 && c.EndSeconds < end {
		end, name = c.EndSeconds, "endSeconds"
	}
	if least := audio.Bounds.MinLength.Seconds(); end-c.StartSeconds < least {
		return invalid(field{Name: name, Message: fmt.Sprintf("leaves less than %v s of the recording", least)})
	}
	return nil
}
