package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley/shared/speech/audio"
	"parley/shared/speech/conversation"
	"parley/shared/speech/engines"
	"parley/shared/speech/installed"
	"parley/shared/speech/transcript"
)

// recording is one with its truth, and its words.
type recording struct {
	name string
	pcm  []int16 // 16 kHz mono
	// stereo are two channels, interleaved, where there are; they come before pcm.
	stereo []int16
	ref    conversation.Reference
	words  []transcript.Word
	// recited is true where the words, and with them where there is speech, are the truth's.
	recited bool
}

// interviewer is the name of the interviewer's voice: the last part but one of the recording's
// name.
func (r recording) interviewer() string {
	parts := strings.Split(r.name, "_")
	return parts[max(0, len(parts)-2)]
}

// interviews are the recordings of a folder, each NAME.flac with its NAME.json.
func interviews(ctx context.Context, folder string) ([]recording, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.flac"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no recordings in %s", folder)
	}
	if err := installed.Missing(installed.Dir(), installed.FFmpegFile); err != nil {
		return nil, err
	}
	slices.Sort(files)
	var all []recording
	for _, file := range files {
		base := strings.TrimSuffix(file, ".flac")
		r := recording{name: filepath.Base(base)}
		f, err := os.Open(base + ".json")
		if err != nil {
			return nil, err
		}
		r.ref, err = conversation.ReadReference(f)
		_ = f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		if r.pcm, err = decoder().Decode(ctx, file); err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		all = append(all, r)
	}
	return all, nil
}

func decoder() audio.Decoder { return audio.Decoder{FFmpeg: installed.FFmpeg(installed.Dir())} }

// english is the language of all recordings.
const english = "en"

// listen gives the recordings the words that the recogniser hears in them, in the pieces that the
// product sends it. It does not hear again what the file contains.
func listen(ctx context.Context, all []recording, file string) error {
	heard := map[string][]transcript.Word{}
	if b, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(b, &heard); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	dir := installed.Dir()
	if err := installed.Missing(dir, installed.ASRFile, installed.WhisperFile, installed.VADFile); err != nil {
		return err
	}
	recogniser := engines.Open(dir, "", 1).Whisper
	defer func() { _ = recogniser.Close() }()
	for i := range all {
		r := &all[i]
		if _, ok := heard[r.name]; !ok {
			for _, s := range audio.Analyse(r.pcm, audio.DefaultCut()).Chunks {
				c, err := recogniser.Transcribe(ctx, part(r.pcm, s.StartMs, s.EndMs), s.StartMs, english)
				if err != nil {
					return fmt.Errorf("%s: %w", r.name, err)
				}
				heard[r.name] = append(heard[r.name], c.Words...)
			}
		}
		r.words = heard[r.name]
	}
	if file == "" {
		return nil
	}
	b, err := json.Marshal(heard)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o600)
}

// recite gives the recordings the words of the truth, spread evenly over each segment, for certain.
func recite(all []recording) {
	for i := range all {
		all[i].recited = true
		for _, s := range all[i].ref.Segments {
			said := strings.Fields(s.Text)
			at := func(k int) int64 {
				return int64(1000 * (s.Start + (s.End-s.Start)*float64(k)/float64(len(said))))
			}
			for k, w := range said {
				all[i].words = append(all[i].words, transcript.Word{Text: w, StartMs: at(k), EndMs: at(k + 1), P: 1})
			}
		}
	}
}

// part are the samples from one time to another.
func part(pcm []int16, fromMs, toMs int64) []int16 {
	at := func(ms int64) int { return min(len(pcm), int(max(ms, 0))*audio.SampleRate/1000) }
	from := at(fromMs)
	return pcm[from:max(from, at(toMs))]
}
