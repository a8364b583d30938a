package parts

import (
	"path"
	"strings"
	"testing"

	"parley/shared/speech/installed"
	"parley/shared/speech/score/version"
)

func TestTheScoringVersionNamesTheEnginesOfTheTable(t *testing.T) {
	versions := map[string]string{}
	for _, p := range Table {
		versions[p.Name] = p.Version
	}
	want := strings.Join([]string{"ffmpeg " + versions["FFmpeg"], "whisper.cpp " + versions["whisper.cpp"], strings.TrimSuffix(path.Base(installed.WhisperFile), ".bin"),
		"silero " + versions["Silero VAD"], "pocketsphinx " + versions["PocketSphinx"], "cam++ " + versions["CAM++"], "segmentation " + versions["pyannote segmentation"]}, ", ")
	if version.Engines != want {
		t.Errorf("scoring.Engines = %q, the table has %q", version.Engines, want)
	}
	if versions["PocketSphinx models"] != versions["PocketSphinx"] {
		t.Errorf("the aligner is %s, its models %s", versions["PocketSphinx"], versions["PocketSphinx models"])
	}
}
