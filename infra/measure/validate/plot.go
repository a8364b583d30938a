package main

import (
	"fmt"
	"strings"
)

// The picture: two squares side by side, prediction and residual over the human mean.
const (
	side   = 260.0 // px
	margin = 36.0
	lowest = 2.5 // points of 10
	span   = 7.5
)

// plot draws each speaker's held-out prediction, and its residual, over the human mean: adults
// round, children square.
func (p *page) plot(s studied) string {
	var b strings.Builder
	f := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	width := 2*side + 3*margin
	f(`<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" font-family="sans-serif" font-size="10">`, width, side+2*margin)
	f(`<rect width="100%%" height="100%%" fill="white"/>`)
	x := func(v float64) float64 { return margin + (v-lowest)/span*side }
	y := func(v float64) float64 { return margin + side - (v-lowest)/span*side }
	rx := func(v float64) float64 { return x(v) + side + margin }
	ry := func(v float64) float64 { return margin + side/2 - v/2.5*side/2 }
	for v := 3.0; v <= 10; v++ {
		f(`<text x="%.0f" y="%.0f" text-anchor="middle">%.0f</text>`, x(v), margin+side+14, v)
		f(`<text x="%.0f" y="%.0f" text-anchor="middle">%.0f</text>`, rx(v), margin+side+14, v)
		f(`<text x="%.0f" y="%.0f" text-anchor="end">%.0f</text>`, margin-4, y(v)+3, v)
	}
	for _, v := range []float64{-2, -1, 0, 1, 2} {
		f(`<text x="%.0f" y="%.0f" text-anchor="end">%+.0f</text>`, 2*margin+side-4, ry(v)+3, v)
	}
	for _, left := range []float64{margin, 2*margin + side} {
		f(`<rect x="%.0f" y="%.0f" width="%.0f" height="%.0f" fill="none" stroke="#888"/>`, left, margin, side, side)
	}
	f(`<line x1="%.0f" y1="%.0f" x2="%.0f" y2="%.0f" stroke="#bbb"/>`, x(lowest), y(lowest), x(lowest+span), y(lowest+span))
	f(`<line x1="%.0f" y1="%.0f" x2="%.0f" y2="%.0f" stroke="#bbb"/>`, rx(lowest), ry(0), rx(lowest+span), ry(0))
	dot := func(px, py float64, child bool) {
		if child {
			f(`<rect x="%.1f" y="%.1f" width="5" height="5" fill="#c60" fill-opacity="0.75"/>`, px-2.5, py-2.5)
			return
		}
		f(`<circle cx="%.1f" cy="%.1f" r="3" fill="#06c" fill-opacity="0.75"/>`, px, py)
	}
	for i, human := range s.shipped.human {
		child := p.t.speakers[i].child
		predicted := s.shipped.predicted[i]
		dot(x(human), y(max(lowest, min(lowest+span, predicted))), child)
		dot(rx(human), ry(max(-2.5, min(2.5, predicted-human))), child)
	}
	f(`<text x="%.0f" y="18">%s: held-out prediction over the human mean, 0-10</text>`, margin, title(string(s.name)))
	f(`<text x="%.0f" y="18">residual (round: adults, square: children)</text>`, 2*margin+side)
	f("</svg>\n")
	return b.String()
}
