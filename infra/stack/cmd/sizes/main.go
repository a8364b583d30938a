// Command sizes prints what the synthesised templates in cdk.out deploy: the resources of each
// stack, and the size of each function and layer, zipped as the CDK zips them and unzipped. It
// fails if a function is larger than it may be. Run it after `make synth`.
package main

import (
	"archive/zip"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

const (
	mb = 1 << 20
	// maxZip is the most that a function's own zip may have. Lambda takes 50 MB; a small one starts
	// sooner and deploys sooner.
	maxZip = 8 * mb
	// maxUnzipped is what Lambda lets a function and its layers have together.
	maxUnzipped = 250 * mb
	// maxResources is how many resources CloudFormation lets a stack have.
	maxResources = 500
)

func main() {
	if err := run("cdk.out", os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sizes:", err)
		os.Exit(1)
	}
}

// template is what this program reads of a synthesised template.
type template struct {
	Resources map[string]resource `json:"Resources"` //nolint:tagliatelle // CloudFormation's own name
}

type resource struct {
	Type       string `json:"Type"` //nolint:tagliatelle // the same
	Properties struct {
		FunctionName any             `json:"FunctionName"` //nolint:tagliatelle // the same
		Code         json.RawMessage `json:"Code"`         //nolint:tagliatelle // the same
		Content      json.RawMessage `json:"Content"`      //nolint:tagliatelle // the same
		Layers       []struct {
			Ref string `json:"Ref"` //nolint:tagliatelle // the same
		} `json:"Layers"` //nolint:tagliatelle // the same
	} `json:"Properties"` //nolint:tagliatelle // the same
}

func run(dir string, out io.Writer) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.template.json"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("there are no templates in %s: make synth", dir)
	}
	var problems []error
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var t template
		if err := json.Unmarshal(raw, &t); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if _, err := fmt.Fprintf(out, "%s: %d resources of %d\n", strings.TrimSuffix(filepath.Base(path), ".template.json"), len(t.Resources), maxResources); err != nil {
			return err
		}
		found, err := packages(dir, t)
		if err != nil {
			return err
		}
		if err := table(out, found); err != nil {
			return err
		}
		for _, p := range found {
			problems = append(problems, p.problem())
		}
	}
	return errors.Join(problems...)
}

// size is the number of bytes of a package.
type size struct{ zipped, unzipped int64 }

// packaged is a function or a layer.
type packaged struct {
	name  string
	layer bool
	size
	with int64 // bytes of a function and its layers, unzipped
}

func (p packaged) problem() error {
	switch {
	case !p.layer && p.zipped > maxZip:
		return fmt.Errorf("the zip of %s has %.1f MB, more than %d", p.name, megabytes(p.zipped), maxZip/mb)
	case p.with > maxUnzipped:
		return fmt.Errorf("%s and its layers have %.1f MB unzipped, more than %d", p.name, megabytes(p.with), maxUnzipped/mb)
	}
	return nil
}

func megabytes(n int64) float64 { return float64(n) / mb }

// packages measures the functions and layers of a template, the largest first.
func packages(dir string, t template) ([]packaged, error) {
	var out []packaged
	sizes := map[string]size{}
	for id, r := range t.Resources {
		if r.Type != "AWS::Lambda::Function" && r.Type != "AWS::Lambda::LayerVersion" {
			continue
		}
		layer := r.Type == "AWS::Lambda::LayerVersion"
		code, name := r.Properties.Code, fmt.Sprint(r.Properties.FunctionName)
		if layer {
			code, name = r.Properties.Content, id
		}
		var at struct{ S3Key string }
		if err := json.Unmarshal(code, &at); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		var err error
		if sizes[id], err = measure(filepath.Join(dir, "asset."+strings.TrimSuffix(at.S3Key, ".zip"))); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, packaged{name: name, layer: layer, size: sizes[id]})
	}
	for i, p := range out {
		out[i].with = p.unzipped
		for _, r := range t.Resources {
			if fmt.Sprint(r.Properties.FunctionName) == p.name && r.Type == "AWS::Lambda::Function" {
				for _, l := range r.Properties.Layers {
					out[i].with += sizes[l.Ref].unzipped
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b packaged) int { return int(b.zipped - a.zipped) })
	return out, nil
}

// measure zips a folder as the CDK does and counts the bytes.
func measure(dir string) (size, error) {
	var s size
	var zipped counter
	w := zip.NewWriter(&zipped)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestCompression) })
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		in, err := os.Open(path)
		if err != nil {
			return err
		}
		defer in.Close() // only read
		to, err := w.Create(path)
		if err != nil {
			return err
		}
		n, err := io.Copy(to, in)
		s.unzipped += n
		return err
	})
	if err = errors.Join(err, w.Close()); err != nil {
		return s, err
	}
	s.zipped = int64(zipped)
	return s, nil
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func table(out io.Writer, found []packaged) error {
	if len(found) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	lines := []string{"\tMB zipped\tunzipped\twith layers\t"}
	for _, p := range found {
		lines = append(lines, fmt.Sprintf("%s\t%.1f\t%.1f\t%.1f\t", p.name, megabytes(p.zipped), megabytes(p.unzipped), megabytes(p.with)))
	}
	for _, l := range lines {
		if _, err := fmt.Fprintln(w, l); err != nil {
			return err
		}
	}
	return w.Flush()
}
