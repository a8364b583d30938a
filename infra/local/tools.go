package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"golang.org/x/sys/unix"
)

// The tools to install: the emulator by pip and the CDK's program by npm, both by exact version and
// hash.
var (
	//go:embed requirements.txt
	requirements []byte
	//go:embed cfnlint.txt
	linter []byte
	//go:embed cdk/package.json
	packageJSON []byte
	//go:embed cdk/package-lock.json
	packageLock []byte
)

// tools holds the paths of the installed tools.
type tools struct {
	python string // the Python of the virtual environment that has ministack
	node   string // the folder that has node_modules
	cache  string // the folder for programs that are built for the local system
}

func (t tools) cdk() string { return filepath.Join(t.node, "node_modules", ".bin", "cdk") }

// installTools installs missing tools into parley/tools in the user's cache folder, each set in a
// folder whose name has the hash of its list of versions.
func installTools(ctx context.Context, progress func(string)) (tools, error) {
	dir, unlock, err := lockTools("lock")
	if err != nil {
		return tools{}, err
	}
	defer unlock()
	emulator := filepath.Join(dir, "ministack-"+short(requirements))
	if err := install(emulator, func() error {
		progress("installing the emulated AWS (about 20 s, once)")
		return installPython(ctx, emulator, "the emulated AWS", requirements)
	}); err != nil {
		return tools{}, err
	}
	node := filepath.Join(dir, "cdk-"+short(packageLock))
	if err := install(node, func() error {
		progress("installing the CDK (about 5 s, once)")
		return installCDK(ctx, node)
	}); err != nil {
		return tools{}, err
	}
	return tools{python: filepath.Join(emulator, "bin", "python"), node: node, cache: dir}, nil
}

// lockTools creates parley/tools in the user's cache folder and takes the file lock in it, which
// keeps other processes from installing the same tools until unlock is called.
func lockTools(lock string) (dir string, unlock func(), err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", nil, fmt.Errorf("local: %w", err)
	}
	dir = filepath.Join(cache, "parley", "tools")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, fmt.Errorf("local: make the tools' folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, lock), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", nil, fmt.Errorf("local: lock the tools' folder: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		_ = file.Close() // nothing was written
		return "", nil, fmt.Errorf("local: lock the tools' folder: %w", err)
	}
	return dir, func() { _ = file.Close() }, nil // nothing was written
}

// NodeModules installs the CDK's program and AWS's resource schemas if they are missing, and
// returns the folder of the Node.js modules.
func NodeModules(ctx context.Context, progress func(line string)) (string, error) {
	t, err := installTools(ctx, progress)
	if err != nil {
		return "", err
	}
	return filepath.Join(t.node, "node_modules"), nil
}

// CFNLint installs cfn-lint if it is missing, and returns its path.
func CFNLint(ctx context.Context, progress func(line string)) (string, error) {
	dir, unlock, err := lockTools("lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	folder := filepath.Join(dir, "cfn-lint-"+short(linter))
	err = install(folder, func() error {
		progress("installing cfn-lint (about 20 s, once)")
		return installPython(ctx, folder, "cfn-lint", linter)
	})
	return filepath.Join(folder, "bin", "cfn-lint"), err
}

// install does the work, unless an earlier call has left its mark in the folder.
func install(dir string, work func() error) error {
	mark := filepath.Join(dir, "installed")
	if _, err := os.Stat(mark); err == nil {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("local: install: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("local: install: %w", err)
	}
	if err := work(); err != nil {
		return err
	}
	if err := os.WriteFile(mark, nil, 0o644); err != nil {
		return fmt.Errorf("local: install: %w", err)
	}
	return nil
}

// installPython installs a list of packages, by exact version and hash, into a virtual environment
// of its own. what names what needs them.
func installPython(ctx context.Context, dir, what string, packages []byte) error {
	python, err := lookFor("python3", what+" needs Python 3.11 or newer, with venv")
	if err != nil {
		return err
	}
	out, err := command{name: python, args: []string{"--version"}}.output(ctx)
	if err != nil {
		return err
	}
	if v := regexp.MustCompile(`3\.(\d+)`).FindSubmatch(out); v == nil || minor(v[1]) < 11 {
		return fmt.Errorf("local: %s is too old: %s needs Python 3.11 or newer", bytes.TrimSpace(out), what)
	}
	if err := (command{name: python, args: []string{"-m", "venv", dir}}).run(ctx); err != nil {
		return err
	}
	list := filepath.Join(dir, "requirements.txt")
	if err := os.WriteFile(list, packages, 0o644); err != nil {
		return fmt.Errorf("local: install: %w", err)
	}
	return command{name: filepath.Join(dir, "bin", "python"), args: []string{"-m", "pip", "install", "--quiet",
		"--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:", "-r", list}}.run(ctx)
}

func minor(digits []byte) int {
	n, err := strconv.Atoi(string(digits))
	if err != nil {
		return 0 // too many digits for a version
	}
	return n
}

func installCDK(ctx context.Context, dir string) error {
	npm, err := lookFor("npm", "the CDK needs Node.js 22 or 24")
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"package.json": packageJSON, "package-lock.json": packageLock} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return fmt.Errorf("local: install: %w", err)
		}
	}
	return command{dir: dir, name: npm, args: []string{"ci", "--no-audit", "--no-fund", "--ignore-scripts"}}.run(ctx)
}

func short(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:6])
}
