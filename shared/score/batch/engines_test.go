package batch

import (
	"path/filepath"
	"testing"

	"parley/shared/engine"
	"parley/shared/score/accent"
	"parley/shared/sphinx"
	"parley/shared/transcript"
	"parley/shared/whisper"
)

// engines are the real ones, started on first use.
type engines struct {
	recogniser transcript.Recogniser
	aligner    accent.Aligner
}

func realEngines(t *testing.T) engines {
	t.Helper()
	dir := engine.Dir()
	for _, layer := range engine.Layers() {
		if err := engine.Missing(dir, engine.LayerFiles(layer)...); err != nil {
			t.Skip(err)
		}
	}
	at := func(file string) string { return filepath.Join(dir, file) }
	r := whisper.New(at(engine.ASRFile), at(engine.WhisperFile), at(engine.VADFile))
	a := sphinx.New(at(engine.GOPFile), filepath.Dir(at(engine.DictFile)), 1)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return engines{r, a}
}
