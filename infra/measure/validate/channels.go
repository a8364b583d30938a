package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"

	"parley/infra/measure/agreement"
	"parley/infra/measure/batch"
	"parley/infra/measure/degrade"
	"parley/shared/speech/audio"
	"parley/shared/speech/installed"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/score/fluency"
)

// channelSeconds is how much of each speaker is sent through the channels: about one window of the
// recogniser.
const channelSeconds = 27

// channel is a way in which a recording gets worse.
type channel struct {
	name string
	send func(ctx context.Context, pcm []int16) ([]int16, error)
}

// channels are those that are tried. All are computed here but Opus, which ffmpeg codes and
// decodes.
func channelList(ffmpeg string) []channel {
	pure := func(f func([]int16) []int16) func(context.Context, []int16) ([]int16, error) {
		return func(_ context.Context, pcm []int16) ([]int16, error) { return f(pcm), nil }
	}
	return []channel{
		{"telephone band, 300-3400 Hz", pure(telephone)},
		{"Opus, 16 kbit/s", func(ctx context.Context, pcm []int16) ([]int16, error) { return opus(ctx, ffmpeg, pcm) }},
		{"pink noise, 15 dB", pure(func(x []int16) []int16 { return noisy(x, 15) })},
		{"room, reverberation time 0.4 s", pure(room)},
	}
}

// shift is how far scores move in a channel, points of the 0-5 scale.
type shift struct {
	name              string
	n                 int
	fluency, accent   []float64 // of each speaker
	fluencyR, accentR float64   // correlation with the clean scores
	snr, band         float64   // as measured, means: dB, Hz
}

// pair is what one speaker scores, NaN where not measured, and how the recording was measured: dB,
// Hz.
type pair struct{ fluency, accent, snr, band float64 }

// through scores the first files of a speaker through a channel.
func (r *rig) through(ctx context.Context, ch channel, s speaker) (pair, error) {
	e := r.Engine
	e.Decode = func(ctx context.Context, path string) ([]int16, error) {
		pcm, err := r.Decode(ctx, path)
		if err != nil || ch.send == nil {
			return pcm, err
		}
		return ch.send(ctx, pcm)
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
	out := pair{math.NaN(), math.NaN(), m.Intake.Quality.SNRDb, m.Intake.Quality.BandwidthHz}
	ac, err := accent.Score(ctx, m, speech, r.Engines)
	if err != nil {
		return out, err
	}
	if fl := fluency.Measure(m, speech).Score(ac.WeakPhones); fl.Raw != nil {
		out.fluency = *fl.Raw
	}
	if ac.Raw != nil {
		out.accent = *ac.Raw
	}
	return out, nil
}

// channels scores the first files of some speakers, clean and through each channel.
func (r *rig) channels(ctx context.Context, speakers []speaker, n int) ([]shift, error) {
	n = min(n, len(speakers))
	var clean []pair
	var chosen []speaker
	for i := range n {
		s := speakers[i*len(speakers)/n]
		p, err := r.through(ctx, channel{}, s)
		if err != nil {
			return nil, err
		}
		clean, chosen = append(clean, p), append(chosen, s)
	}
	var out []shift
	for _, ch := range channelList(installed.FFmpeg(installed.Dir())) {
		x := shift{name: ch.name}
		var f, a, cf, ca []float64
		for i, s := range chosen {
			p, err := r.through(ctx, ch, s)
			if err != nil {
				return nil, fmt.Errorf("%s: speaker %s: %w", ch.name, s.id, err)
			}
			x.n++
			x.snr += p.snr
			x.band += p.band
			if !math.IsNaN(p.fluency) && !math.IsNaN(clean[i].fluency) {
				f, cf = append(f, p.fluency), append(cf, clean[i].fluency)
				x.fluency = append(x.fluency, p.fluency-clean[i].fluency)
			}
			if !math.IsNaN(p.accent) && !math.IsNaN(clean[i].accent) {
				a, ca = append(a, p.accent), append(ca, clean[i].accent)
				x.accent = append(x.accent, p.accent-clean[i].accent)
			}
			fmt.Fprintf(os.Stderr, "\rvalidate: %s, %d of %d  ", ch.name, i+1, n)
		}
		x.snr, x.band = x.snr/float64(x.n), x.band/float64(x.n)
		x.fluencyR, x.accentR = agreement.Pearson(f, cf), agreement.Pearson(a, ca)
		out = append(out, x)
	}
	fmt.Fprintln(os.Stderr)
	return out, nil
}

func samples(x []float64) []int16 {
	out := make([]int16, len(x))
	for i, v := range x {
		out[i] = int16(max(-32768, min(32767, math.Round(v))))
	}
	return out
}

// telephone keeps 300 to 3400 Hz.
func telephone(x []int16) []int16 { return samples(degrade.Filter(x, degrade.Telephone(200))) }

// noisy adds pink noise db below the level of the samples.
func noisy(x []int16, db float64) []int16 {
	noise, nn := degrade.Pink(len(x))
	var xx float64
	for _, v := range x {
		xx += float64(v) * float64(v)
	}
	gain := math.Sqrt(xx/max(nn, 1)) * math.Pow(10, -db/20)
	out := make([]float64, len(x))
	for i := range out {
		out[i] = float64(x[i]) + gain*noise[i]
	}
	return samples(out)
}

// room adds sparse echoes that die away by 60 dB in 0.4 s, 6 dB below the sound itself.
func room(x []int16) []int16 {
	rng := rand.New(rand.NewPCG(4, 0))
	type echo struct {
		at   int
		gain float64
	}
	var echoes []echo
	var energy float64
	for at := 80; at < 6400; at += 8 + rng.IntN(24) {
		g := math.Pow(10, -3*float64(at)/6400)
		if rng.IntN(2) == 0 {
			g = -g
		}
		echoes = append(echoes, echo{at, g})
		energy += g * g
	}
	scale := math.Sqrt(math.Pow(10, -0.6) / energy)
	out := make([]float64, len(x))
	for i := range out {
		out[i] = float64(x[i])
		for _, e := range echoes {
			if i < e.at {
				break
			}
			out[i] += scale * e.gain * float64(x[i-e.at])
		}
	}
	return samples(out)
}

// opus encodes to Opus and decodes again.
func opus(ctx context.Context, ffmpeg string, pcm []int16) ([]int16, error) {
	dir, err := os.MkdirTemp("", "parley-validate")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	coded := filepath.Join(dir, "coded.opus")
	do := func(in []byte, args ...string) ([]byte, error) {
		c := exec.CommandContext(ctx, ffmpeg, append([]string{"-nostdin", "-v", "error"}, args...)...)
		c.Stdin = bytes.NewReader(in)
		var complaint bytes.Buffer
		c.Stderr = &complaint
		out, err := c.Output()
		if err != nil {
			return nil, fmt.Errorf("opus: %w: %s", err, complaint.String())
		}
		return out, nil
	}
	raw := []string{"-f", "s16le", "-ar", "16000", "-ac", "1"}
	if _, err := do(audio.Bytes(pcm), append(append([]string{}, raw...), "-i", "pipe:0", "-c:a", "libopus", "-b:a", "16k", "-threads", "1", coded)...); err != nil {
		return nil, err
	}
	out, err := do(nil, append([]string{"-i", coded}, append(raw, "pipe:1")...)...)
	if err != nil {
		return nil, err
	}
	return audio.Samples(out), nil
}
