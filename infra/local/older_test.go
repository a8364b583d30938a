package local

import (
	"os"
	"path/filepath"
	"testing"
)

// Ensure that the next start sets the state of an older layout aside, where moveOlder finds it, and
// leaves that of this layout where it is.
func TestOlderStateIsSetAside(t *testing.T) {
	for _, tc := range []struct {
		name, table string
		aside       bool
	}{
		{"generated names, in the functions' stack", "parley-TableRuns4A1B2C3D-X", true},
		{"fixed names, in a stack of their own", "parley-runs", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.MkdirAll(filepath.Join(dir, "aws", "state"), 0o755); err != nil {
				t.Fatal(err)
			}
			state := filepath.Join("aws", "state", "dynamodb.json")
			if err := os.WriteFile(filepath.Join(dir, state), []byte("{}"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := (&data{dir: dir}).save(System{Deployed: "x", Started: true, Outputs: map[string]string{"TableRuns": tc.table}}); err != nil {
				t.Fatal(err)
			}
			d, err := openData(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer d.close() // a temporary folder
			kept := dir
			if tc.aside {
				kept = filepath.Join(dir, olderFolder)
				if s, err := d.load(); err != nil || s.Deployed != "" {
					t.Errorf("this start finds %+v, %v; want nothing", s, err)
				}
			}
			if s, err := (&data{dir: kept}).load(); err != nil || !s.Started || s.Outputs["TableRuns"] != tc.table {
				t.Errorf("kept %+v, %v", s, err)
			}
			if _, err := os.Stat(filepath.Join(kept, state)); err != nil {
				t.Error(err)
			}
		})
	}
}
