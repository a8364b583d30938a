// Package pages checks the project's pages against the tree: when a folder moves, the pages must
// follow.
package pages

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the repository's folder, relative to this package.
const root = "../../.."

// quoted matches a path of the repository between backticks, without any flags or line number after
// it.
var quoted = regexp.MustCompile("`((?:functions|shared|infra|events|docs)/[^`\\s{}*…]*)")

// target matches a link to a file of the repository, or a picture in it.
var target = regexp.MustCompile(`(?:\]\(|src=")([^):#"]+\.(?:md|svg|png))(?:#[^)]*)?[)"]`)

// Ensure that every path and every link in a page exists.
func TestPathsInPagesAreThere(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "infra/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	if len(pages) < 3 {
		t.Fatalf("found %d pages", len(pages))
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range quoted.FindAllStringSubmatch(string(text), -1) {
			path := strings.TrimSuffix(strings.TrimRight(m[1], ".,;"), "/...")
			if strings.Contains(path, "NAME") || strings.Contains(path, "<") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s names %s, which is not there", filepath.Base(page), path)
			}
		}
		for _, m := range target.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", filepath.Base(page), m[1])
			}
		}
	}
}
