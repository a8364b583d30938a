package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/credit"
	"parley/shared/engine/deployment"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/speech"
	"parley/shared/speech/audio"
	"parley/shared/speech/score"
)

func (o *operator) runs() *cobra.Command {
	return o.group("runs", "List, show, retry and fail runs", o.runList(), o.runShow(), o.runRetry(), o.runFail())
}

// Bounds of the lookups.
const (
	maxRuns     = 1000 // per list
	runPage     = 100  // the maximum that a store lists at once
	readsAtOnce = 8
	ledgerPage  = 1000
	ledgerPages = 100 // how far back a run's entries are searched: 100,000 entries of its client
)

func (o *operator) runList() *cobra.Command {
	var client, status string
	var limit int
	c := &cobra.Command{
		Use: "list", Short: "List runs of all clients or of one, newest first", Args: exactly(0, "no arguments, only flags"),
		Example: "  parley admin runs list --status processing --local\n  parley admin runs list --client cli_… --limit 100 --local --json",
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case limit < 1 || limit > maxRuns:
				return usage("--limit %d: must be 1 to %d", limit, maxRuns)
			case status != "" && !slices.Contains(run.Statuses, run.Status(status)):
				return usage("--status %q: must be one of %v", status, run.Statuses)
			}
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			owners := []account.ID{account.ID(client)}
			if client == "" {
				clients, err := sys.Tables.Clients(c.Context())
				if err != nil {
					return err
				}
				owners = owners[:0]
				for _, cl := range clients {
					owners = append(owners, cl.ID)
				}
			} else if _, err := sys.Tables.Client(c.Context(), owners[0]); err != nil {
				return noClient(client, err)
			}
			runs, err := newest(c.Context(), sys.Tables, owners, run.Status(status), limit)
			if err != nil {
				return err
			}
			views := make([]runView, len(runs))
			for i, r := range runs {
				views[i] = runViewOf(r)
			}
			now := o.clock.Now()
			return o.print(c, views, func(w table) {
				w.printf("RUN\tCLIENT\tSTATUS\tOUTSTANDING\tAGE\tDEADLINE\tCODE\tREASON\n")
				for _, r := range runs {
					code := ""
					if r.Failure != nil {
						code = string(r.Failure.Code)
					}
					w.printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.Client, r.Status, outstandingOf(r), rough(now.Sub(r.CreatedAt)), remaining(r, now), dash(code), dash(r.Reason))
				}
			})
		},
	}
	f := c.Flags()
	f.StringVar(&client, "client", "", "only this client")
	f.StringVar(&status, "status", "", "only runs with this status: queued, processing, success, partial or failed")
	f.IntVar(&limit, "limit", 20, "the maximum number of runs, 1 to 1000")
	return c
}

// newest returns the newest runs of these clients, at most limit.
func newest(ctx context.Context, runs run.Store, owners []account.ID, status run.Status, limit int) ([]run.Run, error) {
	found := make([][]run.Run, len(owners))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for i, owner := range owners {
		g.Go(func() error {
			f := run.Filter{Status: status}
			for len(found[i]) < limit {
				f.Limit = min(limit-len(found[i]), runPage)
				page, next, err := runs.List(ctx, owner, f)
				if err != nil {
					return fmt.Errorf("runs of %s: %w", owner, err)
				}
				found[i] = append(found[i], page...)
				if next == (run.Position{}) {
					break
				}
				f.After = next
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	all := slices.Concat(found...)
	slices.SortFunc(all, func(a, b run.Run) int { return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID)) })
	return all[:min(limit, len(all))], nil
}

// outstandingOf lists a run's outstanding parts by stage, in the order of the stages, or returns a
// dash.
func outstandingOf(r run.Run) string {
	count := map[run.Stage]int{}
	for p := range r.Parts {
		count[p.Stage]++
	}
	var out []string
	for _, s := range speech.Service.Stages {
		switch n := count[s.Name]; {
		case n > 1:
			out = append(out, fmt.Sprintf("%s×%d", s.Name, n))
		case n == 1:
			out = append(out, string(s.Name))
		}
	}
	return dash(strings.Join(out, ","))
}

// dash returns s, or a dash if it is empty.
func dash(s string) string { return cmp.Or(s, "-") }

// remaining returns the time from now to the deadline of a run in process, or a dash for other
// runs.
func remaining(r run.Run, now time.Time) string {
	switch left := r.Deadline.Sub(now); {
	case r.Status != run.Processing:
		return "-"
	case left < 0:
		return rough(-left) + " ago"
	default:
		return "in " + rough(left)
	}
}

// rough formats d, in whole seconds, by its two largest units; days alone from 48 h on.
func rough(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Hour:
		return d.Round(time.Second).String()
	case d < 48*time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

func (o *operator) runShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show the full state of a run and its ledger entries", Args: exactly(1, "one argument, a run's id"), Example: "  parley admin runs show req_… --local",
		RunE: func(c *cobra.Command, args []string) error {
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			r, err := sys.Tables.Get(c.Context(), run.ID(args[0]))
			if err != nil {
				return o.refused(c, sys, run.Run{ID: run.ID(args[0])}, err)
			}
			return o.showRun(c, sys, r)
		},
	}
}

func (o *operator) runRetry() *cobra.Command {
	return &cobra.Command{
		Use: "retry ID", Short: "Retry a failed run as a new attempt",
		Long: `Starts a new attempt of a failed run on the terms of a submit: its cost is held again, and it takes one of its client's slots or a
place at the end of the client's queue. Its recording must still exist. Exit code 1: the run has not failed, was erased, or its
client has too few credits.`,
		Args: exactly(1, "one argument, a run's id"), Example: "  parley admin runs retry req_… --local",
		RunE: func(c *cobra.Command, args []string) error {
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			r, err := o.deps(c, sys).Retry(c.Context(), run.ID(args[0]), sys.Objects)
			if err != nil {
				r.ID = run.ID(args[0])
				if errors.Is(err, run.ErrGone) {
					return notRetried(r)
				}
				return o.refused(c, sys, r, err)
			}
			return o.showRun(c, sys, r)
		},
	}
}

// notRetried returns the error that says why r, the run as last read, cannot be retried.
func notRetried(r run.Run) error {
	if r.Status == run.Failed {
		return fmt.Errorf("run %s was retried by someone else meanwhile and failed again at attempt %d: retry it once more, if it should run again", r.ID, r.Attempt)
	}
	return fmt.Errorf("run %s has status %s at attempt %d: only a failed run can be retried", r.ID, r.Status, r.Attempt)
}

func (o *operator) runFail() *cobra.Command {
	var why string
	c := &cobra.Command{
		Use: "fail ID", Short: "End a queued or processing run as failed",
		Long: `Ends a queued or processing run as failed. Its client sees INTERNAL_ERROR; operators see --why as the run's reason. Its hold is
released, its slot or place in the queue becomes free, and the client's next run starts. Exit code 1: the run has already ended.`,
		Args: exactly(1, "one argument, a run's id"), Example: `  parley admin runs fail req_… --why "sent by mistake, ticket 4711" --local`,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case strings.TrimSpace(why) == "":
				return usage("--why is missing: give the reason, for operators")
			case len(why) > maxNote:
				return usage("--why has %d bytes; at most %d are allowed", len(why), maxNote)
			}
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			r, err := o.deps(c, sys).Stop(c.Context(), run.ID(args[0]), strings.TrimSpace(why))
			if err != nil {
				r.ID = run.ID(args[0])
				return o.refused(c, sys, r, err)
			}
			return o.showRun(c, sys, r)
		},
	}
	c.Flags().StringVar(&why, "why", "", "the reason, for operators")
	return c
}

// deps returns the dependencies that move runs, as in the functions. Errors on the way are logged
// on standard error.
func (o *operator) deps(c *cobra.Command, sys *deployment.System) pipeline.Deps {
	log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelError}))
	return pipeline.Deps{Service: speech.Service, Runs: sys.Tables, Clients: sys.Tables, Sender: sys.Queues, Clock: o.clock, Log: log, Budget: pipeline.Budget(sys.Config.Deadline), Pause: clock.Sleep}
}

// refused returns the error that says in a sentence why nothing was done with r, the run as last
// read.
func (o *operator) refused(c *cobra.Command, sys *deployment.System, r run.Run, err error) error {
	switch {
	case errors.Is(err, run.ErrUnknown):
		return noRun(r.ID, err)
	case errors.Is(err, run.ErrGone):
		return fmt.Errorf("run %s has ended already: %s at attempt %d; parley admin runs show %[1]s shows it", r.ID, r.Status, r.Attempt)
	case errors.Is(err, pipeline.ErrNoRecording) && !r.ErasedAt.IsZero():
		return fmt.Errorf("run %s was erased: it cannot be retried without its recording; the client can submit it again", r.ID)
	case errors.Is(err, pipeline.ErrNoRecording):
		return fmt.Errorf("the recording of run %s is gone: the run cannot be retried; the client can submit it again", r.ID)
	case errors.Is(err, account.ErrUnknown):
		return fmt.Errorf("run %s: there is no client %s; parley admin audit checks the whole ledger", r.ID, r.Client)
	case errors.Is(err, credit.ErrInsufficient):
		return o.tooLittle(c, sys, r.Client, fmt.Sprintf("another attempt of run %s, which costs %d: grant more with parley admin credits grant", r.ID, r.Cost))
	}
	return err
}

// runView is a run as operators see it. Null means that something has not happened.
type runView struct {
	ID          run.ID        `json:"id"`
	Client      account.ID    `json:"clientId"`
	Key         account.KeyID `json:"keyId"` // of the submit
	Status      run.Status    `json:"status"`
	Attempt     int           `json:"attempt"`
	Version     int64         `json:"version"`
	Cost        int64         `json:"cost"`
	Charged     int64         `json:"charged"`
	CreatedAt   time.Time     `json:"createdAt"`
	StartedAt   *time.Time    `json:"startedAt"`
	CompletedAt *time.Time    `json:"completedAt"`
	ErasedAt    *time.Time    `json:"erasedAt"`
	Deadline    *time.Time    `json:"deadline"`
	// number in the client's queue; 0: it never waited
	Ticket   int64             `json:"ticket"`
	Parts    []partView        `json:"parts"`  // outstanding
	Pieces   int               `json:"chunks"` // into which the recording was cut; 0: not yet
	Failure  *run.Failure      `json:"failure"`
	Reason   string            `json:"reason"`
	Scores   headlines         `json:"scores"`
	Language string            `json:"language"` // heard
	Audio    audio.Info        `json:"audio"`
	External string            `json:"externalId"`
	Asked    string            `json:"languageCode"` // as requested
	Cut      audio.CutSettings `json:"cutSettings"`
	Partial  bool              `json:"allowPartial"`
	Webhook  *pushView         `json:"webhook"` // null: the submit named none
}

// pushView is a run's webhook.
type pushView struct {
	URL       string     `json:"url"`
	Delivered bool       `json:"delivered"`
	Due       *time.Time `json:"due"`    // when the next try is due; null: none is outstanding
	SentAt    *time.Time `json:"sentAt"` // of the next try's message
	Tries     int        `json:"tries"`
	Log       []tryView  `json:"log"` // the last ones, oldest first
}

type tryView struct {
	At     time.Time `json:"at"`
	Status int       `json:"status"` // HTTP; 0: no answer
	Why    string    `json:"why"`    // why there was no answer
}

type partView struct {
	Part    string     `json:"part"`
	Due     time.Time  `json:"due"`     // when it will be sent again
	Sent    int        `json:"sent"`    // number of times
	SentAt  *time.Time `json:"sentAt"`  // the last time, derived from Due
	Failure string     `json:"failure"` // of its last attempt; empty: none known
}

// headlines holds stored scores, 0 to 5 with one decimal; null: no score.
type headlines = score.ByDimension[*float64]

func headlinesOf(s run.Scores) headlines {
	out := headlines{score.Overall: nil}
	for d, v := range s {
		out[score.Dimension(d)] = &v
	}
	return out
}

func runViewOf(r run.Run) runView {
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	v := runView{ID: r.ID, Client: r.Client, Key: r.Key, Status: r.Status, Attempt: r.Attempt, Version: r.Version, Cost: r.Cost, Charged: r.Charged,
		CreatedAt: r.CreatedAt, StartedAt: moment(r.StartedAt), CompletedAt: moment(r.CompletedAt), ErasedAt: moment(r.ErasedAt), Deadline: moment(r.Deadline),
		Ticket: r.Ticket, Parts: []partView{}, Pieces: r.Pieces, Failure: r.Failure, Reason: r.Reason, Scores: headlinesOf(r.Scores),
		External: r.Request.ExternalID, Partial: r.Request.AllowPartial}
	// Leave out what cannot be read: operators need to see a damaged run most of all.
	if asked, err := speech.RequestOf(r); err == nil {
		v.Asked, v.Cut = asked.Language, asked.Cut
	}
	if file, err := speech.FileOf(r); err == nil {
		v.Audio = audio.Info{DurationMs: r.Length.Milliseconds(), Format: file.Format, SizeBytes: file.SizeBytes}
	}
	if found, err := speech.FoundOf(r); err == nil {
		v.Language = found.Language
	}
	for p, o := range r.Parts {
		v.Parts = append(v.Parts, partView{p.String(), o.Due, o.Sent, moment(speech.Service.LastSent(r, p)), o.Failure})
	}
	if r.Request.WebhookURL != "" {
		v.Webhook = &pushView{URL: r.Request.WebhookURL, Delivered: r.Push.Delivered(), SentAt: moment(r.Push.SentAt()), Log: []tryView{}}
		if r.Push != nil {
			v.Webhook.Due, v.Webhook.Tries = moment(r.Push.Due), r.Push.Tries
			for _, t := range r.Push.Log {
				v.Webhook.Log = append(v.Webhook.Log, tryView(t))
			}
		}
	}
	slices.SortFunc(v.Parts, func(a, b partView) int { return strings.Compare(a.Part, b.Part) })
	return v
}

// runDetail is everything that is stored of one run.
type runDetail struct {
	runView
	QueuePosition int         `json:"queuePosition"` // from 1; 0: it is not waiting
	Entries       []entryView `json:"entries"`       // oldest first
	// Complete is false if the client's ledger is so long that the search stopped before the run's
	// oldest entries.
	Complete bool `json:"entriesComplete"`
}

type entryView struct {
	ID           string      `json:"id"`
	Kind         credit.Kind `json:"type"`
	Amount       int64       `json:"amount"`
	Attempt      int         `json:"attempt"`
	BalanceAfter int64       `json:"balanceAfter"`
	HeldAfter    int64       `json:"heldAfter"`
	CreatedAt    time.Time   `json:"createdAt"`
}

// entriesOf returns a run's entries, oldest first. It searches back to the hold of the first
// attempt, which is the run's first entry.
func entriesOf(ctx context.Context, runs run.Store, r run.Run) (found []entryView, complete bool, err error) {
	found = []entryView{}
	before := int64(0)
	for range ledgerPages {
		page, err := runs.Entries(ctx, r.Client, before, ledgerPage)
		if err != nil {
			return nil, false, fmt.Errorf("entries of run %s: %w", r.ID, err)
		}
		for _, e := range page {
			if e.RunID == nil || run.ID(*e.RunID) != r.ID {
				continue
			}
			found = append(found, entryView{e.ID, e.Kind, e.Amount, e.Attempt, e.BalanceAfter, e.HeldAfter, e.CreatedAt})
			complete = complete || e.Kind == credit.Hold && e.Attempt == 1
		}
		if complete = complete || len(page) == 0 || page[len(page)-1].Seq == 1; complete {
			break
		}
		before = page[len(page)-1].Seq
	}
	slices.Reverse(found)
	return found, complete, nil
}

func (o *operator) showRun(c *cobra.Command, sys *deployment.System, r run.Run) error {
	v := runDetail{runView: runViewOf(r)}
	var err error
	if v.QueuePosition, err = sys.Tables.QueuePosition(c.Context(), r); err != nil {
		return err
	}
	if v.Entries, v.Complete, err = entriesOf(c.Context(), sys.Tables, r); err != nil {
		return err
	}
	return o.print(c, v, func(w table) { v.write(w) })
}

func (v runDetail) write(w table) {
	at := func(name string, t *time.Time) {
		if t != nil {
			w.printf("%s\t%s\n", name, t.Format(time.RFC3339))
		}
	}
	w.printf("run\t%s\nclient\t%s\nkey\t%s\nstatus\t%s\nattempt\t%d\nversion\t%d\ncost\t%d\ncharged\t%d\n", v.ID, v.Client, v.Key, v.Status, v.Attempt, v.Version, v.Cost, v.Charged)
	w.printf("recording\t%s, %s, %d bytes, in %s\n", clockOf(v.Audio.DurationMs), v.Audio.Format, v.Audio.SizeBytes, v.Asked)
	at("created", &v.CreatedAt)
	at("started", v.StartedAt)
	at("deadline", v.Deadline)
	at("completed", v.CompletedAt)
	at("erased", v.ErasedAt)
	if v.Ticket > 0 {
		w.printf("ticket\t%d\n", v.Ticket)
	}
	if v.QueuePosition > 0 {
		w.printf("place in the queue\t%d\n", v.QueuePosition)
	}
	for _, p := range v.Parts {
		w.printf("outstanding\t%s\tsent %d\tdue %s\t%s\n", p.Part, p.Sent, p.Due.Format(time.RFC3339), p.Failure)
	}
	if v.Failure != nil {
		w.printf("failure\t%s\t%s\n", v.Failure.Code, v.Failure.Message)
	}
	if v.Reason != "" {
		w.printf("reason\t%s\n", v.Reason)
	}
	if v.Status == run.Success || v.Status == run.Partial {
		w.printf("scores")
		for _, d := range score.Names() {
			w.printf("\t%s %s", d, mark1(v.Scores[d]))
		}
		w.printf("\n")
	}
	if h := v.Webhook; h != nil {
		w.printf("webhook\t%s\tdelivered %v\ttries %d\n", h.URL, h.Delivered, h.Tries)
		at("webhook due", h.Due)
		for _, t := range h.Log {
			w.printf("webhook try\t%s\tHTTP %d\t%s\n", t.At.Format(time.RFC3339), t.Status, t.Why)
		}
	}
	for _, e := range v.Entries {
		w.printf("entry\t%s\t%s %d\tattempt %d\t%s\n", e.ID, e.Kind, e.Amount, e.Attempt, e.CreatedAt.Format(time.RFC3339))
	}
	if !v.Complete {
		w.printf("entry\tonly the client's last %d entries were searched: older ones are not shown\n", ledgerPage*ledgerPages)
	}
}
