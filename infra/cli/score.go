package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parley/infra/measure/batch"
	"parley/shared/speech"
	"parley/shared/speech/audio"
	"parley/shared/speech/engines"
	"parley/shared/speech/installed"
	"parley/shared/speech/report"
	"parley/shared/speech/score"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/score/overall"
	"parley/shared/speech/score/version"
)

func scoreCommand() *cobra.Command {
	var manifest, human, language, pages string
	var asJSON bool
	c := &cobra.Command{
		Use: "score", Short: "Score the recordings of a manifest, without a server", Args: exactly(0, "no arguments, only flags"),
		Long: `Runs the scorers on each row of a manifest. The manifest is tab-separated and has the columns id, audio (a path, or several
joined by |, which are scored together as one candidate) and text (optional: the words; without it, the recogniser hears them).
A row with text but no audio is scored for vocabulary only. The command prints one JSON line per row. With --human, it also
prints how the scores correlate with human scores; with --html it writes a report page for each row.`,
		Example: `  parley score --manifest speakers.tsv --human raters.tsv --json
  parley score --manifest speakers.tsv --html reports`,
		RunE: func(c *cobra.Command, _ []string) error {
			if manifest == "" {
				return usage("--manifest is missing: name the table of recordings; see %s --help", c.CommandPath())
			}
			if len(language) != 2 || strings.ToLower(language) != language {
				return usage("--language %q: must be two lower-case letters (ISO 639-1), such as en", language)
			}
			f, err := os.Open(manifest)
			if err != nil {
				return usage("%w", err)
			}
			defer f.Close()
			rows, err := batch.Manifest(f, filepath.Dir(manifest))
			if err != nil {
				return exitError{exitUsage, err}
			}
			var raters *batch.Human
			if human != "" {
				h, err := readHuman(human)
				if err != nil {
					return err
				}
				raters = &h
			}
			return scoreRows(c, rows, raters, language, pages, asJSON)
		},
	}
	c.Flags().StringVar(&manifest, "manifest", "", "the table of recordings, tab-separated")
	c.Flags().StringVar(&human, "human", "", "a table of human scores, tab-separated: id, then one column per score")
	c.Flags().StringVar(&language, "language", "en", "the spoken language, ISO 639-1")
	c.Flags().StringVar(&pages, "html", "", "write the report page of each row into this folder")
	c.Flags().BoolVar(&asJSON, "json", false, "print the correlations as a JSON line, too")
	return c
}

func readHuman(path string) (batch.Human, error) {
	f, err := os.Open(path)
	if err != nil {
		return batch.Human{}, usage("%w", err)
	}
	defer f.Close()
	h, err := batch.HumanScores(f)
	if err != nil {
		return h, exitError{exitUsage, err}
	}
	return h, nil
}

func scoreRows(c *cobra.Command, rows []batch.Row, raters *batch.Human, language, pages string, asJSON bool) error {
	dir := installed.Dir()
	if err := installed.Missing(dir, installed.FFmpegFile, installed.ASRFile, installed.GOPFile, installed.WhisperFile, installed.VADFile); err != nil {
		return err
	}
	open := engines.Open(dir, "", runtime.NumCPU())
	defer func() { _ = open.Close() }()
	e := batch.Engine{Decode: open.Decoder().Decode, Inspect: audio.Measure, Recogniser: open.Whisper,
		Language: language, Engines: accent.Engines{Aligner: open.Aligner, Listener: open.Whisper}, Scorings: speech.Scorings, Present: present}
	var written *scoredPages
	if pages != "" {
		if err := os.MkdirAll(pages, 0o750); err != nil {
			return usage("%w", err)
		}
		written = &scoredPages{dir: pages, language: language, version: version.Of(open.Whisper.Version(), open.Aligner.Version()), taken: map[string]bool{}}
		e.Present = written.present
	}
	out := json.NewEncoder(c.OutOrStdout())
	var lines []batch.Line
	broken := 0
	for _, row := range rows {
		l, err := e.Score(c.Context(), row)
		if err != nil {
			return err
		}
		if l.Error != "" {
			broken++
		}
		if err := out.Encode(l); err != nil {
			return err
		}
		if written != nil && l.Error == "" {
			file, err := written.write(row, time.Now())
			if err != nil {
				return err
			}
			if err := say(c.ErrOrStderr(), "wrote %s\n", file); err != nil {
				return err
			}
		}
		lines = append(lines, l)
	}
	if raters != nil {
		if err := correlations(c, out, batch.Correlate(lines, *raters), asJSON); err != nil {
			return err
		}
	}
	if broken > 0 {
		return exitError{exitFailed, fmt.Errorf("%d of %d rows could not be scored: see \"error\" in their lines", broken, len(rows))}
	}
	return nil
}

// present returns scores as the API gives them, with the unrounded ones beside them.
func present(results score.Results, m score.Material) (scores, confidence any, all score.Result, err error) {
	r := report.Build(report.Input{Intake: m.Intake, Conversation: m.Conversation, Results: results})
	all = overall.Score(results)
	return append(r.Scores.Object(), score.Member{Name: "raw", Value: batch.RawOf(results, all)}), r.Confidence, all, nil
}

func correlations(c *cobra.Command, out *json.Encoder, found []batch.Correlation, asJSON bool) error {
	if asJSON {
		return out.Encode(map[string]any{"correlations": found})
	}
	w := newTable(c.ErrOrStderr())
	w.printf("SCORE\tHUMAN\tROWS\tPEARSON\t95 %%\tSPEARMAN\t95 %%\tBEYOND TIMING\n")
	for _, f := range found {
		beyond := "-"
		if f.BeyondTiming != nil {
			beyond = fmt.Sprintf("%.2f", *f.BeyondTiming)
		}
		w.printf("%s\t%s\t%d\t%.3f\t%.2f to %.2f\t%.3f\t%.2f to %.2f\t%s\n", f.Score, f.Column, f.N, f.PCC, f.PCCInterval[0], f.PCCInterval[1],
			f.Spearman, f.SpearmanInterval[0], f.SpearmanInterval[1], beyond)
	}
	return w.end()
}
