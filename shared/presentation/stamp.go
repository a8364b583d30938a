package presentation

import (
	"fmt"
	"time"
)

// Stamp is a time as it is written in bodies: ISO 8601, UTC, always with milliseconds.
type Stamp time.Time

const stampLayout = "2006-01-02T15:04:05.000Z"

// MarshalJSON implements json.Marshaler.
func (s Stamp) MarshalJSON() ([]byte, error) {
	return []byte(`"` + time.Time(s).UTC().Format(stampLayout) + `"`), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Stamp) UnmarshalJSON(b []byte) error {
	t, err := time.Parse(`"`+time.RFC3339+`"`, string(b))
	if err != nil {
		return fmt.Errorf("presentation: time: %w", err)
	}
	*s = Stamp(t.UTC())
	return nil
}

// Maybe returns t as a Stamp, or nil for the zero time.
func Maybe(t time.Time) *Stamp {
	if t.IsZero() {
		return nil
	}
	s := Stamp(t)
	return &s
}

// spoken formats ms for people: 3:20, or 1:02:03 from one hour on, rounded down to a second.
func spoken(ms int64) string {
	s := ms / 1000
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
