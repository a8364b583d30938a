package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"

	"parley/shared/engine/config"
	"parley/shared/engine/fault"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/store/dynamo/schema"
	"parley/shared/speech"
)

// data is the folder that keeps the state of a system.
//
//	system.json   addresses and fingerprints (System)
//	env           the endpoint variables, for a shell
//	faults.json   the injected faults
//	aws/          the state, the objects and the log of the emulated AWS
//	tmp/          temporary files of the emulator and the functions; emptied at each start
//	assembly/     the synthesised stacks
//	older/        the state of an older layout, once it was moved
type data struct {
	dir  string
	lock *os.File
}

// openData locks the folder for this process, because a second system would corrupt it.
func openData(dir string) (*data, error) {
	d := &data{dir: dir}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("local: make the data folder: %w", err)
	}
	lock, err := os.OpenFile(d.path("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("local: lock the data folder: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("local: a system is already running on %s: stop it, or use another folder", dir)
	}
	d.lock = lock
	if err := d.setAside(); err != nil {
		return nil, errors.Join(err, d.close())
	}
	if err := os.RemoveAll(d.path("tmp")); err != nil {
		return nil, fmt.Errorf("local: empty the temporary folder: %w", err)
	}
	for _, sub := range []string{"tmp", "aws/state", "aws/objects"} {
		if err := os.MkdirAll(d.path(sub), 0o755); err != nil {
			return nil, fmt.Errorf("local: make the data folder: %w", err)
		}
	}
	return d, nil
}

func (d *data) path(elem ...string) string { return filepath.Join(append([]string{d.dir}, elem...)...) }

func (d *data) close() error { return d.lock.Close() }

func (d *data) load() (System, error) {
	var s System
	raw, err := os.ReadFile(d.path("system.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("local: read what is deployed: %w", err)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("local: read what is deployed: %w", err)
	}
	return s, nil
}

// save records the system for the next start and for Load, and as variables for a shell.
func (d *data) save(s System) error {
	raw, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("local: record what is deployed: %w", err)
	}
	for name, content := range map[string][]byte{"system.json": append(raw, '\n'), "env": envFile(s)} {
		if err := replace(d.path(name), content); err != nil {
			return fmt.Errorf("local: record what is deployed: %w", err)
		}
	}
	return nil
}

func replace(path string, content []byte) error {
	if err := os.WriteFile(path+".new", content, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// ErrNone means that no system was ever started on a folder.
var ErrNone = errors.New("local: no system was ever started")

// Load reads the recorded addresses of the system on this data folder, whether it is running or
// not. It fails if none was ever started there.
func Load(dir string) (System, error) {
	d := &data{dir: dir}
	s, err := d.load()
	if err == nil && s.Deployed == "" {
		return s, fmt.Errorf("%w on %s: `parley local --data %[2]s` starts one", ErrNone, dir)
	}
	return s, err
}

// Variables returns the environment variables, as NAME=VALUE, with which the SDKs, the AWS CLI and
// our own programs find the system.
func (s System) Variables() []string {
	vars := []string{
		"AWS_ENDPOINT_URL=" + s.Endpoint, "AWS_REGION=" + Region, "AWS_DEFAULT_REGION=" + Region,
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"PARLEY_URL=" + s.URL,
		config.RunsTable + "=" + s.table(schema.Runs), config.CreditsTable + "=" + s.table(schema.Credits),
		config.ClientsTable + "=" + s.table(schema.Clients), config.LimitsTable + "=" + s.table(schema.Limits),
		config.Bucket + "=" + s.Outputs["Bucket"],
	}
	for _, stage := range speech.Service.Fed() {
		vars = append(vars, config.Queue(stage.Name)+"="+s.Outputs["Queue"+title(stage.Queue())])
	}
	vars = append(vars, config.DeadLetters+"="+s.Outputs["Queue"+title(pipeline.DeadLetters)])
	if s.Deadline > 0 { // for an operator's retry, which sets the deadline too
		vars = append(vars, config.Deadline+"="+s.Deadline.String())
	}
	return vars
}

// Lookup is like os.LookupEnv, for the system's Variables.
func (s System) Lookup(name string) (string, bool) {
	for _, v := range s.Variables() {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

func (s System) table(t schema.Table) string { return s.Outputs["Table"+title(t.Name)] }

func title(name string) string {
	letters := []rune(name)
	letters[0] = unicode.ToUpper(letters[0])
	return string(letters)
}

func envFile(s System) []byte {
	vars := slices.Clone(s.Variables())
	slices.Sort(vars)
	return []byte("# How to reach this system's AWS: set -a; . ./env; set +a\n" + strings.Join(vars, "\n") + "\n")
}

// faultFile returns the path of the fault file of the system on a data folder.
func faultFile(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("local: %w", err)
	}
	return filepath.Join(abs, "faults.json"), nil
}

// StageNames returns the stages that a fault can be set on, in the order of a run.
func StageNames() []string {
	var out []string
	for _, s := range speech.Service.Stages {
		out = append(out, string(s.Name))
	}
	return out
}

// SetFaults sets faults, in the syntax of package fault, on the system with this data folder. If it
// is running, they take effect at once. If a spec is wrong, the error says how to fix it, and
// nothing is set.
func SetFaults(dir string, specs []string) error {
	parsed, err := fault.ParseAll(specs, StageNames()...)
	if err != nil {
		return err
	}
	return changeFaults(dir, func(file string) error { return fault.Set(file, parsed) })
}

// ClearFaults removes all faults.
func ClearFaults(dir string) error { return changeFaults(dir, fault.Clear) }

func changeFaults(dir string, change func(file string) error) error {
	file, err := faultFile(dir)
	if err != nil {
		return err
	}
	before := ready(file)
	if err := change(file); err != nil {
		return err
	}
	if ready(file) != before {
		probe(dir)
	}
	return nil
}

// ready is false if ready=false is set.
func ready(file string) bool {
	specs, err := fault.Show(file)
	return err != nil || !slices.ContainsFunc(specs, func(s fault.Spec) bool { return s.Target == fault.TargetReady })
}

// probePatience is how long it may take to invoke the warm function.
const probePatience = 5 * time.Second

// probe makes the warm function check the readiness now rather than within a minute. A system that
// is not running checks it when it starts.
func probe(dir string) {
	system, err := Load(dir)
	if err != nil {
		return
	}
	lambdas, err := newFunctions(system)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), probePatience)
	defer cancel()
	_ = lambdas.nudge(ctx, "warm") // an error means that the system is not running
}

// ShowFaults returns the faults in effect; those with a count show how often they will still be
// injected.
func ShowFaults(dir string) ([]string, error) {
	file, err := faultFile(dir)
	if err != nil {
		return nil, err
	}
	specs, err := fault.Show(file)
	out := make([]string, 0, len(specs))
	for _, s := range specs {
		out = append(out, s.String())
	}
	return out, err
}
