// Package version names the version of all that a score depends on: it changes whenever the same
// audio could score differently.
package version

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"parley/shared/speech/score/norms"
	"parley/shared/speech/words"
)

// Engines names the engines and models that scores are made with; infra/parts holds their hashes,
// and a test there holds this line against its table.
const Engines = "ffmpeg 7.0.2, whisper.cpp 1.9.1, ggml-base-q8_0, silero 6.2.3, pocketsphinx 5.1.1, cam++ 2023-03, segmentation 3.0"

// measures is raised by hand whenever the code of a measure, of the decoding, the cut, the
// diarization or the candidate detection changes what comes out.
const measures = "17"

// Of is the norms' version, and a hash of the engines, the models and the measures' code.
// recogniser and aligner are what the two in use say of themselves (transcript.Recogniser,
// accent.Aligner): their models are settings.
func Of(recogniser, aligner string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{norms.Hash(), words.Hash(), Engines, measures, recogniser, aligner}, "\n")))
	return norms.Version() + "-" + hex.EncodeToString(sum[:4])
}
