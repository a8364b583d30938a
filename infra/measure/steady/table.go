package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"parley/shared/speech/score"
)

// interview is one interview in its variants.
type interview struct {
	name     string
	outcomes []outcome
}

// spread is the standard deviation of a score over the variants; ok is false below two.
func (i interview) spread(d score.Dimension) (sd float64, ok bool) {
	var v []float64
	for _, o := range i.outcomes {
		if x, there := o.scores[d]; there {
			v = append(v, x)
		}
	}
	if len(v) < 2 {
		return 0, false
	}
	mean, sum := 0.0, 0.0
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		sum += (x - mean) * (x - mean)
	}
	return math.Sqrt(sum / float64(len(v)-1)), true
}

// apart is how far the vocabulary of what was heard lies from that of what was said: the mean and
// the root mean square of the differences, and how many there are.
func apart(all []interview) (mean, rms float64, n int) {
	for _, i := range all {
		for _, o := range i.outcomes {
			for k := range o.heard {
				d := o.heard[k] - o.said[k]
				mean, rms, n = mean+d, rms+d*d, n+1
			}
		}
	}
	return mean / float64(max(n, 1)), math.Sqrt(rms / float64(max(n, 1))), n
}

func table(out io.Writer, all []interview) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	var heads, names []string
	for _, row := range score.Table {
		heads, names = append(heads, string(row.Name)), append(names, string(row.Name))
	}
	_, _ = fmt.Fprintln(w, "interview\tvariant\t"+strings.Join(heads, "\t"))
	squares, counted := map[string]float64{}, map[string]float64{}
	for _, i := range all {
		for _, o := range i.outcomes {
			_, _ = fmt.Fprintf(w, "%s\t%s", i.name, o.variant)
			for _, d := range names {
				_, _ = fmt.Fprintf(w, "\t%.2f", o.scores[score.Dimension(d)])
			}
			_, _ = fmt.Fprintln(w)
		}
		_, _ = fmt.Fprintf(w, "%s\tspread", i.name)
		for _, d := range names {
			sd, ok := i.spread(score.Dimension(d))
			if !ok {
				_, _ = fmt.Fprint(w, "\t-")
				continue
			}
			squares[d], counted[d] = squares[d]+sd*sd, counted[d]+1
			_, _ = fmt.Fprintf(w, "\t%.2f", sd)
		}
		_, _ = fmt.Fprintln(w)
	}
	_, _ = fmt.Fprint(w, "all\tspread")
	for _, d := range names {
		_, _ = fmt.Fprintf(w, "\t%.2f", math.Sqrt(squares[d]/max(counted[d], 1)))
	}
	_, _ = fmt.Fprintln(w)
	if err := w.Flush(); err != nil {
		return err
	}
	mean, rms, n := apart(all)
	_, err := fmt.Fprintf(out, "vocabulary of what was heard against that of what was said: %+.2f on average, %.2f root mean square (%d speakers heard)\n", mean, rms, n)
	return err
}
