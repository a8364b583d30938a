// Command same scores recordings with the programs of two checkouts and reports whether the answers
// are equal except for sentences:
//
//	go run ./infra/prove/same -before ../old -after . infra/sample/interview.opus ../shared/data/interviews/*.flac
//
// Both checkouts must be built (make build). It exits with 1 if an answer differs.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"

	"github.com/google/go-cmp/cmp"
)

// moments are the members that differ between two runs of the same program.
var moments = []string{"id", "externalId", "timestamp", "createdAt", "completedAt", "processingTimeMs"}

// sentences are the members, at any depth, that hold text for people, and the version of the file
// that some of that text comes from.
var sentences = []string{"explainability", "hrRecommendation", "candidateFeedback", "reason", "cautions", "label", "source", "scoringVersion"}

func main() {
	before := flag.String("before", "", "built checkout to compare with")
	after := flag.String("after", ".", "built checkout to check")
	words := flag.Bool("words", false, "also compare the sentences")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *before, *after, *words, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var errDiffer = errors.New("the answers differ")

func run(ctx context.Context, before, after string, words bool, files []string) error {
	if before == "" || len(files) == 0 {
		return errors.New("same: give -before and at least one recording; see -help")
	}
	left := append([]string(nil), moments...)
	if !words {
		left = append(left, sentences...)
	}
	differ := false
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			return fmt.Errorf("same: %w", err)
		}
		a, err := score(ctx, before, path)
		if err != nil {
			return err
		}
		b, err := score(ctx, after, path)
		if err != nil {
			return err
		}
		without(a, left)
		without(b, left)
		diff := cmp.Diff(a, b)
		if diff == "" {
			fmt.Printf("equal\t%s\t%d values\n", filepath.Base(file), count(b))
			continue
		}
		differ = true
		fmt.Printf("DIFFERS\t%s\n%s\n", filepath.Base(file), diff)
	}
	if differ {
		return errDiffer
	}
	return nil
}

// score runs the checkout's own local system on one recording and returns the answer to the last
// poll.
func score(ctx context.Context, checkout, recording string) (any, error) {
	data, err := os.MkdirTemp("", "parley-same-*")
	if err != nil {
		return nil, fmt.Errorf("same: %w", err)
	}
	defer func() { _ = os.RemoveAll(data) }()
	program, err := filepath.Abs(filepath.Join(checkout, "bin", "parley"))
	if err != nil {
		return nil, fmt.Errorf("same: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, "demo", "--json", "--data", data, "--audio", recording)
	cmd.Dir = checkout
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	// A failed run is an answer too: the demo exits with 1, and its body says why.
	if err := cmd.Run(); err != nil && out.Len() == 0 {
		return nil, fmt.Errorf("same: %s on %s: %w: %s", program, recording, err, log.Bytes())
	}
	var answer, last any
	d := json.NewDecoder(&out)
	d.UseNumber() // exact to the last digit
	for d.Decode(&answer) == nil {
		last = answer
		answer = nil
	}
	if last == nil {
		return nil, fmt.Errorf("same: %s on %s printed no JSON", program, recording)
	}
	return last, nil
}

// without removes the named members from every object.
func without(v any, names []string) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range names {
			delete(v, name)
		}
		for _, member := range v {
			without(member, names)
		}
	case []any:
		for _, element := range v {
			without(element, names)
		}
	}
}

// count returns how many values an answer holds, including nested ones.
func count(v any) int {
	n := 1
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			n += count(member)
		}
	case []any:
		for _, element := range v {
			n += count(element)
		}
	}
	return n
}
