package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// errAbsent means that what the cases are made from is not on this machine.
var errAbsent = errors.New("missing on this machine")

// recordings ensures that the recordings and scripts of the rows exist, and returns their folder.
func recordings(ctx context.Context, o options, rows []row) (out string, err error) {
	out = o.out
	if out == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		out = filepath.Join(cache, "parley", "cases")
	}
	if out, err = filepath.Abs(out); err != nil {
		return "", err
	}
	missing := ""
	for _, name := range []string{"audio/talk.m4a", "audio/plain_m.flac", "audio/plain_n.flac", "audio/plain_f.flac"} {
		rows = append(rows, row{file: name})
	}
	for _, r := range rows {
		if _, err := os.Stat(filepath.Join(out, r.file)); err != nil && strings.HasPrefix(r.file, "audio/") {
			missing = r.file
		}
	}
	if missing != "" {
		if err := generate(ctx, o, out); err != nil {
			return "", err
		}
	}
	return out, scripts(o.cases, out)
}

// generate makes the recordings with the cases' own script; it takes a minute.
func generate(ctx context.Context, o options, out string) error {
	interviews, err := filepath.Abs(filepath.Join(o.data, "interviews"))
	if err != nil {
		return err
	}
	for _, path := range []string{interviews, filepath.Join(o.cases, "make.sh")} {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("%w: %s", errAbsent, path)
		}
	}
	for _, program := range []string{"bash", "ffmpeg", "espeak-ng"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w: %s", errAbsent, program)
		}
	}
	python := ""
	for _, p := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(ctx, p, "-c", "import numpy").Run() == nil {
			python = p
			break
		}
	}
	if python == "" {
		return fmt.Errorf("%w: numpy for python3", errAbsent)
	}
	fmt.Fprintln(os.Stderr, "making the recordings of the cases in", out)
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	c := exec.CommandContext(ctx, "bash", filepath.Join(o.cases, "make.sh"), out)
	c.Env = append(os.Environ(), "INTERVIEWS="+interviews, "PYTHON="+python)
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("make.sh: %w", err)
	}
	return nil
}

// scripts copies the client scripts beside the recordings. In common.py, the line that names the
// default recording has its closing bracket inside a comment; scripts moves it in front.
func scripts(cases, out string) error {
	names, err := filepath.Glob(filepath.Join(cases, "api", "*.py"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(out, "api"), 0o755); err != nil {
		return err
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		b = bytes.Replace(b, []byte(`HERE + "/talk.m4a"  # made by`), []byte(`HERE + "/talk.m4a")  # made by`), 1)
		if err := os.WriteFile(filepath.Join(out, "api", filepath.Base(name)), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}
