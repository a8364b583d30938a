package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"parley/shared/engine/account"
	"parley/shared/engine/deployment"
	"parley/shared/engine/run"
	"parley/shared/engine/webhook"
)

func (o *operator) webhooks() *cobra.Command {
	return o.group("webhook", "Show and resend webhooks, and manage signing secrets", o.webhookShow(), o.webhookResend(), o.webhookSecret(), o.webhookRotate())
}

func (o *operator) webhookShow() *cobra.Command {
	return &cobra.Command{
		Use: "show RUNID", Short: "Show the tries of a run's webhook, and when the next is due", Args: exactly(1, "one argument, a run's id"), Example: "  parley admin webhook show req_… --local",
		RunE: func(c *cobra.Command, args []string) error {
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			r, err := sys.Tables.Get(c.Context(), run.ID(args[0]))
			if err != nil {
				return noRun(run.ID(args[0]), err)
			}
			return o.showPush(c, r)
		},
	}
}

// showPush prints a run's webhook. A run without one is an error.
func (o *operator) showPush(c *cobra.Command, r run.Run) error {
	v := runViewOf(r).Webhook
	if v == nil {
		return fmt.Errorf("run %s has no webhook: its submit named no webhookUrl (parley submit --webhook-url)", r.ID)
	}
	return o.print(c, v, func(w table) {
		w.printf("webhook\t%s\nstate\t%s\ntries\t%d\n", v.URL, pushState(r), v.Tries)
		if v.Due != nil {
			w.printf("next due\t%s\n", v.Due.Format(time.RFC3339))
		}
		if r.Push == nil {
			return
		}
		for _, t := range r.Push.Log {
			w.printf("%s\t%s\n", t.At.Format(time.RFC3339), webhook.Outcome(t))
		}
	})
}

func pushState(r run.Run) string {
	switch p := r.Push; {
	case p == nil && r.Status.Terminal():
		return "never due: the run ended before Parley had webhooks"
	case p == nil:
		return "due when the run ends"
	case p.Outstanding():
		return "outstanding"
	case p.Delivered():
		return "delivered"
	case !r.ErasedAt.IsZero():
		return "dropped: the run was erased"
	}
	return "given up"
}

func (o *operator) webhookResend() *cobra.Command {
	return &cobra.Command{
		Use: "resend RUNID", Short: "Send a run's webhook again, from the start of its schedule", Args: exactly(1, "one argument, a run's id"),
		Example: "  parley admin webhook resend req_… --local",
		RunE: func(c *cobra.Command, args []string) error {
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			r, err := o.deps(c, sys).PushAgain(c.Context(), run.ID(args[0]))
			if errors.Is(err, run.ErrGone) {
				return fmt.Errorf("nothing to send: run %s has not ended, was erased, or has no webhook: parley admin runs show %[1]s tells which", args[0])
			}
			if err != nil {
				return noRun(run.ID(args[0]), err)
			}
			return o.showPush(c, r)
		},
	}
}

func (o *operator) webhookSecret() *cobra.Command {
	return o.signing("secret", "Show the secrets that sign a client's webhooks; create one if there is none", func() (change, error) {
		return func(c *cobra.Command, sys *deployment.System, client account.ID) (account.Signing, error) {
			return account.FirstSecret(c.Context(), sys.Tables, client, rand.Reader, o.clock.Now())
		}, nil
	})
}

func (o *operator) webhookRotate() *cobra.Command {
	var overlap time.Duration
	c := o.signing("rotate", "Create a new signing secret for a client; the old ones stay valid for the overlap", func() (change, error) {
		if overlap < 0 || overlap > account.MaxSigningOverlap {
			return nil, usage("--overlap %s: must be 0 to %s", overlap, account.MaxSigningOverlap)
		}
		return func(c *cobra.Command, sys *deployment.System, client account.ID) (account.Signing, error) {
			return account.RotateSecret(c.Context(), sys.Tables, client, rand.Reader, overlap, o.clock.Now())
		}, nil
	})
	c.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old secrets stay valid")
	return c
}

// change reads or writes a client's secrets.
type change func(*cobra.Command, *deployment.System, account.ID) (account.Signing, error)

// secretView is a complete signing secret, for the operator to pass on to the client.
type secretView struct {
	Secret    string     `json:"secret"`
	CreatedAt time.Time  `json:"createdAt"`
	Until     *time.Time `json:"until"` // null: until it is rotated
}

func (o *operator) signing(verb, short string, prepare func() (change, error)) *cobra.Command {
	var client string
	c := &cobra.Command{
		Use: verb, Short: short, Args: exactly(0, "no arguments, only flags"), Example: "  parley admin webhook " + verb + " --client cli_… --local",
		RunE: func(c *cobra.Command, _ []string) error {
			if client == "" {
				return usage("--client is missing: give the client's id")
			}
			do, err := prepare()
			if err != nil {
				return err
			}
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			if _, err := sys.Tables.Client(c.Context(), account.ID(client)); err != nil {
				return noClient(client, err)
			}
			s, err := do(c, sys, account.ID(client))
			if err != nil {
				return err
			}
			now, all := o.clock.Now(), []secretView{}
			for _, v := range s.Secrets {
				if v.Until.IsZero() || now.Before(v.Until) {
					shown := secretView{Secret: v.Secret.Reveal(), CreatedAt: v.CreatedAt}
					if !v.Until.IsZero() {
						shown.Until = &v.Until
					}
					all = append(all, shown)
				}
			}
			return o.print(c, map[string]any{"clientId": client, "secrets": all}, func(w table) {
				for _, v := range all {
					until := "until it is rotated"
					if v.Until != nil {
						until = "until " + v.Until.Format(time.RFC3339)
					}
					w.printf("%s\t%s\n", v.Secret, until)
				}
			})
		},
	}
	c.Flags().StringVar(&client, "client", "", "the client's id")
	return c
}
