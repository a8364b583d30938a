package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"parley/shared/audio"
	"parley/shared/conversation"
	"parley/shared/engine"
	"parley/shared/speaker"
	"parley/shared/transcript"
)

// language is that of the recordings with a known truth.
const language = "en"

// maxAloneMs is the longest piece that the recogniser takes: longer recordings have no figure for it alone.
const maxAloneMs = 600_000

// evaluate prints a row per recording of the folder. heard is nil where only the voices are measured.
func evaluate(ctx context.Context, out io.Writer, folder string, heard transcript.Recogniser) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.flac"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no recordings in %s", folder)
	}
	if err := engine.Missing(engine.Dir(), engine.FFmpegFile); err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "recording\tspeakers\tDER %\tattribution %\tcandidate\tconfidence\tWER chain cand/int/all\tWER alone cand/int/all\tcandidate's words\tlanguage p\tword p")
	var wrong []string
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".flac")
		row, ok, err := measure(ctx, file, heard)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !ok {
			wrong = append(wrong, name)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\n", name, row)
		if err := table.Flush(); err != nil {
			return err
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("out of bounds: %s", strings.Join(wrong, ", "))
	}
	return nil
}

// The bounds that a recording must keep.
const (
	maxAttribution = 2.0 // %
	maxWERLoss     = 1.0 // percentage points above the recogniser alone
)

// measure runs one recording through the chain. ok is false where a bound is broken.
func measure(ctx context.Context, file string, heard transcript.Recogniser) (row string, ok bool, err error) {
	reference, err := os.Open(strings.TrimSuffix(file, ".flac") + ".json")
	if err != nil {
		return "", false, err
	}
	defer func() { _ = reference.Close() }()
	ref, err := conversation.ReadReference(reference)
	if err != nil {
		return "", false, err
	}
	pcm, err := audio.Decoder{FFmpeg: engine.FFmpeg(engine.Dir())}.Decode(ctx, file)
	if err != nil {
		return "", false, err
	}
	intake := audio.Analyse(pcm, audio.DefaultCut())
	d, err := speaker.Diarize(ctx, pcm, intake.Speech)
	if err != nil {
		return "", false, err
	}
	if heard == nil {
		e := conversation.Attribution(ref, conversation.Voices(d), d)
		return fmt.Sprintf("%d\t%.2f\t%.2f\t%s\t%s", d.Speakers, e.DER, e.Attribution, rightly(e.Right), conversation.Voices(d).Candidate.Confidence),
			e.Right && e.Attribution <= maxAttribution, nil
	}
	var chunks []transcript.Chunk
	for _, span := range intake.Chunks {
		chunk, err := heard.Transcribe(ctx, samples(pcm, span), span.StartMs, language)
		if err != nil {
			return "", false, err
		}
		chunks = append(chunks, chunk)
	}
	conv, err := conversation.Join(chunks, d, intake, language)
	if err != nil {
		return "", false, err
	}
	e := conversation.Attribution(ref, conv, d)
	var truth, said, candidate []token
	sure, spoken := 0.0, 0
	for _, s := range ref.Segments {
		truth = append(truth, tokens(s.Text, s.Speaker)...)
	}
	for _, t := range conv.Turns {
		for _, w := range t.Words {
			said = append(said, tokens(w.Text, "")...)
			sure, spoken = sure+w.P, spoken+1
			if t.Speaker == conv.Candidate.Speaker {
				candidate = append(candidate, tokens(w.Text, "")...)
			}
		}
	}
	chain := rates(truth, said)
	aloneText := "-"
	ok = e.Right && e.Attribution <= maxAttribution
	if intake.DurationMs <= maxAloneMs {
		whole, err := heard.Transcribe(ctx, pcm, 0, language)
		if err != nil {
			return "", false, err
		}
		var words []token
		for _, w := range whole.Words {
			words = append(words, tokens(w.Text, "")...)
		}
		alone := rates(truth, words)
		aloneText = alone.String()
		ok = ok && chain.all <= alone.all+maxWERLoss
	}
	// The candidate's words as the scorers get them: what was put to the wrong speaker is an error here too.
	var own []token
	for _, t := range truth {
		if t.speaker == conversation.RoleCandidate {
			own = append(own, t)
		}
	}
	return fmt.Sprintf("%d\t%.2f\t%.2f\t%s\t%s\t%s\t%s\t%.1f\t%.2f\t%.2f", d.Speakers, e.DER, e.Attribution, rightly(e.Right), conv.Candidate.Confidence,
		chain, aloneText, rates(own, candidate).candidate, conv.LanguageP, sure/float64(max(spoken, 1))), ok, nil
}

func rightly(ok bool) string {
	if ok {
		return "right"
	}
	return "WRONG"
}

// samples are those of a span.
func samples(pcm []int16, s audio.Span) []int16 {
	at := func(ms int64) int { return min(len(pcm), int(max(ms, 0))*audio.SampleRate/1000) }
	return pcm[at(s.StartMs):at(s.EndMs)]
}

// rate are word error rates in percent.
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
