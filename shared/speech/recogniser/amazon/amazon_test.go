package amazon_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/transcribe"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/store/memory"
	"parley/shared/errcode"
	"parley/shared/speech/audio"
	"parley/shared/speech/recogniser/amazon"
	"parley/shared/speech/transcript"
)

const bucket = "a-bucket"

var job = transcript.Job{Name: "req_aaaaaaaaaaaaaaaaaaaaaaaaaa.1.transcribe.0",
	Sound: "work/req_aaaaaaaaaaaaaaaaaaaaaaaaaa/1/sent-000", Answer: "work/req_aaaaaaaaaaaaaaaaaaaaaaaaaa/1/answer-000.json"}

// recorded is an answer of the API: a file of testdata, or a refusal.
type recorded struct {
	file, reason string // reason: of a failed job
	code         string // a refusal's
	message      string
}

// service is the API, which answers as recorded by operation.
type service struct {
	t       *testing.T
	answers map[string]recorded
	calls   []string
	last    map[string]any // the last request
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	s.calls = append(s.calls, operation)
	s.last = map[string]any{}
	if err := json.NewDecoder(r.Body).Decode(&s.last); err != nil {
		s.t.Error(err)
	}
	a, ok := s.answers[operation]
	if !ok {
		s.t.Errorf("%s was called", operation)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	switch {
	case a.code != "":
		w.Header().Set("X-Amzn-Errortype", a.code)
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":%q,"Message":%q}`, a.code, a.message)
	case a.file != "":
		body, err := os.ReadFile(filepath.Join("testdata", a.file))
		if err != nil {
			s.t.Error(err)
		}
		_, _ = io.WriteString(w, strings.ReplaceAll(string(body), "REASON", a.reason))
	}
}

// ear hears English from the beginning to the end.
type ear struct{ err error }

func (e ear) Hear(_ context.Context, pcm []int16, offsetMs int64, _ string) (transcript.Chunk, error) {
	span := audio.Span{StartMs: offsetMs, EndMs: offsetMs + int64(len(pcm))*1000/audio.SampleRate}
	return transcript.Chunk{Span: span, Words: []transcript.Word{}, Speech: []audio.Span{span}, Heard: "en", HeardP: 0.97, RequestedP: 0.97}, e.err
}

// open is a recogniser over a service that answers as recorded.
func open(t *testing.T, setting string, answers map[string]recorded) (*amazon.Recogniser, *service, *memory.Objects) {
	t.Helper()
	s := &service{t: t, answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	api := transcribe.NewFromConfig(aws.Config{Region: "eu-central-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }})
	languages, chosen, err := amazon.ParseSetting(setting)
	if err != nil || !chosen {
		t.Fatalf("%v, chosen %v", err, chosen)
	}
	objects := &memory.Objects{}
	return amazon.New(api, objects, bucket, ear{}, languages), s, objects
}

var (
	missing = recorded{code: "BadRequestException", message: "The requested job couldn't be found. Check the job name and try your request again."}
	pcm     = make([]int16, 4*audio.SampleRate)
)

func read(t *testing.T, o pipeline.Objects, key string) []byte {
	t.Helper()
	body, _, err := o.Get(t.Context(), key, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAPieceBecomesAJobOfTheRunsObjects(t *testing.T) {
	for _, none := range []recorded{missing, {code: "NotFoundException", message: "no such job"}} {
		r, s, objects := open(t, "amazon", map[string]recorded{"GetTranscriptionJob": none, "StartTranscriptionJob": {file: "started.json"}})
		if _, err := r.Transcribe(t.Context(), job, pcm, 0, "en"); !errors.Is(err, transcript.ErrPending) {
			t.Fatal(err)
		}
		want := map[string]any{"TranscriptionJobName": bucket + "." + job.Name, "Media": map[string]any{"MediaFileUri": "s3://a-bucket/" + job.Sound}, "MediaFormat": "wav", "MediaSampleRateHertz": 16000.0,
			"OutputBucketName": bucket, "OutputKey": job.Answer, "LanguageCode": "en-US", "Settings": map[string]any{"ShowSpeakerLabels": true, "MaxSpeakerLabels": 10.0}}
		if !reflect.DeepEqual(s.last, want) {
			t.Errorf("asked %v", s.last)
		}
		sound := read(t, objects, job.Sound)
		if len(sound) != 44+2*len(pcm) || string(sound[:4])+string(sound[8:16]) != "RIFFWAVEfmt " {
			t.Errorf("%d bytes of sound that begin %q", len(sound), sound[:16])
		}
	}
}

func TestAJobThatIsAtWorkIsWaitedForWithoutAnotherStart(t *testing.T) {
	r, s, _ := open(t, "amazon", map[string]recorded{"GetTranscriptionJob": {file: "in_progress.json"}})
	if _, err := r.Transcribe(t.Context(), job, pcm, 0, "en"); !errors.Is(err, transcript.ErrPending) || len(s.calls) != 1 {
		t.Errorf("%v after %v", err, s.calls)
	}
}

func TestTheWordsOfAJobThatIsDone(t *testing.T) {
	for _, file := range []string{"answer.json", "answer_older.json"} {
		r, _, objects := open(t, "amazon", map[string]recorded{"GetTranscriptionJob": {file: "completed.json"}})
		answer, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := objects.Put(t.Context(), job.Answer, "application/json", strings.NewReader(string(answer)), int64(len(answer))); err != nil {
			t.Fatal(err)
		}
		c, err := r.Transcribe(t.Context(), job, pcm, 10_000, "en")
		if err != nil {
			t.Fatal(err)
		}
		want := []transcript.Word{{Text: "Why", StartMs: 10_049, EndMs: 10_310, Voice: "spk_0"}, {Text: "this", StartMs: 10_319, EndMs: 10_600, Voice: "spk_0"},
			{Text: "job?", StartMs: 10_600, EndMs: 11_020, Voice: "spk_0"}, {Text: "Well,", StartMs: 11_500, EndMs: 11_800, Voice: "spk_1"},
			{Text: "I've", StartMs: 12_000, EndMs: 12_200, Voice: "spk_1"}, {Text: "built", StartMs: 12_200, EndMs: 12_600, Voice: "spk_1"},
			{Text: "tools.", StartMs: 12_600, EndMs: 13_400, Voice: "spk_1"}}
		if !reflect.DeepEqual(c.Words, want) || transcript.Rated(c.Words) {
			t.Errorf("%s: words %+v", file, c.Words)
		}
		if c.Heard != "en" || c.HeardP != 0.97 || len(c.Speech) != 1 || c.Span.StartMs != 10_000 {
			t.Errorf("our own ear heard %+v", c)
		}
	}
}

func TestAnswersThatCannotBeReadAreFailures(t *testing.T) {
	for name, answer := range map[string]string{
		"none":                "",
		"no JSON":             "<html>",
		"a word without time": `{"results":{"items":[{"type":"pronunciation","alternatives":[{"content":"a"}]}]}}`,
		"a time below zero":   `{"results":{"items":[{"type":"pronunciation","start_time":"-1","end_time":"2","alternatives":[{"content":"a"}]}]}}`,
	} {
		r, _, objects := open(t, "amazon", map[string]recorded{"GetTranscriptionJob": {file: "completed.json"}})
		if answer != "" {
			if err := objects.Put(t.Context(), job.Answer, "application/json", strings.NewReader(answer), int64(len(answer))); err != nil {
				t.Fatal(err)
			}
		}
		_, err := r.Transcribe(t.Context(), job, pcm, 0, "en")
		if _, finding := errors.AsType[*errcode.Error](err); err == nil || finding || errors.Is(err, transcript.ErrPending) || errors.Is(err, transcript.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Ensure that each refusal and each reason of a failed job ends as the contract says.
func TestRefusals(t *testing.T) {
	started := func(code, message string) map[string]recorded {
		return map[string]recorded{"GetTranscriptionJob": missing, "StartTranscriptionJob": {code: code, message: message}}
	}
	failed := func(reason string) map[string]recorded {
		return map[string]recorded{"GetTranscriptionJob": {file: "failed.json", reason: reason}}
	}
	for name, tt := range map[string]struct {
		answers  map[string]recorded
		language string
		is       error
		code     errcode.Code
	}{
		"throttled when started":      {started("ThrottlingException", "Rate exceeded"), "en", transcript.ErrPending, ""},
		"throttled when looked at":    {map[string]recorded{"GetTranscriptionJob": {code: "ThrottlingException", message: "Rate exceeded"}}, "en", transcript.ErrPending, ""},
		"too many jobs at once":       {started("LimitExceededException", "You have reached your maximum number of concurrent transcription jobs."), "en", transcript.ErrPending, ""},
		"started by another copy":     {started("ConflictException", "The requested job name already exists."), "en", transcript.ErrPending, ""},
		"no permission":               {started("AccessDeniedException", "User is not authorized to perform: transcribe:StartTranscriptionJob"), "en", transcript.ErrDenied, ""},
		"no permission to look":       {map[string]recorded{"GetTranscriptionJob": {code: "AccessDeniedException", message: "not authorized"}}, "en", transcript.ErrDenied, ""},
		"unknown credentials":         {started("UnrecognizedClientException", "The security token included in the request is invalid."), "en", transcript.ErrDenied, ""},
		"a bucket out of reach":       {started("BadRequestException", "The specified S3 bucket isn't in the same region. Make sure the bucket is in the same region and try your request again."), "en", transcript.ErrDenied, ""},
		"bad media":                   {failed("The media format provided does not match the detected media format."), "en", nil, errcode.TranscriptionFailed},
		"a failure of the service":    {failed("Internal failure. Please try again."), "en", nil, errcode.TranscriptionFailed},
		"the sound could not be read": {failed("Access denied to the S3 object. Check the permissions of the data access role."), "en", transcript.ErrDenied, ""},
		"no language told apart": {failed("Your audio file must have a speech segment long enough in duration to perform automatic language identification."), "en", nil,
			errcode.TranscriptionLowConfidence},
		"a language that is not offered": {map[string]recorded{"GetTranscriptionJob": missing}, "la", nil, errcode.TranscriptionFailed},
	} {
		t.Run(name, func(t *testing.T) {
			r, _, _ := open(t, "amazon", tt.answers)
			_, err := r.Transcribe(t.Context(), job, pcm, 0, tt.language)
			finding, found := errors.AsType[*errcode.Error](err)
			if tt.is != nil && (!errors.Is(err, tt.is) || found) || tt.code != "" && (!found || finding.Code != tt.code) {
				t.Errorf("%v", err)
			}
		})
	}
	// A failure of the service itself is none of these: it is tried again.
	r, _, _ := open(t, "amazon", started("InternalFailureException", "internal"))
	_, err := r.Transcribe(t.Context(), job, pcm, 0, "en")
	if _, found := errors.AsType[*errcode.Error](err); err == nil || found || errors.Is(err, transcript.ErrPending) || errors.Is(err, transcript.ErrDenied) {
		t.Errorf("%v", err)
	}
}

func TestAJobIsForgottenOnce(t *testing.T) {
	for _, a := range []recorded{{}, missing, {code: "NotFoundException", message: "none"}} {
		r, s, _ := open(t, "amazon", map[string]recorded{"DeleteTranscriptionJob": a})
		if err := r.Forget(t.Context(), job.Name); err != nil || s.last["TranscriptionJobName"] != bucket+"."+job.Name {
			t.Errorf("%v of %v", err, s.last)
		}
	}
	r, _, _ := open(t, "amazon", map[string]recorded{"DeleteTranscriptionJob": {code: "AccessDeniedException", message: "no"}})
	if err := r.Forget(t.Context(), job.Name); err == nil {
		t.Error("a refusal was taken for a deletion")
	}
}

func TestASoundTooShortForTheServiceIsNotSent(t *testing.T) {
	r, s, _ := open(t, "amazon", nil)
	c, err := r.Transcribe(t.Context(), job, pcm[:100], 0, "en")
	if err != nil || len(c.Words) != 0 || len(s.calls) != 0 {
		t.Errorf("%+v, %v after %v", c, err, s.calls)
	}
}

func TestLanguages(t *testing.T) {
	for _, tt := range []struct{ setting, language, code, options string }{
		{"amazon", "en", "en-US", ""},
		{"amazon", "it", "it-IT", ""},
		{"amazon", "nb", "no-NO", ""},
		{"amazon:en-GB", "en", "en-GB", ""},
		{"amazon:en-GB", "es", "es-US", ""},
		{"amazon:en-GB,es-ES,en-IN", "en", "", "[en-GB en-IN]"},
		{"amazon:en-GB,es-ES,en-IN", "es", "es-ES", ""},
	} {
		r, s, _ := open(t, tt.setting, map[string]recorded{"GetTranscriptionJob": missing, "StartTranscriptionJob": {file: "started.json"}})
		if _, err := r.Transcribe(t.Context(), job, pcm, 0, tt.language); !errors.Is(err, transcript.ErrPending) {
			t.Fatal(err)
		}
		code, _ := s.last["LanguageCode"].(string)
		options := ""
		if s.last["IdentifyLanguage"] == true {
			options = fmt.Sprint(s.last["LanguageOptions"])
		}
		if code != tt.code || options != tt.options {
			t.Errorf("%s, %s: code %q, options %q", tt.setting, tt.language, code, options)
		}
	}
	for setting, want := range map[string]struct{ chosen, bad bool }{
		"": {false, false}, "whisper": {false, false}, "amazon": {true, false}, "amazon:": {true, true}, "amazon:en-XX": {true, true}, "amazon:en-US,en-US": {true, true},
		"amazon:en-AB,en-AU,en-GB,en-IE,en-IN": {true, false}, "amazon:en-AB,en-AU,en-GB,en-IE,en-IN,en-US": {true, true},
	} {
		if _, chosen, err := amazon.ParseSetting(setting); chosen != want.chosen || (err != nil) != want.bad {
			t.Errorf("%q: chosen %v, %v", setting, chosen, err)
		}
	}
}
