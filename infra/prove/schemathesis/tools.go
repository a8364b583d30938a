package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"parley/shared/api"
)

// Exact versions of what is installed; spectral's packages are pinned by hash too.
var (
	//go:embed requirements.txt
	requirements []byte
	//go:embed spectral/package.json
	spectralPackage []byte
	//go:embed spectral/package-lock.json
	spectralLock []byte
)

// The configuration of the two.
var (
	//go:embed schemathesis.toml
	config []byte
	//go:embed hooks.py
	hooks []byte
	//go:embed spectral/ruleset.yaml
	ruleset []byte
)

// installFuzzer returns the path of schemathesis.
func installFuzzer(ctx context.Context) (string, error) {
	dir, err := install(ctx, "schemathesis", map[string][]byte{"requirements.txt": requirements},
		[]string{"python3", "-m", "venv", "."},
		[]string{"./bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", "requirements.txt"})
	return filepath.Join(dir, "bin", "schemathesis"), err
}

// lint runs spectral on the document. Any finding is an error.
func lint(ctx context.Context) error {
	dir, err := install(ctx, "spectral", map[string][]byte{"package.json": spectralPackage, "package-lock.json": spectralLock},
		[]string{"npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"})
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"openapi.json": api.OpenAPI(), "ruleset.yaml": ruleset} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return fmt.Errorf("contract: lint: %w", err)
		}
	}
	c := exec.CommandContext(ctx, filepath.Join(dir, "node_modules", ".bin", "spectral"), "lint", "--fail-severity", "hint", "--ruleset", "ruleset.yaml", "openapi.json")
	c.Dir, c.Stdout, c.Stderr = dir, os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("contract: lint: %w", err)
	}
	return nil
}

// install installs a tool in its own folder of the cache, unless it is there, and returns the
// folder. The folder is named by the hash of the files that determine its contents.
func install(ctx context.Context, tool string, files map[string][]byte, steps ...[]string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("contract: install %s: %w", tool, err)
	}
	sum := sha256.New()
	for _, name := range []string{"requirements.txt", "package.json", "package-lock.json"} {
		sum.Write(files[name])
	}
	dir := filepath.Join(cache, "parley", "tools", tool+"-"+hex.EncodeToString(sum.Sum(nil)[:6]))
	mark := filepath.Join(dir, "installed")
	if _, err := os.Stat(mark); err == nil {
		return dir, nil
	}
	fmt.Fprintf(os.Stderr, "installing %s (once, about 30 s)\n", tool)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("contract: install %s: %w", tool, err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return "", fmt.Errorf("contract: install %s: %w", tool, err)
		}
	}
	for _, step := range steps {
		c := exec.CommandContext(ctx, step[0], step[1:]...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			return "", fmt.Errorf("contract: install %s: %s: %w: %s", tool, step, err, out)
		}
	}
	if err := os.WriteFile(mark, nil, 0o644); err != nil {
		return "", fmt.Errorf("contract: install %s: %w", tool, err)
	}
	return dir, nil
}
