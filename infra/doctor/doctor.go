// Package doctor checks whether a machine can build, run and deploy Parley, and says what to
// install.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Status is the outcome of a check.
type Status string

// The outcomes.
const (
	OK Status = "ok"
	// Warning does not stop Parley from running: a build mends it, or another address avoids it.
	Warning Status = "warning"
	Failed  Status = "failed"
)

// Check is one thing that was looked at.
type Check struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Found is what the machine has, such as a version.
	Found string `json:"found"`
	// Needed is what Parley needs.
	Needed string `json:"needed"`
	// Advice says what to do; empty if the check is ok.
	Advice string `json:"advice,omitempty"`
}

// Report is what was found.
type Report struct {
	// OK is false if a check failed. Warnings do not count.
	OK     bool    `json:"ok"`
	Checks []Check `json:"checks"`
}

// Options say what the machine is to be used for.
type Options struct {
	// Addr is the address that the local system will listen on.
	Addr string
	// Cache and Data are the folders that the build and the local system will write to. They need
	// not exist yet.
	Cache, Data string
	// Deploy is true to check for a deployment to AWS too.
	Deploy bool
}

// Machine is how the checks look at a machine.
type Machine struct {
	OS, Arch string
	// Run runs a program and returns what it printed. It returns context.DeadlineExceeded if that
	// takes too long.
	Run func(ctx context.Context, name string, args ...string) (string, error)
	// Free returns the bytes that are free on the file system that a folder is on, or will be on.
	Free func(dir string) (uint64, error)
	// Memory returns the bytes of memory that the machine has, and those available now.
	Memory func() (total, available uint64, err error)
	// Listen returns an error if nothing can listen on addr.
	Listen func(ctx context.Context, addr string) error
	// Engines returns an error if an engine for a processor (GOARCH) does not exist yet.
	Engines func(arch string) error
	// Credentials returns where AWS credentials come from; empty if there are none.
	Credentials func() string
	// Region returns the AWS region; empty if none is set.
	Region func() string
}

// The oldest versions that work. README.md and go.mod state them too; a test compares them.
const (
	oldestGo     = "1.26"
	oldestPython = "3.11"
	oldestNode   = "20"
	// maintainedNode is the oldest that still gets security fixes.
	maintainedNode = "22"
)

const gb = 1_000_000_000

// Space and memory. After a build and all tests, the cache folder and Go's own caches held 5.8 GB
// (du -sh ~/.cache/parley "$(go env GOCACHE)" "$(go env GOMODCACHE)"). The processes of parley demo
// on two cores reached 1.5 GB together (Pss of /proc/PID/smaps_rollup, every 0.5 s).
const (
	spaceToBuild = 6 * gb
	spaceToRun   = 1 * gb
	enoughMemory = 2 * gb
)

// Examine makes all checks, in a fixed order, and calls seen with each as soon as it is made; nil:
// it calls nothing.
func Examine(ctx context.Context, m Machine, o Options, seen func(Check)) Report {
	e := examiner{Machine: m, Options: o, ctx: ctx}
	engines := Check{}
	checks := []func() Check{
		e.platform, e.golang, e.python, e.pip, e.node, e.npm, e.maker,
		func() Check { engines = e.engines(m.Arch); return engines },
		func() Check { return e.space("disk for the cache", o.Cache, engines.Status) },
		func() Check { return e.space("disk for the data", o.Data, OK) },
		e.memory, e.port,
	}
	if o.Deploy {
		checks = append(checks, e.npx, e.credentials, e.region, e.deployedEngines)
	}
	r := Report{OK: true}
	for _, check := range checks {
		c := check()
		r.Checks = append(r.Checks, c)
		r.OK = r.OK && c.Status != Failed
		if seen != nil {
			seen(c)
		}
	}
	return r
}

// examiner makes the checks of one machine. Its context lives as long as they do.
type examiner struct {
	Machine
	Options

	ctx context.Context //nolint:containedctx // of one call of Examine
}

func (e examiner) platform() Check {
	c := Check{Name: "system", Status: OK, Found: e.OS + "/" + e.Arch, Needed: "linux/amd64 or linux/arm64"}
	if e.OS != "linux" || e.Arch != "amd64" && e.Arch != "arm64" {
		c.Status, c.Advice = Failed, "Use a Linux machine, or a virtual one (WSL 2 on Windows), with an x86-64 or arm64 processor."
	}
	return c
}

// busy is the advice if a program did not answer in time.
const busy = "The machine seems to be very busy. Run this again later."

// tool checks a program by the version that it prints. oldest is empty if any version will do.
func (e examiner) tool(name, oldest, advice, program string, args ...string) Check {
	c := Check{Name: name, Status: OK, Needed: "any version"}
	if oldest != "" {
		c.Needed = oldest + " or later"
	}
	out, err := e.Run(e.ctx, program, args...)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		c.Status, c.Found, c.Advice = Warning, "no answer", busy
		return c
	case err != nil:
		c.Status, c.Found, c.Advice = Failed, "none", advice
		return c
	}
	if c.Found = version(out); c.Found == "" {
		c.Found = "there"
	}
	if oldest != "" && older(c.Found, oldest) {
		c.Status, c.Advice = Failed, advice
	}
	return c
}

func (e examiner) golang() Check {
	return e.tool("go", oldestGo, "Install Go "+oldestGo+" or later: https://go.dev/doc/install", "go", "env", "GOVERSION")
}

func (e examiner) python() Check {
	return e.tool("python3", oldestPython, "Install Python "+oldestPython+" or later (Debian: apt-get install python3).", "python3", "--version")
}

// pip checks for pip, and for what makes virtual environments, which Debian packs apart.
func (e examiner) pip() Check {
	const advice = "Install pip and venv for python3 (Debian: apt-get install python3-pip python3-venv)."
	c := e.tool("pip", "", advice, "python3", "-m", "pip", "--version")
	c.Needed = "pip and venv"
	if c.Status != OK {
		return c
	}
	switch _, err := e.Run(e.ctx, "python3", "-c", "import ensurepip, venv"); {
	case errors.Is(err, context.DeadlineExceeded):
		c.Status, c.Advice = Warning, busy
	case err != nil:
		c.Status, c.Found, c.Advice = Failed, c.Found+", without venv", advice
	}
	return c
}

const nodeAdvice = "Install Node.js " + oldestNode + " or later, with npm: https://nodejs.org/en/download"

// node warns of a version that works but has reached its end of life.
func (e examiner) node() Check {
	c := e.tool("node", oldestNode, nodeAdvice, "node", "--version")
	if c.Status == OK && older(c.Found, maintainedNode) {
		c.Status, c.Advice = Warning, "It works, but has reached its end of life: install Node "+maintainedNode+" or later."
	}
	return c
}
func (e examiner) npm() Check { return e.tool("npm", "", nodeAdvice, "npm", "--version") }
func (e examiner) npx() Check {
	c := e.tool("npx", "", nodeAdvice, "npx", "--version")
	c.Needed = "any version, to run the CDK"
	return c
}

func (e examiner) maker() Check {
	return e.tool("make", "", "Install make (Debian: apt-get install make).", "make", "--version")
}

func (e examiner) engines(arch string) Check {
	c := Check{Name: "engines", Status: OK, Found: "built for " + arch, Needed: "built for " + arch}
	if err := e.Engines(arch); err != nil {
		c.Status, c.Found = Warning, "not built for "+arch
		c.Advice = "Run `make parts`: it downloads and compiles them, in about five minutes on two cores. `make demo` and `make run` do this too."
	}
	return c
}

func (e examiner) deployedEngines() Check {
	const arch = "arm64"
	c := e.engines(arch)
	c.Name = "engines for Lambda"
	if c.Status != OK {
		c.Advice = "Run `make parts functions ARCH=" + arch + "` before you deploy."
	}
	return c
}

// space checks the file system of a folder. A first build needs more than the system that it
// builds.
func (e examiner) space(name, dir string, engines Status) Check {
	need := uint64(spaceToRun)
	if engines != OK {
		need = spaceToBuild
	}
	c := Check{Name: name, Status: OK, Needed: size(need) + " free"}
	free, err := e.Free(dir)
	switch {
	case err != nil:
		c.Status, c.Found, c.Advice = Warning, "unknown: "+err.Error(), "Check that "+dir+" can be written."
	case free < need:
		c.Status, c.Found, c.Advice = Failed, size(free)+" free", "Free some space on the disk of "+dir+", or use another folder."
	default:
		c.Found = size(free) + " free"
	}
	return c
}

func (e examiner) memory() Check {
	c := Check{Name: "memory", Status: OK, Needed: size(enoughMemory) + " available"}
	total, available, err := e.Memory()
	switch {
	case err != nil:
		c.Status, c.Found, c.Advice = Warning, "unknown: "+err.Error(), "Check that the machine has enough memory."
	case total < enoughMemory:
		c.Status, c.Found = Failed, size(total)+" in all"
		c.Advice = "Use a machine with more memory."
	case available < enoughMemory:
		c.Status, c.Found = Warning, size(available)+" of "+size(total)+" available"
		c.Advice = "Stop other programs if the build or a run fails for lack of memory."
	default:
		c.Found = size(available) + " of " + size(total) + " available"
	}
	return c
}

func (e examiner) port() Check {
	c := Check{Name: "port", Status: OK, Found: e.Addr + " is free", Needed: e.Addr}
	if err := e.Listen(e.ctx, e.Addr); err != nil {
		c.Status, c.Found = Warning, err.Error()
		c.Advice = "Stop what uses " + e.Addr + " (perhaps another parley local), or choose another address: parley local --addr 127.0.0.1:9000"
	}
	return c
}

func (e examiner) credentials() Check {
	c := Check{Name: "AWS credentials", Status: OK, Found: e.Credentials(), Needed: "those of the account to deploy to"}
	if c.Found == "" {
		c.Status, c.Found = Failed, "none"
		c.Advice = "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws configure`."
	}
	return c
}

func (e examiner) region() Check {
	c := Check{Name: "AWS region", Status: OK, Found: e.Region(), Needed: "the region to deploy to"}
	if c.Found == "" {
		c.Status, c.Found, c.Advice = Warning, "none in the environment", "Set AWS_REGION, unless your AWS profile names a region."
	}
	return c
}

// version returns the first word of a program's output that is a version, without a prefix such as
// go or v; empty if there is none.
func version(out string) string {
	for word := range strings.FieldsSeq(out) {
		word = strings.TrimLeft(word, "gov")
		if word != "" && word[0] >= '0' && word[0] <= '9' {
			return word
		}
	}
	return ""
}

// older reports whether version a precedes b. It compares as many numbers as b has.
func older(a, b string) bool {
	have := strings.Split(a, ".")
	for i, want := range strings.Split(b, ".") {
		n, m := 0, leading(want)
		if i < len(have) {
			n = leading(have[i])
		}
		if n != m {
			return n < m
		}
	}
	return false
}

// leading returns the number that a text begins with, such as 1 for 1rc2; 0 if it begins with none.
func leading(s string) int {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	n, err := strconv.Atoi(s[:end])
	if err != nil {
		return 0
	}
	return n
}

func size(bytes uint64) string { return fmt.Sprintf("%.1f GB", float64(bytes)/gb) }
