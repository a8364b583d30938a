// Command validate measures the scorers against human raters and writes docs/validation.md with the
// figures. Each speaker is predicted from the others: on them, the weights are fitted and the
// measures chosen. It also prints the weights and norms of shared/speech/score/norms, which are
// fitted on all speakers.
//
// The engines' answers are cached in a folder, so that each is computed once. With an empty folder,
// the engines take about half an hour on one processor, and the rest half a minute.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"parley/infra/measure/corpus"
	"parley/shared/speech/score/accent"
)

// cacheVariable names the folder that caches the engines' answers.
const cacheVariable = "PARLEY_CALIBRATION"

func main() {
	var o options
	flag.StringVar(&o.data, "data", "../shared/data", "folder that holds speechocean762 and vocabulary")
	flag.StringVar(&o.cache, "cache", defaultCache(), "folder that keeps the engines' answers ("+cacheVariable+")")
	flag.StringVar(&o.docs, "docs", "docs", "folder of validation.md and its pictures")
	flag.StringVar(&o.note, "note", "", "sentence for the top of the page that says what is special about this run")
	flag.StringVar(&o.only, "only", "", "measure only this section, and replace it in the existing page: vocabulary (some seconds), pronunciation, words or overall")
	flag.IntVar(&o.channelSpeakers, "channels", 6, "number of adults to measure through noise, gains, rooms and codecs; 0: none")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "validate:", err)
		stop()
		os.Exit(1)
	}
}

type options struct {
	data, cache, docs string
	note, only        string
	channelSpeakers   int
}

func defaultCache() string {
	if dir := os.Getenv(cacheVariable); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "parley", "validation")
}

func run(ctx context.Context, o options) error {
	if o.only != "" {
		return oneSection(ctx, o)
	}
	return allSections(ctx, o)
}

// oneSection measures the section that only names, and writes it into the page that is there.
func oneSection(ctx context.Context, o options) error {
	switch o.only {
	case "vocabulary":
		f, err := measureVocabulary(filepath.Join(o.data, "vocabulary"))
		if err != nil {
			return err
		}
		return rewrite(filepath.Join(o.docs, "validation.md"), f.text)
	case "pronunciation", "words", "overall":
		r, err := newRig(o.data, o.cache)
		if err != nil {
			return err
		}
		defer r.close()
		text, err := r.section(ctx, o)
		if err != nil {
			return err
		}
		return rewrite(filepath.Join(o.docs, "validation.md"), text)
	default:
		return fmt.Errorf("-only %s: unknown section: use vocabulary, pronunciation, words or overall", o.only)
	}
}

// allSections measures every section and writes the page.
func allSections(ctx context.Context, o options) error {
	rated, err := speakers(o.data)
	if err != nil {
		return err
	}
	r, err := newRig(o.data, o.cache)
	if err != nil {
		return err
	}
	defer r.close()
	fmt.Fprintf(os.Stderr, "validate: %d speakers; the engines' answers are kept in %s\n", len(rated), o.cache)
	t, err := r.measure(ctx, rated, accent.Limits{Align: accent.AlignSeconds, Hear: accent.HearWindows})
	if err != nil {
		return err
	}
	p := newPage(t)
	p.note = o.note
	if err := p.pronounce(ctx, r); err != nil {
		return err
	}
	if p.vocabulary, err = measureVocabulary(filepath.Join(o.data, "vocabulary")); err != nil {
		return err
	}
	if p.words, err = r.measureWords(ctx, o.data); err != nil {
		return err
	}
	if p.wholes, err = r.measureOverall(ctx, o.data); err != nil {
		return err
	}
	if o.channelSpeakers > 0 {
		if p.channels, err = r.channels(ctx, rated, o.channelSpeakers); err != nil {
			return err
		}
	}
	p.print(os.Stdout)
	return p.write(o.docs)
}

// pronounce holds the clarity of words against the raters, and against native readers.
func (p *page) pronounce(ctx context.Context, r *rig) (err error) {
	words, err := corpus.Words(r.data)
	if err != nil {
		return err
	}
	p.pronounced = p.t.pronunciation(words)
	p.natives, err = r.natives(ctx)
	return err
}

// section is what writes the one that only names.
func (r *rig) section(ctx context.Context, o options) (func(sayer), error) {
	if o.only == "pronunciation" {
		rated, err := speakers(o.data)
		if err != nil {
			return nil, err
		}
		// The language counts for no word.
		t, err := r.measure(ctx, rated, accent.Limits{Align: accent.AlignSeconds})
		if err != nil {
			return nil, err
		}
		p := &page{t: t}
		if err := p.pronounce(ctx, r); err != nil {
			return nil, err
		}
		p.printWords(os.Stdout)
		return p.pronunciationText, nil
	}
	if o.only == "overall" {
		f, err := r.measureOverall(ctx, o.data)
		return f.text, err
	}
	f, err := r.measureWords(ctx, o.data)
	if err != nil {
		return nil, err
	}
	return f.text, nil
}
