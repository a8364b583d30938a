// Package norms is the one versioned file of every number that a score is made with: the norms of
// the measures, their means and spreads, their weights, and the cut points. Each number names its
// source, so that none is a guess in disguise. The cut points are provisional until they are
// checked on speech with CEFR labels.
package norms

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"parley/shared/speech/score"
)

//go:embed norms.json
var raw []byte

// Number is one number with its provenance.
type Number struct {
	Value float64 `json:"value"`
	// Source is where it comes from: a paper, a corpus with the computation, or "provisional" with
	// the reason.
	Source string `json:"source"`
}

// Measure is what is known of one measure.
type Measure struct {
	Name  string `json:"name"`  // camelCase, stable
	Label string `json:"label"` // in everyday words; the field's term may follow in brackets
	Unit  string `json:"unit"`
	// CalibratedTo is the recogniser, with its model, whose probabilities the norm, the mean, the
	// spread and the weight were set on: they hold for no other. Empty where the measure does not
	// depend on the recogniser's probabilities.
	CalibratedTo string `json:"calibratedTo,omitempty"`
	// Norm is the range between the low end (about A2) and the high end (about C1) of speakers, in
	// Unit.
	Norm score.Norm `json:"norm"`
	// Log: the measure counts by its natural logarithm, whose Mean and SD these are then. From
	// three syllables in a run to six is as far as from six to twelve.
	Log bool `json:"log,omitempty"`
	// Native is what a native speaker shows at the middle, in Unit, where the section has a score
	// for natives ("scoreAtNative").
	Native *Number `json:"native,omitempty"`
	// Mean and SD standardise the measure: z = (value - Mean) / SD. SD 1 and Mean 0 where it is not
	// scored.
	Mean Number `json:"mean"`
	SD   Number `json:"sd"`
	// Weight is the measure's factor in the score's linear predictor per SD: negative where more is
	// worse, 0 where the measure is reported and not scored.
	Weight Number `json:"weight"`
}

// Section is one dimension's part of the file.
type Section struct {
	Measures []Measure         `json:"measures"`
	Numbers  map[string]Number `json:"numbers"`
}

// File is the whole file.
type File struct {
	Version string
	// Sections are those of the dimensions, by name, and beside them the sections "overall" and
	// "cefr".
	Sections map[string]Section
}

// sectionCEFR is the name of the section with the cut points between the levels.
const sectionCEFR = "cefr"

// data is the embedded file. One that cannot be read is a broken build: it panics at the start, and
// the tests see it first.
var data = func() File {
	f, err := Parse(raw)
	if err != nil {
		panic(err)
	}
	return f
}()

// Parse reads a norms file and checks it: no unknown section or field, a version, every number
// finite and with a source, names unique, spreads above 0, both ends of a norm different. A file
// may lack sections.
func Parse(b []byte) (File, error) {
	var members map[string]json.RawMessage
	if err := strictly(b, &members); err != nil {
		return File{}, fmt.Errorf("norms: %w", err)
	}
	f := File{Sections: map[string]Section{}}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if name == "version" {
			if err := strictly(members[name], &f.Version); err != nil {
				return File{}, fmt.Errorf("norms: %s: %w", name, err)
			}
			continue
		}
		if _, dimension := score.Find(score.Dimension(name)); !dimension && name != string(score.Overall) && name != sectionCEFR {
			return File{}, fmt.Errorf("norms: unknown section %q", name)
		}
		var s Section
		if err := strictly(members[name], &s); err != nil {
			return File{}, fmt.Errorf("norms: %s: %w", name, err)
		}
		if err := s.check(); err != nil {
			return File{}, fmt.Errorf("norms: %s: %w", name, err)
		}
		f.Sections[name] = s
	}
	if f.Version == "" {
		return File{}, errors.New("norms: the file has no version")
	}
	return f, nil
}

// strictly decodes JSON and refuses unknown fields.
func strictly(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(into) //nolint:wrapcheck // the callers name the section
}

func (s Section) check() error {
	seen := map[string]bool{}
	for _, m := range s.Measures {
		if m.Name == "" || m.Label == "" || seen[m.Name] {
			return fmt.Errorf("measure %q: no name, no label, or listed twice", m.Name)
		}
		seen[m.Name] = true
		if _, natives := s.Numbers[scoreAtNative]; natives && m.Weight.Value != 0 && m.Native == nil {
			return fmt.Errorf("measure %q: it counts, and what natives show is missing", m.Name)
		}
		if m.Norm.Low == m.Norm.High || m.Norm.Source == "" {
			return fmt.Errorf("measure %q: the norm has no width or no source", m.Name)
		}
		numbers := []Number{m.Mean, m.SD, m.Weight}
		if m.Native != nil {
			numbers = append(numbers, *m.Native)
		}
		for _, n := range numbers {
			if err := n.check(); err != nil {
				return fmt.Errorf("measure %q: %w", m.Name, err)
			}
		}
		if m.Log && min(m.Norm.Low, m.Norm.High) <= 0 {
			return fmt.Errorf("measure %q: the norm has no logarithm", m.Name)
		}
		if m.SD.Value <= 0 {
			return fmt.Errorf("measure %q: the spread is not above 0", m.Name)
		}
	}
	for name, n := range s.Numbers {
		if err := n.check(); err != nil {
			return fmt.Errorf("number %q: %w", name, err)
		}
	}
	return nil
}

func (n Number) check() error {
	if math.IsNaN(n.Value) || math.IsInf(n.Value, 0) {
		return errors.New("not finite")
	}
	if n.Source == "" {
		return errors.New("no source")
	}
	return nil
}

// Find returns the measure of that name, if the section has it.
func (s Section) Find(name string) (Measure, bool) {
	for _, m := range s.Measures {
		if m.Name == name {
			return m, true
		}
	}
	return Measure{}, false
}

// Measure returns the measure of that name. It panics where the section has none: a mistake in the
// program.
func (s Section) Measure(name string) Measure {
	if m, ok := s.Find(name); ok {
		return m
	}
	panic("norms: no measure " + name)
}

// Number returns the value of that name. It panics where the section has none: a mistake in the
// program.
func (s Section) Number(name string) float64 {
	n, ok := s.Numbers[name]
	if !ok {
		panic("norms: no number " + name)
	}
	return n.Value
}

// Of is the section of a dimension, or of score.Overall; the empty one where the file has none.
func Of(d score.Dimension) Section { return data.Sections[string(d)] }

// CEFR holds the cut points between the levels, on the 0-5 scale.
func CEFR() Section { return data.Sections[sectionCEFR] }

// ClarityToPractise is the clarity of a word, 0 to 100, below which it is worth practising.
func ClarityToPractise() float64 { return Of(score.Accent).Number("clarityToPractise") }

// Version is the version that the file gives itself.
func Version() string { return data.Version }

// Hash is 12 hexadecimal digits that change with any number of the file, and with the name of
// anything that has one: with all that decides a score. What is only read (labels, units, sources,
// calibratedTo, the version) leaves it as it is.
func Hash() string { return data.hash() }

// hash is Hash: the beginning of the SHA-256 of what decides scores, as JSON.
func (f File) hash() string {
	type measure struct {
		Name                        string
		Low, High, Mean, SD, Weight float64
		Log                         bool
		Native                      *float64
	}
	type section struct {
		Measures []measure
		Numbers  map[string]float64
	}
	all := map[string]section{}
	for name, s := range f.Sections {
		one := section{Numbers: map[string]float64{}}
		for _, m := range s.Measures {
			of := measure{m.Name, m.Norm.Low, m.Norm.High, m.Mean.Value, m.SD.Value, m.Weight.Value, m.Log, nil}
			if m.Native != nil {
				of.Native = &m.Native.Value
			}
			one.Measures = append(one.Measures, of)
		}
		for name, n := range s.Numbers {
			one.Numbers[name] = n.Value
		}
		all[name] = one
	}
	b, err := json.Marshal(all) // the keys of maps in order
	if err != nil {
		panic(err) // strings and finite numbers
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:6])
}
