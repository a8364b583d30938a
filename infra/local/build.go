package local

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Dist returns the folder of the functions built for a processor (amd64, arm64), below the
// repository's root.
func Dist(root, arch string) string { return filepath.Join(root, "dist", arch) }

// BuildFunctions builds the named functions, or all if none is named, for a processor (amd64,
// arm64), each into dist/<arch>/<name>/bootstrap. It does not touch a program that has not changed.
// It returns the SHA-256 of each program, in hex, by name.
func BuildFunctions(ctx context.Context, root, arch string, names ...string) (map[string]string, error) {
	all, err := functionNames(root)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		names = all
	}
	packages := make([]string, len(names))
	for i, name := range names {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("local: no function %q: there are %s", name, strings.Join(all, ", "))
		}
		packages[i] = "./functions/" + name
	}
	// This folder is kept, so that the go command does not link a program again that is up to date.
	linked := filepath.Join(Dist(root, arch), ".linked")
	if err := os.MkdirAll(linked, 0o755); err != nil {
		return nil, fmt.Errorf("local: build: %w", err)
	}
	if err := (command{
		dir: root, name: "go",
		env:  []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch},
		args: append([]string{"build", "-buildvcs=false", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", linked + "/"}, packages...),
	}).run(ctx); err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for _, name := range names {
		if sums[name], err = keep(filepath.Join(linked, name), filepath.Join(Dist(root, arch), name, "bootstrap")); err != nil {
			return nil, fmt.Errorf("local: build %s: %w", name, err)
		}
	}
	return sums, nil
}

// functionNames lists the folders of functions/ that have a program.
func functionNames(root string) ([]string, error) {
	mains, err := filepath.Glob(filepath.Join(root, "functions", "*", "main.go"))
	if err != nil {
		return nil, fmt.Errorf("local: %w", err)
	}
	if len(mains) == 0 {
		return nil, errors.New("local: there are no functions to build")
	}
	names := make([]string, len(mains))
	for i, path := range mains {
		names[i] = filepath.Base(filepath.Dir(path))
	}
	return names, nil
}

// keep copies a built program into its place, unless the same program is already there.
func keep(built, place string) (sum string, err error) {
	raw, err := os.ReadFile(built)
	if err != nil {
		return "", err
	}
	if have, err := os.ReadFile(place); err == nil && bytes.Equal(have, raw) {
		return sha(raw), nil
	}
	if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(place+".new", raw, 0o755); err != nil {
		return "", err
	}
	return sha(raw), os.Rename(place+".new", place)
}

func sha(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// pack returns the deployment package of a function: a zip file with its bootstrap.
func pack(root, name string) ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(Dist(root, runtime.GOARCH), name, "bootstrap"))
	if err != nil {
		return nil, fmt.Errorf("local: pack %s: %w", name, err)
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: time.Unix(0, 0)}
	header.SetMode(0o755)
	w, err := z.CreateHeader(header)
	if err == nil {
		_, err = w.Write(raw)
	}
	if err := errors.Join(err, z.Close()); err != nil {
		return nil, fmt.Errorf("local: pack %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// fingerprint returns a hash of everything that the stack is made from: the sources of its program
// in this module, the versions of all other modules, the CDK's settings and the given ones. It does
// not cover the functions' programs.
func fingerprint(ctx context.Context, root string, settings ...string) (string, error) {
	dirs, err := command{dir: root, name: "go", args: []string{"list", "-deps", "-f",
		"{{if .Module}}{{if .Module.Main}}{{.Dir}}{{end}}{{end}}", "./infra/stack/app"}}.output(ctx)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, s := range settings {
		_, _ = fmt.Fprintf(h, "%q\n", s) // a hash never fails
	}
	files := []string{filepath.Join(root, "go.mod"), filepath.Join(root, "go.sum"), filepath.Join(root, "cdk.json")}
	for dir := range strings.FieldsSeq(string(dirs)) {
		sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			return "", fmt.Errorf("local: fingerprint: %w", err)
		}
		for _, path := range sources {
			if !strings.HasSuffix(path, "_test.go") {
				files = append(files, path)
			}
		}
	}
	for _, path := range files {
		if err := hashFile(h, path); err != nil {
			return "", fmt.Errorf("local: fingerprint: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func hashFile(h io.Writer, path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() // read only
	_, _ = fmt.Fprintf(h, "%q\n", filepath.Base(path))
	_, err = io.Copy(h, f)
	return err
}
