package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"parley/infra/measure/corpus"
	"parley/infra/measure/degrade"
	"parley/shared/speech/audio"
	"parley/shared/speech/installed"
	"parley/shared/speech/transcript"
)

const (
	// weakest is how many readers of speechocean762 are heard, those whom raters gave least.
	weakest = 8
	// pauseMs is the silence between two sentences of a reader.
	pauseMs = 500
	// aloneMs is how long music is heard that nobody speaks over, and aloneDb how far below
	// full scale its loudest sample lies.
	aloneMs, aloneDb = 120_000, 15
)

// take is what is heard of one recording, and its truth.
type take struct {
	set  string
	pcm  []int16
	said []sentence
}

// sentence is what is said at a time.
type sentence struct {
	words []token
	at    audio.Span
}

func (t *take) say(text string, at audio.Span) {
	t.said = append(t.said, sentence{tokens(text, ""), at})
}

// cut ends a take before the sentence that is not over after ms; 0: it does not.
func (t *take) cut(ms int64) {
	if ms == 0 || int64(len(t.pcm))*1000/audio.SampleRate <= ms {
		return
	}
	for i, s := range t.said {
		if s.at.EndMs > ms {
			t.said, ms = t.said[:i], min(ms, s.at.StartMs)
			break
		}
	}
	t.pcm = samples(t.pcm, audio.Span{StartMs: 0, EndMs: ms})
}

// words are all that is said.
func (t take) words() (all []token) {
	for _, s := range t.said {
		all = append(all, s.words...)
	}
	return all
}

// weather is a noise that recordings are heard in.
type weather struct {
	name string
	add  func(pcm []int16) []int16
}

// inventions prints, for each set of recordings and each noise, how much the recogniser writes that
// nobody said, and the worst of it.
func inventions(ctx context.Context, out io.Writer, data string, heard []transcript.Recogniser, seconds int, only string) error {
	talkers, err := clips(ctx, filepath.Join(data, "natives"), degrade.Talkers)
	if err != nil {
		return err
	}
	takes, err := allTakes(ctx, data)
	if err != nil {
		return err
	}
	for i := range takes {
		takes[i].cut(int64(1000 * seconds))
	}
	weathers := []weather{
		{"clean", func(x []int16) []int16 { return x }},
		{"white noise, 10 dB", degrade.WithWhite(10)}, {"white noise, 5 dB", degrade.WithWhite(5)},
		{"babble, 10 dB", degrade.WithBabble(talkers, 10)}, {"babble, 5 dB", degrade.WithBabble(talkers, 5)},
	}
	bySet := map[string][]found{}
	for i, t := range takes {
		for _, w := range weathers {
			row := t.set + ", " + w.name
			if only != "" && !strings.Contains(row, only) {
				continue
			}
			f, err := listen(ctx, heard, t, w.add(t.pcm))
			if err != nil {
				return fmt.Errorf("%s %d, %s: %w", t.set, i, w.name, err)
			}
			fmt.Fprintln(os.Stderr, row, f)
			bySet[row] = append(bySet[row], f)
		}
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "recordings, noise\thours\tWER, %\tinserted, %\tper hour: words where nobody speaks\truns of inserted words\tand their words\tloops\tand their words\tsubtitles")
	var examples []string
	for _, set := range sets {
		for _, w := range weathers {
			row := set + ", " + w.name
			if f := sum(bySet[row]); f.hours > 0 {
				_, _ = fmt.Fprintf(table, "%s\t%s\n", row, f)
				for _, e := range f.examples {
					examples = append(examples, row+": "+e)
				}
			}
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, e := range examples {
		_, _ = fmt.Fprintln(out, e)
	}
	return nil
}

// The sets of recordings, in the order of the table.
const (
	interviewSet = "interviews"
	scriptedSet  = "scripted interviews"
	weakSet      = "weakest readers"
	nobodySet    = "music alone"
)

var sets = []string{weakSet, interviewSet, scriptedSet, nobodySet}

func allTakes(ctx context.Context, data string) ([]take, error) {
	var all []take
	for _, set := range []struct{ name, folder string }{{interviewSet, "interviews"}, {scriptedSet, "scripted"}} {
		found, err := recordings(filepath.Join(data, set.folder))
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			t := take{set: set.name}
			for _, s := range r.ref.Segments {
				t.say(s.Text, audio.Span{StartMs: int64(s.Start * 1000), EndMs: int64(s.End * 1000)})
			}
			if t.pcm, err = decode(ctx, r.file); err != nil {
				return nil, err
			}
			all = append(all, t)
		}
	}
	speakers, err := corpus.Speakers(data)
	if err != nil {
		return nil, err
	}
	mean := func(s corpus.Speaker) (m float64) {
		for _, u := range s.Utterances {
			m += u.Total / float64(len(s.Utterances))
		}
		return m
	}
	slices.SortStableFunc(speakers, func(a, b corpus.Speaker) int { return cmp.Compare(mean(a), mean(b)) })
	for _, s := range speakers[:min(weakest, len(speakers))] {
		t := take{set: weakSet}
		for _, u := range s.Utterances {
			pcm, err := decode(ctx, u.Audio)
			if err != nil {
				return nil, err
			}
			at := int64(len(t.pcm)) * 1000 / audio.SampleRate
			t.say(u.Text, audio.Span{StartMs: at, EndMs: at + int64(len(pcm))*1000/audio.SampleRate})
			t.pcm = append(append(t.pcm, pcm...), make([]int16, pauseMs*audio.SampleRate/1000)...)
		}
		all = append(all, t)
	}
	all = append(all, take{set: nobodySet, pcm: degrade.Level(degrade.Samples(chords(aloneMs*audio.SampleRate/1000)), aloneDb)})
	return all, nil
}

// chords are n samples of plucked chords, one a second.
func chords(n int) []float64 {
	music := make([]float64, n)
	all := [][]float64{{261.63, 329.63, 392}, {220, 261.63, 329.63}, {174.61, 220, 261.63}, {196, 246.94, 293.66}}
	for i := range music {
		t := float64(i) / audio.SampleRate
		within := math.Mod(t, 1)
		for _, hz := range all[int(t)%len(all)] {
			for h := 1.0; h <= 5; h++ {
				music[i] += math.Sin(2*math.Pi*hz*h*t) / h
			}
		}
		music[i] *= 2500 * math.Exp(-2*within) * min(1, within*50)
	}
	return music
}

// clips are the first recordings of a folder.
func clips(ctx context.Context, folder string, most int) ([][]int16, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.flac"))
	if err != nil {
		return nil, err
	}
	var all [][]int16
	for _, f := range files[:min(most, len(files))] {
		pcm, err := decode(ctx, f)
		if err != nil {
			return nil, err
		}
		all = append(all, pcm)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no recordings in %s", folder)
	}
	return all, nil
}

func decode(ctx context.Context, file string) ([]int16, error) {
	return audio.Decoder{FFmpeg: installed.FFmpeg(installed.Dir())}.Decode(ctx, file)
}

// listen hears a take in the pieces that the product hears it in.
func listen(ctx context.Context, heard []transcript.Recogniser, t take, pcm []int16) (found, error) {
	chunks, err := transcribe(ctx, heard, pcm, audio.Analyse(pcm, audio.DefaultCut()).Chunks)
	if err != nil {
		return found{}, err
	}
	var words []transcript.Word
	for _, c := range chunks {
		words = append(words, c.Words...)
	}
	return t.judge(words, float64(len(pcm))/audio.SampleRate/3600), nil
}
