// Package engines opens the engines: the one place that knows which program stands behind which
// port.
package engines

import (
	"context"
	"errors"

	"parley/shared/engine/pipeline"
	"parley/shared/speech/aligner/pocketsphinx"
	"parley/shared/speech/audio"
	"parley/shared/speech/embedder/campplus"
	"parley/shared/speech/installed"
	"parley/shared/speech/recogniser/whisper"
)

// Engines are the programs that measure speech. Each is started on first use; Close stops those
// that run.
type Engines struct {
	// Whisper is the recogniser, and the listener that accent's odds of English are calibrated to.
	Whisper *whisper.Recogniser
	Aligner *pocketsphinx.Aligner
	// Voices describes voices for the diarization.
	Voices *campplus.Embedder

	dir string
}

// Open makes the engines of a folder. model is the file name of the recogniser's weights; empty:
// installed.DefaultModel. processes is how many sounds the aligner
// and the describer of voices each work at in parallel, at least 1.
func Open(dir, model string, processes int) *Engines {
	if model == "" {
		model = installed.DefaultModel
	}
	return &Engines{
		Whisper: whisper.New(installed.ASR(dir), installed.Model(dir, model), installed.VAD(dir)),
		Aligner: pocketsphinx.New(installed.GOP(dir), installed.Models(dir), processes),
		Voices:  campplus.New(installed.Voice(dir), installed.CAMPlus(dir), installed.Segmentation(dir), processes),
		dir:     dir,
	}
}

// Decoder decodes recordings.
func (e *Engines) Decoder() audio.Decoder { return audio.Decoder{FFmpeg: installed.FFmpeg(e.dir)} }

// Prober judges recordings.
func (e *Engines) Prober() audio.Prober { return audio.Prober{FFmpeg: installed.FFmpeg(e.dir)} }

// Ready tells whether the engine of a layer can work, and leaves it running.
func (e *Engines) Ready(ctx context.Context, l pipeline.Layer) error {
	switch l {
	case installed.LayerRecogniser:
		return e.Whisper.Start(ctx)
	case installed.LayerAligner:
		return e.Aligner.Start(ctx)
	case installed.LayerVoices:
		return e.Voices.Start(ctx)
	}
	return installed.Missing(e.dir, installed.LayerFiles(l)...)
}

// Close stops the engines that run.
func (e *Engines) Close() error {
	return errors.Join(e.Whisper.Close(), e.Aligner.Close(), e.Voices.Close())
}
