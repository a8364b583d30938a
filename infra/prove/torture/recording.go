package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech/installed"
)

// kind is a recording and how each of its runs must end.
type kind struct {
	name   string
	cost   int64
	status run.Status
	fail   errcode.Code // of a failed run
	filter string       // ffmpeg's arguments, from the sample interview to the recording
}

var kinds = []kind{
	// Two answers of the candidate, 75 s of speech: little more than a score needs, so that a run
	// is quick.
	{"speech", 4, run.Success, "", "aselect='between(t,62.2,101.6)+between(t,106.2,154.6)',asetpts=N/SR/TB,apad=whole_dur=182"},
	// Silence ends as soon as it has been heard: the quickest way through submit, end and
	// promotion.
	{"silence", 4, run.Failed, errcode.TranscriptionFailed, "volume=0,atrim=end=185"},
}

func (k kind) file(dir string) string { return filepath.Join(dir, k.name+".flac") }

// record creates the recordings in dir.
func record(ctx context.Context, dir string) error {
	for _, k := range kinds {
		cmd := exec.CommandContext(ctx, installed.FFmpeg(installed.Dir()), "-nostdin", "-v", "error", "-y", "-i", filepath.Join("infra", "sample", "interview.opus"),
			"-af", k.filter, "-ac", "1", "-ar", "16000", "-sample_fmt", "s16", "-c:a", "flac", k.file(dir))
		var said bytes.Buffer
		cmd.Stderr = &said
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("make the recording of %s: %w: %s", k.name, err, said.Bytes())
		}
	}
	return nil
}
