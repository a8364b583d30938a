package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The oracle is dynoxide, a second emulated DynamoDB, by other authors and stricter than the first:
// what passes on both does not depend on the bugs of one. It is compiled once.
const (
	oracleCrate    = "dynoxide-rs"
	oracleVersion  = "3.2.0"
	oracleFeatures = "native-sqlite,http-server,cli"
	// oracleSum is the SHA-256 of the crate. The crate's own lock file has those of its
	// dependencies.
	oracleSum = "a2d1ffc871ddd8d1d26bcd0a52e32386a8cf08083c0995b78959afa987923ae4"
)

// ErrNoToolchain means that the oracle cannot be built on this machine.
var ErrNoToolchain = errors.New("local: cargo is not installed: the oracle needs Rust 1.88 or newer")

// Oracle is an emulated DynamoDB, empty at first and in memory.
type Oracle struct {
	// Endpoint is its address on loopback. It accepts any credentials.
	Endpoint string

	child *child
	log   *os.File
}

// StartOracle starts an Oracle that writes its log into the folder dir. The caller stops it.
// ErrNoToolchain.
func StartOracle(ctx context.Context, dir string, progress func(line string)) (*Oracle, error) {
	program, err := installOracle(ctx, progress)
	if err != nil {
		return nil, err
	}
	endpoint, err := freeEndpoint("")
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "oracle.log"))
	if err != nil {
		return nil, fmt.Errorf("local: the oracle's log: %w", err)
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(endpoint, "http://"), ":")
	process, err := spawn(program, []string{"serve", "--host", "127.0.0.1", "--port", port}, []string{"HOME=" + dir, "TMPDIR=" + dir}, dir, log)
	if err != nil {
		return nil, fmt.Errorf("local: start the oracle: %w", errors.Join(err, log.Close()))
	}
	o := &Oracle{Endpoint: endpoint, child: process, log: log}
	if err := process.answers(ctx, endpoint); err != nil {
		said, _ := os.ReadFile(log.Name()) // shown if there is any
		return nil, fmt.Errorf("local: await the oracle: %w\n%s", errors.Join(err, o.Stop()), said)
	}
	return o, nil
}

// Stop ends the oracle. Its data is lost.
func (o *Oracle) Stop() error {
	o.child.stop(stopPatience)
	return o.log.Close()
}

// installOracle compiles the oracle if it is missing, and returns the program's path.
func installOracle(ctx context.Context, progress func(string)) (string, error) {
	dir, unlock, err := lockTools("lock-oracle")
	if err != nil {
		return "", err
	}
	defer unlock()
	dir = filepath.Join(dir, "oracle-"+oracleVersion+"-"+short([]byte(oracleSum+oracleFeatures)))
	return filepath.Join(dir, "bin", "dynoxide"), install(dir, func() error {
		cargo, err := exec.LookPath("cargo")
		if err != nil {
			return ErrNoToolchain
		}
		progress("compiling the oracle (about five minutes, once)")
		if err := checkCrate(ctx, cargo, filepath.Join(dir, "pin")); err != nil {
			return err
		}
		target := filepath.Join(dir, "target")
		build := command{name: "nice", args: []string{"-n", "10", cargo, "install", oracleCrate, "--version", "=" + oracleVersion, "--locked",
			"--no-default-features", "--features", oracleFeatures, "--root", dir}, env: []string{"CARGO_TARGET_DIR=" + target}}
		if err := build.run(ctx); err != nil {
			return err
		}
		return os.RemoveAll(target)
	})
}

// checkCrate compares the registry's checksum of the crate with ours before any of the crate's code
// is run. Cargo checks every download against the registry's checksum.
func checkCrate(ctx context.Context, cargo, dir string) error {
	manifest := fmt.Sprintf("[package]\nname = \"pin\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[dependencies]\n%s = { version = \"=%s\", default-features = false }\n",
		oracleCrate, oracleVersion)
	if err := os.MkdirAll(filepath.Join(dir, "src"), 0o755); err != nil {
		return fmt.Errorf("local: check the oracle: %w", err)
	}
	for name, content := range map[string]string{"Cargo.toml": manifest, filepath.Join("src", "lib.rs"): ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return fmt.Errorf("local: check the oracle: %w", err)
		}
	}
	if err := (command{dir: dir, name: cargo, args: []string{"generate-lockfile"}}).run(ctx); err != nil {
		return err
	}
	lock, err := os.ReadFile(filepath.Join(dir, "Cargo.lock"))
	if err != nil {
		return fmt.Errorf("local: check the oracle: %w", err)
	}
	for entry := range strings.SplitSeq(string(lock), "[[package]]") {
		if strings.Contains(entry, "\nname = \""+oracleCrate+"\"\n") && strings.Contains(entry, "\nchecksum = \""+oracleSum+"\"\n") {
			return nil
		}
	}
	return fmt.Errorf("local: %s %s in the registry is not the one that was examined: %s", oracleCrate, oracleVersion, filepath.Join(dir, "Cargo.lock"))
}
