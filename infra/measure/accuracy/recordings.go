package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley/shared/speech/conversation"
)

// recording is a recording with a known truth.
type recording struct {
	name, file string
	ref        conversation.Reference
	// timed is false if the truth has only the words and who says them.
	timed bool
}

// recordings returns the recordings of a folder: NAME.flac with NAME.json, and NAME.opus with the
// script NAME.txt.
func recordings(folder string) ([]recording, error) {
	var all []recording
	for _, kind := range []struct {
		audio, truth string
		read         func(io.Reader) (conversation.Reference, error)
		timed        bool
	}{{".flac", ".json", conversation.ReadReference, true}, {".opus", ".txt", readScript, false}} {
		files, err := filepath.Glob(filepath.Join(folder, "*"+kind.audio))
		if err != nil {
			return nil, err
		}
		slices.Sort(files)
		for _, file := range files {
			base := strings.TrimSuffix(file, kind.audio)
			r := recording{name: filepath.Base(base), file: file, timed: kind.timed}
			f, err := os.Open(base + kind.truth)
			if err != nil {
				return nil, err
			}
			r.ref, err = kind.read(f)
			_ = f.Close()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// readScript reads the script of a spoken sample. Each line has I or C, a pause, and what is said;
// # begins a comment.
func readScript(r io.Reader) (conversation.Reference, error) {
	var ref conversation.Reference
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		who, rest, _ := strings.Cut(line, " ")
		_, text, ok := strings.Cut(rest, " ")
		role, known := map[string]string{"I": conversation.RoleInterviewer, "C": conversation.RoleCandidate}[who]
		if !ok || !known {
			return ref, fmt.Errorf("line %d is not a line of a script: it must have I or C, a pause in ms, and what is said", n)
		}
		ref.Segments = append(ref.Segments, conversation.Segment{Speaker: role, Text: text})
	}
	return ref, lines.Err()
}
