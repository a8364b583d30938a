// Package amazon is the second recogniser: Amazon Transcribe, which hears a piece as a job. The
// sound goes to it, and its answer comes back, through objects below the run's own keys, so that
// whatever deletes a run's objects deletes these. EventBridge tells when a job has ended.
//
// Its confidences and its odds of languages are not those that our measures were calibrated to, so
// none is taken: where there is speech, and in which language, is for our own ear to say.
package amazon

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/transcribe"
	"github.com/aws/aws-sdk-go-v2/service/transcribe/types"

	"parley/shared/engine/pipeline"
	"parley/shared/errcode"
	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

const (
	// minSamples is the shortest sound that the service takes: 500 ms.
	minSamples = audio.SampleRate / 2
	// maxSpeakers is how many voices it may tell apart in a piece.
	maxSpeakers = 10
	// maxAnswer bounds an answer, in bytes: one of 140 s of fast speech takes about 150 kB.
	maxAnswer = 16 << 20
)

// Recogniser implements transcript.Remote. Safe for concurrent use.
type Recogniser struct {
	api       *transcribe.Client
	objects   pipeline.Objects
	bucket    string
	ear       transcript.Ear
	languages Languages
}

// New returns a recogniser whose jobs read from and write to a bucket, that of objects, with the
// permissions of who calls the service. The names of its jobs begin with that of the bucket, of
// which there is one in the world, and a dot.
func New(api *transcribe.Client, objects pipeline.Objects, bucket string, ear transcript.Ear, languages Languages) *Recogniser {
	return &Recogniser{api: api, objects: objects, bucket: bucket, ear: ear, languages: languages}
}

// Prefix is what the names of the jobs that belong to a bucket begin with.
func Prefix(bucket string) string { return bucket + "." }

// Transcribe implements transcript.Remote.
func (r *Recogniser) Transcribe(ctx context.Context, job transcript.Job, pcm []int16, offsetMs int64, language string) (transcript.Chunk, error) {
	if len(pcm) < minSamples {
		return r.ear.Hear(ctx, pcm, offsetMs, language) //nolint:wrapcheck // the port's own
	}
	out, err := r.api.GetTranscriptionJob(ctx, &transcribe.GetTranscriptionJobInput{TranscriptionJobName: r.name(job.Name)})
	switch {
	case unknown(err):
		return transcript.Chunk{}, r.start(ctx, job, pcm, language)
	case err != nil:
		return transcript.Chunk{}, meaning("look at", job, err)
	}
	switch j := out.TranscriptionJob; j.TranscriptionJobStatus {
	case types.TranscriptionJobStatusCompleted:
		return r.collect(ctx, job, pcm, offsetMs, language)
	case types.TranscriptionJobStatusFailed:
		return transcript.Chunk{}, failure(job, aws.ToString(j.FailureReason))
	default:
		return transcript.Chunk{}, fmt.Errorf("amazon: job %s is %s: %w", job.Name, j.TranscriptionJobStatus, transcript.ErrPending)
	}
}

// Forget implements transcript.Remote.
func (r *Recogniser) Forget(ctx context.Context, name string) error {
	_, err := r.api.DeleteTranscriptionJob(ctx, &transcribe.DeleteTranscriptionJobInput{TranscriptionJobName: r.name(name)})
	if err != nil && !unknown(err) {
		return fmt.Errorf("amazon: delete job %s: %w", name, err)
	}
	return nil
}

func (r *Recogniser) name(job string) *string { return aws.String(Prefix(r.bucket) + job) }

// start sends the sound and starts the job. It returns transcript.ErrPending, or why it could not.
func (r *Recogniser) start(ctx context.Context, job transcript.Job, pcm []int16, language string) error {
	in := transcribe.StartTranscriptionJobInput{
		TranscriptionJobName: r.name(job.Name),
		Media:                &types.Media{MediaFileUri: aws.String("s3://" + r.bucket + "/" + job.Sound)},
		MediaFormat:          types.MediaFormatWav,
		MediaSampleRateHertz: aws.Int32(audio.SampleRate),
		OutputBucketName:     &r.bucket,
		OutputKey:            &job.Answer,
		Settings:             &types.Settings{ShowSpeakerLabels: aws.Bool(true), MaxSpeakerLabels: aws.Int32(maxSpeakers)},
	}
	switch offered := r.languages.of(language); len(offered) {
	case 0:
		return errcode.Newf(errcode.TranscriptionFailed, "The speech recognition of this service does not offer the language '%s'. Submit the recording with another language.", language)
	case 1:
		in.LanguageCode = offered[0]
	default:
		in.IdentifyLanguage, in.LanguageOptions = aws.Bool(true), offered
	}
	sound := wav(pcm)
	if err := r.objects.Put(ctx, job.Sound, "audio/wav", bytes.NewReader(sound), int64(len(sound))); err != nil {
		return fmt.Errorf("amazon: %w", err)
	}
	if _, err := r.api.StartTranscriptionJob(ctx, &in); err != nil {
		return meaning("start", job, err)
	}
	return fmt.Errorf("amazon: job %s started: %w", job.Name, transcript.ErrPending)
}

// wav is 16 kHz mono sound as a WAV file.
func wav(pcm []int16) []byte {
	const head, bytesPerSample = 44, 2
	data := audio.Bytes(pcm)
	out := make([]byte, 0, head+len(data))
	out = append(out, "RIFF"...)
	out = binary.LittleEndian.AppendUint32(out, uint32(head-8+len(data)))
	out = append(out, "WAVEfmt "...)
	out = binary.LittleEndian.AppendUint32(out, 16)
	for _, v := range []uint16{1, 1} { // PCM, one channel
		out = binary.LittleEndian.AppendUint16(out, v)
	}
	for _, v := range []uint32{audio.SampleRate, audio.SampleRate * bytesPerSample} {
		out = binary.LittleEndian.AppendUint32(out, v)
	}
	for _, v := range []uint16{bytesPerSample, 8 * bytesPerSample} {
		out = binary.LittleEndian.AppendUint16(out, v)
	}
	out = append(out, "data"...)
	return append(binary.LittleEndian.AppendUint32(out, uint32(len(data))), data...)
}

// collect reads the answer of a job that is done, and hears with our own ear what it does not tell.
func (r *Recogniser) collect(ctx context.Context, job transcript.Job, pcm []int16, offsetMs int64, language string) (transcript.Chunk, error) {
	body, size, err := r.objects.Get(ctx, job.Answer, 0, 0)
	if err != nil {
		return transcript.Chunk{}, fmt.Errorf("amazon: the answer of job %s: %w", job.Name, err)
	}
	defer func() { _ = body.Close() }() // it was only read
	if size > maxAnswer {
		return transcript.Chunk{}, fmt.Errorf("amazon: the answer of job %s has %d bytes", job.Name, size)
	}
	var a answer
	if err := json.NewDecoder(io.LimitReader(body, maxAnswer)).Decode(&a); err != nil {
		return transcript.Chunk{}, fmt.Errorf("amazon: the answer of job %s: %w", job.Name, err)
	}
	chunk, err := r.ear.Hear(ctx, pcm, offsetMs, language)
	if err != nil {
		return transcript.Chunk{}, err //nolint:wrapcheck // the port's own
	}
	words, err := a.words(chunk.Span)
	if err != nil {
		return transcript.Chunk{}, fmt.Errorf("amazon: the answer of job %s: %w", job.Name, err)
	}
	chunk.Words = words
	return chunk, nil
}

var errNoTime = errors.New("a word without a time")
