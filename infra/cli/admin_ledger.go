package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"parley/shared/engine/account"
	"parley/shared/engine/audit"
	"parley/shared/engine/credit"
	"parley/shared/engine/deployment"
	"parley/shared/speech"
)

func (o *operator) credits() *cobra.Command {
	return o.group("credits", "Grant and adjust credits", o.creditMove("grant", "Add credits", "  parley admin credits grant --client cli_… --amount 100 --local"),
		o.creditMove("adjust", "Add credits, or remove them with a negative amount", "  parley admin credits adjust --client cli_… --amount=-5 --note refund --local"))
}

func (o *operator) creditMove(verb, short, example string) *cobra.Command {
	var client, note string
	var amount int64
	c := &cobra.Command{
		Use: verb, Short: short, Args: exactly(0, "no arguments, only flags"), Example: example,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case client == "":
				return usage("--client is missing: give the client's id")
			case verb == "grant" && amount < 1:
				return usage("--amount %d: must be 1 or more; to remove credits, use parley admin credits adjust", amount)
			case amount == 0:
				return usage("--amount 0: must be above or below 0")
			case amount > maxCredits || amount < -maxCredits:
				return usage("--amount %d: at most %d per movement", amount, int64(maxCredits))
			case len(note) > maxNote:
				return usage("--note has %d bytes; at most %d are allowed", len(note), maxNote)
			}
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			if _, err := sys.Tables.Client(c.Context(), account.ID(client)); err != nil {
				return noClient(client, err)
			}
			move := sys.Tables.Grant
			if verb == "adjust" {
				move = sys.Tables.Adjust
			}
			e, err := move(c.Context(), account.ID(client), amount, note, o.clock.Now())
			if errors.Is(err, credit.ErrInsufficient) {
				return o.tooLittle(c, sys, account.ID(client), fmt.Sprintf("removing %d: remove at most what is available", -amount))
			}
			if err != nil {
				return err
			}
			return o.print(c, e, func(w table) {
				w.printf("%s\t%s\t%d\nbalance\t%d\nheld\t%d\n", e.ID, e.Kind, e.Amount, e.BalanceAfter, e.HeldAfter)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&client, "client", "", "the client's id")
	f.Int64Var(&amount, "amount", 0, "the number of credits")
	f.StringVar(&note, "note", "", "the reason, for the ledger")
	return c
}

// tooLittle returns the error that the client has too few credits available for doing.
func (o *operator) tooLittle(c *cobra.Command, sys *deployment.System, client account.ID, doing string) error {
	a, err := sys.Tables.Account(c.Context(), client)
	if err != nil {
		return err
	}
	return fmt.Errorf("client %s has %d credits available and %d held, too few for %s", client, a.Available, a.Held, doing)
}

func (o *operator) audit() *cobra.Command {
	var client string
	c := &cobra.Command{
		Use: "audit", Short: "Recompute every balance, hold and slot; exit 1 on a violation", Args: exactly(0, "no arguments, only flags"), Example: "  parley admin audit --local --json",
		RunE: func(c *cobra.Command, _ []string) error {
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			rep, err := audit.All(c.Context(), sys.Tables, speech.Service.Dimensions, account.ID(client))
			if err != nil {
				return err
			}
			if err := o.print(c, rep, func(w table) {
				w.printf("clients\t%d\nruns\t%d\nviolations\t%d\n", rep.Clients, rep.Runs, len(rep.Violations))
				for _, v := range rep.Violations {
					w.printf("\t%v\n", v)
				}
			}); err != nil {
				return err
			}
			if len(rep.Violations) > 0 {
				return exitError{exitFailed, fmt.Errorf("the audit found %s: they are listed above", plural(len(rep.Violations), "violation"))}
			}
			return nil
		},
	}
	c.Flags().StringVar(&client, "client", "", "only this client")
	return c
}
