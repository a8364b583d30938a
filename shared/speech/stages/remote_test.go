package stages_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/transcribe"

	prove "parley/infra/prove/house"

	"parley/shared/clock"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
	"parley/shared/speech/audio"
	"parley/shared/speech/audio/channels"
	"parley/shared/speech/recogniser/amazon"
	"parley/shared/speech/report"
	"parley/shared/speech/score"
	"parley/shared/speech/stages"
	"parley/shared/speech/transcript"
)

const (
	remoteBucket = "a-bucket"
	remoteRun    = run.ID("req_cccccccccccccccccccccccccc")
)

// cloud is Amazon Transcribe as far as a run meets it. It ends each job at once, with the words
// that the listener hears, and tells so as the stack's rule has it.
type cloud struct {
	t     *testing.T
	house *prove.House
	hears transcript.Recogniser
	// own is what our own ear hears of each piece.
	own listener
	// refuses is the code of each refusal to start a job; fails is why each job fails; silent keeps
	// the events back.
	refuses, fails string
	silent, hangs  bool // hangs: no job ends

	mu      sync.Mutex
	jobs    map[string]bool // by name: deleted
	started int
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var in struct {
		TranscriptionJobName string
		OutputKey            string
		Media                struct{ MediaFileUri string }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		c.t.Error(err)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	refuse := func(code, message string) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":%q,"Message":%q}`, code, message)
	}
	name := in.TranscriptionJobName
	deleted, known := c.jobs[name]
	switch r.Header.Get("X-Amz-Target") {
	case "Transcribe.StartTranscriptionJob":
		if c.refuses != "" {
			refuse(c.refuses, "refused")
			return
		}
		c.jobs[name] = false
		c.started++
		c.hear(strings.TrimPrefix(in.Media.MediaFileUri, "s3://"+remoteBucket+"/"), in.OutputKey)
		if !c.silent {
			c.house.Enqueue(speech.Transcribe, fmt.Sprintf(`{"format":%d,"task":%q}`, pipeline.Format, name))
		}
		fmt.Fprintf(w, `{"TranscriptionJob":{"TranscriptionJobName":%q,"TranscriptionJobStatus":"IN_PROGRESS"}}`, name)
	case "Transcribe.GetTranscriptionJob":
		switch {
		case !known || deleted:
			refuse("BadRequestException", "The requested job couldn't be found. Check the job name and try your request again.")
		case c.hangs:
			fmt.Fprintf(w, `{"TranscriptionJob":{"TranscriptionJobName":%q,"TranscriptionJobStatus":"IN_PROGRESS"}}`, name)
		case c.fails != "":
			fmt.Fprintf(w, `{"TranscriptionJob":{"TranscriptionJobName":%q,"TranscriptionJobStatus":"FAILED","FailureReason":%q}}`, name, c.fails)
		default:
			fmt.Fprintf(w, `{"TranscriptionJob":{"TranscriptionJobName":%q,"TranscriptionJobStatus":"COMPLETED"}}`, name)
		}
	case "Transcribe.DeleteTranscriptionJob":
		c.jobs[name] = true
	}
}

// hear writes the answer to the sound of a job.
func (c *cloud) hear(from, to string) {
	body, _, err := c.house.Objects.Get(c.t.Context(), from, 0, 0)
	if err != nil {
		c.t.Error(err)
		return
	}
	sound, err := io.ReadAll(body)
	if err != nil || string(sound[:4]) != "RIFF" || int(binary.LittleEndian.Uint32(sound[40:])) != len(sound)-44 {
		c.t.Errorf("%v, %d bytes of sound", err, len(sound))
	}
	chunk, _ := c.hears.Transcribe(c.t.Context(), audio.Samples(sound[44:]), 0, "en")
	var items []string
	for _, w := range chunk.Words {
		items = append(items, fmt.Sprintf(`{"type":"pronunciation","alternatives":[{"confidence":"0.31","content":%q}],"start_time":"%.3f","end_time":"%.3f","speaker_label":"spk_0"}`,
			w.Text, float64(w.StartMs)/1000, float64(w.EndMs)/1000))
	}
	answer := `{"status":"COMPLETED","results":{"items":[` + strings.Join(items, ",") + `]}}`
	if err := c.house.Objects.Put(c.t.Context(), to, "application/json", strings.NewReader(answer), int64(len(answer))); err != nil {
		c.t.Error(err)
	}
}

// hearing is a listener that also tells what it hears without the words.
type hearing struct{ listener }

// remote is a house whose words come from the cloud, with a run that has just arrived, and its log.
func remote(t *testing.T, change func(*cloud, *stages.Works)) (*prove.House, *cloud, *clock.Manual, *bytes.Buffer) {
	t.Helper()
	clk, log := clock.At(time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC)), &bytes.Buffer{}
	h, err := prove.New(t.Context(), clk)
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{t: t, house: h, hears: listener{heard: "en"}, own: listener{heard: "en"}, jobs: map[string]bool{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	api := transcribe.NewFromConfig(aws.Config{Region: "eu-central-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }})
	h.Log = log
	pcm := interviewOf(2)
	h.Works = stages.Works{Recogniser: listener{heard: "en"}, Voices: ear{}, Aligner: aligner{}, Listener: listener{heard: "en"}, Provider: amazon.Setting,
		Record: recorded(audio.Recording{Channels: audio.Channels{Count: 1, Used: channels.Mono}, Tracks: [][]int16{pcm}})}
	if change != nil {
		change(c, &h.Works)
	}
	h.Works.Remote = amazon.New(api, h.Objects, remoteBucket, hearing{c.own}, amazon.Languages{})
	length := time.Duration(len(pcm)) * time.Second / audio.SampleRate
	if err := h.Objects.Put(t.Context(), pipeline.Key(remoteRun, 1, pipeline.Original, 0), "audio/wav", strings.NewReader("sound"), 5); err != nil {
		t.Fatal(err)
	}
	asked := speech.Request{Language: "en", Cut: audio.DefaultCut()}
	r, _, err := h.Store.Submit(t.Context(), run.Submission{Run: run.Run{ID: remoteRun, Client: h.Client, Attempt: 1, CreatedAt: clk.Now(), Cost: 2, Length: length,
		Request: run.Request{Asked: asked.Document()}, Material: speech.File{Format: "wav", SizeBytes: 5}.Document()}, Terms: speech.Service.Terms(length, 1, pipeline.Budget(0))}, clk.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Send(t.Context(), []pipeline.Message{pipeline.MessageFor(r, speech.Service.First())}); err != nil {
		t.Fatal(err)
	}
	drain(t, h)
	return h, c, clk, log
}

func drain(t *testing.T, h *prove.House) {
	t.Helper()
	if err := h.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func ended(t *testing.T, h *prove.House) run.Run {
	t.Helper()
	r, err := h.Store.Get(t.Context(), remoteRun)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAnInterviewWhoseWordsAreHeardElsewhere(t *testing.T) {
	h, c, _, log := remote(t, nil)
	r := ended(t, h)
	if r.Status != run.Success {
		t.Fatalf("%s %+v (%s)", r.Status, r.Failure, r.Reason)
	}
	if c.started != r.Pieces {
		t.Errorf("%d jobs for %d pieces", c.started, r.Pieces)
	}
	for name, deleted := range c.jobs {
		if !deleted {
			t.Errorf("job %s was kept", name)
		}
	}
	if strings.Contains(log.String(), "customers") || strings.Contains(log.String(), "honestly") {
		t.Error("the log holds what was said")
	}
	rep, err := speech.Report.Load(t.Context(), h.Objects, r, 0)
	if err != nil {
		t.Fatal(err)
	}
	own := newHouse(t, interviewOf(2))
	theirs := own.report(own.run(run.Request{}, speech.Request{}))
	if rep.ScoringVersion == theirs.ScoringVersion || rep.ScoringVersion != h.Works.Edition() {
		t.Errorf("scoring version %s, that of our own words is %s", rep.ScoringVersion, theirs.ScoringVersion)
	}
	for _, s := range rep.Transcript.Segments {
		for _, w := range s.Words {
			if w.Confidence != nil || s.Confidence != nil {
				t.Fatalf("%q has confidence %v in a segment of %v", w.Text, w.Confidence, s.Confidence)
			}
		}
	}
	// The sample was heard by our own recogniser, whose probabilities lie about 0.8, not at the
	// other's confidence.
	for _, name := range []string{"wordProbability", "unsureWords", "languageOdds"} {
		if v, was := valueOf(rep, score.Accent, name), valueOf(theirs, score.Accent, name); v == nil || was == nil || *v < *was-0.06 || *v > *was+0.06 {
			t.Errorf("%s is %v, by our own words %v", name, v, was)
		}
	}
	for d, a := range rep.Analysis {
		if !strings.Contains(strings.Join(a.Cautions, " "), "another recogniser") {
			t.Errorf("%s says nothing of the recogniser: %v", d, a.Cautions)
		}
		if got := rep.Confidence[d]; got == nil || got.Level == "high" {
			t.Errorf("%s has confidence %+v", d, got)
		}
	}
}

func valueOf(r report.Report, d score.Dimension, measure string) *float64 {
	for _, m := range r.Analysis[d].Measures {
		if m.Name == measure {
			return m.Value
		}
	}
	return nil
}

// Hear implements transcript.Ear.
func (e hearing) Hear(ctx context.Context, pcm []int16, offset int64, language string) (transcript.Chunk, error) {
	c, err := e.Transcribe(ctx, pcm, offset, language)
	c.Words = nil
	return c, err
}

func TestWhatEndsARunWhoseWordsAreHeardElsewhere(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*cloud, *stages.Works)
		want   errcode.Code
	}{
		"bad media":                     {func(c *cloud, _ *stages.Works) { c.fails = "Unsupported media format." }, errcode.TranscriptionFailed},
		"no permission":                 {func(c *cloud, _ *stages.Works) { c.refuses = "AccessDeniedException" }, errcode.ServiceConfigurationError},
		"a failure that stays":          {func(c *cloud, _ *stages.Works) { c.refuses = "InternalFailureException" }, errcode.TranscriptionFailed},
		"no sample by our own engine":   {func(_ *cloud, w *stages.Works) { w.Recogniser = silent{} }, errcode.ScoringFailed},
		"another language by our ear":   {func(c *cloud, _ *stages.Works) { c.own = listener{heard: "de"} }, errcode.TranscriptionLowConfidence},
		"words that are hardly certain": {func(_ *cloud, w *stages.Works) { w.Recogniser = mumbling{} }, errcode.TranscriptionLowConfidence},
	} {
		t.Run(name, func(t *testing.T) {
			h, _, _, _ := remote(t, tt.change)
			if r := ended(t, h); r.Status != run.Failed || r.Failure.Code != tt.want || r.Charged != 0 {
				t.Errorf("%s %+v (%s)", r.Status, r.Failure, r.Reason)
			}
		})
	}
}

// mumbling is a recogniser that is sure of nothing.
type mumbling struct{ listener }

func (m mumbling) Transcribe(ctx context.Context, pcm []int16, offset int64, language string) (transcript.Chunk, error) {
	c, err := m.listener.Transcribe(ctx, pcm, offset, language)
	for i := range c.Words {
		c.Words[i].P = 0.2
	}
	return c, err
}

// Ensure that the sweep asks again for jobs that could not be started, and for those whose event
// was lost.
func TestTheSweepMakesUpForRefusalsAndLostEvents(t *testing.T) {
	h, c, clk, log := remote(t, func(c *cloud, _ *stages.Works) { c.refuses, c.silent = "LimitExceededException", true })
	if r := ended(t, h); r.Status != run.Processing || !strings.Contains(log.String(), "part goes on elsewhere") {
		t.Fatal(r.Status)
	}
	c.refuses = ""
	for range 2 { // to start the job, and to see that it has ended
		clk.Advance(5 * time.Minute)
		if err := h.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		drain(t, h)
	}
	if r := ended(t, h); r.Status != run.Success {
		t.Errorf("%s %+v", r.Status, r.Failure)
	}
}

// Ensure that a job that never ends ends its run, that its late event deletes it, and that an
// erasure takes what it wrote.
func TestAJobThatHangsEndsItsRun(t *testing.T) {
	h, c, clk, _ := remote(t, func(c *cloud, _ *stages.Works) { c.silent, c.hangs = true, true })
	clk.Advance(20 * time.Minute)
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	drain(t, h)
	r := ended(t, h)
	if r.Status != run.Failed || r.Failure.Code != errcode.StuckTimeout {
		t.Fatalf("%s %+v", r.Status, r.Failure)
	}
	c.hangs = false
	for name := range c.jobs {
		h.Enqueue(speech.Transcribe, fmt.Sprintf(`{"format":%d,"task":%q}`, pipeline.Format, name))
	}
	drain(t, h)
	for name, deleted := range c.jobs {
		if !deleted {
			t.Errorf("job %s was kept", name)
		}
	}
	if err := pipeline.Purge(t.Context(), h.Objects, r); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{pipeline.WorkPrefix, pipeline.AudioPrefix, pipeline.ReportPrefix} {
		if left, err := h.Objects.List(t.Context(), prefix, "", 10); err != nil || len(left) > 0 {
			t.Errorf("left %v, %v", left, err)
		}
	}
}
