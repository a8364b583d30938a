package installed

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestDir(t *testing.T) {
	t.Run("is what PARLEY_PARTS says", func(t *testing.T) {
		t.Setenv(Variable, "/somewhere")
		if got := Dir(); got != "/somewhere" {
			t.Errorf("Dir() = %q", got)
		}
	})
	t.Run("is in the user's cache by default", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("the cache folder is elsewhere on this system")
		}
		t.Setenv(Variable, "")
		t.Setenv("XDG_CACHE_HOME", "/cache")
		if got, want := Dir(), "/cache/parley/parts/"+runtime.GOARCH; got != want {
			t.Errorf("Dir() = %q, want %q", got, want)
		}
	})
	t.Run("is the layers' mount where there is no home", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("the cache folder is elsewhere on this system")
		}
		t.Setenv(Variable, "")
		t.Setenv("XDG_CACHE_HOME", "")
		t.Setenv("HOME", "")
		if got := Dir(); got != Mounted {
			t.Errorf("Dir() = %q, want %q", got, Mounted)
		}
	})
}

func TestMissingNamesTheFileAndTheCure(t *testing.T) {
	dir := t.TempDir()
	err := Missing(dir, FFmpegFile)
	if err == nil || !strings.Contains(err.Error(), FFmpegFile) || !strings.Contains(err.Error(), "make parts") {
		t.Errorf("Missing() = %v", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(FFmpeg(dir), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Missing(dir, FFmpegFile); err != nil {
		t.Errorf("Missing() = %v with the file in place", err)
	}
}

func TestEveryLayerHasItsProgram(t *testing.T) {
	for _, layer := range Layers() {
		programs := 0
		for _, file := range LayerFiles(layer) {
			if strings.HasPrefix(file, "bin/") {
				programs++
			}
		}
		if programs != 1 {
			t.Errorf("layer %s has %d programs, want 1", layer, programs)
		}
	}
	if len(LayerFiles("none")) != 0 {
		t.Error("an unknown layer has files")
	}
}
