package parts

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"parley/shared/engine/pipeline"
	"parley/shared/speech"
	"parley/shared/speech/installed"
)

var hexHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

func TestTheTableIsSound(t *testing.T) {
	yields := map[string]map[string]bool{}
	for _, part := range Table {
		if part.Name == "" || part.Version == "" || part.Licence == "" || part.Gives == "" || len(part.Sources) == 0 {
			t.Errorf("a row is incomplete: %+v", part.Name)
		}
		for _, s := range part.Sources {
			if !hexHash.MatchString(s.SHA256) || s.Size <= 0 || s.File == "" {
				t.Errorf("%s: %s has no hash, size or file name", part.Name, s.Package)
			}
			if !strings.Contains(s.Package, map[Client]string{Pip: "==", Npm: "@"}[s.Client]) {
				t.Errorf("%s: %s has no exact version", part.Name, s.Package)
			}
		}
		for _, y := range part.Yields {
			if _, built := programs[y.Path]; !built && !hexHash.MatchString(y.SHA256) {
				t.Errorf("%s has neither a hash nor a program to build", y.Path)
			}
			if yields[y.Path] == nil {
				yields[y.Path] = map[string]bool{}
			}
			if yields[y.Path][y.Arch] {
				t.Errorf("%s comes from two rows", y.Path)
			}
			yields[y.Path][y.Arch] = true
		}
	}
	for _, arch := range Arches {
		for _, layer := range installed.Layers() {
			for _, file := range installed.LayerFiles(layer) {
				if !yields[file][""] && !yields[file][arch] {
					t.Errorf("layer %s: nothing yields %s for %s", layer, file, arch)
				}
			}
		}
	}
}

func TestTheLayersAreThoseOfTheStages(t *testing.T) {
	var stages []pipeline.Layer
	for _, row := range speech.Service.Stages {
		stages = append(stages, row.Layers...)
	}
	slices.Sort(stages)
	stages = slices.Compact(stages)
	if got := installed.Layers(); !slices.Equal(got, stages) {
		t.Errorf("layers are %v, want %v", got, stages)
	}
}

func TestEveryRowIsInTheNotice(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "NOTICE"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(b), "\n")
	credited := func(words ...string) bool {
		return slices.ContainsFunc(lines, func(line string) bool {
			for _, w := range words {
				if !strings.Contains(line, w) {
					return false
				}
			}
			return true
		})
	}
	for _, part := range Table {
		if !credited(part.Name, part.Version, part.Licence) {
			t.Errorf("no line of NOTICE has %s, %s, %s", part.Name, part.Version, part.Licence)
		}
		for _, i := range part.Includes {
			if !credited(i.Name, i.Licence) {
				t.Errorf("no line of NOTICE has %s, %s", i.Name, i.Licence)
			}
		}
	}
}

// shelf is a fetcher that serves sources from memory and counts the calls.
type shelf struct {
	files map[string][]byte
	calls int
}

var errUnplugged = errors.New("the cable is unplugged")

func (s *shelf) Fetch(_ context.Context, src Source, into string) error {
	s.calls++
	b, ok := s.files[src.File]
	if !ok {
		return errUnplugged
	}
	return os.WriteFile(filepath.Join(into, src.File), b, 0o644)
}

func wheel(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// onePart returns a source that yields one file, a cache, and the shelf that has the source.
func onePart(t *testing.T) (Source, Yield, *Cache, *shelf) {
	t.Helper()
	b := wheel(t, map[string]string{"tool/bin": "a program"})
	s := Source{Client: Pip, Package: "tool==1.0", File: "tool-1.0-py3-none-any.whl", Size: int64(len(b)), SHA256: sum(b)}
	y := Yield{Path: "bin/tool", SHA256: sum([]byte("a program")), make: fromZip(s, "tool/bin")}
	sh := &shelf{files: map[string][]byte{s.File: b}}
	c := &Cache{Root: t.TempDir(), Fetcher: sh}
	for _, dir := range []string{c.sources(), c.work()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return s, y, c, sh
}

func TestAPartIsGotOnce(t *testing.T) {
	_, y, c, sh := onePart(t)
	path := filepath.Join(c.Parts(amd64), y.Path)
	for range 2 {
		if err := c.ensure(t.Context(), y, amd64); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != "a program" {
			t.Fatalf("%q, %v", b, err)
		}
	}
	if sh.calls != 1 {
		t.Errorf("%d downloads, want 1", sh.calls)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the program is not executable: %v, %v", info, err)
	}

	t.Run("and shared between processors", func(t *testing.T) {
		if err := c.ensure(t.Context(), y, arm64); err != nil {
			t.Fatal(err)
		}
		a, errA := os.Stat(path)
		b, errB := os.Stat(filepath.Join(c.Parts(arm64), y.Path))
		if errA != nil || errB != nil || !os.SameFile(a, b) {
			t.Errorf("they are two files: %v, %v", errA, errB)
		}
	})
	t.Run("and made again from the download when it is damaged", func(t *testing.T) {
		if err := os.RemoveAll(filepath.Join(c.Parts(arm64), y.Path)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("a programme"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := c.ensure(t.Context(), y, amd64); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || string(b) != "a program" || sh.calls != 1 {
			t.Errorf("%q, %v, %d downloads", b, err, sh.calls)
		}
	})
}

func TestADamagedDownloadIsGotAgain(t *testing.T) {
	s, y, c, sh := onePart(t)
	if err := os.WriteFile(filepath.Join(c.sources(), s.File), sh.files[s.File][:10], 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.ensure(t.Context(), y, amd64); err != nil {
		t.Fatal(err)
	}
	if sh.calls != 1 {
		t.Errorf("%d downloads, want 1", sh.calls)
	}
}

func TestAFilePutInPlaceByHandIsAsGood(t *testing.T) {
	s, _, _, sh := onePart(t)
	for name, file := range map[string]string{"under its name": s.File, "under another name": "from-a-friend.zip"} {
		t.Run(name, func(t *testing.T) {
			c := &Cache{Root: t.TempDir(), Fetcher: &shelf{}}
			if err := os.MkdirAll(c.sources(), 0o755); err != nil {
				t.Fatal(err)
			}
			want := filepath.Join(c.sources(), file)
			if err := os.WriteFile(want, sh.files[s.File], 0o644); err != nil {
				t.Fatal(err)
			}
			if got, err := c.source(t.Context(), s); err != nil || got != want {
				t.Errorf("source() = %q, %v", got, err)
			}
		})
	}
}

func TestWhatToDoIsSaidWhenASourceCannotBeGot(t *testing.T) {
	s, y, c, sh := onePart(t)
	for name, files := range map[string]map[string][]byte{
		"because it is out of reach": {},
		"because another file came":  {s.File: []byte("something else")},
	} {
		t.Run(name, func(t *testing.T) {
			sh.files = files
			err := c.ensure(t.Context(), y, amd64)
			var u *UnreachableError
			if !errors.As(err, &u) || u.Source.File != s.File {
				t.Fatalf("ensure() = %v", err)
			}
			for _, want := range []string{s.Package, s.File, s.SHA256, c.sources(), "by hand"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the message lacks %q:\n%v", want, err)
				}
			}
			if _, err := os.Stat(filepath.Join(c.Parts(amd64), y.Path)); err == nil {
				t.Error("the part is there")
			}
			if left, _ := os.ReadDir(c.work()); len(left) != 0 {
				t.Errorf("the download left %v behind", left)
			}
		})
	}
}

func TestOneUnreachableSourceDoesNotStopTheOthers(t *testing.T) {
	c := &Cache{Root: t.TempDir(), Fetcher: &shelf{}}
	err := c.Ensure(t.Context(), amd64)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{ffmpegAMD64.File, whisperBase1.File, officialBase.File, whisperTiny.File, sileroVAD.File, campplus.File, pocketsphinx.File} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the message lacks %s", want)
		}
	}
	if strings.Count(err.Error(), pocketsphinx.SHA256) != 1 {
		t.Error("the message repeats itself")
	}
}

func TestAnUnknownProcessorIsRefused(t *testing.T) {
	c := &Cache{Root: t.TempDir(), Fetcher: &shelf{}}
	if err := c.Ensure(t.Context(), "sparc"); err == nil || !strings.Contains(err.Error(), "amd64 and arm64") {
		t.Errorf("Ensure() = %v", err)
	}
}

func TestAnArchiveCannotWriteElsewhere(t *testing.T) {
	b := wheel(t, map[string]string{"tree/../../../out": "x"})
	s := Source{Client: Pip, Package: "tree==1", File: "tree.whl", Size: int64(len(b)), SHA256: sum(b)}
	c := &Cache{Root: t.TempDir(), Fetcher: &shelf{files: map[string][]byte{s.File: b}}}
	if err := os.MkdirAll(c.work(), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := c.unpack(t.Context(), s, "tree/"); err == nil {
		t.Error("it was unpacked")
	}
	if _, err := os.Stat(filepath.Join(c.work(), s.folder())); err == nil {
		t.Error("half an archive has the name of a whole one")
	}
}

func TestAProgramIsBuiltAgainWhenWhatItIsMadeOfChanges(t *testing.T) {
	const arch = amd64
	for path := range programs {
		c := &Cache{Root: t.TempDir()}
		builds := 0
		y := Yield{Path: path, Arch: arch, make: func(context.Context, *Cache, string) ([]byte, error) {
			builds++
			return []byte("built"), nil
		}}
		ensure := func(want int) {
			t.Helper()
			if err := c.ensure(t.Context(), y, arch); err != nil {
				t.Fatal(err)
			}
			if builds != want {
				t.Errorf("%s: %d builds, want %d", path, builds, want)
			}
		}
		ensure(1)
		ensure(1)
		if err := os.WriteFile(filepath.Join(c.Parts(arch), path), []byte("damaged"), 0o755); err != nil {
			t.Fatal(err)
		}
		ensure(2)
		programs[path].flags = append(programs[path].flags, "-DCHANGED")
		ensure(3)
		programs[path].flags = programs[path].flags[:len(programs[path].flags)-1]
		if a, b := inputs(t, path, amd64), inputs(t, path, arm64); a == b {
			t.Errorf("%s is made of the same for both processors", path)
		}
	}
}

func inputs(t *testing.T, path, arch string) string {
	t.Helper()
	s, err := programs[path].inputs(arch)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLayersAreLaidOutAsLambdaUnpacksThem(t *testing.T) {
	c := &Cache{Root: t.TempDir()}
	if _, err := c.LayOut(arm64); err == nil || !strings.Contains(err.Error(), "make parts") {
		t.Errorf("LayOut() without engines = %v", err)
	}
	for _, layer := range installed.Layers() {
		for _, file := range installed.LayerFiles(layer) {
			if err := writeFile(filepath.Join(c.Parts(arm64), file), []byte(file), mode(file)); err != nil {
				t.Fatal(err)
			}
		}
	}
	old := filepath.Join(c.Layers(arm64), "ffmpeg", "parley", "bin", "old")
	if err := writeFile(old, []byte("x"), 0o755); err != nil {
		t.Fatal(err)
	}
	hashes := map[string]bool{}
	for range 2 {
		top, err := c.LayOut(arm64)
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range installed.Layers() {
			for _, file := range installed.LayerFiles(layer) {
				if b, err := os.ReadFile(filepath.Join(top, string(layer), "parley", file)); err != nil || string(b) != file {
					t.Errorf("%s: %q, %v", file, b, err)
				}
			}
			hash, err := c.Hash(arm64, layer)
			if err != nil {
				t.Fatal(err)
			}
			hashes[hash] = true
		}
	}
	if len(hashes) != len(installed.Layers()) {
		t.Errorf("%d hashes of %d layers", len(hashes), len(installed.Layers()))
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("a file that no layer has is still there")
	}
	before, _ := c.Hash(arm64, "ffmpeg")
	if err := writeFile(installed.FFmpeg(c.Parts(arm64)), []byte("newer"), 0o755); err != nil {
		t.Fatal(err)
	}
	if after, _ := c.Hash(arm64, "ffmpeg"); after == before {
		t.Error("the hash is the same after a change")
	}
	if _, err := c.LayOut(arm64); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(filepath.Join(c.Layers(arm64), "ffmpeg", "parley", installed.FFmpegFile)); string(b) != "newer" {
		t.Errorf("the layer still holds %q", b)
	}
}

func TestProgressWritesALineForWhatTakesTime(t *testing.T) {
	var b bytes.Buffer
	p := &Progress{w: &b}
	p.step(1, 2, "amd64 bin/one")
	p.step(2, 2, "amd64 bin/two")
	p.note("unpacking two.whl")
	p.finish()
	if got, want := b.String(), "[2/2] amd64 bin/two  unpacking two.whl\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAFailingClientIsHeard(t *testing.T) {
	err := run(t.Context(), t.TempDir(), os.Environ(), "sh", "-c", "echo looking; echo 'ERROR: no such thing' >&2; echo bye; exit 3")
	if err == nil || !strings.Contains(err.Error(), "ERROR: no such thing") {
		t.Errorf("run() = %v", err)
	}
	if err := run(t.Context(), t.TempDir(), os.Environ(), "no-such-client"); err == nil || !strings.Contains(err.Error(), "not installed") {
		t.Errorf("run() = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, t.TempDir(), os.Environ(), "sh", "-c", "sleep 60 & wait"); !errors.Is(err, context.Canceled) {
		t.Errorf("run() after cancel = %v", err)
	}
}
