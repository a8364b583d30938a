package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"parley/infra/measure/agreement"
	"parley/infra/measure/batch"
	"parley/infra/measure/degrade"
	"parley/shared/speech/audio"
	"parley/shared/speech/installed"
	"parley/shared/speech/score"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/score/fluency"
)

// channelSeconds is how much of each speaker is sent through the conditions: about one window of
// the recogniser.
const channelSeconds = 27

// condition is a way in which a recording gets worse. Those that are held serve no choice: they are
// looked at when all is decided.
type condition struct {
	name string
	held bool
	send func(ctx context.Context, pcm []int16) ([]int16, error)
}

// conditions are those that are tried; talkers are the voices at the next table.
func conditions(ffmpeg string, talkers [][]int16) []condition {
	type sound = func([]int16) []int16
	pure := func(all ...sound) func(context.Context, []int16) ([]int16, error) {
		return func(_ context.Context, pcm []int16) ([]int16, error) {
			for _, f := range all {
				pcm = f(pcm)
			}
			return pcm, nil
		}
	}
	coded := func(c degrade.Codec, then ...sound) func(context.Context, []int16) ([]int16, error) {
		return func(ctx context.Context, pcm []int16) ([]int16, error) {
			out, err := c.Through(ctx, ffmpeg, pcm)
			for _, f := range then {
				out = f(out)
			}
			return out, err //nolint:wrapcheck // named by the condition
		}
	}
	pink := func(db float64) sound {
		return func(x []int16) []int16 {
			noise, _ := degrade.Pink(len(x))
			return degrade.Mix(x, noise, db)
		}
	}
	white := degrade.WithWhite
	babble := func(db float64) sound { return degrade.WithBabble(talkers, db) }
	room := func(rt60 float64) sound { return func(x []int16) []int16 { return degrade.Room(x, rt60, 6) } }
	telephone := func(x []int16) []int16 { return degrade.Samples(degrade.Filter(x, degrade.Telephone(200))) }
	fast, slow := degrade.Fast.Apply, degrade.Slow.Apply
	lossy := func(x []int16) []int16 { return degrade.Lossy(x, 0.03) }
	return []condition{
		{"pink noise, 20 dB", false, pure(pink(20))},
		{"pink noise, 15 dB", false, pure(pink(15))},
		{"pink noise, 15 dB, fast gain", false, pure(pink(15), fast)},
		{"pink noise, 20 dB, slow gain", false, pure(pink(20), slow)},
		{"pink noise, 10 dB", false, pure(pink(10))},
		{"white noise, 15 dB", false, pure(white(15))},
		{"white noise, 15 dB, fast gain", false, pure(white(15), fast)},
		{"babble, 20 dB, slow gain", false, pure(babble(20), slow)},
		{"babble, 15 dB", false, pure(babble(15))},
		{"babble, 15 dB, fast gain", false, pure(babble(15), fast)},
		{"room, 0.3 s", false, pure(room(0.3))},
		{"room, 0.8 s", false, pure(room(0.8))},
		{"noise gate", false, pure(func(x []int16) []int16 { return degrade.Gate(x, 35) })},
		{"telephone band", false, pure(telephone)},
		{"G.711", false, coded(degrade.G711)},
		{"Opus, 16 kbit/s", false, coded(degrade.Opus16)},
		{"Opus, 8 kbit/s, 3 % of the packets lost", false, coded(degrade.Opus8, lossy)},
		{"MP3, 24 kbit/s", false, coded(degrade.MP3)},
		{"50 dB below full scale", false, pure(func(x []int16) []int16 { return degrade.Level(x, 50) })},
		{"telephone band, pink noise, 20 dB, slow gain", false, pure(telephone, pink(20), slow)},
		{"pink noise, 20 dB, fast gain", true, pure(pink(20), fast)},
		{"white noise, 20 dB", true, pure(white(20))},
		{"white noise, 12 dB", true, pure(white(12))},
		{"babble, 10 dB", true, pure(babble(10))},
		{"babble, 20 dB, fast gain", true, pure(babble(20), fast)},
		{"babble, 15 dB, slow gain", true, pure(babble(15), slow)},
		{"room, 0.5 s", true, pure(room(0.5))},
		{"AMR-NB, 7.95 kbit/s", true, coded(degrade.AMR)},
		{"room, 0.5 s, pink noise, 20 dB", true, pure(room(0.5), pink(20))},
		{"G.711, babble, 20 dB", true, coded(degrade.G711, babble(20))},
	}
}

// shift is how far scores move in a condition, points of the 0-5 scale.
type shift struct {
	name            string
	held            bool
	n, refused      int       // speakers; those without an accent in this condition
	fluency, accent []float64 // of each speaker
	// share of the speakers whose interval holds the clean score, 0 to 1
	fluencyHeld, accentHeld float64
	snr, band               float64 // as measured, means: dB, Hz
}

// pair is what one speaker scores, and how the recording was measured: dB, Hz.
type pair struct {
	fluency, accent score.Result
	snr, band       float64
}

// through scores the first of a speaker in a condition.
func (r *rig) through(ctx context.Context, c condition, s speaker) (pair, error) {
	e := r.Engine
	e.Decode = func(ctx context.Context, path string) ([]int16, error) {
		pcm, err := r.Decode(ctx, path)
		if err != nil || c.send == nil {
			return pcm, err
		}
		return c.send(ctx, pcm)
	}
	var files []string
	seconds := 0.0
	for _, f := range s.files {
		pcm, err := r.Decode(ctx, f)
		if err != nil {
			return pair{}, err
		}
		if seconds += float64(len(pcm)) / audio.SampleRate; seconds > channelSeconds {
			break
		}
		files = append(files, f)
	}
	m, speech, err := e.Material(ctx, batch.Row{ID: s.id, Audio: files})
	if err != nil {
		return pair{}, err
	}
	ac, err := accent.Score(ctx, m, speech, r.Engines)
	return pair{fluency.Score(m, speech), ac, m.Intake.Quality.SNRDb, m.Intake.Quality.BandwidthHz}, err
}

// talkers are the native readers whose babble is the noise of the next table.
func (r *rig) talkers(ctx context.Context) ([][]int16, error) {
	files, err := filepath.Glob(filepath.Join(r.data, "natives", "*.flac"))
	if err != nil {
		return nil, err
	}
	var out [][]int16
	for _, f := range files[:min(degrade.Talkers, len(files))] {
		pcm, err := r.Decode(ctx, f)
		if err != nil {
			return nil, err
		}
		out = append(out, pcm)
	}
	return out, nil
}

// spreadOut are n of the adults, evenly spread.
func spreadOut(speakers []speaker, n int) []speaker {
	adults := slices.DeleteFunc(slices.Clone(speakers), func(s speaker) bool { return s.child })
	var out []speaker
	for step, i := (len(adults)+n-1)/n, 0; i < n && step/2+i*step < len(adults); i++ {
		out = append(out, adults[step/2+i*step])
	}
	return out
}

// channels scores the first of each of n adults clean and in each condition.
func (r *rig) channels(ctx context.Context, speakers []speaker, n int) ([]shift, error) {
	talkers, err := r.talkers(ctx)
	if err != nil {
		return nil, err
	}
	chosen := spreadOut(speakers, n)
	var clean []pair
	for _, s := range chosen {
		p, err := r.through(ctx, condition{}, s)
		if err != nil {
			return nil, err
		}
		clean = append(clean, p)
	}
	var out []shift
	for _, c := range conditions(installed.FFmpeg(installed.Dir()), talkers) {
		x := shift{name: c.name, held: c.held, n: len(chosen)}
		for i, s := range chosen {
			p, err := r.through(ctx, c, s)
			if err != nil {
				return nil, fmt.Errorf("%s: speaker %s: %w", c.name, s.id, err)
			}
			x.snr += p.snr / float64(len(chosen))
			x.band += p.band / float64(len(chosen))
			if p.accent.Raw == nil {
				x.refused++
			}
			x.fluency, x.fluencyHeld = moved(x.fluency, x.fluencyHeld, clean[i].fluency, p.fluency)
			x.accent, x.accentHeld = moved(x.accent, x.accentHeld, clean[i].accent, p.accent)
			fmt.Fprintf(os.Stderr, "\rvalidate: %s, %d of %d  ", c.name, i+1, len(chosen))
		}
		x.fluencyHeld /= float64(max(1, len(x.fluency)))
		x.accentHeld /= float64(max(1, len(x.accent)))
		fmt.Fprintf(os.Stderr, "\rvalidate: %s: fluency %+.2f (SD %.2f), accent %+.2f (SD %.2f)\n", c.name, agreement.Mean(x.fluency), sd(x.fluency), agreement.Mean(x.accent), sd(x.accent))
		out = append(out, x)
	}
	return out, nil
}

// moved adds the shift of a score, and counts whether its interval holds the clean one.
func moved(shifts []float64, held float64, clean, now score.Result) ([]float64, float64) {
	if clean.Raw == nil || now.Raw == nil {
		return shifts, held
	}
	if now.Interval[0] <= *clean.Raw && *clean.Raw <= now.Interval[1] {
		held++
	}
	return append(shifts, *now.Raw-*clean.Raw), held
}
