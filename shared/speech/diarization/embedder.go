package diarization

import (
	"context"

	"parley/shared/speech/audio"
)

// Bounds of a window that an Embedder describes, in ms.
const (
	MinEmbedMs = 200
	MaxEmbedMs = 20_000
)

// Embedder describes voices: the nearer two embeddings, the likelier one person spoke both.
//
// An embedding identifies a person: biometric data. It stays in memory, is part of no artefact and
// no log, and ends with the diarization that asked for it.
type Embedder interface {
	// Embed returns an embedding for each window of pcm (16 kHz mono), all of one dimension and of
	// length 1, so that their scalar product is the cosine between them. Windows are in order of
	// their starts, within the recording, and MinEmbedMs to MaxEmbedMs long. The same samples give
	// the same numbers. It returns ctx's own error where ctx ended, and else an error only for a
	// fault of its own or a window out of bounds.
	Embed(ctx context.Context, pcm []int16, windows []audio.Span) ([][]float32, error)
}
