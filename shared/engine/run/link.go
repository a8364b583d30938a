package run

import (
	"crypto/subtle"
	"slices"
	"time"
)

// A run's own item holds the links to its report page, so the write that erases a run also ends its
// links. A link is only an id here: the front makes the token from it, and nobody can make a token
// from what is stored without the deployment's secret.

const (
	// MaxLinks is how many links of a run may be live at once. One more ends the oldest.
	MaxLinks = 20
	// LinkIDBytes is the size of a link's id.
	LinkIDBytes = 12
)

// Link is a link to the report page of a run.
type Link struct {
	ID      string // LinkIDBytes in hexadecimal
	Expires time.Time
}

// live returns the links that have not expired, oldest first.
func (r Run) live(now time.Time) []Link {
	return slices.DeleteFunc(slices.Clone(r.Links), func(l Link) bool { return !now.Before(l.Expires) })
}

// Linked adds a link and forgets the expired ones. If more than MaxLinks would be live, the oldest
// ends. Condition: not erased, else ErrGone.
func (r Run) Linked(l Link, now time.Time) (Run, error) {
	if !r.ErasedAt.IsZero() {
		return r, ErrGone
	}
	live := append(r.live(now), l)
	r.Links = live[max(0, len(live)-MaxLinks):]
	r.Version++
	return r, nil
}

// Unlinked ends every link. A run without links returns ErrGone: there is nothing to write.
func (r Run) Unlinked() (Run, error) {
	if len(r.Links) == 0 {
		return r, ErrGone
	}
	r.Links = nil
	r.Version++
	return r, nil
}

// Opens reports whether the link with this id shows the run: it is one of the run's, has not
// expired, and the run is not erased. It compares every id in constant time.
func (r Run) Opens(id string, now time.Time) bool {
	opens := false
	for _, l := range r.Links {
		same := subtle.ConstantTimeCompare([]byte(l.ID), []byte(id)) == 1
		opens = opens || same && now.Before(l.Expires)
	}
	return opens && r.ErasedAt.IsZero()
}
