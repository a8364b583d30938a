package main

import (
	"slices"
	"testing"

	"parley/infra/local"
)

// Ensure that every fault that the console offers is one that can be set.
func TestOfferedFaults(t *testing.T) {
	for _, spec := range offeredFaults() {
		dir := t.TempDir()
		if err := local.SetFaults(dir, []string{spec}); err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		if got, err := local.ShowFaults(dir); err != nil || !slices.Contains(got, spec) {
			t.Errorf("%s: set as %v, %v", spec, got, err)
		}
	}
}
