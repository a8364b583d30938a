package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"parley/infra/prove/tool"
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
	dir, err := tool.Python(ctx, "schemathesis", requirements)
	return filepath.Join(dir, "bin", "schemathesis"), err
}

// lint runs spectral on both editions of the document that are served. Any finding is an error.
func lint(ctx context.Context) error {
	dir, err := tool.Node(ctx, "spectral", spectralPackage, spectralLock)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"openapi.json": api.OpenAPI(), "openapi-3.0.json": api.OlderOpenAPI(), "ruleset.yaml": ruleset} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return fmt.Errorf("contract: lint: %w", err)
		}
	}
	c := exec.CommandContext(ctx, filepath.Join(dir, "node_modules", ".bin", "spectral"), "lint", "--fail-severity", "hint", "--ruleset", "ruleset.yaml", "openapi.json", "openapi-3.0.json")
	c.Dir, c.Stdout, c.Stderr = dir, os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("contract: lint: %w", err)
	}
	return nil
}
