// Command accuracy measures how well the product hears recordings whose truth is known: how many
// speakers it finds, how much speech and how many words it assigns to the wrong one, whether the
// candidate is right, and its word error rate beside that of the recogniser alone.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	folder := flag.String("data", "../shared/data/interviews", "folder of recordings: NAME.flac with NAME.json")
	sample := flag.String("sample", "infra/sample", "folder of spoken scripts: NAME.opus with NAME.txt; empty: none")
	words := flag.Bool("words", true, "also transcribe; if false, only who speaks when is measured")
	invented := flag.String("inventions", "", "folder of all shared recordings: measure in place of it what is heard that nobody said, in several noises")
	seconds := flag.Int("seconds", 0, "of the inventions, how much of each recording is heard; 0: all of it")
	only := flag.String("only", "", "of the inventions, only the rows that contain this, such as \"interviews, clean\"")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	folders := []string{*folder}
	if *sample != "" {
		folders = append(folders, *sample)
	}
	measured := func() error { return run(ctx, folders, *words) }
	if *invented != "" {
		measured = func() error { return runInventions(ctx, *invented, *seconds, *only) }
	}
	if err := measured(); err != nil {
		fmt.Fprintln(os.Stderr, "accuracy:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, folders []string, words bool) error {
	if !words {
		return evaluate(ctx, os.Stdout, folders, nil)
	}
	heard, end, err := recognisers()
	if err != nil {
		return err
	}
	defer end()
	return evaluate(ctx, os.Stdout, folders, heard)
}

func runInventions(ctx context.Context, data string, seconds int, only string) error {
	heard, end, err := recognisers()
	if err != nil {
		return err
	}
	defer end()
	return inventions(ctx, os.Stdout, data, heard, seconds, only)
}
