// Command bench measures speed, as ratios within one run: the wall time of an interview through the
// whole local system against the recogniser alone on the same audio; the processor time of each
// stage against the recogniser's; each function's start; and, with -memory, each function's peak
// memory on a recording. Run it on an otherwise idle machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"

	"parley/infra/local"
	"parley/shared/speech"
)

func main() {
	audio := flag.String("audio", filepath.FromSlash("infra/sample/interview.opus"), "interview to time")
	rounds := flag.Int("rounds", 3, "number of rounds, each with the system and the recogniser in turn, 1 to 20")
	memory := flag.String("memory", "", "instead of times, measure each function's peak memory while it scores this recording")
	flag.Parse()
	if *rounds < 1 || *rounds > 20 {
		fmt.Fprintln(os.Stderr, "bench: -rounds must be 1 to 20")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	err := bench(ctx, w, *audio, *rounds, *memory)
	if err := errors.Join(err, w.Flush()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, w *tabwriter.Writer, audio string, rounds int, memory string) error {
	if memory != "" {
		return peaks(ctx, w, memory)
	}
	if err := ratio(ctx, w, audio, rounds); err != nil {
		return err
	}
	return starts(ctx, w, local.Dist(".", runtime.GOARCH))
}

// ratio times the recogniser alone and the whole system alternately.
func ratio(ctx context.Context, w *tabwriter.Writer, audio string, rounds int) error {
	pcm, err := decode(ctx, audio)
	if err != nil {
		return err
	}
	var alone, whole, ratios []float64
	costs := map[string][]float64{}
	err = withSystem(ctx, func(dir string, score scorer) error {
		if _, err := score(ctx, audio); err != nil { // warms both up
			return err
		}
		for range rounds {
			a, err := recognise(ctx, pcm)
			if err != nil {
				return err
			}
			before, err := used(dir)
			if err != nil {
				return err
			}
			b, err := score(ctx, audio)
			if err != nil {
				return err
			}
			after, err := used(dir)
			if err != nil {
				return err
			}
			for name, u := range after {
				costs[name] = append(costs[name], u.cpu-before[name].cpu)
			}
			alone, whole, ratios = append(alone, a.Seconds()), append(whole, b.Seconds()), append(ratios, b.Seconds()/a.Seconds())
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\t%s, s\trecogniser alone, s\tsystem ÷ recogniser\t\n", "whole system")
	for i := range ratios {
		fmt.Fprintf(w, "round %d\t%.2f\t%.2f\t%.2f\t\n", i+1, whole[i], alone[i], ratios[i])
	}
	fmt.Fprintf(w, "median\t%.2f\t%.2f\t%.2f\t\n\n", median(whole), median(alone), median(ratios))
	recogniser := median(costs[string(speech.Transcribe)])
	fmt.Fprintf(w, "function\tCPU, s\tshare of the recogniser's\t\n")
	for _, s := range speech.Service.Stages {
		if cost := costs[string(s.Name)]; len(cost) > 0 {
			fmt.Fprintf(w, "%s\t%.2f\t%.0f %%\t\n", s.Name, median(cost), 100*median(cost)/recogniser)
		}
	}
	fmt.Fprintln(w)
	return w.Flush()
}

func median(v []float64) float64 {
	s := slices.Clone(v)
	slices.Sort(s)
	return s[len(s)/2]
}
