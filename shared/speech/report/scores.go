package report

import (
	"encoding/json"
	"fmt"

	"parley/shared/speech/score"
	"parley/shared/speech/score/overall"
)

// Score is a score as it is shown.
type Score struct {
	Points  float64 // 0 to 5, one decimal
	CEFR    string  // A1 to C2
	Percent int     // of the scale
}

func shown(raw float64) Score {
	return Score{overall.Shown(raw), overall.Level(raw), overall.Percent(raw)}
}

// Scores are those of the dimensions and the overall one, by name. One that is missing was not
// measured. Their JSON object has three members for each (Members), null where there is no score:
// in the order of the table, the overall one at last.
type Scores map[score.Dimension]Score

// Members are the names of a score's three members.
func Members(d score.Dimension) (points, cefr, percent string) {
	if d == score.Overall {
		return string(d), "cefrLevel", string(d) + "Percent"
	}
	return string(d), string(d) + "Cefr", string(d) + "Percent"
}

// Object is the scores as the JSON object has them.
func (s Scores) Object() score.Object {
	var o score.Object
	for _, d := range score.Names() {
		points, cefr, percent := Members(d)
		v, ok := s[d]
		if !ok {
			o = append(o, score.Member{Name: points}, score.Member{Name: cefr}, score.Member{Name: percent})
			continue
		}
		o = append(o, score.Member{Name: points, Value: v.Points}, score.Member{Name: cefr, Value: v.CEFR}, score.Member{Name: percent, Value: v.Percent})
	}
	return o
}

// MarshalJSON implements json.Marshaler.
func (s Scores) MarshalJSON() ([]byte, error) { return s.Object().MarshalJSON() }

// UnmarshalJSON implements json.Unmarshaler. Members of no dimension are left out.
func (s *Scores) UnmarshalJSON(b []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return fmt.Errorf("report: scores: %w", err)
	}
	if members == nil { // null
		*s = nil
		return nil
	}
	*s = Scores{}
	for _, d := range score.Names() {
		var v Score
		var points *float64
		p, c, percent := Members(d)
		for name, into := range map[string]any{p: &points, c: &v.CEFR, percent: &v.Percent} {
			if raw, ok := members[name]; ok {
				if err := json.Unmarshal(raw, into); err != nil {
					return fmt.Errorf("report: scores: %s: %w", name, err)
				}
			}
		}
		if points != nil {
			v.Points = *points
			(*s)[d] = v
		}
	}
	return nil
}
