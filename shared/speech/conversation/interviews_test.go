package conversation

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/infra/measure/corpus"
	"parley/shared/speech/audio"
	"parley/shared/speech/diarization"
	"parley/shared/speech/embedder/campplus"
	"parley/shared/speech/installed"
)

// interviews is the folder of the shared interviews beside the repository. The test is skipped
// where it, or ffmpeg, is not there.
func interviews(t *testing.T) []string {
	t.Helper()
	data, err := corpus.Data()
	if err != nil {
		t.Skip("the shared interviews are not beside the repository: ", err)
	}
	files, err := filepath.Glob(filepath.Join(data, "interviews", "*.flac"))
	if err != nil || len(files) == 0 {
		t.Skip("the shared interviews are not beside the repository")
	}
	if err := installed.Missing(installed.Dir(), installed.FFmpegFile); err != nil {
		t.Skip(err)
	}
	return files
}

// Ensure that the candidate of every shared interview is found and that at most 2 % of the speech
// is attributed wrongly, even without a single word: the speakers read sentences, so nothing is
// asked.
func TestTheCandidateOfTheInterviewsIsFoundBySpeakingTime(t *testing.T) {
	files, dir := interviews(t), installed.Dir()
	if err := installed.Missing(dir, installed.LayerFiles(installed.LayerVoices)...); err != nil {
		t.Skip(err)
	}
	voices := campplus.New(installed.Voice(dir), installed.CAMPlus(dir), installed.Segmentation(dir), 1)
	defer func() { _ = voices.Close() }()
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			r, err := os.Open(strings.TrimSuffix(file, ".flac") + ".json")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Close() }()
			ref, err := ReadReference(r)
			if err != nil {
				t.Fatal(err)
			}
			pcm, err := audio.Decoder{FFmpeg: installed.FFmpeg(installed.Dir())}.Decode(context.Background(), file)
			if err != nil {
				t.Fatal(err)
			}
			d, err := diarization.Diarize(context.Background(), pcm, audio.Analyse(pcm, audio.DefaultCut()).Speech, voices)
			if err != nil {
				t.Fatal(err)
			}
			conv := Voices(d)
			e := Attribution(ref, conv, d)
			t.Logf("%d speakers, %+v", d.Speakers, e)
			if d.Speakers != 2 || !e.Right || e.Attribution > 2 {
				t.Errorf("%d speakers, %+v, want 2, the right candidate and an attribution error of at most 2 %%", d.Speakers, e)
			}
		})
	}
}
