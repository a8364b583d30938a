package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"parley/infra/local"
	"parley/shared/clock"
)

// sampleRecording is the interview in the repository.
const sampleRecording = "infra/sample/interview.opus"

// demoPace is how often the demo polls, so that every stage is seen. Its system allows polls ten
// times as often, because a busy machine may send one poll late and the next right after it.
const demoPace = time.Second

func demoCommand() *cobra.Command {
	cfg := local.Config{Addr: "127.0.0.1:0", PollEvery: demoPace / 10}
	var audio string
	var asJSON bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Start the system, score one recording, print the report and stop",
		Long:  "Starts the system, scores one recording, prints the report, writes it as a page into the data folder, and stops.",
		Example: `  parley demo
  parley demo --audio interview.mp3`,
		Args: exactly(0, "no arguments, only flags"),
		RunE: func(c *cobra.Command, _ []string) error {
			if !asJSON {
				cfg.Progress = aside(c)
			}
			cfg.FirstStart = func(ctx context.Context, s local.System) error { return makeDemoClient(ctx, s, cfg.Data) }
			cfg.Ready = func(ctx context.Context, s local.System) error {
				r := remote{url: s.URL, key: demoKey(cfg.Data), pace: demoPace, json: asJSON, ends: true, page: filepath.Join(cfg.Data, "report.html"), sound: audio}
				if cfg.Progress != nil {
					cfg.Progress("scoring (a third to a half of the recording's length on two idle cores)")
				}
				if err := r.submitAndWait(ctx, c, audio, submission{idempotencyKey: anew(clock.Real{})}); err != nil {
					return err
				}
				return errShown
			}
			err := local.Run(c.Context(), cfg)
			if errors.Is(err, errShown) {
				return nil
			}
			return started(err)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the API's response body unchanged")
	c.Flags().StringVar(&audio, "audio", filepath.FromSlash(sampleRecording), "the recording to score")
	c.Flags().StringVar(&cfg.Data, "data", defaultData, "the folder for everything that the system stores")
	return c
}

// anew returns an idempotency key that makes each demo a new run, so that every stage is seen each
// time.
func anew(clk clock.Clock) string { return "demo-" + clk.Now().Format(time.RFC3339Nano) }

// errShown stops the demo's system once the report is printed.
var errShown = errors.New("shown")
