package batch

import (
	"errors"
	"testing"

	"parley/shared/score/accent"
	"parley/shared/transcript"
)

// errNoEngine says that an answer is not in the cache and there is no engine to ask.
var errNoEngine = errors.New("no engine, and the cache lacks its answer")

func recogniser(*testing.T) (transcript.Recogniser, error) { return nil, errNoEngine }

func aligner(*testing.T) (accent.Aligner, error) { return nil, accent.ErrNotAligned }
