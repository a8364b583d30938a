package version_test

import (
	"strings"
	"testing"

	"parley/shared/speech/score/norms"
	"parley/shared/speech/score/version"
)

func TestVersionChangesWithTheModelsInUse(t *testing.T) {
	seen := map[string]bool{}
	for _, engines := range [][2]string{{"base", "a"}, {"tiny", "a"}, {"base", "b"}} {
		v := version.Of(engines[0], engines[1])
		if seen[v] || !strings.HasPrefix(v, norms.Version()+"-") || v != version.Of(engines[0], engines[1]) {
			t.Errorf("%v: %s", engines, v)
		}
		seen[v] = true
	}
}
