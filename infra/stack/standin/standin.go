// Package standin makes stand-ins for the built functions and the layers, whose contents do not
// affect the templates.
package standin

import (
	"fmt"
	"os"
	"path/filepath"

	"parley/infra/stack"
)

// Make makes the stand-ins in a folder, and returns props that name them.
func Make(dir string) (stack.Props, error) {
	props := stack.Props{Dist: filepath.Join(dir, "dist"), Layers: filepath.Join(dir, "layers")}
	var all []string
	for _, f := range stack.Functions() {
		all = append(all, filepath.Join(props.Dist, f.Name))
		for _, layer := range f.Layers {
			all = append(all, filepath.Join(props.Layers, string(layer)))
		}
	}
	for _, one := range all {
		if err := os.MkdirAll(one, 0o755); err != nil {
			return props, fmt.Errorf("stand-ins: %w", err)
		}
		if err := os.WriteFile(filepath.Join(one, "bootstrap"), []byte("#!/bin/sh\n# "+filepath.Base(one)+"\n"), 0o600); err != nil {
			return props, fmt.Errorf("stand-ins: %w", err)
		}
	}
	return props, nil
}
