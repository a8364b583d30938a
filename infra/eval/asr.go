package main

import (
	"parley/shared/engine"
	"parley/shared/transcript"
	"parley/shared/whisper"
)

// recogniser is the product's own, and what ends it.
func recogniser() (transcript.Recogniser, func(), error) {
	dir := engine.Dir()
	if err := engine.Missing(dir, engine.ASRFile, engine.WhisperFile, engine.VADFile); err != nil {
		return nil, nil, err
	}
	r := whisper.New(engine.ASR(dir), engine.Whisper(dir), engine.VAD(dir))
	return r, func() { _ = r.Close() }, nil
}
