package audio

import (
	"bytes"
	"encoding/json"
	"math"
	"sort"
	"time"

	"parley/shared/errcode"
)

// CutBound is one cut setting with its bounds, both included.
type CutBound struct {
	Name     string
	Unit     string
	Min, Max float64
	Default  float64 // endSeconds has none but the end, which is 0
	Whole    bool    // only whole numbers
	set      func(*CutSettings, float64)
}

// CutBounds lists every cut setting.
var CutBounds = []CutBound{
	{"startSeconds", "s", 0, (Bounds.MaxLength - Bounds.MinLength).Seconds(), 0, false, func(c *CutSettings, v float64) { c.StartSeconds = v }},
	{"endSeconds", "s", Bounds.MinLength.Seconds(), Bounds.MaxLength.Seconds(), 0, false, func(c *CutSettings, v float64) { c.EndSeconds = v }},
	{"silenceThresholdDb", "dB", -60, -15, -35, false, func(c *CutSettings, v float64) { c.SilenceThresholdDb = v }},
	{"minSilenceMs", "ms", 100, 2000, 250, true, func(c *CutSettings, v float64) { c.MinSilenceMs = int(v) }},
	{"minSpeechMs", "ms", 50, 1000, 100, true, func(c *CutSettings, v float64) { c.MinSpeechMs = int(v) }},
	{"paddingMs", "ms", 0, 500, 50, true, func(c *CutSettings, v float64) { c.PaddingMs = int(v) }},
}

// DefaultCut are the settings of a client who sent none.
func DefaultCut() CutSettings {
	var c CutSettings
	for _, b := range CutBounds {
		b.set(&c, b.Default)
	}
	return c
}

// CutFault is one cut setting that cannot be used, as details.fields lists it.
type CutFault struct {
	Name string `json:"name"`
	// Reason is unknown, notANumber, notWhole, outOfBounds, tooLittleLeft or notAnObject.
	Reason string   `json:"reason"`
	Min    *float64 `json:"min,omitempty"`
	Max    *float64 `json:"max,omitempty"`
	Value  any      `json:"value,omitempty"`
}

// ValidateCut reads the cut settings of a recording of this length, defaults filled in; raw is
// empty where the client sent none. INVALID_PARAMETERS with details.fields, a CutFault for each
// offender.
func ValidateCut(raw json.RawMessage, durationMs int64) (CutSettings, error) {
	c := DefaultCut()
	var sent map[string]json.RawMessage
	if len(bytes.TrimSpace(raw)) > 0 {
		if err := json.Unmarshal(raw, &sent); err != nil || sent == nil {
			return c, invalidCut([]CutFault{{Name: "cutSettings", Reason: "notAnObject"}})
		}
	}
	var faults []CutFault
	for _, b := range CutBounds {
		v, ok := sent[b.Name]
		if !ok {
			continue
		}
		delete(sent, b.Name)
		if f := b.read(v, &c); f != nil {
			faults = append(faults, *f)
		}
	}
	var unknown []string
	for name := range sent {
		unknown = append(unknown, name)
	}
	sort.Strings(unknown)
	for _, name := range unknown {
		faults = append(faults, CutFault{Name: name, Reason: "unknown"})
	}
	if len(faults) == 0 {
		faults = c.tooShort(durationMs)
	}
	if len(faults) > 0 {
		return c, invalidCut(faults)
	}
	return c, nil
}

// tooShort returns what is wrong if too little of a recording is left: each setting that would have
// to be another, with the bounds that the rest leaves it. The length may be 0, not known yet.
func (c CutSettings) tooShort(durationMs int64) []CutFault {
	length := Bounds.MaxLength
	if durationMs > 0 {
		length = time.Duration(durationMs) * time.Millisecond
	}
	start, end := ofSeconds(c.StartSeconds), length
	if c.EndSeconds > 0 {
		end = min(end, ofSeconds(c.EndSeconds))
	}
	if end-start >= Bounds.MinLength {
		return nil
	}
	var faults []CutFault
	if start > 0 {
		least, most := 0.0, max(end-Bounds.MinLength, 0).Seconds()
		faults = append(faults, CutFault{Name: "startSeconds", Reason: "tooLittleLeft", Min: &least, Max: &most, Value: c.StartSeconds})
	}
	if c.EndSeconds > 0 && end < length {
		least, most := (start + Bounds.MinLength).Seconds(), Bounds.MaxLength.Seconds()
		faults = append(faults, CutFault{Name: "endSeconds", Reason: "tooLittleLeft", Min: &least, Max: &most, Value: c.EndSeconds})
	}
	return faults
}

// ofSeconds rounds to whole milliseconds.
func ofSeconds(s float64) time.Duration {
	return time.Duration(math.Round(s*1000)) * time.Millisecond
}

func (b CutBound) read(raw json.RawMessage, c *CutSettings) *CutFault {
	fault := CutFault{Name: b.Name, Min: &b.Min, Max: &b.Max}
	var v float64
	if err := json.Unmarshal(raw, &v); err != nil || string(bytes.TrimSpace(raw)) == "null" {
		fault.Reason = "notANumber" // so is one beyond all numbers, 1e999
		return &fault
	}
	fault.Value = v
	switch {
	case math.IsNaN(v), v < b.Min, v > b.Max:
		fault.Reason = "outOfBounds"
	case b.Whole && v != math.Trunc(v):
		fault.Reason = "notWhole"
	default:
		b.set(c, v)
		return nil
	}
	return &fault
}

func invalidCut(faults []CutFault) error {
	return errcode.New(errcode.InvalidParameters).With("fields", faults)
}
