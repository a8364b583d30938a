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

// remote is the service that a client command speaks to.
type remote struct {
	url, key string
	json     bool
	// pace, where above 0, takes the place of the pace that the service asks for: on a system of
	// one's own.
	pace time.Duration
}

// flags adds what every client command takes.
func (r *remote) flags(c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&r.url, "url", os.Getenv("PARLEY_URL"), "the service (default PARLEY_URL); the key comes from PARLEY_API_KEY")
	c.Flags().BoolVar(&r.json, "json", false, "print the API's own body unchanged")
	return c
}

// open makes the client; the key comes from the environment, never from a flag that others can
// read. Why a call is tried again is told by say, each wait before it begins.
func (r *remote) open(say func(line string)) (*client.Client, error) {
	if r.key == "" {
		r.key = os.Getenv("PARLEY_API_KEY")
	}
	switch {
	case r.url == "":
		return nil, usage("no service: set --url or PARLEY_URL")
	case r.key == "":
		return nil, usage("no key: set PARLEY_API_KEY")
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

// aside says a line to the person in front, not to the program behind.
func aside(c *cobra.Command) func(line string) {
	return func(line string) { _ = say(c.ErrOrStderr(), "%s\n", line) } // nowhere else to say it
}

// failed gives an error of a call its exit code: a refusal in the service's own words is a failure
// of what was asked, a file that cannot be read is wrong use, and all else did not reach the
// service.
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

// submission is what a submit may say of a recording, as flags.
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
			return o, usage("--cut-settings is no JSON: %s", s.cut)
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
		Use: "submit FILE", Short: "Submit a recording", Args: exactly(1, "a recording's file"),
		Long: `Sends the recording inline or as an upload, as its size asks. Repeated with the same file and flags within 24 hours it is
the same run, whatever became of that, and does not pay twice; another --idempotency-key makes it a new one.`,
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
	f.BoolVar(&wait, "wait", false, "wait for the end, and print the report")
	f.StringVar(&s.language, "language", "", "the language spoken, ISO 639-1 (default en)")
	f.StringVar(&s.externalID, "external-id", "", "a reference of your own")
	f.StringToStringVar(&s.metadata, "metadata", nil, "key=value, to come back with the run")
	f.StringSliceVar(&s.tags, "tag", nil, "a tag to find the run by")
	f.StringVar(&s.cut, "cut-settings", "", "cutSettings as JSON")
	f.StringVar(&s.channels, "channels", "", "how two channels are used: auto, mixed or separate (default auto)")
	f.StringVar(&s.candidate, "candidate-speaks", "", "who the candidate is, if you know: first, second, left, right or most")
	f.BoolVar(&s.partial, "allow-partial", false, "accept a result without "+score.Listed("or", func(r score.Row) bool { return !r.Required }))
	f.StringVar(&s.webhook, "webhook-url", "", "where the end of the run is posted to")
	f.StringVar(&s.idempotencyKey, "idempotency-key", "", "what makes two submits the same one (default made from the recording and these flags)")
	return c
}

func replayed(a client.Accepted) string {
	if a.Replayed {
		return " (submitted before: nothing is paid twice; --idempotency-key submits it anew)"
	}
	return ""
}

// refusal shows an error of a call: with --json the API's own body.
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
	if err != nil {
		return r.refusal(c, err)
	}
	return r.report(c, got)
}

// hurry waits like the client does, at a pace of our own.
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
	if err == nil && got.Status == run.Failed {
		return exitError{exitFailed, errors.New("")}
	}
	return err
}

// progress shows how far a run is, on a terminal in one line that is written over.
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

// end leaves the line that is written over, for what comes after it.
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
		Use: "wait ID", Short: "Wait for a run to end, and print its report", Args: exactly(1, "a run's id"), Example: "  parley wait req_…",
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
	return r.flags(&cobra.Command{
		Use: "show ID", Short: "Show a run: its report, or how far it is", Args: exactly(1, "a run's id"), Example: "  parley show req_… --json",
		RunE: func(c *cobra.Command, args []string) error {
			cl, err := r.open(aside(c))
			if err != nil {
				return err
			}
			got, err := cl.Poll(c.Context(), run.ID(args[0]))
			if err != nil {
				return r.refusal(c, err)
			}
			return r.report(c, got)
		},
	})
}

func runsCommand() *cobra.Command {
	var r remote
	var f client.Filter
	var status string
	c := r.flags(&cobra.Command{
		Use: "runs", Short: "List runs, newest first", Args: exactly(0, "flags only"), Example: "  parley runs --status failed --limit 50",
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := r.open(aside(c))
			if err != nil {
				return err
			}
			f.Status = run.Status(status)
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
				w.printf("more: --cursor %s\n", *page.NextCursor)
			}
			return w.end()
		},
	})
	fl := c.Flags()
	fl.IntVar(&f.Limit, "limit", 20, "runs a page, 1 to 100")
	fl.StringVar(&f.Cursor, "cursor", "", "where the page starts, as the page before said")
	fl.StringVar(&status, "status", "", "queued, processing, success, partial or failed")
	fl.StringVar(&f.ExternalID, "external-id", "", "your own reference")
	fl.StringVar(&f.Tag, "tag", "", "a tag")
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

// runOf is the run that an entry is about, or a dash.
func runOf(e client.Transaction) string {
	if e.RunID == nil {
		return "-"
	}
	return string(*e.RunID)
}

// countOf is a number, or a dash where it was not counted.
func countOf(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10)
}

// mark1 is a score with its one decimal, or a dash where it was not measured.
func mark1(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f", *v)
}

func creditsCommand() *cobra.Command {
	var r remote
	return r.flags(&cobra.Command{
		Use: "credits", Short: "Show the balance and the latest entries", Args: exactly(0, "flags only"), Example: "  parley credits",
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
