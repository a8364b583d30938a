package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"parley/infra/doctor"
)

// machine replaces the machine that doctor examines by one that has everything but the programs
// named.
func machine(t *testing.T, missing ...string) {
	t.Helper()
	before := examined
	t.Cleanup(func() { examined = before })
	examined = func() doctor.Machine {
		return doctor.Machine{
			OS: "linux", Arch: "amd64",
			Run: func(_ context.Context, name string, _ ...string) (string, error) {
				if slices.Contains(missing, name) {
					return "", errors.New("not found")
				}
				return "99.0", nil
			},
			Free:        func(string) (uint64, error) { return 1e12, nil },
			Memory:      func() (uint64, uint64, error) { return 32e9, 16e9, nil },
			Listen:      func(context.Context, string) error { return nil },
			Engines:     func(string) error { return errors.New("not built") },
			Credentials: func() string { return "" },
			Region:      func() string { return "" },
		}
	}
}

// Ensure that doctor exits with 0 if Parley can run and with 1 if not, and says what to do.
func TestDoctor(t *testing.T) {
	for _, tt := range []struct {
		name    string
		missing []string
		args    []string
		exit    int
		says    []string
	}{
		{"a machine before its first build", nil, nil, 0, []string{"✓ go ", "! engines", "make parts", "make demo"}},
		{"a machine without make", []string{"make"}, nil, 1, []string{"✗ make", "apt-get install make", "1 check failed"}},
		{"a machine without Node", []string{"node", "npm"}, nil, 1, []string{"✗ node", "nodejs.org", "2 checks failed"}},
		{"a deployment without credentials", nil, []string{"--deploy"}, 1, []string{"✗ AWS credentials", "AWS_PROFILE", "ARCH=arm64"}},
		{"an argument", nil, []string{"me"}, 2, []string{"no arguments"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			machine(t, tt.missing...)
			out, errs, exit := parley(t, append([]string{"doctor"}, tt.args...)...)
			if exit != tt.exit {
				t.Errorf("exit %d", exit)
			}
			for _, want := range tt.says {
				if !strings.Contains(out+errs, want) {
					t.Errorf("it does not say %q:\n%s%s", want, out, errs)
				}
			}
		})
	}
}

func TestDoctorAsJSON(t *testing.T) {
	machine(t, "make")
	out, _, exit := parley(t, "doctor", "--json")
	var r doctor.Report
	if err := json.Unmarshal([]byte(out), &r); err != nil || exit != 1 || r.OK || len(r.Checks) == 0 {
		t.Fatalf("exit %d: %v: %s", exit, err, out)
	}
	for _, c := range r.Checks {
		if (c.Status == doctor.OK) != (c.Advice == "") {
			t.Errorf("%+v", c)
		}
	}
}
