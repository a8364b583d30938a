package main

import (
	"runtime"

	"parley/shared/speech/engines"
	"parley/shared/speech/installed"
	"parley/shared/speech/recogniser/whisper"
	"parley/shared/speech/transcript"
)

// maxRecognisers bounds the memory: each takes 175 to 270 MB.
const maxRecognisers = 4

// recognisers returns the product's own recognisers, one per processor, and a function that ends
// them.
func recognisers() ([]transcript.Recogniser, func(), error) {
	dir := installed.Dir()
	if err := installed.Missing(dir, installed.ASRFile, installed.WhisperFile, installed.VADFile); err != nil {
		return nil, nil, err
	}
	all := make([]*whisper.Recogniser, min(runtime.NumCPU(), maxRecognisers))
	ports := make([]transcript.Recogniser, len(all))
	for i := range all {
		all[i] = engines.Open(dir, "", 1).Whisper
		ports[i] = all[i]
	}
	return ports, func() {
		for _, r := range all {
			_ = r.Close()
		}
	}, nil
}
