package stages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
	"parley/shared/speech/audio"
	"parley/shared/speech/speed"
)

func (w Works) ingest(ctx context.Context, r run.Run, _ run.Part) (pipeline.Result, error) {
	asked, err := speech.RequestOf(r)
	if err != nil {
		return pipeline.Result{}, err
	}
	path, err := w.fetch(ctx, r)
	if err != nil {
		return pipeline.Result{}, err
	}
	defer os.Remove(path)
	recording, err := w.Record(ctx, path, asked.Channels)
	if err != nil {
		return pipeline.Result{}, fmt.Errorf("stages: ingest: %w", err)
	}
	length, judged := recording.DurationMs(), r.Length.Milliseconds()
	cause := fmt.Errorf("stages: ingest: %d ms decoded, %d ms judged", length, judged)
	switch {
	case audio.Exceeds(length, judged):
		// Else whoever writes false times into a file pays for a tenth of it.
		return pipeline.Result{}, errcode.Newf(errcode.TranscriptionFailed, "The recording holds more sound than the times in the file say. Re-encode the file and resubmit it.").Because(cause)
	case audio.Exceeds(judged, length):
		// Else a part of an interview is scored and the whole of it paid.
		return pipeline.Result{}, errcode.Newf(errcode.TranscriptionFailed, "Only a part of the recording could be decoded. Re-encode the file and resubmit it.").Because(cause)
	}
	in := audio.Inspect(recording, asked.Cut)
	judgeSpeed(&in, recording)
	if len(in.Chunks) == 0 {
		return pipeline.Result{}, errcode.Newf(errcode.TranscriptionFailed, "No speech was found in the recording. Check that the right file was sent and that it is loud enough.")
	}
	var b []byte
	for k, pcm := range recording.Tracks {
		pcm = audio.Raised(pcm, in.Of(k).Quality.LevelDb)
		if len(recording.Tracks) > 1 {
			// whole ms, so that the next track begins at one
			pcm = pcm[:length*audio.SampleRate/1000]
		}
		b = append(b, audio.Bytes(pcm)...)
	}
	if err := w.Objects.Put(ctx, pipeline.KeyOf(r, speech.PCM, 0), "application/octet-stream", bytes.NewReader(b), int64(len(b))); err != nil {
		return pipeline.Result{}, fmt.Errorf("stages: ingest: %w", err)
	}
	if err := speech.Intake.Save(ctx, w.Objects, r, 0, in); err != nil {
		return pipeline.Result{}, err
	}
	return pipeline.Result{Pieces: len(in.Chunks)}, nil
}

// judgeSpeed adds to the quality how fast the voices sound.
func judgeSpeed(in *audio.Intake, r audio.Recording) {
	for k, pcm := range r.Tracks {
		q := &in.Quality
		of := in.Of(k)
		if len(in.Tracks) > 0 {
			q = &in.Tracks[k].Quality
		}
		if factor, _ := speed.Factor(pcm, of.Speech, of.Quality); factor != 1 {
			q.Speed = factor
		}
	}
}

// fetch puts the original into a temporary file, which the caller removes.
func (w Works) fetch(ctx context.Context, r run.Run) (string, error) {
	body, size, err := w.Objects.Get(ctx, pipeline.Key(r.ID, r.Attempt, pipeline.Original, 0), 0, 0)
	if err != nil {
		return "", fmt.Errorf("stages: original: %w", err)
	}
	defer body.Close()
	if size > audio.Bounds.MaxBytes {
		return "", fmt.Errorf("stages: original of %d bytes", size)
	}
	f, err := os.CreateTemp("", "parley-original-*")
	if err != nil {
		return "", fmt.Errorf("stages: original: %w", err)
	}
	_, err = io.Copy(f, io.LimitReader(body, audio.Bounds.MaxBytes))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("stages: original: %w", err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}
