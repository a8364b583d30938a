// Command eval measures how well the product hears recordings whose truth is known: how many
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
	folder := flag.String("data", "../shared/data/interviews", "folder of recordings, each NAME.flac with its NAME.json")
	sample := flag.String("sample", "infra/sample", "folder of spoken scripts, each NAME.opus with its NAME.txt; empty for none")
	words := flag.Bool("words", true, "transcribe as well; without, only the voices are measured")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	folders := []string{*folder}
	if *sample != "" {
		folders = append(folders, *sample)
	}
	if err := run(ctx, folders, *words); err != nil {
		fmt.Fprintln(os.Stderr, "eval:", err)
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
