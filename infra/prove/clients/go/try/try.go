// Package try says what a client did, in the form that the test reads.
package try

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// The environment that the test sets.
var (
	URL       = os.Getenv("PARLEY_URL") + "/api/v1"
	Key       = os.Getenv("PARLEY_API_KEY")
	Recording = os.Getenv("PARLEY_RECORDING")
	Short     = os.Getenv("PARLEY_SHORT")
	// Repeat is the Idempotency-Key of the submit: every client's submit is the same input, so all
	// read one run.
	Repeat = os.Getenv("PARLEY_IDEMPOTENCY")
)

// The fields that every client sends.
const (
	ExternalID = "clients-1"
	Tag, Other = "june", "support team"
)

// Said is what the test reads.
type Said struct {
	Refusal  string  `json:"refusal"` // the code of a refused submit
	ID       string  `json:"id"`
	Status   string  `json:"status"`
	Fluency  float64 `json:"fluency"`
	Level    string  `json:"level"`    // of accent
	Words    int     `json:"words"`    // in the transcript
	Measures int     `json:"measures"` // of fluency
}

// Open returns the file's bytes.
func Open(name string) *bytes.Reader {
	raw, err := os.ReadFile(name)
	Must(err)
	return bytes.NewReader(raw)
}

// Say prints what was done.
func Say(s Said) { Must(json.NewEncoder(os.Stdout).Encode(s)) }

// Must ends the program if something failed.
func Must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
