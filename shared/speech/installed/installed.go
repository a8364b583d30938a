// Package installed says where the engines are: the programs and models that measure speech, which
// infra/parts gets or builds and the functions start. It is the one place that knows their paths
// and what goes into which layer.
package installed

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"

	"parley/shared/engine/pipeline"
)

// The environment variables that say which engines to use.
const (
	// Variable names the folder of the engines.
	Variable = "PARLEY_PARTS"
	// ModelVariable names the file of the recogniser's weights in the folder of the models; empty:
	// DefaultModel.
	ModelVariable = "PARLEY_MODEL"
	// RecogniserVariable names the recogniser that works elsewhere in place of the installed one,
	// and its languages (package amazon); empty: none does.
	RecogniserVariable = "PARLEY_RECOGNISER"
)

// DefaultModel is the recogniser's weights: Whisper base, multilingual, 8 bit.
var DefaultModel = path.Base(WhisperFile)

// The layers: what a function needs of the engines is one or more of them.
const (
	LayerFFmpeg     pipeline.Layer = "ffmpeg"
	LayerRecogniser pipeline.Layer = "recogniser"
	LayerAligner    pipeline.Layer = "aligner"
	LayerVoices     pipeline.Layer = "voices"
)

// Mounted is where the layers' engines are on AWS.
const Mounted = "/opt/parley"

// The files, relative to the folder of the engines. Models are the same for every processor.
const (
	FFmpegFile       = "bin/ffmpeg"
	ASRFile          = "bin/parley-asr"
	GOPFile          = "bin/parley-gop"
	VoiceFile        = "bin/parley-voice"
	WhisperFile      = "model/ggml-base-q8_0.bin"
	TinyFile         = "model/ggml-tiny.en-q8_0.bin"
	VADFile          = "model/ggml-silero-v6.2.3.bin"
	CAMPlusFile      = "model/campplus-f16.bin"
	SegmentationFile = "model/segmentation-f16.bin"
	DictFile         = "model/cmudict-en-us.dict"
	PhoneLoopFile    = "model/en-us-phone.lm.bin"
	modelFolder      = "model"
)

// AcousticFiles are the files of the English acoustic model that the aligner reads.
var AcousticFiles = []string{
	"model/en-us/feat.params", "model/en-us/mdef", "model/en-us/means", "model/en-us/noisedict",
	"model/en-us/sendump", "model/en-us/transition_matrices", "model/en-us/variances",
}

// layers lists the files of each layer.
var layers = map[pipeline.Layer][]string{
	LayerFFmpeg:     {FFmpegFile},
	LayerRecogniser: {ASRFile, WhisperFile, VADFile},
	LayerVoices:     {VoiceFile, CAMPlusFile, SegmentationFile},
	LayerAligner:    append([]string{GOPFile, DictFile, PhoneLoopFile}, AcousticFiles...),
}

// Layers returns the layers, sorted by name.
func Layers() []pipeline.Layer { return slices.Sorted(maps.Keys(layers)) }

// LayerFiles returns the files of a layer, relative to the folder of the engines and sorted; none
// for an unknown name.
func LayerFiles(layer pipeline.Layer) []string {
	files := slices.Clone(layers[layer])
	slices.Sort(files)
	return files
}

// Dir returns the folder of the engines: what PARLEY_PARTS says, else parley/parts/<GOARCH> in the
// user's cache folder, else, where there is no such folder, Mounted.
func Dir() string {
	if dir := os.Getenv(Variable); dir != "" {
		return dir
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return Mounted
	}
	return filepath.Join(cache, "parley", "parts", runtime.GOARCH)
}

// Missing returns an error that names the first of the files that is not in dir and says what to
// do; nil when all are there.
func Missing(dir string, files ...string) error {
	for _, file := range files {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			return fmt.Errorf("installed: %s is not in %s: run make parts, or set %s: %w", file, dir, Variable, err)
		}
	}
	return nil
}

// FFmpeg returns the path of the program that probes and decodes audio.
func FFmpeg(dir string) string { return filepath.Join(dir, FFmpegFile) }

// ASR returns the path of the program that turns speech into text (infra/parts/asr).
func ASR(dir string) string { return filepath.Join(dir, ASRFile) }

// GOP returns the path of the program that aligns and scores phones (infra/parts/gop).
func GOP(dir string) string { return filepath.Join(dir, GOPFile) }

// Voice returns the path of the program that describes voices (infra/parts/voice).
func Voice(dir string) string { return filepath.Join(dir, VoiceFile) }

// CAMPlus returns the path of the weights of the speaker embedding.
func CAMPlus(dir string) string { return filepath.Join(dir, CAMPlusFile) }

// Segmentation returns the path of the weights of the network that hears how many speak at a time.
func Segmentation(dir string) string { return filepath.Join(dir, SegmentationFile) }

// Whisper returns the path of the recogniser's model.
func Whisper(dir string) string { return filepath.Join(dir, WhisperFile) }

// Model returns the path of a recogniser's model by its file name.
func Model(dir, name string) string { return filepath.Join(dir, modelFolder, name) }

// Tiny returns the path of the smaller model of English alone, for quick tests.
func Tiny(dir string) string { return filepath.Join(dir, TinyFile) }

// VAD returns the path of the model that finds where there is speech.
func VAD(dir string) string { return filepath.Join(dir, VADFile) }

// Models returns the folder that holds the aligner's models, as parley-gop takes it.
func Models(dir string) string { return filepath.Join(dir, modelFolder) }

// Dict returns the path of the pronouncing dictionary.
func Dict(dir string) string { return filepath.Join(dir, DictFile) }
