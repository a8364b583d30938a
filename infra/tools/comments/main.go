// Command comments lists the comments of Go files that are wider than 100 columns, and exits with 1
// if there are any. Its arguments are folders, which it reads with everything below them.
//
// Exceptions: directives (//go:, //nolint), generated files, indented blocks (tables and examples)
// and a word that cannot be broken, such as a URL.
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
			if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
				return err
			}
			src, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, w := range wide(src) {
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

// wide returns, in order, the lines of a file whose // comment ends beyond width.
func wide(src []byte) []line {
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
		whole := lines[n-1]
		columns := utf8.RuneCountInString(whole) + (tab-1)*strings.Count(whole, "\t")
		if columns > width && !allowed(text) {
			out = append(out, line{n, columns})
		}
	}
}

// allowed reports whether a comment may have any width.
func allowed(comment string) bool {
	body := strings.TrimPrefix(comment, "//")
	switch {
	case !strings.HasPrefix(body, " ") && !strings.HasPrefix(body, "\t"): // a directive
		return true
	case strings.HasPrefix(body, "\t"), strings.HasPrefix(body, "  "): // an indented block
		return true
	}
	return len(strings.Fields(body)) == 1
}
