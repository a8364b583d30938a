// Command speakers measures how well the product finds who speaks when, and which of them is the
// candidate. It uses recordings with a known truth, and copies of them that are made worse in ways
// that occur in interviews. It writes docs/speakers.md.
//
// The copies are made from the recordings alone, without randomness, so that the figures can be
// reproduced.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"

	"parley/shared/speech/engines"
	"parley/shared/speech/installed"
)

type options struct {
	data, out, heard string
	words            bool
	composed         int
}

func main() {
	var o options
	flag.StringVar(&o.data, "data", "../shared/data", "folder of the shared recordings: interviews/NAME.flac with NAME.json, and speechocean762")
	flag.StringVar(&o.out, "out", "docs/speakers.md", "the page to write; empty: to the screen alone")
	flag.BoolVar(&o.words, "words", true, "let the recogniser hear the interviews (15 minutes of a processor); without, the words of the truth are used")
	flag.StringVar(&o.heard, "heard", "", "a file in which to keep what the recogniser heard, outside the repository; empty: none")
	flag.IntVar(&o.composed, "composed", 48, "conversations composed of the speakers of the corpus; 0 for none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "speakers:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	all, err := interviews(ctx, filepath.Join(o.data, "interviews"))
	if err != nil {
		return err
	}
	how := "as the recogniser heard them, again in each copy whose sound is another (telephone, noise, loudness), else in the clean recording"
	if o.words {
		err = listen(ctx, all, o.heard)
	} else {
		how = "those of the truth, spread evenly over each segment"
		recite(all)
	}
	if err != nil {
		return err
	}
	dir := installed.Dir()
	if err := installed.Missing(dir, installed.LayerFiles(installed.LayerVoices)...); err != nil {
		return err
	}
	open := engines.Open(dir, "", runtime.NumCPU())
	defer func() { _ = open.Close() }()
	p := page{words: how}
	for _, c := range conditions {
		copies := make([]recording, len(all))
		for i := range all {
			copies[i] = c.make(all, i)
			copies[i].name = all[i].name + ", " + c.name
		}
		if c.again && o.words {
			if err := listen(ctx, copies, o.heard); err != nil {
				return err
			}
		}
		var row figures
		for _, r := range copies {
			f, err := measure(ctx, r, open.Voices)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			fmt.Fprintf(os.Stderr, "%-70s %s\n", r.name, f)
			row = append(row, f)
		}
		p.rows = append(p.rows, entry{c.name, c.how, row})
	}
	if o.composed > 0 {
		all, err := people(ctx, o.data)
		if err != nil {
			return err
		}
		for n := range o.composed {
			c := compose(all, n)
			f, err := measure(ctx, c.recording, open.Voices)
			if err != nil {
				return fmt.Errorf("composed %d: %w", n, err)
			}
			f.share = c.share
			fmt.Fprintf(os.Stderr, "%-70s %s\n", "composed "+c.recording.name, f)
			p.composed = append(p.composed, f)
		}
	}
	if o.out == "" {
		p.write(os.Stdout)
		return nil
	}
	file, err := os.Create(o.out)
	if err != nil {
		return err
	}
	p.write(file)
	return file.Close()
}
