package run

import (
	"maps"

	"parley/shared/engine/credit"
)

// Dimension names one thing that a service scores: vocabulary.
type Dimension string

// Scores are the headline numbers of a run, by dimension, on the service's scale. One that is missing
// was not measured. A service may keep a summary of its own under a name that is no dimension.
type Scores map[Dimension]float64

// Clone copies the scores; nil stays nil.
func (s Scores) Clone() Scores { return maps.Clone(s) }

// Scored is a dimension as far as the life of a run depends on it.
type Scored struct {
	Name Dimension
	// Required fails a run that lacks it, whatever the client allows.
	Required bool
}

// Dimensions are all that a service scores, in its own order.
type Dimensions []Scored

// Produced counts the dimensions that were measured.
func (d Dimensions) Produced(s Scores) int {
	n := 0
	for _, one := range d {
		if _, ok := s[one.Name]; ok {
			n++
		}
	}
	return n
}

// Complete tells whether all of them were measured.
func (d Dimensions) Complete(s Scores) bool { return d.Produced(s) == len(d) }

// Enough tells whether all that a partial result needs were measured: each required one, and one at
// least.
func (d Dimensions) Enough(s Scores) bool {
	for _, one := range d {
		if _, ok := s[one.Name]; one.Required && !ok {
			return false
		}
	}
	return d.Produced(s) > 0
}

// Charge is what a partial result costs.
func (d Dimensions) Charge(cost int64, s Scores) int64 {
	return credit.Share(cost, d.Produced(s), len(d))
}
