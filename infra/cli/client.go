package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"parley/shared/client"
	"parley/shared/engine/run"
	"parley/shared/speech/score"
)

// remote is the service that a client command calls.
type remote struct {
	url, key string
	json     bool
	// pace, if above 0, replaces the time between polls that the service asks for. Use it only on
	// your own system.
	pace time.Duration
	// page, if not empty, is the file to which the page of a printed report is written too; sound
	// is its recording.
	page, sound string
	// ends says that the service ends with the command, and its run too.
	ends bool
}

// flags adds the flags that every client command has.
func (r *remote) flags(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&r.url, "url", os.Getenv("PARLEY_URL"), "the service's URL (default: PARLEY_URL); the API key is read from PARLEY_API_KEY")
	c.Flags().BoolVar(&r.json, "json", false, "print the API's response body unchanged")
	return c
}

// open makes the client. The key comes from the environment, never from a flag that others can
// read. Before each wait for another try, say is told the reason.
func (r *remote) open(say func(line string)) (*client.Client, error) {
	if r.key == "" {
		r.key = os.Getenv("PARLEY_API_KEY")
	}
	switch {
	case r.url == "":
		return nil, usage("no service URL: set --url or PARLEY_URL; parley local starts a system on this machine and prints its URL")
	case r.key == "":
		return nil, usage("no API key: set PARLEY_API_KEY; parley local prints a demo key")
	}
	c, err := client.New(r.url, r.key)
	if err != nil {
		return nil, exitError{exitUsage, err}
	}
	c.Notify = func(why error, wait time.Duration) {
		say(fmt.Sprintf("%v Trying again in %s.", why, wait.Round(100*time.Millisecond)))
	}
	return c, nil
}

// aside prints lines on standard error: for people, not for programs.
func aside(c *cobra.Command) func(line string) {
	return func(line string) { _ = say(c.ErrOrStderr(), "%s\n", line) } // nowhere else to say it
}

// failed gives an error of a call its exit code. A refusal by the service means that the request
// failed; a file that cannot be read is wrong use; anything else did not reach the service.
func failed(err error) error {
	var refused *client.Error
	switch {
	case err == nil, errors.As(err, &refused) && refused.Code != "":
		return err
	case errors.Is(err, context.Canceled):
		return exitError{exitFailed, err}
	case errors.Is(err, client.ErrFile):
		return exitError{exitUsage, err}
	}
	return exitError{exitUnreachable, err}
}

func raw(c *cobra.Command, body []byte) error {
	_, err := c.OutOrStdout().Write(append(bytes.TrimRight(body, "\n"), '\n'))
	return err
}

// submission holds the flags of a submit.
type submission struct {
	language, externalID, cut, webhook string
	metadata                           map[string]string
	tags                               []string
	channels, candidate                string
	partial                            bool
	idempotencyKey                     string
}

func (s submission) options() (client.Options, error) {
	o := client.Options{Language: s.language, ExternalID: s.externalID, Metadata: s.metadata, Tags: s.tags, AllowPartial: s.partial, Channels: s.channels, CandidateSpeaks: s.candidate, WebhookURL: s.webhook,
		IdempotencyKey: s.idempotencyKey}
	if s.cut != "" {
		if !json.Valid([]byte(s.cut)) {
			return o, usage("--cut-settings is not JSON: %s", s.cut)
		}
		o.CutSettings = json.RawMessage(s.cut)
	}
	return o, nil
}

func submitCommand() *cobra.Command {
	var r remote
	var s submission
	var wait bool
	c := &cobra.Command{
		Use: "submit FILE", Short: "Submit a recording", Args: exactly(1, "one argument, a recording's file"),
		Long: `Sends the recording inline or as an upload, depending on its size. If you repeat a submit with the same file and flags within
24 hours, you get the same run, whatever its outcome, and do not pay twice. Use another --idempotency-key for a new run.`,
		Example: `  parley submit interview.mp3 --wait
  parley submit interview.mp3 --external-id candidate-17 --tag sales --json`,
		RunE: func(c *cobra.Command, args []string) error {
			if wait {
				return r.submitAndWait(c.Context(), c, args[0], s)
			}
			cl, err := r.open(aside(c))
			if err != nil {
				return err
			}
			o, err := s.options()
			if err != nil {
				return err
			}
			a, err := cl.Submit(c.Context(), args[0], o)
			if err != nil {
				return r.refusal(c, err)
			}
			if r.json {
				return raw(c, a.Raw)
			}
			return say(c.OutOrStdout(), "%s %s, %s held%s\n", a.ID, a.Status, plural(int(a.Credits.Held), "credit"), replayed(a))
		},
	}
	f := r.flags(c).Flags()
	f.BoolVar(&wait, "wait", false, "wait for the run to end and print its report")
	f.StringVar(&s.language, "language", "", "the spoken language, ISO 639-1 (default en)")
	f.StringVar(&s.externalID, "external-id", "", "your own reference for the run")
	f.StringToStringVar(&s.metadata, "metadata", nil, "key=value, returned with the run")
	f.StringSliceVar(&s.tags, "tag", nil, "a tag, to find the run by")
	f.StringVar(&s.cut, "cut-settings", "", "cutSettings as JSON")
	f.StringVar(&s.channels, "channels", "", "how two channels are used: auto, mixed or separate (default auto)")
	f.StringVar(&s.candidate, "candidate-speaks", "", "who the candidate is, if you know: first, second, left, right or most")
	f.BoolVar(&s.partial, "allow-partial", false, "accept a partial result, without "+score.Listed("or", func(r score.Row) bool { return !r.Required }))
	f.StringVar(&s.webhook, "webhook-url", "", "the URL to post to when the run ends")
	f.StringVar(&s.idempotencyKey, "idempotency-key", "", "submits with the same key get the same run (default: made from the recording and these flags)")
	return c
}

func replayed(a client.Accepted) string {
	if a.Replayed {
		return " (submitted before: you do not pay twice; use another --idempotency-key for a new run)"
	}
	return ""
}

// refusal reports an error of a call; with --json it prints the API's own body.
func (r *remote) refusal(c *cobra.Command, err error) error {
	var refused *client.Error
	if r.json && errors.As(err, &refused) && len(refused.Raw) > 0 {
		if err := raw(c, refused.Raw); err != nil {
			return err
		}
		return exitError{exitFailed, errors.New("")}
	}
	return failed(err)
}

func (r *remote) submitAndWait(ctx context.Context, c *cobra.Command, file string, s submission) error {
	p := r.progress(c)
	defer p.end()
	cl, err := r.open(p.say)
	if err != nil {
		return err
	}
	o, err := s.options()
	if err != nil {
		return err
	}
	p.say("sending " + file)
	a, err := cl.Submit(ctx, file, o)
	if errors.Is(err, context.Canceled) {
		return advised{exitError{exitFailed, errors.New("stopped while sending " + file)}, "Run the same command again: you do not pay twice."}
	}
	if err != nil {
		return r.refusal(c, err)
	}
	p.say(fmt.Sprintf("%s accepted, %s held%s", a.ID, plural(int(a.Credits.Held), "credit"), replayed(a)))
	return r.await(ctx, c, cl, a.ID, p)
}

// await waits for the end of a run and prints its report; a failed run is an error.
func (r *remote) await(ctx context.Context, c *cobra.Command, cl *client.Client, id run.ID, p *progress) error {
	wait := cl.Wait
	if r.pace > 0 {
		wait = r.hurry(cl)
	}
	got, err := wait(ctx, id, p.seen)
	p.end()
	if errors.Is(err, context.Canceled) {
		next := "The run goes on: parley wait " + string(id)
		if r.ends {
			next = "The system has stopped, too. The same command scores the recording anew."
		}
		return advised{exitError{exitFailed, fmt.Errorf("stopped waiting for %s", id)}, next}
	}
	if err != nil {
		return r.refusal(c, err)
	}
	return r.report(c, got)
}

// hurry waits as the client does, but at r.pace.
func (r *remote) hurry(cl *client.Client) func(context.Context, run.ID, func(client.Run)) (client.Run, error) {
	return func(ctx context.Context, id run.ID, seen func(client.Run)) (client.Run, error) {
		tick := time.NewTicker(r.pace)
		defer tick.Stop()
		for {
			got, err := cl.Poll(ctx, id)
			if err != nil {
				return got, err
			}
			seen(got)
			if got.Status.Terminal() {
				return got, nil
			}
			select {
			case <-ctx.Done():
				return got, ctx.Err()
			case <-tick.C:
			}
		}
	}
}

func (r *remote) report(c *cobra.Command, got client.Run) error {
	var err error
	switch {
	case r.json:
		err = raw(c, got.Raw)
	case got.Status.Terminal():
		err = printReport(c.OutOrStdout(), got.Raw)
	default:
		err = say(c.OutOrStdout(), "%s %s, %s, %d %%\n", got.ID, got.Status, got.Stage, got.Progress)
	}
	if err == nil && r.page != "" && got.Status.Terminal() {
		err = showPage(c, r.page, got.Raw, r.sound, "")
	}
	if err == nil && got.Status == run.Failed {
		return exitError{exitFailed, errors.New("")}
	}
	return err
}

// progress shows how far a run is; on a terminal, in one line that it overwrites.
type progress struct {
	w     io.Writer
	over  bool
	last  string
	began time.Time
}

func (r *remote) progress(c *cobra.Command) *progress {
	if r.json {
		return &progress{w: io.Discard, began: time.Now()}
	}
	f, ok := c.ErrOrStderr().(*os.File)
	return &progress{w: c.ErrOrStderr(), over: ok && isatty.IsTerminal(f.Fd()), began: time.Now()}
}

func (p *progress) say(line string) {
	if line == p.last {
		return
	}
	p.last = line
	if p.over {
		_ = say(p.w, "\r\x1b[K%s", line) // nowhere else to say it
		return
	}
	_ = say(p.w, "%s\n", line)
}

// end moves on from the overwritten line, for the output that follows.
func (p *progress) end() {
	if p.over && p.last != "" {
		_ = say(p.w, "\n")
	}
	p.last = ""
}

func (p *progress) seen(r client.Run) {
	switch {
	case r.Status.Terminal():
		p.say(fmt.Sprintf("%s after %.0f s", r.Status, time.Since(p.began).Seconds()))
	case r.Status == run.Queued:
		p.say(fmt.Sprintf("queued, place %d", r.QueuePosition))
	default:
		p.say(fmt.Sprintf("%3d %% %s", r.Progress, r.Stage))
	}
}

func waitCommand() *cobra.Command {
	var r remote
	return r.flags(&cobra.Command{
		Use: "wait ID", Short: "Wait for a run to end and print its report", Args: exactly(1, "one argument, a run's id"), Example: "  parley wait req_…",
		RunE: func(c *cobra.Command, args []string) error {
			p := r.progress(c)
			cl, err := r.open(p.say)
			if err != nil {
				return err
			}
			return r.await(c.Context(), c, cl, run.ID(args[0]), p)
		},
	})
}

func showCommand() *cobra.Command {
	var r remote
	var file, sound string
	c := r.flags(&cobra.Command{
		Use: "show ID", Short: "Show a run's report, or its progress", Args: exactly(1, "one argument, a run's id"),
		Long: `Prints a run's report, or its progress. With --html it writes the report as a page instead: one file to open in a
browser, to print or to hand on. Anybody who has the file can read it.`,
		Example: `  parley show req_… --json
  parley show req_… --html report.html --audio interview.mp3`,
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := r.open(aside(c))
			if err != nil {
				return err
			}
			if file == "" && sound != "" {
				return usage("--audio is for the page: give --html FILE too")
			}
			got, err := cl.Poll(c.Context(), run.ID(args[0]))
			if err != nil {
				return r.refusal(c, err)
			}
			if file != "" {
				if err := showPage(c, file, got.Raw, sound, r.url); err != nil || !r.json {
					return err
				}
			}
			return r.report(c, got)
		},
	})
	c.Flags().StringVar(&file, "html", "", "write the report as a page to this file")
	c.Flags().StringVar(&sound, "audio", "", "the recording, for the page to play; it is linked, not copied")
	return c
}

func runsCommand() *cobra.Command {
	var r remote
	var f client.Filter
	var status string
	var asCSV bool
	c := r.flags(&cobra.Command{
		Use: "runs", Short: "List runs, newest first", Args: exactly(0, "no arguments, only flags"), Example: `  parley runs --status failed --limit 50
  parley runs --tag sales --csv > sales.csv`,
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := r.open(aside(c))
			if err != nil {
				return err
			}
			f.Status = run.Status(status)
			if asCSV && r.json {
				return usage("--csv and --json are two forms of one answer: choose one")
			}
			if asCSV {
				return r.refusal(c, listCSV(c.Context(), c.OutOrStdout(), cl, f))
			}
			page, err := cl.Runs(c.Context(), f)
			if err != nil {
				return r.refusal(c, err)
			}
			if r.json {
				return raw(c, page.Raw)
			}
			w := newTable(c.OutOrStdout())
			listRuns(w, page.Data)
			if page.NextCursor != nil {
				w.printf("next page: --cursor %s\n", *page.NextCursor)
			}
			return w.end()
		},
	})
	fl := c.Flags()
	fl.IntVar(&f.Limit, "limit", 20, "runs per page, 1 to 100")
	fl.StringVar(&f.Cursor, "cursor", "", "where the page starts, as printed by the previous page")
	fl.StringVar(&status, "status", "", "only runs with this status: queued, processing, success, partial or failed")
	fl.StringVar(&f.ExternalID, "external-id", "", "only runs with this reference, which you gave at the submit")
	fl.StringVar(&f.Tag, "tag", "", "only runs with this tag")
	fl.BoolVar(&asCSV, "csv", false, "print all runs, of every page, as CSV with their scores and intervals")
	return c
}

// listRuns prints a line for each run, with a column for each score.
func listRuns(w table, runs []client.Run) {
	w.printf("RUN\tCREATED\tSTATUS\tLENGTH")
	for _, d := range score.Names() {
		w.printf("\t%s", strings.ToUpper(string(d)))
	}
	w.printf("\tREFERENCE\n")
	for _, x := range runs {
		state := string(x.Status)
		if x.Failure != nil {
			state += " " + string(x.Failure.Code)
		}
		w.printf("%s\t%s\t%s\t%s", x.ID, time.Time(x.CreatedAt).Format("2006-01-02 15:04"), state, clockOf(x.Audio.DurationMs))
		for _, d := range score.Names() {
			mark := "-"
			if v, ok := x.Scores[d]; ok {
				mark = fmt.Sprintf("%.1f", v.Points)
			}
			w.printf("\t%s", mark)
		}
		w.printf("\t%s\n", orDash(x.ExternalID))
	}
}

// runOf returns the run of an entry, or a dash.
func runOf(e client.Transaction) string {
	if e.RunID == nil {
		return "-"
	}
	return string(*e.RunID)
}

// countOf formats a number, or returns a dash if it was not counted.
func countOf(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10)
}

// mark1 formats a score with one decimal, or returns a dash if it was not measured.
func mark1(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f", *v)
}

func creditsCommand() *cobra.Command {
	var r remote
	return r.flags(&cobra.Command{
		Use: "credits", Short: "Show the balance and the latest ledger entries", Args: exactly(0, "no arguments, only flags"), Example: "  parley credits",
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := r.open(aside(c))
			if err != nil {
				return err
			}
			got, err := cl.Credits(c.Context())
			if err != nil {
				return r.refusal(c, err)
			}
			if r.json {
				return raw(c, got.Raw)
			}
			w := newTable(c.OutOrStdout())
			w.printf("available\t%d\nheld\t%d\nbalance\t%d\nused today\t%s\nin 30 days\t%s\n\n", got.Available, got.Held, got.Balance, countOf(got.Usage.Today), countOf(got.Usage.Last30Days))
			w.printf("ENTRY\tWHEN\tTYPE\tAMOUNT\tBALANCE\tHELD\tRUN\tNOTE\n")
			for _, e := range got.Recent {
				w.printf("%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\n", e.ID, time.Time(e.CreatedAt).Format("2006-01-02 15:04"), e.Type, e.Amount, e.BalanceAfter, e.HeldAfter, runOf(e), e.Note)
			}
			return w.end()
		},
	})
}
