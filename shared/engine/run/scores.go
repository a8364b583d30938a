package run

import (
	"maps"

	"parley/shared/engine/credit"
)

// Dimension is the name of something that a service scores, such as vocabulary.
type Dimension string

// Scores holds a run's score in each dimension, on the service's scale. A missing one was not
// measured. A service may add a summary under a name that is not a dimension.
type Scores map[Dimension]float64

// Clone returns a copy; nil stays nil.
func (s Scores) Clone() Scores { return maps.Clone(s) }

// Scored is what the engine knows of a dimension.
type Scored struct {
	Name Dimension
	// Required means that a run without this score fails, even if its client allows a partial
	// result.
	Required bool
}

// Dimensions lists everything that a service scores, in the service's order.
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

// Complete reports whether every dimension was measured.
func (d Dimensions) Complete(s Scores) bool { return d.Produced(s) == len(d) }

// Enough reports whether s is enough for a partial result: every required dimension was measured,
// and at least one.
func (d Dimensions) Enough(s Scores) bool {
	for _, one := range d {
		if _, ok := s[one.Name]; one.Required && !ok {
			return false
		}
	}
	return d.Produced(s) > 0
}

// Charge returns the cost of a partial result, in credits (credit.Share).
func (d Dimensions) Charge(cost int64, s Scores) int64 {
	return credit.Share(cost, d.Produced(s), len(d))
}
