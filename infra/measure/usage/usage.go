// Package usage is what a run was measured to use of AWS. Package cost prices it and package
// capacity runs many such runs at once; both write into one page.
package usage

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parley/infra/measure/corpus"
	"parley/shared/engine/run"
)

// Measured is what was measured, and how.
type Measured struct {
	Command   string `json:"command"`
	Date      string `json:"date"`
	Machine   string `json:"machine"`
	Interview Run    `json:"interview"` // of four minutes
	Long      Run    `json:"long"`      // some of them, joined
	Idle      Idle   `json:"idle"`
}

// Run is what one run used.
type Run struct {
	Recording string          `json:"recording"`
	Seconds   float64         `json:"seconds"` // its length
	Bytes     int64           `json:"bytes"`
	Calls     map[string]Call `json:"calls"` // by function, without the polls
	Parts     []Part          `json:"parts"`
	Objects   Objects         `json:"objects"`
	Tables    Tables          `json:"tables"`
	Messages  int             `json:"messages"`
	Answers   map[string]int  `json:"answers"`  // bytes of the API's answers, by function
	LogBytes  map[string]int  `json:"logBytes"` // logs and measurements, by function
	Poll      Call            `json:"poll"`     // one poll of a run in process
	PollReads int             `json:"pollReads"`
}

// Call is what the invocations of a function took together.
type Call struct {
	Times      int     `json:"times"`
	CPUSeconds float64 `json:"cpuSeconds"`
	Seconds    float64 `json:"seconds"` // on the clock
}

// Part is what one part of a run took.
type Part struct {
	Stage      run.Stage `json:"stage"`
	CPUSeconds float64   `json:"cpuSeconds"`
	Seconds    float64   `json:"seconds"`
}

// Objects counts the requests to the bucket, and the bytes that a run leaves in it.
type Objects struct {
	Puts      int   `json:"puts"`
	Gets      int   `json:"gets"` // and every other request that is priced as one
	Lists     int   `json:"lists"`
	Recording int64 `json:"recordingBytes"`
	Work      int64 `json:"workBytes"`
	Report    int64 `json:"reportBytes"`
}

// Tables counts reads of the tables, each of at most 4 KB, and the writes of rates and polls. The
// writes of the run itself are those of docs/ledger.md.
type Tables struct {
	Reads  int `json:"reads"`
	Writes int `json:"writes"`
}

// Idle is what the schedules use without any run.
type Idle struct {
	Sweep Call `json:"sweep"`
	// Probe is one probe of each stage that has an engine; Times is how many there are.
	Probe      Call `json:"probe"`
	SweepReads int  `json:"sweepReads"` // per sweep
	Writes     int  `json:"sweepWrites"`
	// Lists of the bucket, per sweep, at most: a walk rests for 15 minutes.
	Lists    int `json:"sweepLists"`
	LogBytes int `json:"logBytes"` // of a sweep
}

// path returns the path of a file of data of one of the two commands.
func path(command, name string) (string, error) {
	root, err := corpus.Root()
	return filepath.Join(root, "infra", "measure", command, name), err
}

const measuredFile = "measured.json"

// Load reads what was measured.
func Load() (Measured, error) {
	var m Measured
	return m, LoadFile("cost", measuredFile, &m)
}

// LoadFile reads a file of data of one of the two commands.
func LoadFile(command, name string, into any) error {
	at, err := path(command, name)
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	raw, err := os.ReadFile(at)
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("usage: %s: %w", name, err)
	}
	return nil
}

// Save writes what was measured.
func Save(m Measured) error {
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	at, err := path("cost", measuredFile)
	if err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	if err := os.WriteFile(at, append(raw, '\n'), 0o644); err != nil {
		return fmt.Errorf("usage: %w", err)
	}
	return nil
}

// tick is what Linux counts processor time by, s.
const tick = 0.01

// Stage returns how long the longest part of a stage took, in processor time: a tick at least, and
// 0 if there was none.
func (r Run) Stage(s run.Stage) time.Duration {
	longest := 0.0
	for _, p := range r.Parts {
		if p.Stage == s {
			longest = max(longest, p.CPUSeconds, tick)
		}
	}
	return time.Duration(longest * float64(time.Second))
}

// Pieces returns how many parts a stage had.
func (r Run) Pieces(s run.Stage) int {
	n := 0
	for _, p := range r.Parts {
		if p.Stage == s {
			n++
		}
	}
	return n
}

// Page is the page that both commands write.
const Page = "docs/cost.md"

// Section returns a page with the text of one of its sections replaced. The section stands between
// two comments; a page without them is an error.
func Section(page, name, text string) (string, error) {
	begin, end := "<!-- "+name+": begin -->\n", "<!-- "+name+": end -->\n"
	before, rest, ok := strings.Cut(page, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return "", fmt.Errorf("usage: the page has no section %q", name)
	}
	return before + begin + "\n" + text + "\n" + end + after, nil
}

// Write replaces a section of the page and reports whether that changed it. If check is true, it
// writes nothing.
func Write(name, text string, check bool) (changed bool, err error) {
	root, err := corpus.Root()
	if err != nil {
		return false, fmt.Errorf("usage: %w", err)
	}
	at := filepath.Join(root, filepath.FromSlash(Page))
	before, err := os.ReadFile(at)
	if err != nil {
		return false, fmt.Errorf("usage: %w", err)
	}
	after, err := Section(string(before), name, text)
	if err != nil || after == string(before) || check {
		return after != string(before), err
	}
	if err := os.WriteFile(at, []byte(after), 0o644); err != nil {
		return true, fmt.Errorf("usage: %w", err)
	}
	return true, nil
}
