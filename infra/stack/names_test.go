package stack

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Ensure that every legal name of a stack gives a legal bucket name in the region with the longest
// name, and that two names give two buckets.
func TestBucketNamesAreLegalForEveryStackName(t *testing.T) {
	bucket := regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	seen := map[string]string{}
	for _, name := range []string{"p", "Parley", "parley", "a-38-character-stack-name-for-parley-a", "a-38-character-stack-name-for-parley-b",
		strings.Repeat("x", 35), strings.Repeat("x", 36), strings.Repeat("x", 53), strings.Repeat("x-", 26)} {
		prefix := names{stack: name}.bucket()
		if full := prefix + "-000000000000-ap-southeast-2"; !bucket.MatchString(full) {
			t.Errorf("the bucket of %s is %s, with %d characters", name, full, len(full))
		}
		if other, twice := seen[prefix]; twice && !strings.EqualFold(other, name) {
			t.Errorf("%s and %s share the bucket %s", other, name, prefix)
		}
		seen[prefix] = name
	}
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	dist, layers, err := folders()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(filepath.Dir(dist)) // a temporary folder
	for _, tc := range []struct {
		name   string
		stack  string
		change func(*Props)
		want   string // in the error; empty: there is none
	}{
		{"the defaults", "parley", func(*Props) {}, ""},
		{"the longest name", strings.Repeat("a", 53), func(*Props) {}, ""},
		{"a longer name", strings.Repeat("a", 54), func(*Props) {}, "at most 53"},
		{"a name that starts with a digit", "1parley", func(*Props) {}, "must start with a letter"},
		{"no name", "", func(*Props) {}, "must start with a letter"},
		{"a name that S3 keeps for itself", "xn--parley", func(*Props) {}, "S3 keeps for itself"},
		{"a kind that is none", "parley", func(p *Props) { p.Kind = "test" }, "prod or dev"},
		{"a processor that is none", "parley", func(p *Props) { p.Arch = "riscv" }, "arm64 or amd64"},
		{"a negative quota", "parley", func(p *Props) { p.Concurrency = -1 }, "negative"},
		{"a domain without a certificate", "parley", func(p *Props) { p.Domain.Name = "api.example.com" }, "certificate"},
		{"a zone without a domain", "parley", func(p *Props) { p.Domain.Zone = "Z1" }, "certificate"},
		{"an origin with a path", "parley", func(p *Props) { p.Origins = []string{"https://a.example/x"} }, "not an origin"},
		{"any origin", "parley", func(p *Props) { p.Origins = []string{"*"} }, "not an origin"},
		{"a recogniser that is none", "parley", func(p *Props) { p.Recogniser = "google" }, "whisper or amazon"},
		{"a language that the recogniser lacks", "parley", func(p *Props) { p.Recogniser = "amazon:en-XX" }, "amazon:en-GB"},
		{"another recogniser", "parley", func(p *Props) { p.Recogniser = "amazon:en-GB" }, ""},
		{"throwing away production", "parley", func(p *Props) { p.Throwaway = true }, "-c kind=dev"},
		{"production on an emulator", "parley", func(p *Props) { p.Endpoint = "http://127.0.0.1" }, "-c kind=dev"},
		{"functions that were not built", "parley", func(p *Props) { p.Dist = "nowhere" }, "make functions ARCH=arm64"},
		{"engines that were not built", "parley", func(p *Props) { p.Layers = "nowhere" }, "make parts ARCH=arm64"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := Props{Dist: dist, Layers: layers}
			tc.change(&p)
			err := p.Check(tc.stack)
			switch {
			case (err == nil) != (tc.want == ""), err != nil && !strings.Contains(err.Error(), tc.want):
				t.Errorf("error %v, want %q", err, tc.want)
			case strings.HasPrefix(tc.want, "make") && !errors.Is(err, fs.ErrNotExist):
				t.Errorf("error %v does not wrap fs.ErrNotExist", err)
			}
		})
	}
}
