package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var errNone = errors.New("not found")

// healthy is a machine that lacks nothing.
func healthy() Machine {
	return Machine{
		OS: "linux", Arch: "amd64",
		Run:         says(nil),
		Free:        func(string) (uint64, error) { return 100 * gb, nil },
		Memory:      func() (uint64, uint64, error) { return 16 * gb, 8 * gb, nil },
		Listen:      func(context.Context, string) error { return nil },
		Engines:     func(string) error { return nil },
		Credentials: func() string { return "AWS_PROFILE" },
		Region:      func() string { return "eu-central-1" },
	}
}

// says answers as the programs of a healthy machine do, except for those given by their command
// line; an empty answer means that the program is missing.
func says(other map[string]string) func(context.Context, string, ...string) (string, error) {
	all := map[string]string{
		"go env GOVERSION": "go1.26.3\n", "python3 --version": "Python 3.11.2\n", "python3 -m pip --version": "pip 23.0.1 from /usr/lib\n",
		"python3 -c import ensurepip, venv": "\n", "node --version": "v22.11.0\n", "npm --version": "10.2.4\n", "npx --version": "10.2.4\n", "make --version": "GNU Make 4.3\nBuilt for x86_64\n",
	}
	return func(_ context.Context, name string, args ...string) (string, error) {
		line := strings.Join(append([]string{name}, args...), " ")
		out := all[line]
		if o, ok := other[line]; ok {
			out = o
		}
		if out == "" {
			return "", errNone
		}
		return out, nil
	}
}

// slow answers as a healthy machine does, except for a program that takes too long.
func slow(program string) func(context.Context, string, ...string) (string, error) {
	healthy := says(nil)
	return func(ctx context.Context, name string, args ...string) (string, error) {
		if name == program {
			return "", context.DeadlineExceeded
		}
		return healthy(ctx, name, args...)
	}
}

// Ensure that what is missing is found, that it says what to do, and that only what stops Parley
// fails.
func TestExamine(t *testing.T) {
	o := Options{Addr: "127.0.0.1:8080", Cache: "/cache", Data: "/data", Deploy: true}
	for _, tt := range []struct {
		name   string
		change func(m *Machine)
		check  string
		status Status
		found  string
		advice string
	}{
		{"Windows", func(m *Machine) { m.OS = "windows" }, "system", Failed, "windows/amd64", "Linux"},
		{"another processor", func(m *Machine) { m.Arch = "riscv64" }, "system", Failed, "linux/riscv64", "arm64"},
		{"no Go", func(m *Machine) { m.Run = says(map[string]string{"go env GOVERSION": ""}) }, "go", Failed, "none", "go.dev"},
		{"an old Go", func(m *Machine) { m.Run = says(map[string]string{"go env GOVERSION": "go1.25.9"}) }, "go", Failed, "1.25.9", "1.26"},
		{"the oldest Go", func(m *Machine) { m.Run = says(map[string]string{"go env GOVERSION": "go1.26"}) }, "go", OK, "1.26", ""},
		{"a candidate of Go", func(m *Machine) { m.Run = says(map[string]string{"go env GOVERSION": "go1.27rc1"}) }, "go", OK, "1.27rc1", ""},
		{"an old Python", func(m *Machine) { m.Run = says(map[string]string{"python3 --version": "Python 3.9.2"}) }, "python3", Failed, "3.9.2", "apt-get install python3"},
		{"no pip", func(m *Machine) { m.Run = says(map[string]string{"python3 -m pip --version": ""}) }, "pip", Failed, "none", "python3-pip"},
		{"no venv", func(m *Machine) { m.Run = says(map[string]string{"python3 -c import ensurepip, venv": ""}) }, "pip", Failed, "without venv", "python3-venv"},
		{"an old Node", func(m *Machine) { m.Run = says(map[string]string{"node --version": "v18.20.0"}) }, "node", Failed, "18.20.0", "nodejs.org"},
		{"a Node without security fixes", func(m *Machine) { m.Run = says(map[string]string{"node --version": "v20.20.2"}) }, "node", Warning, "20.20.2", "end of life"},
		{"the oldest Node with them", func(m *Machine) { m.Run = says(map[string]string{"node --version": "v22.0.0"}) }, "node", OK, "22.0.0", ""},
		{"no npm", func(m *Machine) { m.Run = says(map[string]string{"npm --version": ""}) }, "npm", Failed, "none", "npm"},
		{"no make", func(m *Machine) { m.Run = says(map[string]string{"make --version": ""}) }, "make", Failed, "none", "apt-get install make"},
		{"a slow npm", func(m *Machine) { m.Run = slow("npm") }, "npm", Warning, "no answer", "busy"},
		{"a slow Python", func(m *Machine) { m.Run = slow("python3") }, "pip", Warning, "no answer", "busy"},
		{"no engines yet", func(m *Machine) { m.Engines = func(string) error { return errNone } }, "engines", Warning, "not built for amd64", "make parts"},
		{"no engines for Lambda", func(m *Machine) {
			m.Engines = func(arch string) error {
				if arch == "arm64" {
					return errNone
				}
				return nil
			}
		}, "engines for Lambda", Warning, "not built for arm64", "ARCH=arm64"},
		{"just enough disk to run", func(m *Machine) { m.Free = func(string) (uint64, error) { return spaceToRun, nil } }, "disk for the cache", OK, "1.0 GB free", ""},
		{"too little disk to run", func(m *Machine) { m.Free = func(string) (uint64, error) { return spaceToRun - 1, nil } }, "disk for the data", Failed, "1.0 GB free", "/data"},
		{"too little disk to build", func(m *Machine) {
			m.Engines = func(string) error { return errNone }
			m.Free = func(string) (uint64, error) { return spaceToBuild - 1, nil }
		}, "disk for the cache", Failed, "6.0 GB free", "/cache"},
		{"a disk that cannot be asked", func(m *Machine) { m.Free = func(string) (uint64, error) { return 0, errNone } }, "disk for the data", Warning, "unknown", "/data"},
		{"a small machine", func(m *Machine) { m.Memory = func() (uint64, uint64, error) { return enoughMemory - 1, 1 * gb, nil } }, "memory", Failed, "2.0 GB in all", "more memory"},
		{"a busy machine", func(m *Machine) { m.Memory = func() (uint64, uint64, error) { return 8 * gb, 1 * gb, nil } }, "memory", Warning, "1.0 GB of 8.0 GB", "Stop other programs"},
		{"a port in use", func(m *Machine) {
			m.Listen = func(context.Context, string) error { return errors.New("address already in use") }
		}, "port", Warning, "in use", "--addr"},
		{"no npx", func(m *Machine) { m.Run = says(map[string]string{"npx --version": ""}) }, "npx", Failed, "none", "npm"},
		{"no credentials", func(m *Machine) { m.Credentials = func() string { return "" } }, "AWS credentials", Failed, "none", "AWS_PROFILE"},
		{"no region", func(m *Machine) { m.Region = func() string { return "" } }, "AWS region", Warning, "none", "AWS_REGION"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := healthy()
			tt.change(&m)
			var seen []Check
			r := Examine(t.Context(), m, o, func(c Check) { seen = append(seen, c) })
			if !slices.Equal(seen, r.Checks) {
				t.Errorf("seen %v, want each check once: %v", seen, r.Checks)
			}
			c := find(t, r, tt.check)
			if c.Status != tt.status || !strings.Contains(c.Found, tt.found) || !strings.Contains(c.Advice, tt.advice) {
				t.Errorf("%+v", c)
			}
			if r.OK != (tt.status != Failed) {
				t.Errorf("ok is %v", r.OK)
			}
		})
	}
}

func find(t *testing.T, r Report, name string) Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %q", name)
	return Check{}
}

// Ensure that a healthy machine gets no advice, and that AWS matters only for a deployment.
func TestAHealthyMachine(t *testing.T) {
	m := healthy()
	m.Credentials = func() string { return "" }
	r := Examine(t.Context(), m, Options{Addr: "127.0.0.1:8080", Cache: "/cache", Data: "/data"}, nil)
	if !r.OK {
		t.Error("not ok")
	}
	for _, c := range r.Checks {
		if c.Status != OK || c.Advice != "" || c.Found == "" || c.Needed == "" {
			t.Errorf("%+v", c)
		}
	}
}

// Ensure that the README and go.mod ask for the same versions.
func TestTheVersionsAreThoseOfTheREADME(t *testing.T) {
	readme := file(t, "README.md")
	for _, want := range []string{"Go " + oldestGo, "Python " + oldestPython + " or later", "Node " + oldestNode + " or later"} {
		if !strings.Contains(readme, want) {
			t.Errorf("the README does not say %q", want)
		}
	}
	if got := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(file(t, "go.mod")); got == nil || got[1] != oldestGo {
		t.Errorf("go.mod says %v", got)
	}
}

func file(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Ensure that this machine can be asked.
func TestThisMachine(t *testing.T) {
	m := This()
	if n, err := m.Free(filepath.Join(t.TempDir(), "not", "yet")); err != nil || n == 0 {
		t.Errorf("%d bytes free: %v", n, err)
	}
	if total, available, err := m.Memory(); err != nil || available == 0 || total < available {
		t.Errorf("%d of %d bytes of memory: %v", available, total, err)
	}
	if err := m.Listen(t.Context(), "127.0.0.1:0"); err != nil {
		t.Error(err)
	}
	if err := m.Listen(t.Context(), "192.0.2.1:80"); err == nil {
		t.Error("it can listen on an address of another machine")
	}
	if out, err := m.Run(t.Context(), "go", "env", "GOVERSION"); err != nil || older(version(out), oldestGo) {
		t.Errorf("go is %q: %v", out, err)
	}
	if _, err := m.Run(t.Context(), "no-such-program"); err == nil {
		t.Error("a missing program was run")
	}
	t.Setenv("HOME", t.TempDir())
	for _, name := range []string{"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_REGION", "AWS_DEFAULT_REGION", "CDK_DEFAULT_REGION"} {
		t.Setenv(name, "")
	}
	if m.Credentials() != "" || m.Region() != "" {
		t.Errorf("credentials from %q, region %q", m.Credentials(), m.Region())
	}
	t.Setenv("AWS_PROFILE", "p")
	t.Setenv("AWS_REGION", "eu-west-1")
	if m.Credentials() != "AWS_PROFILE" || m.Region() != "eu-west-1" {
		t.Errorf("credentials from %q, region %q", m.Credentials(), m.Region())
	}
	t.Setenv("PARLEY_PARTS", t.TempDir())
	if m.Engines(m.Arch) == nil || m.Engines("none") == nil {
		t.Error("there are engines in an empty folder")
	}
}
