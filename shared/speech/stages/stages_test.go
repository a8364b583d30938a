package stages_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/metrics"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
	"parley/shared/errcode"
	"parley/shared/speech"
	"parley/shared/speech/audio"
	"parley/shared/speech/audio/channels"
	"parley/shared/speech/diarization"
	"parley/shared/speech/report"
	"parley/shared/speech/score"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/stages"
	"parley/shared/speech/transcript"
)

// Two voices, as far as a machine tells voices apart: harmonics of a fundamental under two
// formants, syllables at 4 Hz.
type voice struct{ pitch, first, second float64 }

var interviewer, candidate = voice{210, 850, 2100}, voice{110, 500, 1300}

const syllable = 250 // ms

func (v voice) say(pcm []int16, ms int) []int16 {
	phase := 0.0
	for i := range ms * audio.SampleRate / 1000 {
		t := float64(i) / audio.SampleRate
		pitch := v.pitch * (1 + 0.04*math.Sin(2*math.Pi*2.3*t))
		phase += 2 * math.Pi * pitch / audio.SampleRate
		drift := 1 + 0.2*math.Sin(2*math.Pi*1.1*t)
		var s float64
		for h := 1.0; h*pitch < 4000; h++ {
			f := h * pitch
			gain := math.Exp(-(f-v.first*drift)/220*((f-v.first*drift)/220)) + 0.5*math.Exp(-(f-v.second*drift)/300*((f-v.second*drift)/300))
			s += gain * math.Sin(h*phase)
		}
		loud := 0.15 + 0.85*math.Pow(math.Sin(math.Pi*t*1000/syllable), 2)
		pcm = append(pcm, int16(2500*s*loud))
	}
	return pcm
}

func pause(pcm []int16, ms int) []int16 {
	for i := range ms * audio.SampleRate / 1000 {
		pcm = append(pcm, int16(i%7)-3)
	}
	return pcm
}

// interview is about 100 s: short questions, long answers with pauses.
func interview() []int16 { return interviewOf(3) }

// interviewOf has so many rounds of a question and an answer, of 33 s each.
func interviewOf(rounds int) []int16 {
	var pcm []int16
	for range rounds {
		pcm = pause(interviewer.say(pcm, 4000), 700)
		for range 4 {
			pcm = pause(candidate.say(pcm, 6500), 450)
		}
	}
	return pcm
}

// listener hears a word in every second syllable of a piece.
type listener struct {
	err   error
	heard string
}

var vocabulary = strings.Fields("well I worked in a small team and we built the tools that people needed every day because nobody wanted to wait for reports so we measured what really happened and changed one thing at a time while customers told us honestly whether it helped")

func (l listener) Version() string { return "test" }

func (l listener) Transcribe(_ context.Context, pcm []int16, offset int64, _ string) (transcript.Chunk, error) {
	end := offset + int64(len(pcm))*1000/audio.SampleRate
	c := transcript.Chunk{Span: audio.Span{StartMs: offset, EndMs: end}, Speech: []audio.Span{{StartMs: offset, EndMs: end}}, Heard: l.heard, HeardP: 0.98, RequestedP: 0.98}
	if l.heard != "en" {
		c.RequestedP = 0.01
	}
	for at := offset; at+2*syllable <= end; at += 2 * syllable {
		var sum float64
		for _, s := range pcm[(at-offset)*16 : (at-offset+2*syllable)*16] {
			sum += math.Abs(float64(s))
		}
		if sum/(2*syllable*16) > 100 {
			c.Words = append(c.Words, transcript.Word{Text: vocabulary[int(at/(2*syllable))%len(vocabulary)], StartMs: at, EndMs: at + 2*syllable, P: 0.8 + 0.1*math.Sin(float64(at))})
		}
	}
	return c, l.err
}

func (l listener) LanguageProbability(context.Context, []int16, string) (float64, bool, error) {
	return 0.98, true, l.err
}

// ear tells voices apart by their pitch.
type ear struct{}

func (ear) Embed(_ context.Context, pcm []int16, windows []audio.Span) ([][]float32, error) {
	out := make([][]float32, len(windows))
	for i, w := range windows {
		hz, _ := diarization.MedianPitch(pcm, []audio.Span{w})
		angle := 1.5*math.Log2(max(hz, 70)/70) + 0.1*math.Sin(float64(w.StartMs))
		out[i] = []float32{float32(math.Cos(angle)), float32(math.Sin(angle))}
	}
	return out, nil
}

// Listen hears one speaker all the time.
func (ear) Listen(_ context.Context, _ []int16, starts []int) ([][]byte, error) {
	out := make([][]byte, len(starts))
	for i := range out {
		out[i] = make([]byte, diarization.ListenFrames*diarization.ListenClasses)
		for t := range diarization.ListenFrames {
			out[i][t*diarization.ListenClasses+1] = 255
		}
	}
	return out, nil
}

// aligner lays every word over the same length.
type aligner struct{ err error }

func (aligner) Version() string { return "test" }

func (a aligner) Align(_ context.Context, pcm []int16, words []string) ([]accent.AlignedWord, error) {
	n := len(pcm) / 160 / max(len(words), 1)
	out := make([]accent.AlignedWord, len(words))
	for i, w := range words {
		out[i] = accent.AlignedWord{Text: strings.ToLower(w), Start: i * n, Frames: n, Phones: []accent.Phone{{Name: "AH", Frames: n, Score: -float64(n * (15 + i%9)), Loop: -float64(n)}}}
	}
	return out, a.err
}

// house is the whole chain in one process.
type house struct {
	t       *testing.T
	store   *memory.Store
	queue   *memory.Queue
	objects *memory.Objects
	works   stages.Works
	deps    pipeline.Deps
	log     *bytes.Buffer
	judged  int64 // the recording's length, in ms, as its submit found it
}

func newHouse(t *testing.T, pcm []int16) *house {
	t.Helper()
	h := &house{t: t, store: memory.New(), queue: &memory.Queue{}, objects: &memory.Objects{}, log: &bytes.Buffer{}, judged: int64(len(pcm)) * 1000 / audio.SampleRate}
	clk := clock.At(time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC))
	h.deps = pipeline.Deps{Service: speech.Service, Runs: h.store, Clients: h.store, Sender: h.queue, Clock: clk, Log: slog.New(slog.NewJSONHandler(h.log, nil)), Budget: pipeline.Budget(0)}
	h.works = stages.Works{Objects: h.objects, Recogniser: listener{heard: "en"}, Voices: ear{}, Aligner: aligner{}, Listener: listener{heard: "en"},
		Record: recorded(audio.Recording{Channels: audio.Channels{Count: 1, Used: channels.Mono}, Tracks: [][]int16{pcm}})}
	return h
}

func recorded(r audio.Recording) stages.Record {
	return func(context.Context, string, channels.Choice) (audio.Recording, error) { return r, nil }
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// run takes a run from its submit until no message is left, and returns it as stored. The log tells
// of its end, and holds nothing of what was said.
func (h *house) run(q run.Request, asked speech.Request) run.Run {
	h.t.Helper()
	ctx, now := h.t.Context(), h.deps.Clock.Now()
	client := account.ID("cli_aaaaaaaaaaaaaaaaaaaa")
	h.must(h.store.PutClient(ctx, account.Client{ID: client, Active: true, ConcurrentRuns: 1}))
	_, err := h.store.Grant(ctx, client, 10, "", now)
	h.must(err)
	id := run.ID("req_" + strings.Repeat("a", 26))
	h.must(h.objects.Put(ctx, pipeline.Key(id, 1, pipeline.Original, 0), "audio/wav", strings.NewReader("sound"), 5))
	if asked.Language == "" {
		asked.Language = "en"
	}
	asked.Cut = audio.DefaultCut()
	q.Asked = asked.Document()
	r, _, err := h.store.Submit(ctx, run.Submission{Run: run.Run{ID: id, Client: client, Attempt: 1, CreatedAt: now, Cost: 4, Request: q, Length: time.Duration(h.judged) * time.Millisecond, Material: speech.File{Format: "wav", SizeBytes: 5}.Document()},
		Terms: speech.Service.Terms(time.Duration(h.judged)*time.Millisecond, 1, h.deps.Budget)}, now)
	h.must(err)
	h.must(h.queue.Send(ctx, []pipeline.Message{pipeline.MessageFor(r, speech.Service.First())}))
	for range 200 {
		idle := true
		for _, row := range speech.Service.Stages {
			d, ok := h.queue.Receive(row.Name)
			if !ok {
				continue
			}
			idle = false
			p, err := run.ParsePart(d.Message.Part)
			h.must(err)
			w := h.works.Runner(row, h.deps)
			switch err := w.Handle(ctx, d.Message, p); {
			case err == nil:
				h.queue.Ack(d.Receipt)
			case d.Receives >= row.MaxReceives:
				h.must(w.Dead(ctx, d.Message, p))
				h.queue.Ack(d.Receipt)
			default:
				h.queue.Return(d.Receipt)
			}
		}
		if idle {
			break
		}
	}
	r, err = h.store.Get(ctx, id)
	h.must(err)
	log := h.log.String()
	if !strings.Contains(log, `"msg":"run ended","run":"`+string(id)) {
		h.t.Errorf("the log does not tell of the end: %s", log)
	}
	for _, said := range []string{"customers", "honestly", "nobody wanted"} {
		if strings.Contains(log, said) {
			h.t.Errorf("the log holds what was said: %s", log)
		}
	}
	return r
}

func (h *house) report(r run.Run) report.Report {
	h.t.Helper()
	body, _, err := h.objects.Get(h.t.Context(), pipeline.Key(r.ID, r.Attempt, pipeline.Report, 0), 0, 0)
	h.must(err)
	var rep report.Report
	h.must(json.NewDecoder(body).Decode(&rep))
	return rep
}

func TestAnInterviewGoesThroughTheChain(t *testing.T) {
	h := newHouse(t, interview())
	var measured bytes.Buffer
	h.works.Metrics, h.works.Clock = metrics.New(&measured, h.deps.Clock), h.deps.Clock
	r := h.run(run.Request{}, speech.Request{})
	if r.Status != run.Success {
		t.Fatalf("%s: %+v (%s)", r.Status, r.Failure, r.Reason)
	}
	rep := h.report(r)
	if rep.ScoringVersion != h.works.Edition() || r.Edition != rep.ScoringVersion {
		t.Errorf("the report is of %q, the run of %q", rep.ScoringVersion, r.Edition)
	}
	if line := measured.String(); strings.Count(line, `"RealTimeFactor":0,`) != r.Pieces || strings.Count(line, string(r.ID)) != r.Pieces {
		t.Errorf("of %d pieces were measured: %s", r.Pieces, line)
	}
	if rep.Audio.SpeakerCount != 2 || rep.CandidateDetection == nil || rep.CandidateDetection.Speaker != "speaker_2" {
		t.Errorf("%d speakers, candidate %+v", rep.Audio.SpeakerCount, rep.CandidateDetection)
	}
	if !reflect.DeepEqual(report.ScoresOf(rep), r.Scores) || len(rep.Scores) != len(score.Table)+1 {
		t.Errorf("the report says %+v, the run %+v", rep.Scores, r.Scores)
	}
	a, err := h.store.Account(t.Context(), r.Client)
	if err != nil || a.Balance != 6 || a.Held != 0 || r.Charged != 4 {
		t.Errorf("%+v %v", a, err)
	}
	again := newHouse(t, interview())
	first, _ := json.Marshal(rep)
	second, _ := json.Marshal(again.report(again.run(run.Request{}, speech.Request{})))
	if string(first) != string(second) {
		t.Error("the same audio gave another report")
	}
}

// Ensure that of two channels that hold a speaker each, the words, turns and scores are those of
// the speaker's own channel, and that who speaks beside the other keeps the words.
func TestAChannelPerSpeaker(t *testing.T) {
	var asks, answers []int16
	for range 3 {
		asks, answers = pause(interviewer.say(asks, 4000), 700+4*6950), pause(answers, 4700)
		for range 4 {
			answers = pause(candidate.say(answers, 6500), 450)
		}
	}
	aside := interviewer.say(nil, 1500) // while the candidate speaks
	copy(asks[12*16000:], aside)
	h := newHouse(t, asks)
	h.works.Record = recorded(audio.Recording{Channels: audio.Channels{Count: 2, Used: channels.Separate, Note: "Apart."}, Tracks: [][]int16{asks, answers}})
	r := h.run(run.Request{}, speech.Request{})
	if r.Status != run.Success {
		t.Fatalf("%s: %+v (%s)", r.Status, r.Failure, r.Reason)
	}
	rep := h.report(r)
	if d := rep.CandidateDetection; rep.Audio.SpeakerCount != 2 || d == nil || d.Channel == nil || *d.Channel != transcript.Right {
		t.Errorf("%d speakers, candidate %+v", rep.Audio.SpeakerCount, d)
	}
	if c := rep.Audio.Channels; c == nil || c.Count != 2 || c.Used != channels.Separate || c.Note == nil || *c.Note != "Apart." {
		t.Errorf("channels %+v", c)
	}
	beside := 0
	for _, s := range rep.Transcript.Segments {
		if s.Overlap {
			beside++
		}
		for _, w := range s.Words {
			if mine := *rep.Transcript.CandidateSpeaker == s.Speaker; mine != (rms(answers, w.StartMs, w.EndMs) > 100) && mine == (rms(asks, w.StartMs, w.EndMs) > 100) {
				t.Errorf("%q at %d ms is %s's", w.Text, w.StartMs, s.Speaker)
			}
		}
	}
	if beside < 2 {
		t.Errorf("%d segments overlap", beside)
	}
	h = newHouse(t, asks)
	h.works.Record = recorded(audio.Recording{Channels: audio.Channels{Count: 2, Used: channels.Separate}, Tracks: [][]int16{asks, answers}})
	told := h.report(h.run(run.Request{}, speech.Request{CandidateSpeaks: transcript.HintRight})).CandidateDetection
	if told == nil || told.Channel == nil || *told.Channel != transcript.Right || told.Hint == nil || *told.Hint != transcript.HintRight || !strings.Contains(told.Reason, "candidateSpeaks=right") {
		t.Errorf("with a hint: %+v", told)
	}
}

func rms(pcm []int16, from, to int64) float64 {
	sum := 0.0
	for _, v := range pcm[from*16 : min(to*16, int64(len(pcm)))] {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(1, to-from)*16))
}

func TestWhatEndsARun(t *testing.T) {
	spoken := interview()
	for name, tt := range map[string]struct {
		pcm    []int16
		change func(*stages.Works)
		want   errcode.Code
	}{
		"silence":                                   {make([]int16, 200*audio.SampleRate), func(*stages.Works) {}, errcode.TranscriptionFailed},
		"speech in which no word is heard":          {spoken, func(w *stages.Works) { w.Recogniser = silent{} }, errcode.TranscriptionFailed},
		"another language":                          {spoken, func(w *stages.Works) { w.Recogniser = listener{heard: "de"} }, errcode.TranscriptionLowConfidence},
		"a recogniser that refuses our credentials": {spoken, func(w *stages.Works) { w.Recogniser = listener{heard: "en", err: transcript.ErrDenied} }, errcode.ServiceConfigurationError},
		"a recogniser that gives up":                {spoken, func(w *stages.Works) { w.Recogniser = listener{heard: "en", err: transcript.ErrProvider} }, errcode.TranscriptionFailed},
		"an aligner that fails":                     {spoken, func(w *stages.Works) { w.Aligner = aligner{err: errors.New("boom")} }, errcode.AccentScoreUnavailable},
		"a listener that fails":                     {spoken, func(w *stages.Works) { w.Listener = listener{err: errors.New("boom")} }, errcode.AccentScoreUnavailable},
		"a file that cannot be decoded": {spoken, func(w *stages.Works) {
			w.Record = func(context.Context, string, channels.Choice) (audio.Recording, error) {
				return audio.Recording{}, errors.New("boom")
			}
		}, errcode.InternalError},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, tt.pcm)
			tt.change(&h.works)
			r := h.run(run.Request{}, speech.Request{})
			if r.Status != run.Failed || r.Failure.Code != tt.want {
				t.Fatalf("%s %+v (%s)", r.Status, r.Failure, r.Reason)
			}
			if strings.Contains(r.Failure.Message, "boom") {
				t.Errorf("the client reads the cause: %s", r.Failure.Message)
			}
			if a, err := h.store.Account(t.Context(), r.Client); err != nil || a.Available != 10 {
				t.Errorf("%+v %v", a, err)
			}
		})
	}
}

type silent struct{ listener }

func (silent) Transcribe(_ context.Context, pcm []int16, offset int64, _ string) (transcript.Chunk, error) {
	return transcript.Chunk{Span: audio.Span{StartMs: offset, EndMs: offset + int64(len(pcm))/16}, Words: []transcript.Word{}}, nil
}

// Ensure that a recording whose samples are as many as its submit found is scored, and one of far
// more or far fewer is not: what was held for is not what is there.
func TestSamplesThatAreNotWhatWasJudged(t *testing.T) {
	spoken := interview()
	length := int64(len(spoken)) * 1000 / audio.SampleRate
	for name, tt := range map[string]struct {
		judged int64
		want   run.Status
	}{
		"a second less":        {length - 1000, run.Success},
		"a second more":        {length + 1000, run.Success},
		"two percent less":     {length - length/50, run.Failed},
		"half of it is there":  {2 * length, run.Failed},
		"twice of it is there": {length / 2, run.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, spoken)
			h.judged = tt.judged
			r := h.run(run.Request{}, speech.Request{})
			if r.Status != tt.want || tt.want == run.Failed && r.Failure.Code != errcode.TranscriptionFailed {
				t.Errorf("%s %+v (%s)", r.Status, r.Failure, r.Reason)
			}
		})
	}
}

func TestOutcome(t *testing.T) {
	all := run.Scores{"vocabulary": 3, "fluency": 3, "accent": 3, "overall": 3}
	noWords := run.Scores{"fluency": 3, "accent": 3, "overall": 3}
	noAccent := run.Scores{"vocabulary": 3, "fluency": 3, "overall": 3}
	unmeasured := score.Results{score.Vocabulary: {Reason: "Too few words."}}
	for name, tt := range map[string]struct {
		scores  run.Scores
		partial bool
		status  run.Status
		charge  int64
		code    errcode.Code
	}{
		"three scores":                             {all, false, run.Success, 4, ""},
		"three scores, partial allowed":            {all, true, run.Success, 4, ""},
		"no vocabulary":                            {noWords, false, "", 0, errcode.ScoringFailed},
		"no vocabulary, partial allowed":           {noWords, true, run.Partial, 2, ""},
		"no accent":                                {noAccent, false, "", 0, errcode.AccentScoreUnavailable},
		"no accent, partial allowed: fails anyway": {noAccent, true, "", 0, errcode.AccentScoreUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := stages.Outcome(run.Run{ID: "req_a", Cost: 4, Request: run.Request{AllowPartial: tt.partial}}, tt.scores, unmeasured, speech.Found{Language: "en"})
			if o.Status != tt.status || o.Charge != tt.charge || tt.code != "" && !errcode.Is(err, tt.code) || tt.code == "" && err != nil {
				t.Errorf("%+v %v", o, err)
			}
		})
	}
}
