package conversation

import (
	"encoding/json"
	"fmt"
	"io"

	"parley/shared/speech/audio"
	"parley/shared/speech/diarization"
	"parley/shared/speech/transcript"
)

// The roles of a reference.
const (
	RoleCandidate   = "candidate"
	RoleInterviewer = "interviewer"
)

// Segment is a stretch of a reference: who really speaks, and what. Times in seconds.
type Segment struct {
	Start   float64 `json:"start"`
	End     float64 `json:"end"`
	Speaker string  `json:"speaker"`
	Text    string  `json:"text"`
	// Voice tells several speakers of one role apart; empty: the role has one.
	Voice string `json:"voice,omitempty"`
}

// Who is the person: the voice, or the role where it has one only.
func (s Segment) Who() string {
	if s.Voice != "" {
		return s.Voice
	}
	return s.Speaker
}

// Reference is the truth about a recording, made by hand: what the accuracy is measured against.
type Reference struct {
	Duration float64   `json:"duration"` // s
	Segments []Segment `json:"segments"`
}

// ReadReference reads a reference's JSON.
func ReadReference(r io.Reader) (Reference, error) {
	var ref Reference
	if err := json.NewDecoder(io.LimitReader(r, 16<<20)).Decode(&ref); err != nil {
		return ref, fmt.Errorf("conversation: reference: %w", err)
	}
	return ref, nil
}

// Errors are the shares, in percent, of what went to the wrong speaker.
type Errors struct {
	// Attribution is the speech of others scored as the candidate's and the candidate's scored as
	// another's, as a share of the candidate's speech.
	Attribution float64
	// Diarization error rate (NIST): missed, false and confused speech as a share of the speech;
	// confused alone beside it. 250 ms around every boundary are left out.
	DER, Confusion float64
	// Strict is DER with nothing left out.
	Strict float64
	// Right is true where the speaker called candidate speaks mostly in the candidate's segments.
	Right bool
}

// collarMs is left out on each side of a boundary of the reference, for DER.
const collarMs = 250

// stepMs is the grid on which speech is compared.
const stepMs = 10

// Attribution compares a conversation and its diarization with the truth.
func Attribution(ref Reference, c transcript.Conversation, d diarization.Diarization) Errors {
	n := int(ref.Duration*1000/stepMs) + 1
	for _, t := range d.Turns {
		n = max(n, int(t.EndMs/stepMs)+1)
	}
	truth, who := make([]string, n), make([]string, n) // the role, the person
	collar := make([]bool, n)
	both := make([]bool, n) // two speak at once, and whoever is heard is right
	for _, s := range ref.Segments {
		from, to := int(s.Start*1000/stepMs), int(s.End*1000/stepMs)
		for i := max(from, 0); i < to && i < n; i++ {
			both[i] = both[i] || who[i] != "" && who[i] != s.Who()
			truth[i], who[i] = s.Speaker, s.Who()
		}
		for _, edge := range []int{from, to} {
			for i := max(0, edge-collarMs/stepMs); i < min(n, edge+collarMs/stepMs); i++ {
				collar[i] = true
			}
		}
	}
	as := make([]int, n) // the conversation's speaker plus 1, 0 for none
	for _, t := range c.Turns {
		if t.Aside {
			continue
		}
		fill(as, audio.Span{StartMs: t.StartMs, EndMs: t.EndMs}, t.Speaker+1)
	}
	heard := make([]int, n)
	for _, t := range d.Turns {
		fill(heard, t.Span, t.Speaker+1)
	}

	for i, b := range both {
		if b {
			truth[i], collar[i] = "", true
		}
	}
	var out Errors
	wrong, candidate, right := 0, 0, 0
	for i, s := range truth {
		if s == "" {
			continue
		}
		if s == RoleCandidate {
			candidate++
		}
		if as[i] == 0 {
			continue
		}
		if (as[i]-1 == c.Candidate.Speaker) != (s == RoleCandidate) {
			wrong++
		} else if s == RoleCandidate {
			right++
		}
	}
	out.Right = 2*right > candidate
	out.Attribution = percent(wrong, candidate)
	out.DER, out.Confusion = der(who, heard, collar)
	out.Strict, _ = der(who, heard, both)
	return out
}

func fill(grid []int, s audio.Span, v int) {
	for i := max(0, int(s.StartMs/stepMs)); i < min(len(grid), int(s.EndMs/stepMs)); i++ {
		grid[i] = v
	}
}

func percent(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return 100 * float64(n) / float64(of)
}

// der is the diarization error rate and its confused part, in percent. The heard speakers are
// matched with the true ones one to one, so that they have most time in common.
func der(truth []string, heard []int, collar []bool) (total, confusion float64) {
	common := map[string]map[int]int{}
	speech, missed, invented, both := 0, 0, 0, 0
	for i, s := range truth {
		if collar[i] {
			continue
		}
		switch {
		case s != "" && heard[i] != 0:
			if common[s] == nil {
				common[s] = map[int]int{}
			}
			common[s][heard[i]]++
			speech++
			both++
		case s != "":
			speech++
			missed++
		case heard[i] != 0:
			invented++
		}
	}
	var speakers []map[int]int
	for _, row := range common {
		speakers = append(speakers, row)
	}
	confused := both - matched(speakers, map[int]bool{})
	return percent(missed+invented+confused, speech), percent(confused, speech)
}

// matched is the most time that true speakers have in common with heard ones, each with another one
// or with none. Recordings have a handful of either, so all ways are tried.
func matched(speakers []map[int]int, used map[int]bool) int {
	if len(speakers) == 0 {
		return 0
	}
	most := matched(speakers[1:], used)
	for h, n := range speakers[0] {
		if used[h] {
			continue
		}
		used[h] = true
		most = max(most, n+matched(speakers[1:], used))
		delete(used, h)
	}
	return most
}
