package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// state is the content of the fault file, JSON that is replaced as a whole. The counts are not in
// it: the token files are the counts.
type state struct {
	Faults []entry `json:"faults"`
}

type entry struct {
	Spec string `json:"spec"`
}

func load(path string) (state, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, nil
	}
	if err != nil {
		return state{}, fmt.Errorf("fault: read: %w", err)
	}
	var s state
	if err := json.Unmarshal(raw, &s); err != nil {
		return state{}, fmt.Errorf("fault: read %s: %w; run `parley local faults clear` to fix it", path, err)
	}
	return s, nil
}

func save(path string, s state) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("fault: write: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("fault: write: %w", err)
	}
	if err := os.WriteFile(path+".new", append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("fault: write: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("fault: write: %w", err)
	}
	return nil
}

// Set adds faults to the file at path. A new fault replaces the target's old one and its count.
func Set(path string, specs []Spec) error {
	s, err := load(path)
	if err != nil {
		return err
	}
	for _, spec := range specs {
		s.Faults = slices.DeleteFunc(s.Faults, func(e entry) bool { return strings.HasPrefix(e.Spec, spec.Target+"=") })
		if err := putTokens(path, spec); err != nil {
			return err
		}
		s.Faults = append(s.Faults, entry{Spec: spec.String()})
	}
	return save(path, s)
}

// Clear removes all faults.
func Clear(path string) error {
	if err := save(path, state{}); err != nil {
		return err
	}
	if err := os.RemoveAll(tokens(path)); err != nil {
		return fmt.Errorf("fault: clear: %w", err)
	}
	return nil
}

// Show returns the faults in effect. Times is how often a fault with a count will still be
// injected; a fault that is used up is left out.
func Show(path string) ([]Spec, error) {
	s, err := load(path)
	if err != nil {
		return nil, err
	}
	specs := make([]Spec, 0, len(s.Faults))
	for _, e := range s.Faults {
		spec, err := Parse(e.Spec)
		if err != nil {
			return nil, err
		}
		if spec.Times > 0 {
			spec.Times = len(tokensOf(path, spec.Target))
			if spec.Times == 0 {
				continue
			}
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

func tokens(path string) string { return path + ".left" }

func tokensOf(path, target string) []string {
	found, err := filepath.Glob(filepath.Join(tokens(path), target+"-*"))
	if err != nil {
		return nil // only for a malformed pattern, and targets are plain words
	}
	return found
}

// putTokens replaces the target's token files by spec.Times new ones.
func putTokens(path string, spec Spec) error {
	for _, old := range tokensOf(path, spec.Target) {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("fault: count: %w", err)
		}
	}
	if err := os.MkdirAll(tokens(path), 0o750); err != nil {
		return fmt.Errorf("fault: count: %w", err)
	}
	for n := range spec.Times {
		name := filepath.Join(tokens(path), fmt.Sprintf("%s-%d", spec.Target, n))
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			return fmt.Errorf("fault: count: %w", err)
		}
	}
	return nil
}

// takeToken removes one of the target's token files. If several processes try to remove the same
// file, only one succeeds.
func takeToken(path, target string) bool {
	for _, token := range tokensOf(path, target) {
		if os.Remove(token) == nil {
			return true
		}
	}
	return false
}
