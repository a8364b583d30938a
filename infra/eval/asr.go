package main

import (
	"runtime"

	"parley/shared/engine"
	"parley/shared/transcript"
	"parley/shared/whisper"
)

// maxRecognisers bounds the memory: each takes 175 to 270 MB.
const maxRecognisers = 4

// recognisers are the product's own, one for each processor, and what ends them.
func recognisers() ([]transcript.Recogniser, func(), error) {
	dir := engine.Dir()
	if err := engine.Missing(dir, engine.ASRFile, engine.WhisperFile, engine.VADFile); err != nil {
		return nil, nil, err
	}
	all := make([]*whisper.Recogniser, min(runtime.NumCPU(), maxRecognisers))
	ports := make([]transcript.Recogniser, len(all))
	for i := range all {
		all[i] = whisper.New(engine.ASR(dir), engine.Whisper(dir), engine.VAD(dir))
		ports[i] = all[i]
	}
	return ports, func() {
		for _, r := range all {
			_ = r.Close()
		}
	}, nil
}
