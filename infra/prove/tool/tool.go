// Package tool installs the programs of other authors that tests use, by exact versions, each in a
// folder of its own in the cache.
package tool

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Install installs a tool in its own folder of the cache, unless it is there, and returns the
// folder. The folder is named by the hash of the files that determine its contents.
func Install(ctx context.Context, tool string, files map[string][]byte, steps ...[]string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("tool: install %s: %w", tool, err)
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
	fmt.Fprintf(os.Stderr, "installing %s (about 30 s, once)\n", tool)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("tool: install %s: %w", tool, err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return "", fmt.Errorf("tool: install %s: %w", tool, err)
		}
	}
	for _, step := range steps {
		c := exec.CommandContext(ctx, step[0], step[1:]...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			return "", fmt.Errorf("tool: install %s: %s: %w: %s", tool, step, err, out)
		}
	}
	if err := os.WriteFile(mark, nil, 0o644); err != nil {
		return "", fmt.Errorf("tool: install %s: %w", tool, err)
	}
	return dir, nil
}

// Python installs packages of PyPI into a virtual environment, and returns its folder.
func Python(ctx context.Context, tool string, requirements []byte) (string, error) {
	return Install(ctx, tool, map[string][]byte{"requirements.txt": requirements},
		[]string{"python3", "-m", "venv", "."},
		[]string{"./bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", "requirements.txt"})
}

// Node installs packages of npm, pinned by hash, and returns the folder with node_modules.
func Node(ctx context.Context, tool string, manifest, lock []byte) (string, error) {
	return Install(ctx, tool, map[string][]byte{"package.json": manifest, "package-lock.json": lock},
		[]string{"npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error"})
}
