package parts

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"parley/shared/engine/pipeline"
	"parley/shared/speech/installed"
)

// Layers returns the folder into which LayOut puts a processor's layers, one folder each.
func (c *Cache) Layers(arch string) string { return filepath.Join(c.Root, "layers", arch) }

// LayOut lays out every layer of a processor as Lambda unpacks it under /opt, <layer>/parley/...,
// and returns the folder of the layers. It makes hard links to the engines, or copies if the file
// system does not support links, and removes files that no layer has any more. It returns an error
// if an engine does not exist: run Ensure first.
func (c *Cache) LayOut(arch string) (string, error) {
	for _, layer := range installed.Layers() {
		if err := c.layOut(arch, layer); err != nil {
			return "", fmt.Errorf("parts: layer %s: %w", layer, err)
		}
	}
	return c.Layers(arch), nil
}

func (c *Cache) layOut(arch string, layer pipeline.Layer) error {
	files := installed.LayerFiles(layer)
	if err := installed.Missing(c.Parts(arch), files...); err != nil {
		return err
	}
	top := filepath.Join(c.Layers(arch), string(layer))
	root := filepath.Join(top, filepath.Base(installed.Mounted))
	for _, file := range files {
		from, to := filepath.Join(c.Parts(arch), file), filepath.Join(root, file)
		if same(from, to) {
			continue
		}
		if err := linkOrCopy(from, to); err != nil {
			return err
		}
	}
	return filepath.WalkDir(top, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil || slices.Contains(files, filepath.ToSlash(rel)) {
			return err
		}
		return os.Remove(path)
	})
}

// same reports whether two paths are one file or have the same bytes.
func same(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	if errors.Join(errX, errY) != nil || x.Mode() != y.Mode() {
		return false
	}
	if os.SameFile(x, y) {
		return true
	}
	hash, err := fileSum(a)
	return err == nil && matches(b, hash)
}

// Hash returns a hash of a layer's names, modes and contents. If it changes, the layer must be
// deployed again.
func (c *Cache) Hash(arch string, layer pipeline.Layer) (string, error) {
	h := sha256.New()
	for _, file := range installed.LayerFiles(layer) {
		path := filepath.Join(c.Parts(arch), file)
		info, err := os.Stat(path)
		if err != nil {
			return "", fmt.Errorf("parts: layer %s: %w", layer, err)
		}
		content, err := fileSum(path)
		if err != nil {
			return "", fmt.Errorf("parts: layer %s: %w", layer, err)
		}
		if _, err := fmt.Fprintf(h, "%s %o %s\n", file, info.Mode().Perm(), content); err != nil {
			return "", fmt.Errorf("parts: layer %s: %w", layer, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
