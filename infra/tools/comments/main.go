// Command comments lists the comments that are wider than 100 columns, and exits with 1 if there
// are any. Its arguments are files, and folders, which it reads with everything below them. It
// knows the comments of Go, C++, JavaScript, CSS, shell, Python, YAML, TOML and make.
//
// Exceptions: directives (//go:, //nolint, #!), generated files, indented blocks (tables and
// examples) and a word that cannot be broken, such as a URL.
package main

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	// width is the maximum number of columns of a line with a comment.
	width = 100
	// tab is the number of columns of a tab.
	tab = 4
)

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

func main() {
	found := 0
	for _, root := range os.Args[1:] {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && d.Name() == "node_modules":
				return filepath.SkipDir
			case d.IsDir() || !hasComments(path):
				return nil
			}
			src, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, w := range wide(path, src) {
				found++
				fmt.Printf("%s:%d: a comment of %d columns\n", filepath.Clean(path), w.line, w.columns)
			}
			return nil
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, "comments:", err)
			os.Exit(2)
		}
	}
	if found > 0 {
		fmt.Fprintf(os.Stderr, "%d lines with a comment are wider than %d columns\n", found, width)
		os.Exit(1)
	}
}

// line is a line whose comment is too wide.
type line struct{ line, columns int }

// markers are what a comment begins with, by the extension of the file's name.
var markers = map[string]string{
	".go": "//", ".c": "//", ".cpp": "//", ".h": "//", ".hpp": "//", ".js": "//", ".css": "/*",
	".mjs": "//", ".ts": "//", ".java": "//",
	".py": "#", ".sh": "#", ".toml": "#", ".yaml": "#", ".yml": "#", makefile: "#", script: "#",
}

// Kinds of files whose names have no extension.
const (
	makefile = "Makefile"
	script   = "run" // .ci/run
)

// kind returns the key of a file in markers.
func kind(path string) string {
	if base := filepath.Base(path); base == makefile || base == script {
		return base
	}
	return filepath.Ext(path)
}

func hasComments(path string) bool { return markers[kind(path)] != "" }

// wide returns, in order, the lines of a file whose comment ends beyond width.
func wide(path string, src []byte) []line {
	if kind(path) == ".go" {
		return wideGo(src)
	}
	marker := markers[kind(path)]
	var out []line
	for i, whole := range strings.Split(string(src), "\n") {
		if text, ok := comment(whole, marker); ok && columns(whole) > width && !allowed(text) {
			out = append(out, line{i + 1, columns(whole)})
		}
	}
	return out
}

// comment returns what follows the marker of a line's comment. A marker is at the beginning of the
// line, or between spaces: then it is hardly ever part of a string or of a URL.
func comment(line, marker string) (text string, ok bool) {
	trimmed := strings.TrimLeft(line, " \t")
	if rest, ok := strings.CutPrefix(trimmed, marker); ok {
		if marker == "#" {
			rest = strings.TrimLeft(rest, "#") // ## explains a target
		}
		return rest, true
	}
	_, text, ok = strings.Cut(trimmed, " "+marker+" ")
	return " " + text, ok
}

func columns(line string) int {
	return utf8.RuneCountInString(line) + (tab-1)*strings.Count(line, "\t")
}

// wideGo does the same for a Go file, whose comments it finds for certain.
func wideGo(src []byte) []line {
	if generated.Match(src) {
		return nil
	}
	file := token.NewFileSet().AddFile("", -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, scanner.ScanComments)
	lines := strings.Split(string(src), "\n")
	var out []line
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return out
		}
		if tok != token.COMMENT || !strings.HasPrefix(text, "//") {
			continue
		}
		n := file.PositionFor(pos, false).Line
		if got := columns(lines[n-1]); got > width && !allowed(strings.TrimPrefix(text, "//")) {
			out = append(out, line{n, got})
		}
	}
}

// allowed reports whether a comment, without its marker, may have any width.
func allowed(body string) bool {
	switch {
	case !strings.HasPrefix(body, " ") && !strings.HasPrefix(body, "\t"): // a directive
		return true
	case strings.HasPrefix(body, "\t"), strings.HasPrefix(body, "  "): // an indented block
		return true
	}
	return len(strings.Fields(body)) == 1
}
