package speech

import (
	"encoding/json"
	"fmt"

	"parley/shared/engine/run"
	"parley/shared/speech/audio"
	"parley/shared/speech/audio/channels"
	"parley/shared/speech/transcript"
)

// Request is what a client asks of the service. It is a run's Request.Asked.
type Request struct {
	Language string            `json:"language"` // ISO 639-1
	Cut      audio.CutSettings `json:"cutSettings"`
	// Channels is how the channels of the recording are to be used; empty: as they are heard to be.
	Channels channels.Choice `json:"channels,omitempty"`
	// CandidateSpeaks is who the client says the candidate is; empty: it did not say.
	CandidateSpeaks transcript.Hint `json:"candidateSpeaks,omitempty"`
}

// File is what the submit learnt of the recording beside its length. It is a run's Material.
type File struct {
	Format    string `json:"format"` // mp3, wav, m4a, webm, ogg, flac
	SizeBytes int64  `json:"sizeBytes"`
	// Joins and Breaks are as in audio.Info.
	Joins  int          `json:"joins,omitempty"`
	Breaks audio.Breaks `json:"breaks,omitzero"`
	// Channels is how many the sound has, as in audio.Info.
	Channels int `json:"channels,omitempty"`
}

// Found is what is kept of a run's end beside its scores. It is a run's Found.
type Found struct {
	Language string `json:"language"` // heard, ISO 639-1; empty: none
}

// RequestOf reads what the client of r asked for; the zero Request where r carries none.
func RequestOf(r run.Run) (Request, error) { return read[Request](r.ID, r.Request.Asked) }

// FileOf reads what is known of the recording of r; the zero File where r carries none.
func FileOf(r run.Run) (File, error) { return read[File](r.ID, r.Material) }

// FoundOf reads what is kept of the end of r; the zero Found where r carries none.
func FoundOf(r run.Run) (Found, error) { return read[Found](r.ID, r.Found) }

// Document writes the request.
func (q Request) Document() run.Document { return document(q) }

// Document writes the file.
func (f File) Document() run.Document { return document(f) }

// Document writes what was found.
func (f Found) Document() run.Document { return document(f) }

func read[T any](id run.ID, d run.Document) (v T, err error) {
	if len(d) == 0 {
		return v, nil
	}
	if err := json.Unmarshal(d, &v); err != nil {
		return v, fmt.Errorf("speech: %T of %s: %w", v, id, err)
	}
	return v, nil
}

func document(v any) run.Document {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and finite numbers
	}
	return b
}
