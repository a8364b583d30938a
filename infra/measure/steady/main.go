// Command steady measures how far the scores of an interview move between recordings of it: through
// other codecs, at another sampling rate, a little later. The same was said in all of them, so
// their scores should be the same. It also compares the vocabulary of what was heard with that of
// the true words.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"parley/shared/speech/audio"
	"parley/shared/speech/conversation"
	"parley/shared/speech/engines"
	"parley/shared/speech/installed"
)

func main() {
	data := flag.String("data", "../shared/data/interviews", "folder of interviews: NAME.flac with NAME.json")
	only := flag.String("only", "", "names of the variants to try, separated by commas (default: all)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := steady(ctx, os.Stdout, *data, *only); err != nil {
		fmt.Fprintln(os.Stderr, "steady:", err)
		stop()
		os.Exit(1)
	}
}

func steady(ctx context.Context, out io.Writer, data, only string) error {
	dir := installed.Dir()
	for _, layer := range installed.Layers() {
		if err := installed.Missing(dir, installed.LayerFiles(layer)...); err != nil {
			return err
		}
	}
	files, err := filepath.Glob(filepath.Join(data, "*.flac"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no interviews in %s", data)
	}
	open := engines.Open(dir, "", 1)
	defer func() { _ = open.Close() }()
	var found []interview
	for _, file := range files {
		ref, err := reference(strings.TrimSuffix(file, ".flac") + ".json")
		if err != nil {
			return err
		}
		pcm, err := open.Decoder().Decode(ctx, file)
		if err != nil {
			return err
		}
		one := interview{name: strings.TrimSuffix(filepath.Base(file), ".flac")}
		for _, v := range variants(installed.FFmpeg(dir)) {
			if only != "" && !slices.Contains(strings.Split(only, ","), v.name) {
				continue
			}
			o, err := v.try(ctx, open, pcm, ref)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", one.name, v.name, err)
			}
			one.outcomes = append(one.outcomes, o)
			fmt.Fprintln(os.Stderr, one.name, o)
		}
		found = append(found, one)
	}
	return table(out, found)
}

func reference(path string) (conversation.Reference, error) {
	f, err := os.Open(path)
	if err != nil {
		return conversation.Reference{}, err
	}
	defer func() { _ = f.Close() }()
	return conversation.ReadReference(f)
}

// try sends a variant of an interview through the stages.
func (v variant) try(ctx context.Context, open *engines.Engines, pcm []int16, ref conversation.Reference) (outcome, error) {
	changed, err := v.of(ctx, pcm)
	if err != nil {
		return outcome{}, err
	}
	o := outcome{variant: v.name}
	c, err := chain(ctx, open, audio.Recording{Channels: audio.Channels{Count: 1, Used: "mono"}, Tracks: [][]int16{changed}}, &o)
	if err != nil {
		return outcome{}, err
	}
	return o, o.compare(c, ref)
}
