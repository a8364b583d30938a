package parts

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"parley/shared/speech/installed"
)

// own holds the sources of our programs.
//
//go:embed asr gop protocol voice
var own embed.FS

const (
	ownFolder    = "parley" // in own, next to the unpacked sources
	whisperRoot  = "package/cpp/whisper.cpp/"
	sphinxSource = "pocketsphinx-5.1.1/"
	zigRoot      = "ziglang/"
)

// folder returns the name of the folder into which a source is unpacked.
func (s Source) folder() string {
	name, _, _ := strings.Cut(strings.NewReplacer("==", "@").Replace(s.Package), "@")
	return name + "-" + s.SHA256[:12]
}

// under adds a folder in front of file names.
func under(folder string, names ...string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = folder + "/" + name
	}
	return all
}

// cProgram is a program in C and C++. Its files and flags are relative to the folder of the
// unpacked sources, so that no path of a machine gets into the result.
type cProgram struct {
	trees []tree
	flags []string
	files []string
	// byArch lists the files for one processor.
	byArch map[string][]string
}

type tree struct {
	source Source
	root   string
}

// targets are the compiler's targets. Every x86-64 machine since 2013, and all of Lambda's, have
// AVX2, FMA, F16C and BMI2. Every arm64 machine since Graviton 2 has half-float arithmetic and dot
// products.
var targets = map[string][]string{
	amd64: {"-target", "x86_64-linux-musl", "-mcpu=x86_64_v3"},
	arm64: {"-target", "aarch64-linux-musl", "-mcpu=generic+v8_2a+dotprod+fullfp16"},
}

var optimised = []string{"-O3", "-DNDEBUG", "-static", "-s", "-w", "-fno-sanitize=undefined", "-D_GNU_SOURCE"}

var (
	whisperFolder = whisperSource.folder()
	sphinxFolder  = pocketsphinx.folder()
)

// asrProgram is libwhisper, the CPU backend of ggml and parley-asr in one program. Without OpenMP,
// it starts its own threads.
var asrProgram = &cProgram{
	trees: []tree{{whisperSource, whisperRoot}},
	flags: append([]string{
		"-D_XOPEN_SOURCE=600", "-DGGML_SCHED_MAX_COPIES=4", "-DGGML_USE_CPU", "-DGGML_USE_CPU_REPACK", "-DGGML_USE_LLAMAFILE",
		`-DGGML_VERSION="0.15.1"`, `-DGGML_COMMIT="unknown"`, `-DWHISPER_VERSION="1.9.1"`,
	}, under("-I"+whisperFolder, "include", "ggml/include", "ggml/src", "ggml/src/ggml-cpu", "examples")...),
	files: append(append(append(under(whisperFolder+"/ggml/src",
		"ggml.c", "ggml.cpp", "ggml-alloc.c", "ggml-backend.cpp", "ggml-backend-meta.cpp", "ggml-opt.cpp", "ggml-threading.cpp",
		"ggml-quants.c", "gguf.cpp", "ggml-backend-dl.cpp", "ggml-backend-reg.cpp"),
		under(whisperFolder+"/ggml/src/ggml-cpu",
			"ggml-cpu.c", "ggml-cpu.cpp", "repack.cpp", "hbm.cpp", "quants.c", "traits.cpp", "amx/amx.cpp", "amx/mmq.cpp", "llamafile/sgemm.cpp",
			"binary-ops.cpp", "unary-ops.cpp", "vec.cpp", "ops.cpp")...),
		whisperFolder+"/src/whisper.cpp"),
		ownFolder+"/asr/asr.cpp"),
	byArch: map[string][]string{
		amd64: under(whisperFolder+"/ggml/src/ggml-cpu/arch/x86", "quants.c", "repack.cpp"),
		arm64: under(whisperFolder+"/ggml/src/ggml-cpu/arch/arm", "quants.c", "repack.cpp"),
	},
}

// gopProgram is libpocketsphinx and parley-gop in one program.
var gopProgram = &cProgram{
	trees: []tree{{pocketsphinx, sphinxSource}, {whisperSource, whisperRoot}},
	flags: []string{
		"-DHAVE_CONFIG_H", "-DPS_USE_THREAD_LOCAL_RNG", "-I" + ownFolder + "/gop/config",
		"-I" + sphinxFolder + "/src", "-I" + sphinxFolder + "/include", "-I" + whisperFolder + "/examples",
	},
	files: append(under(sphinxFolder+"/src",
		"acmod.c", "allphone_search.c", "bin_mdef.c",
		"common_audio/vad/vad_gmm.c", "common_audio/vad/webrtc_vad.c", "common_audio/vad/vad_filterbank.c",
		"common_audio/vad/vad_core.c", "common_audio/vad/vad_sp.c",
		"common_audio/signal_processing/division_operations.c", "common_audio/signal_processing/resample_48khz.c",
		"common_audio/signal_processing/resample.c", "common_audio/signal_processing/resample_fractional.c",
		"common_audio/signal_processing/downsample_fast.c", "common_audio/signal_processing/min_max_operations.c",
		"common_audio/signal_processing/cross_correlation.c", "common_audio/signal_processing/vector_scaling_operations.c",
		"common_audio/signal_processing/resample_by_2_internal.c", "common_audio/signal_processing/energy.c",
		"common_audio/signal_processing/spl_inl.c", "common_audio/signal_processing/get_scaling_square.c",
		"dict2pid.c", "dict.c",
		"fe/fe_sigproc.c", "fe/fixlog.c", "fe/fe_warp_inverse_linear.c", "fe/fe_noise.c", "fe/fe_warp.c", "fe/fe_interface.c",
		"fe/fe_warp_affine.c", "fe/yin.c", "fe/fe_warp_piecewise_linear.c",
		"feat/cmn.c", "feat/agc.c", "feat/cmn_live.c", "feat/feat.c", "feat/lda.c",
		"fsg_history.c", "fsg_lextree.c", "fsg_search.c", "hmm.c", "kws_detections.c", "kws_search.c",
		"lm/lm_trie_quant.c", "lm/ngram_model_trie.c", "lm/fsg_model.c", "lm/jsgf.c", "lm/ngram_model_set.c", "lm/ngrams_raw.c",
		"lm/jsgf_scanner.c", "lm/bitarr.c", "lm/ngram_model.c", "lm/lm_trie.c", "lm/jsgf_parser.c",
		"mdef.c", "ms_gauden.c", "ms_mgau.c", "ms_senone.c", "ngram_search.c", "ngram_search_fwdflat.c", "ngram_search_fwdtree.c",
		"phone_loop_search.c", "pocketsphinx.c", "ps_alignment.c", "ps_config.c", "ps_endpointer.c", "ps_lattice.c", "ps_mllr.c",
		"ps_vad.c", "ptm_mgau.c", "s2_semi_mgau.c", "state_align_search.c", "tmat.c",
		"util/strfuncs.c", "util/dtoa.c", "util/case.c", "util/filename.c", "util/slamch.c", "util/cmd_ln.c", "util/blas_lite.c",
		"util/blkarray_list.c", "util/vector.c", "util/mmio.c", "util/hash_table.c", "util/err.c", "util/ckd_alloc.c",
		"util/slapack_lite.c", "util/matrix.c", "util/bio.c", "util/heap.c", "util/priority_queue.c", "util/bitvec.c",
		"util/profile.c", "util/errno.c", "util/logmath.c", "util/glist.c", "util/f2c_lite.c", "util/listelem_alloc.c",
		"util/pio.c", "util/genrand.c", "util/soundfiles.c"),
		ownFolder+"/gop/gop.cpp"),
}

// voiceProgram is parley-voice: only our own files, and a header for JSON.
var voiceProgram = &cProgram{
	trees: []tree{{whisperSource, whisperRoot}},
	flags: []string{"-I" + whisperFolder + "/examples"},
	files: []string{ownFolder + "/voice/voice.cpp"},
}

// programs holds the programs by their yield's path.
var programs = map[string]*cProgram{installed.ASRFile: asrProgram, installed.GOPFile: gopProgram, installed.VoiceFile: voiceProgram}

func (p *cProgram) args(arch string) []string {
	args := append([]string{"c++"}, targets[arch]...)
	args = append(append(args, optimised...), p.flags...)
	return append(append(args, p.files...), p.byArch[arch]...)
}

// inputs returns the hash of everything that the program is made from: compiler, sources, our
// files, flags.
func (p *cProgram) inputs(arch string) (string, error) {
	var all strings.Builder
	fmt.Fprintln(&all, compilers[amd64].Package)
	for _, t := range p.trees {
		fmt.Fprintln(&all, t.source.SHA256)
	}
	for _, arg := range p.args(arch) {
		fmt.Fprintln(&all, arg)
	}
	for _, name := range p.ownFolders() {
		if err := fs.WalkDir(own, name, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := own.ReadFile(path)
			fmt.Fprintln(&all, path, sum(b))
			return err
		}); err != nil {
			return "", fmt.Errorf("parts: %w", err)
		}
	}
	return sum([]byte(all.String())), nil
}

// ownFolders lists the folders of own that the program is made from.
func (p *cProgram) ownFolders() []string {
	folders := []string{"protocol"}
	for _, file := range p.files {
		if rest, ok := strings.CutPrefix(file, ownFolder+"/"); ok {
			folder, _, _ := strings.Cut(rest, "/")
			folders = append(folders, folder)
		}
	}
	return folders
}

// Compiler returns the path of zig, whose `zig cc` is the C compiler that builds the engines. If
// zig is not there, Compiler gets it; it returns *UnreachableError if the client cannot. It waits
// for another run on the same cache.
func (c *Cache) Compiler(ctx context.Context) (string, error) {
	if err := os.MkdirAll(c.work(), 0o755); err != nil {
		return "", fmt.Errorf("parts: %w", err)
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	return c.zig(ctx)
}

// zig is like Compiler, for callers that hold the cache's lock.
func (c *Cache) zig(ctx context.Context) (string, error) {
	compiler, ok := compilers[runtime.GOARCH]
	if !ok || runtime.GOOS != "linux" {
		return "", fmt.Errorf("parts: programs can only be built on linux on %s; this is %s on %s", strings.Join(Arches, " or "), runtime.GOOS, runtime.GOARCH)
	}
	folder, err := c.unpack(ctx, compiler, zigRoot)
	if err != nil {
		return "", err
	}
	program := filepath.Join(c.work(), folder, "zig")
	if err := os.Chmod(program, 0o755); err != nil {
		return "", fmt.Errorf("parts: %w", err)
	}
	return program, nil
}

// build compiles the program. The compiler keeps its results in work/zig, so that an interrupted
// build continues and only changed files are compiled again.
func (p *cProgram) build(ctx context.Context, c *Cache, arch string) ([]byte, error) {
	program, err := c.zig(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range p.trees {
		if _, err := c.unpack(ctx, t.source, t.root); err != nil {
			return nil, err
		}
	}
	ours := filepath.Join(c.work(), ownFolder)
	if err := errors.Join(os.RemoveAll(ours), os.CopyFS(ours, own)); err != nil {
		return nil, fmt.Errorf("parts: %w", err)
	}
	objects := filepath.Join(c.work(), "zig")
	out := filepath.Join(c.work(), "out-"+arch)
	defer func() { _ = os.Remove(out) }()

	ctx, cancel := context.WithTimeout(ctx, buildLimit)
	defer cancel()
	done := c.Progress.compiling(len(p.files) + len(p.byArch[arch]))
	err = run(ctx, c.work(), []string{
		"ZIG_GLOBAL_CACHE_DIR=" + objects, "ZIG_LOCAL_CACHE_DIR=" + objects, "HOME=" + c.work(), "PATH=" + os.Getenv("PATH"),
	}, program, append(p.args(arch), "-o", out)...)
	done()
	if err != nil {
		return nil, fmt.Errorf("parts: compile: %w", err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		return nil, fmt.Errorf("parts: %w", err)
	}
	return b, nil
}
