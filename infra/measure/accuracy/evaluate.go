package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"

	"gonum.org/v1/gonum/stat"

	"parley/shared/speech/audio"
	"parley/shared/speech/conversation"
	"parley/shared/speech/diarization"
	"parley/shared/speech/engines"
	"parley/shared/speech/installed"
	"parley/shared/speech/transcript"
)

// language is the language of the recordings with a known truth.
const language = "en"

// maxAloneMs is the longest piece that the recogniser accepts. Longer recordings have no figure for
// the recogniser alone.
const maxAloneMs = 600_000

// evaluate prints a row per recording of the folders. heard is empty if only the voices are
// measured; several recognisers share the work.
func evaluate(ctx context.Context, out io.Writer, folders []string, heard []transcript.Recogniser) error {
	var all []recording
	for _, folder := range folders {
		found, err := recordings(folder)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("no recordings in %s", folder)
		}
		all = append(all, found...)
	}
	if err := installed.Missing(installed.Dir(), installed.FFmpegFile); err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "recording\tspeakers\tDER, %\tattribution error, %\tcandidate\tconfidence\tWER, % (candidate/interviewer/all)\tWER of the recogniser alone\tWER of the scored words\tstray words, %\tP(language)\tmean P(word)")
	var wrong []string
	var losses []float64
	dir := installed.Dir()
	if err := installed.Missing(dir, installed.LayerFiles(installed.LayerVoices)...); err != nil {
		return err
	}
	open := engines.Open(dir, "", 1)
	defer func() { _ = open.Close() }()
	for _, r := range all {
		row, loss, ok, err := measure(ctx, r, heard, open.Voices)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		losses = append(losses, loss...)
		if !ok {
			wrong = append(wrong, r.name)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\n", r.name, row)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(losses) > 0 {
		loss := stat.Mean(losses, nil)
		_, _ = fmt.Fprintf(out, "WER of all words above that of the recogniser alone: %+.1f points on average\n", loss)
		if loss > maxWERLoss {
			wrong = append(wrong, "the mean WER")
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("outside the limits: %s", strings.Join(wrong, ", "))
	}
	return nil
}

// The limits that a recording must meet.
const (
	maxAttribution = 2.0 // %
	maxStray       = 1.0 // % of the words
	// maxOwnWERLoss is how many percentage points of word error rate it may lose against the
	// recogniser alone.
	maxOwnWERLoss = 3.0
)

// maxWERLoss is how many percentage points of word error rate all recordings may lose on average
// against the recogniser alone. A single one may lose or gain some more: the recogniser's windows
// begin elsewhere in the whole than in its pieces, and of a weak speaker about one word in twelve
// is then heard otherwise, for better or worse.
const maxWERLoss = 1.0

// measure sends one recording through all the stages. loss holds how many percentage points of word
// error rate that costs against the recogniser alone; it is empty for those too long to be heard
// alone. ok is false if a limit is exceeded.
func measure(ctx context.Context, r recording, heard []transcript.Recogniser, e diarization.Voices) (row string, loss []float64, ok bool, err error) {
	pcm, err := decode(ctx, r.file)
	if err != nil {
		return "", nil, false, err
	}
	intake := audio.Analyse(pcm, audio.DefaultCut())
	d, err := diarization.Diarize(ctx, pcm, intake.Speech, e)
	if err != nil {
		return "", nil, false, err
	}
	if len(heard) == 0 {
		who, ok := voices(r, conversation.Voices(d), d, 0)
		return who, nil, ok, nil
	}
	pieces := append([]audio.Span(nil), intake.Chunks...)
	if intake.DurationMs <= maxAloneMs {
		pieces = append(pieces, audio.Span{StartMs: 0, EndMs: intake.DurationMs})
	}
	chunks, err := transcribe(ctx, heard, pcm, pieces)
	if err != nil {
		return "", nil, false, err
	}
	conv, err := conversation.Join(chunks[:len(intake.Chunks)], d, intake, language, "")
	if err != nil {
		return "", nil, false, err
	}
	truth, trueOwn := r.words()
	said, own, sure := heardWords(conv)
	stray, of := strayWords(truth, said)
	strayPercent := 100 * float64(stray) / float64(max(of, 1))
	who, ok := voices(r, conv, d, strayPercent)
	ok = ok && strayPercent <= maxStray
	chain, aloneText := rates(truth, said), "-"
	if len(chunks) > len(intake.Chunks) {
		var words []token
		for _, w := range chunks[len(chunks)-1].Words {
			words = append(words, tokens(w.Text, "")...)
		}
		alone := rates(truth, words)
		aloneText = alone.String()
		loss = append(loss, chain.all-alone.all)
		ok = ok && loss[0] <= maxOwnWERLoss
	}
	return fmt.Sprintf("%s\t%s\t%s\t%.1f\t%.2f\t%.2f\t%.2f", who, chain, aloneText, rates(trueOwn, own).candidate,
		strayPercent, conv.LanguageP, sure), loss, ok, nil
}

// words returns the true words of a recording, and those of the candidate alone.
func (r recording) words() (all, candidate []token) {
	for _, s := range r.ref.Segments {
		t := tokens(s.Text, s.Speaker)
		all = append(all, t...)
		if s.Speaker == conversation.RoleCandidate {
			candidate = append(candidate, t...)
		}
	}
	return all, candidate
}

// heardWords returns the words that were heard, those of the candidate as the scorers get them, and
// the mean probability of a word. A word assigned to the wrong speaker is an error in both lists.
func heardWords(conv transcript.Conversation) (all, candidate []token, p float64) {
	n := 0
	for _, t := range conv.Turns {
		role := conversation.RoleInterviewer
		if conv.Scored(t) {
			role = conversation.RoleCandidate
		}
		for _, w := range t.Words {
			p, n = p+w.P, n+1
			all = append(all, tokens(w.Text, role)...)
			if role == conversation.RoleCandidate {
				candidate = append(candidate, tokens(w.Text, role)...)
			}
		}
	}
	return all, candidate, p / float64(max(n, 1))
}

// voices returns the columns about who speaks when, and whether they are within limits. Without
// times in the truth, only the words show whether the candidate is right.
func voices(r recording, c transcript.Conversation, d diarization.Diarization, strayPercent float64) (columns string, ok bool) {
	der, attribution, right := "-", "-", strayPercent < 50
	ok = right
	if r.timed {
		e := conversation.Attribution(r.ref, c, d)
		der, attribution, right = fmt.Sprintf("%.2f", e.DER), fmt.Sprintf("%.2f", e.Attribution), e.Right
		ok = right && e.Attribution <= maxAttribution
	}
	candidate := "right"
	if !right {
		candidate = "WRONG"
	}
	return fmt.Sprintf("%d\t%s\t%s\t%s\t%s", d.Speakers, der, attribution, candidate, c.Candidate.Confidence), ok
}

// transcribe hears the pieces; each recogniser takes the next remaining one.
func transcribe(ctx context.Context, heard []transcript.Recogniser, pcm []int16, pieces []audio.Span) ([]transcript.Chunk, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	chunks := make([]transcript.Chunk, len(pieces))
	next := make(chan int, len(pieces))
	for i := len(pieces) - 1; i >= 0; i-- { // the whole recording is last, and the longest
		next <- i
	}
	close(next)
	var all sync.WaitGroup
	for _, h := range heard {
		all.Go(func() {
			for i := range next {
				var err error
				if chunks[i], err = h.Transcribe(ctx, samples(pcm, pieces[i]), pieces[i].StartMs, language); err != nil {
					stop(err)
					return
				}
			}
		})
	}
	all.Wait()
	return chunks, context.Cause(ctx)
}

// samples returns the samples of a span.
func samples(pcm []int16, s audio.Span) []int16 {
	at := func(ms int64) int { return min(len(pcm), int(max(ms, 0))*audio.SampleRate/1000) }
	return pcm[at(s.StartMs):at(s.EndMs)]
}

// rate holds word error rates in percent.
type rate struct{ candidate, interviewer, all float64 }

func (r rate) String() string {
	return fmt.Sprintf("%.1f/%.1f/%.1f", r.candidate, r.interviewer, r.all)
}

func rates(ref, hyp []token) rate {
	errs, words := wordErrors(ref, hyp)
	of := func(speakers ...string) float64 {
		e, n := 0, 0
		for _, s := range speakers {
			e, n = e+errs[s], n+words[s]
		}
		return 100 * float64(e) / float64(max(n, 1))
	}
	return rate{of(conversation.RoleCandidate), of(conversation.RoleInterviewer), of(conversation.RoleCandidate, conversation.RoleInterviewer)}
}
