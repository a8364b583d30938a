package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"parley/shared/account"
	"parley/shared/audit"
	"parley/shared/run"
)

func (o *operator) credits() *cobra.Command {
	return o.group("credits", "Grant and adjust credits", o.creditMove("grant", "Add credits", "  parley admin credits grant --client cli_… --amount 100 --local"),
		o.creditMove("adjust", "Add credits, or take them (a negative amount)", "  parley admin credits adjust --client cli_… --amount=-5 --note refund --local"))
}

func (o *operator) creditMove(verb, short, example string) *cobra.Command {
	var client, note string
	var amount int64
	c := &cobra.Command{
		Use: verb, Short: short, Args: exactly(0, "flags only"), Example: example,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case client == "":
				return usage("--client is missing")
			case amount == 0 || verb == "grant" && amount < 0:
				return usage("--amount %d: nothing to %s", amount, verb)
			case amount > maxCredits || amount < -maxCredits:
				return usage("--amount %d: at most %d at a time", amount, int64(maxCredits))
			case len(note) > maxNote:
				return usage("--note has %d bytes, and %d are allowed", len(note), maxNote)
			}
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			if _, err := sys.Tables.Client(c.Context(), account.ID(client)); err != nil {
				return fmt.Errorf("client %s: %w", client, err)
			}
			move := sys.Tables.Grant
			if verb == "adjust" {
				move = sys.Tables.Adjust
			}
			e, err := move(c.Context(), account.ID(client), amount, note, o.clock.Now())
			if err != nil {
				return err
			}
			return o.print(c, e, func(w *tabwriter.Writer) {
				fmt.Fprintf(w, "%s\t%s\t%d\nbalance\t%d\nheld\t%d\n", e.ID, e.Kind, e.Amount, e.BalanceAfter, e.HeldAfter)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&client, "client", "", "the client's id")
	f.Int64Var(&amount, "amount", 0, "credits")
	f.StringVar(&note, "note", "", "why, for the ledger")
	return c
}

func (o *operator) runs() *cobra.Command {
	return o.group("runs", "Look into runs", o.runShow())
}

func (o *operator) runShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a run as the state machine sees it", Args: exactly(1, "a run's id"), Example: "  parley admin runs show req_… --local",
		RunE: func(c *cobra.Command, args []string) error {
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			r, err := sys.Tables.Get(c.Context(), run.ID(args[0]))
			if err != nil {
				return fmt.Errorf("run %s: %w", args[0], err)
			}
			return o.showRun(c, r)
		},
	}
}

// runView is a run for an operator; what is null has not been.
type runView struct {
	ID          run.ID       `json:"id"`
	Client      account.ID   `json:"clientId"`
	Status      run.Status   `json:"status"`
	Attempt     int          `json:"attempt"`
	Version     int64        `json:"version"`
	Cost        int64        `json:"cost"`
	Charged     int64        `json:"charged"`
	CreatedAt   time.Time    `json:"createdAt"`
	StartedAt   *time.Time   `json:"startedAt"`
	CompletedAt *time.Time   `json:"completedAt"`
	Deadline    *time.Time   `json:"deadline"`
	Parts       []partView   `json:"parts"` // outstanding
	Chunks      int          `json:"chunks"`
	Failure     *run.Failure `json:"failure"`
	Reason      string       `json:"reason"`
	Scores      run.Scores   `json:"scores"`
}

type partView struct {
	Part    string    `json:"part"`
	Due     time.Time `json:"due"`
	Sent    int       `json:"sent"`    // how often
	Failure string    `json:"failure"` // of its last attempt; empty: none known
}

func runViewOf(r run.Run) runView {
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	v := runView{ID: r.ID, Client: r.Client, Status: r.Status, Attempt: r.Attempt, Version: r.Version, Cost: r.Cost, Charged: r.Charged,
		CreatedAt: r.CreatedAt, StartedAt: moment(r.StartedAt), CompletedAt: moment(r.CompletedAt), Deadline: moment(r.Deadline),
		Parts: []partView{}, Chunks: r.Chunks, Failure: r.Failure, Reason: r.Reason, Scores: r.Scores}
	for p, o := range r.Parts {
		v.Parts = append(v.Parts, partView{p.String(), o.Due, o.Sent, o.Failure})
	}
	slices.SortFunc(v.Parts, func(a, b partView) int { return strings.Compare(a.Part, b.Part) })
	return v
}

func (o *operator) showRun(c *cobra.Command, r run.Run) error {
	v := runViewOf(r)
	return o.print(c, v, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "run\t%s\nclient\t%s\nstatus\t%s\nattempt\t%d\n", v.ID, v.Client, v.Status, v.Attempt)
		if v.Deadline != nil {
			fmt.Fprintf(w, "deadline\t%s\n", v.Deadline.Format(time.RFC3339))
		}
		for _, p := range v.Parts {
			fmt.Fprintf(w, "outstanding\t%s\tsent %d\tdue %s\t%s\n", p.Part, p.Sent, p.Due.Format(time.RFC3339), p.Failure)
		}
		if v.Failure != nil {
			fmt.Fprintf(w, "failure\t%s\t%s\n", v.Failure.Code, v.Failure.Message)
		}
		if v.Reason != "" {
			fmt.Fprintf(w, "reason\t%s\n", v.Reason)
		}
	})
}

func (o *operator) audit() *cobra.Command {
	var client string
	c := &cobra.Command{
		Use: "audit", Short: "Recompute every balance, hold and slot; exit 1 on a violation", Args: exactly(0, "flags only"), Example: "  parley admin audit --local --json",
		RunE: func(c *cobra.Command, _ []string) error {
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			rep, err := audit.All(c.Context(), sys.Tables, account.ID(client))
			if err != nil {
				return err
			}
			if err := o.print(c, rep, func(w *tabwriter.Writer) {
				fmt.Fprintf(w, "clients\t%d\nruns\t%d\nviolations\t%d\n", rep.Clients, rep.Runs, len(rep.Violations))
				for _, v := range rep.Violations {
					fmt.Fprintf(w, "\t%v\n", v)
				}
			}); err != nil {
				return err
			}
			if len(rep.Violations) > 0 {
				return exitError{exitFailed, fmt.Errorf("%d violations", len(rep.Violations))}
			}
			return nil
		},
	}
	c.Flags().StringVar(&client, "client", "", "this client alone")
	return c
}
