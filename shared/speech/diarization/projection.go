package diarization

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"
)

// projection turns a window's vector into a point where the distance between windows of one voice is about 1 in every
// direction, and the directions that tell voices apart count most: linear discriminant analysis of windows of 48 speakers
// of the speechocean762 corpus (Zhang et al. 2021), mixed two at a time, clean, noisy and in telephone band. The test
// TestProjection makes the file again.
type projection struct {
	Note string `json:"note"`
	// Rows are the directions, each of length features, scaled by the root of λ/(λ+1), λ the ratio of the variance between
	// voices to that within one.
	Rows [][]float64 `json:"rows"`
}

//go:embed projection.json
var projectionJSON []byte

var loadProjection = sync.OnceValues(func() (projection, error) {
	var p projection
	if err := json.Unmarshal(projectionJSON, &p); err != nil {
		return p, fmt.Errorf("diarization: projection: %w", err)
	}
	for _, row := range p.Rows {
		if len(row) != features {
			return p, fmt.Errorf("diarization: projection: a row of %d numbers, not %d", len(row), features)
		}
	}
	return p, nil
})

// points projects vectors, features numbers each, to len(Rows) numbers each.
func (p projection) points(vectors []float64) []float64 {
	n := len(vectors) / features
	out := make([]float64, 0, n*len(p.Rows))
	for i := range n {
		v := vectors[i*features : (i+1)*features]
		for _, row := range p.Rows {
			sum := 0.0
			for d, w := range row {
				sum += w * v[d]
			}
			out = append(out, sum)
		}
	}
	return out
}
