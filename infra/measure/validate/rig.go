package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"parley/infra/measure/batch"
	"parley/shared/speech/audio"
	"parley/shared/speech/engines"
	"parley/shared/speech/installed"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/transcript"
)

// rig runs the scorers on engines whose answers are cached.
type rig struct {
	batch.Engine
	data, cache string
	end         func() error
}

// stamp names the file that identifies the engines whose answers a folder holds.
const stamp = "engines"

func newRig(data, cache string) (*rig, error) {
	dir := installed.Dir()
	for _, layer := range installed.Layers() {
		if err := installed.Missing(dir, installed.LayerFiles(layer)...); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return nil, err
	}
	if err := sameEngines(cache, installed.ASR(dir), installed.GOP(dir)); err != nil {
		return nil, err
	}
	open := engines.Open(dir, "", 1)
	r := &rig{data: data, cache: cache, end: open.Close}
	r.Engine = batch.Engine{
		Decode: r.decoder(open.Decoder()), Inspect: audio.Measure, Language: "en",
		Recogniser: keptRecogniser{open.Whisper, cache}, Engines: accent.Engines{Aligner: keptAligner{open.Aligner, cache}, Listener: keptListener{open.Whisper, cache}},
	}
	return r, nil
}

func (r *rig) close() { _ = r.end() }

// sameEngines rejects a folder with the answers of other programs, because mixed answers belong to
// no engine.
func sameEngines(cache string, programs ...string) error {
	h := sha256.New()
	for _, p := range programs {
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		_, _ = h.Write(b)
	}
	now := hex.EncodeToString(h.Sum(nil))
	path := filepath.Join(cache, stamp)
	before, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return os.WriteFile(path, []byte(now), 0o600)
	}
	if err == nil && string(before) != now {
		return fmt.Errorf("%s holds the answers of other engines: empty it, or give another folder with -cache", cache)
	}
	return err
}

// decoder caches the samples too: starting a decoder a thousand times takes longer than all
// computations here.
func (r *rig) decoder(d audio.Decoder) func(context.Context, string) ([]int16, error) {
	return func(ctx context.Context, path string) ([]int16, error) {
		name := filepath.Join(r.cache, "pcm-"+filepath.Base(path))
		if b, err := os.ReadFile(name); err == nil {
			return audio.Samples(b), nil
		}
		pcm, err := d.Decode(ctx, path)
		if err != nil {
			return nil, err
		}
		return pcm, os.WriteFile(name, audio.Bytes(pcm), 0o600)
	}
}

// key names a piece of audio in the cache.
func key(pcm []int16) string {
	h := sha256.Sum256(audio.Bytes(pcm))
	return hex.EncodeToString(h[:8])
}

// remember returns the cached answer, or asks for it and caches it.
func remember[T any](path string, ask func() (T, error)) (T, error) {
	var v T
	if b, err := os.ReadFile(path); err == nil {
		return v, json.Unmarshal(b, &v)
	}
	v, err := ask()
	if err != nil {
		return v, err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return v, err
	}
	return v, os.WriteFile(path, b, 0o600)
}

type keptRecogniser struct {
	transcript.Recogniser
	dir string
}

func (c keptRecogniser) Transcribe(ctx context.Context, pcm []int16, offsetMs int64, language string) (transcript.Chunk, error) {
	return remember(filepath.Join(c.dir, "asr-"+key(pcm)+".json"), func() (transcript.Chunk, error) {
		return c.Recogniser.Transcribe(ctx, pcm, offsetMs, language)
	})
}

type keptListener struct {
	accent.WhisperListener
	dir string
}

// heard is what a listener answered.
type heard struct {
	P  float64 `json:"p"`
	OK bool    `json:"ok"`
}

// LanguageProbability asks nothing if the same samples were transcribed: the answer then contains
// the language.
func (c keptListener) LanguageProbability(ctx context.Context, pcm []int16, language string) (float64, bool, error) {
	if b, err := os.ReadFile(filepath.Join(c.dir, "asr-"+key(pcm)+".json")); err == nil {
		var chunk transcript.Chunk
		err := json.Unmarshal(b, &chunk)
		return chunk.RequestedP, len(chunk.Speech) > 0, err
	}
	h, err := remember(filepath.Join(c.dir, "hear-"+key(pcm)+".json"), func() (heard, error) {
		p, ok, err := c.WhisperListener.LanguageProbability(ctx, pcm, language)
		return heard{p, ok}, err
	})
	return h.P, h.OK, err
}

type keptAligner struct {
	accent.Aligner
	dir string
}

func (c keptAligner) Align(ctx context.Context, pcm []int16, words []string) ([]accent.AlignedWord, error) {
	out, err := remember(filepath.Join(c.dir, "gop-"+key(pcm)+".json"), func() ([]accent.AlignedWord, error) {
		out, err := c.Aligner.Align(ctx, pcm, words)
		if errors.Is(err, accent.ErrNotAligned) {
			return nil, nil // cached, as no words
		}
		return out, err
	})
	if err == nil && len(out) == 0 {
		err = accent.ErrNotAligned
	}
	return out, err
}
