package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"parley/shared/speech/audio"
	"parley/shared/speech/audio/channels"
	"parley/shared/speech/conversation"
	"parley/shared/speech/diarization"
	"parley/shared/speech/transcript"
)

// set is a group of recordings with the conditions in which they are measured.
type set struct {
	name       string // before the condition's, in -only and in the table
	all        []recording
	conditions []condition
}

// scripted are the conversations of the folders that were written as interviews are, and spoken by
// synthetic voices. A folder that is not there is left out.
func scripted(ctx context.Context, folders []string) ([]recording, error) {
	var all []recording
	for _, folder := range folders {
		switch _, err := os.Stat(folder); {
		case errors.Is(err, os.ErrNotExist):
			fmt.Fprintln(os.Stderr, "no scripted conversations in", folder)
			continue
		case err != nil:
			return nil, err
		}
		of, err := interviews(ctx, folder)
		if err != nil {
			return nil, err
		}
		all = append(all, of...)
	}
	return all, nil
}

// spokenFolder is where `make scripted` leaves the conversations of scripts/.
func spokenFolder() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "parley", "scripted")
}

// named are the conditions of these names.
func named(names ...string) (out []condition) {
	for _, c := range conditions {
		if slices.Contains(names, c.name) {
			out = append(out, c)
		}
	}
	return out
}

// leakDb is how far below a speaker's own voice the other one is heard in a channel.
const leakDb = 26

var leak = math.Pow(10, -leakDb/20.0)

// apart puts the candidate to the right and the others to the left, each with a leak of the other.
// Where both speak at once both have the sound of both.
func (r recording) apart() recording {
	n := len(r.pcm)
	gain := [2][]float32{make([]float32, n), make([]float32, n)}
	for _, s := range r.ref.Segments {
		side := 0
		if s.Speaker == conversation.RoleCandidate {
			side = 1
		}
		from, to := int(s.Start*audio.SampleRate), int(s.End*audio.SampleRate)
		for i := max(0, from); i < min(n, to); i++ {
			gain[side][i] = 1
		}
	}
	r.stereo = make([]int16, 2*n)
	for i, v := range r.pcm {
		for side := range 2 {
			g := 0.0
			switch {
			case gain[side][i] > 0:
				g = 1
			case gain[1-side][i] > 0:
				g = leak
			}
			// Hiss, so that no channel is digital silence.
			r.stereo[2*i+side] = sample(g*float64(v) + float64((i*7919+side*31)%7-3))
		}
	}
	return r
}

// weaker is how much weaker another device is: 10 dB.
const weaker = 0.316

// anotherDevice lets the second half come from another device: the telephone's band, 10 dB weaker.
func (r recording) anotherDevice() recording {
	second := telephone(r)
	half := len(r.pcm) / 2
	pcm := slices.Clone(r.pcm)
	for i := half; i < len(pcm); i++ {
		pcm[i] = sample(float64(second[i]) * weaker)
	}
	r.pcm = pcm
	return r
}

// track is one sound of a recording with the chunks that the recogniser would have heard in it.
type track struct {
	pcm    []int16
	chunks []transcript.Chunk
}

// listened takes a recording of two channels through the product's own decision on its channels.
func (r recording) listened(ctx context.Context) (intake audio.Intake, tracks []track, err error) {
	file, err := os.CreateTemp("", "parley-speakers-*.wav")
	if err != nil {
		return intake, nil, err
	}
	defer os.Remove(file.Name())
	body := audio.Bytes(r.stereo)
	head := []any{[]byte("RIFF"), uint32(36 + len(body)), []byte("WAVEfmt "), uint32(16), uint16(1), uint16(2), uint32(audio.SampleRate), uint32(4 * audio.SampleRate), uint16(4), uint16(16), []byte("data"), uint32(len(body)), body}
	for _, v := range head {
		err = errors.Join(err, binary.Write(file, binary.LittleEndian, v))
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return intake, nil, err
	}
	rec, err := decoder().Record(ctx, file.Name(), channels.Auto)
	if err != nil {
		return intake, nil, err
	}
	intake = audio.Inspect(rec, audio.DefaultCut())
	for k, pcm := range rec.Tracks {
		tracks = append(tracks, track{pcm: pcm})
		own := intake.Of(k)
		for _, span := range own.Chunks {
			c := transcript.Chunk{Span: span, Heard: english, HeardP: 1, RequestedP: 1}
			for _, s := range own.Speech {
				if s.StartMs < span.EndMs && s.EndMs > span.StartMs {
					c.Speech = append(c.Speech, s)
				}
			}
			for i, words := range r.bySegment() {
				if mine := r.ref.Segments[i].Speaker == conversation.RoleCandidate; len(rec.Tracks) > 1 && mine != (k == 1) {
					continue
				}
				for _, w := range words {
					if middle := (w.StartMs + w.EndMs) / 2; middle >= span.StartMs && middle < span.EndMs {
						c.Words = append(c.Words, w)
					}
				}
			}
			tracks[k].chunks = append(tracks[k].chunks, c)
		}
	}
	return intake, tracks, nil
}

// separately measures a recording of two channels.
func separately(ctx context.Context, r recording, e diarization.Voices) (c transcript.Conversation, d diarization.Diarization, err error) {
	intake, tracks, err := r.listened(ctx)
	if err != nil {
		return c, d, err
	}
	var of []diarization.Diarization
	var chunks []transcript.Chunk
	for k, t := range tracks {
		one, err := diarization.Diarize(ctx, t.pcm, intake.Of(k).Speech, e)
		if err != nil {
			return c, d, err
		}
		of, chunks = append(of, one), append(chunks, t.chunks...)
	}
	if d = of[0]; len(of) > 1 {
		d = diarization.Together(of)
	}
	c, err = conversation.Join(chunks, d, intake, english, "")
	return c, d, err
}
