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
	"slices"
	"strings"

	"parley/shared/speech/diarization"
	"parley/shared/speech/engines"
	"parley/shared/speech/installed"
)

type options struct {
	data, out, heard, scripted, scripts, only string
	words                                     bool
	composed                                  int
}

func main() {
	var o options
	flag.StringVar(&o.data, "data", "../shared/data", "folder of the recordings: interviews/NAME.flac with NAME.json, and speechocean762")
	flag.StringVar(&o.out, "out", "docs/speakers.md", "page to write; empty: print it")
	flag.BoolVar(&o.words, "words", true, "transcribe the interviews (15 minutes of CPU time); if false, use the true words")
	flag.StringVar(&o.heard, "heard", "", "file outside the repository that keeps what the recogniser heard; empty: none")
	flag.IntVar(&o.composed, "composed", 48, "number of conversations to compose from the speakers of the corpus; 0: none")
	flag.StringVar(&o.scripted, "scripted", "../shared/data/scripted,"+spokenFolder(), "folders of conversations that synthetic voices speak, separated by commas")
	flag.StringVar(&o.scripts, "scripts", "infra/measure/speakers/scripts", "folder of the written conversations")
	flag.StringVar(&o.only, "only", "", "measure only these, separated by commas, and print the page: a condition of the interviews, scripted, scripted/CONDITION, composed, written")
	flag.Parse()
	if o.only != "" {
		o.out = ""
	}
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
	spoken, err := scripted(ctx, strings.Split(o.scripted, ","))
	if err != nil {
		return err
	}
	recite(spoken)
	dir := installed.Dir()
	if err := installed.Missing(dir, installed.LayerFiles(installed.LayerVoices)...); err != nil {
		return err
	}
	open := engines.Open(dir, "", runtime.NumCPU())
	defer func() { _ = open.Close() }()
	p := page{words: how}
	if o.wanted("written") {
		if err := p.measureWritten(o.scripts, spoken); err != nil {
			return err
		}
	}
	if p.rows, err = o.measure(ctx, set{"", all, conditions}, open.Voices); err != nil {
		return err
	}
	if p.scripted, err = o.measure(ctx, set{"scripted/", spoken, named("clean", "telephone band", "noise 15 dB", "another device", "stereo")}, open.Voices); err != nil {
		return err
	}
	if o.composed > 0 && o.wanted("composed") {
		if p.composed, err = measureComposed(ctx, o.data, o.composed, open.Voices); err != nil {
			return err
		}
	}
	if o.only != "" {
		p.note = "Of the conditions only these were measured: " + o.only + "."
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

// measureWritten chooses the candidate of the written conversations and of the spoken ones, whose
// words alone it reads.
func (p *page) measureWritten(folder string, spoken []recording) error {
	all, err := scripts(folder)
	if err != nil {
		return err
	}
	for _, r := range append(all, spoken...) {
		c, err := choose(r)
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%-70s %s, lead %+.2f %.2f\n", "written "+c.name, c.figure, c.lead, c.leads)
		p.written = append(p.written, c)
		for _, s := range swallowed(r) {
			c, err := choose(s)
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "%-70s %s\n", "written "+c.name, c.confidence)
			p.swallowed = append(p.swallowed, c.figure)
		}
	}
	return nil
}

// measureComposed measures n conversations composed of the speakers of the corpus.
func measureComposed(ctx context.Context, data string, n int, e diarization.Voices) (figures, error) {
	all, err := people(ctx, data)
	if err != nil {
		return nil, err
	}
	var out figures
	for i := range n {
		c := compose(all, i)
		f, err := measure(ctx, c.recording, e)
		if err != nil {
			return nil, fmt.Errorf("composed %d: %w", i, err)
		}
		f.share = c.share
		fmt.Fprintf(os.Stderr, "%-70s %s\n", "composed "+c.recording.name, f)
		out = append(out, f)
	}
	return out, nil
}

// wanted tells whether a condition is to be measured.
func (o options) wanted(name string) bool {
	return o.only == "" || slices.Contains(strings.Split(o.only, ","), name)
}

// measure measures the recordings of a set in each of its conditions that is wanted.
func (o options) measure(ctx context.Context, s set, e diarization.Voices) (rows []entry, err error) {
	for _, c := range s.conditions {
		if !o.wanted(s.name+c.name) && (s.name == "" || !o.wanted(strings.TrimSuffix(s.name, "/"))) {
			continue
		}
		copies := make([]recording, len(s.all))
		for i := range s.all {
			copies[i] = c.make(s.all, i)
			copies[i].name = s.all[i].name + ", " + c.name
		}
		if c.again && o.words && s.name == "" {
			if err := listen(ctx, copies, o.heard); err != nil {
				return nil, err
			}
		}
		var row figures
		for _, r := range copies {
			f, err := measure(ctx, r, e)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
			fmt.Fprintf(os.Stderr, "%-70s %s\n", s.name+r.name, f)
			row = append(row, f)
		}
		if len(row) > 0 {
			rows = append(rows, entry{c.name, c.how, row})
		}
	}
	return rows, nil
}
