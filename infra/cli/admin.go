package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"parley/infra/local"
	"parley/infra/operate"
	"parley/shared/account"
	"parley/shared/audit"
	"parley/shared/clock"
	"parley/shared/deployment"
	"parley/shared/run"
)

// operator is what the admin commands stand on: the tables of a deployed or of a local stack.
type operator struct {
	local bool
	data  string
	stack string
	json  bool
	clock clock.Clock
}

func adminCommand() *cobra.Command {
	o := &operator{clock: clock.Real{}}
	c := &cobra.Command{
		Use:   "admin",
		Short: "Clients, keys, credits, runs and the audit, for operators",
		Long:  "Speaks to the tables: of a deployed stack (AWS credentials, --stack NAME) or of a local one (--local, with --data).",
		Example: `  parley admin client create --name "Acme" --credits 100 --local
  parley admin key create --client cli_… --expires-in 720h --local
  parley admin audit --stack parley`,
		Args: exactly(0, "a subcommand"),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	f := c.PersistentFlags()
	f.BoolVar(&o.local, "local", false, "the local system on --data")
	f.StringVar(&o.data, "data", ".parley", "the local system's folder")
	f.StringVar(&o.stack, "stack", "parley", "the deployed stack's name")
	f.BoolVar(&o.json, "json", false, "print JSON")
	c.AddCommand(o.clients(), o.keys(), o.credits(), o.runs(), o.audit())
	return c
}

// open reaches the tables. Whatever is in the way, the service could not be reached.
func (o *operator) open(ctx context.Context) (*deployment.System, error) {
	sys, err := o.find(ctx)
	if err != nil {
		return nil, exitError{exitUnreachable, err}
	}
	return sys, nil
}

func (o *operator) find(ctx context.Context) (*deployment.System, error) {
	if !o.local {
		return deployment.Find(ctx, o.stack)
	}
	sys, err := local.Load(o.data)
	if err != nil {
		return nil, err
	}
	return operate.OpenLocal(ctx, sys)
}

// print shows v as JSON, or by person.
func (o *operator) print(c *cobra.Command, v any, person func(w *tabwriter.Writer)) error {
	if o.json {
		return json.NewEncoder(c.OutOrStdout()).Encode(v)
	}
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 4, 2, ' ', 0)
	person(w)
	return w.Flush()
}

// group holds commands; its example is that of the first.
func (o *operator) group(name, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short, Example: commands[0].Example, Args: exactly(0, "a subcommand"), RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(commands...)
	return c
}

func (o *operator) clients() *cobra.Command {
	return o.group("client", "Create, list, show and set clients", o.clientCreate(), o.clientList(), o.clientShow(), o.clientSet())
}

func (o *operator) clientCreate() *cobra.Command {
	var name string
	var credits int64
	var slots int
	var grants, permissions []string
	c := &cobra.Command{
		Use: "create", Short: "Create a client", Args: exactly(0, "flags only"),
		Example: `  parley admin client create --name "Acme" --credits 100 --local`,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case name == "":
				return usage("--name is missing")
			case len(name) > maxName:
				return usage("--name has %d bytes, and %d are allowed", len(name), maxName)
			case credits < 0 || credits > maxCredits:
				return usage("--credits %d: must be 0 to %d", credits, int64(maxCredits))
			}
			if err := slotBounds(slots); err != nil {
				return err
			}
			client, err := operate.NewClient(name, o.clock)
			if err != nil {
				return err
			}
			client.ConcurrentRuns = slots
			for _, g := range grants {
				if err := knownGrant(g); err != nil {
					return err
				}
				client.Grants = append(client.Grants, account.Grant(g))
			}
			if len(permissions) > 0 {
				client.Permissions = nil
				for _, p := range permissions {
					client.Permissions = append(client.Permissions, account.Permission(p))
				}
			}
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			if err := operate.CreateClient(c.Context(), sys, client, credits, o.clock); err != nil {
				return err
			}
			return o.print(c, map[string]any{"clientId": client.ID}, func(w *tabwriter.Writer) {
				fmt.Fprintf(w, "client\t%s\n", client.ID)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&name, "name", "", "the client's name")
	f.Int64Var(&credits, "credits", 0, "credits to begin with")
	f.IntVar(&slots, "concurrent-runs", account.DefaultConcurrentRuns, "runs that process at once, 1 to 1000")
	f.StringSliceVar(&grants, "grant", nil, "a grant: multilingual")
	f.StringSliceVar(&permissions, "permission", nil, "a permission (default speech)")
	return c
}

// The bounds of what an operator may say; Credits are those of one movement, far below what a sum could overflow by.
const (
	maxName    = 255 // bytes
	maxNote    = 500 // bytes
	maxCredits = 1_000_000_000
)

func slotBounds(n int) error {
	if n < 1 || n > 1000 {
		return usage("--concurrent-runs %d: must be 1 to 1000", n)
	}
	return nil
}

func knownGrant(g string) error {
	if account.Grant(g) != account.GrantMultilingual {
		return usage("no grant %q; there is %s", g, account.GrantMultilingual)
	}
	return nil
}

func (o *operator) clientList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the clients", Args: exactly(0, "flags only"), Example: "  parley admin client list --local",
		RunE: func(c *cobra.Command, _ []string) error {
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			clients, err := sys.Tables.Clients(c.Context())
			if err != nil {
				return err
			}
			for i := range clients {
				clients[i] = listed(clients[i])
			}
			return o.print(c, clients, func(w *tabwriter.Writer) {
				fmt.Fprintln(w, "CLIENT\tNAME\tACTIVE\tRUNS AT ONCE\tGRANTS")
				for _, cl := range clients {
					fmt.Fprintf(w, "%s\t%s\t%v\t%d\t%v\n", cl.ID, cl.Name, cl.Active, cl.ConcurrentRuns, cl.Grants)
				}
			})
		},
	}
}

func (o *operator) clientShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a client", Args: exactly(1, "a client's id"), Example: "  parley admin client show cli_… --local",
		RunE: func(c *cobra.Command, args []string) error {
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			client, err := sys.Tables.Client(c.Context(), account.ID(args[0]))
			if err != nil {
				return fmt.Errorf("client %s: %w", args[0], err)
			}
			return o.showClient(c, client)
		},
	}
}

// listed is a client whose lists are JSON arrays, empty ones too.
func listed(c account.Client) account.Client {
	c.Grants = append([]account.Grant{}, c.Grants...)
	c.Permissions = append([]account.Permission{}, c.Permissions...)
	return c
}

// listedKey is listed for a key.
func listedKey(k account.Key) account.Key {
	k.IPs = append([]string{}, k.IPs...)
	return k
}

func (o *operator) showClient(c *cobra.Command, client account.Client) error {
	client = listed(client)
	return o.print(c, client, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "client\t%s\nname\t%s\nactive\t%v\nruns at once\t%d\ngrants\t%v\npermissions\t%v\ncreated\t%s\n",
			client.ID, client.Name, client.Active, client.ConcurrentRuns, client.Grants, client.Permissions, client.CreatedAt.Format(time.RFC3339))
	})
}

func (o *operator) clientSet() *cobra.Command {
	var active bool
	var slots int
	var grants, revoked []string
	c := &cobra.Command{
		Use: "set ID", Short: "Change a client's settings", Args: exactly(1, "a client's id"),
		Example: "  parley admin client set cli_… --active=false --local",
		RunE: func(c *cobra.Command, args []string) error {
			if err := slotBounds(slots); c.Flags().Changed("concurrent-runs") && err != nil {
				return err
			}
			for _, g := range append(slices.Clone(grants), revoked...) {
				if err := knownGrant(g); err != nil {
					return err
				}
			}
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			client, err := sys.Tables.Client(c.Context(), account.ID(args[0]))
			if err != nil {
				return fmt.Errorf("client %s: %w", args[0], err)
			}
			if c.Flags().Changed("active") {
				client.Active = active
			}
			if c.Flags().Changed("concurrent-runs") {
				client.ConcurrentRuns = slots
			}
			for _, g := range grants {
				if !client.Granted(account.Grant(g)) {
					client.Grants = append(client.Grants, account.Grant(g))
				}
			}
			client.Grants = slices.DeleteFunc(client.Grants, func(g account.Grant) bool { return slices.Contains(revoked, string(g)) })
			if err := sys.Tables.PutClient(c.Context(), client); err != nil {
				return err
			}
			return o.showClient(c, client)
		},
	}
	f := c.Flags()
	f.BoolVar(&active, "active", true, "whether its keys may call")
	f.IntVar(&slots, "concurrent-runs", account.DefaultConcurrentRuns, "runs that process at once, 1 to 1000")
	f.StringSliceVar(&grants, "grant", nil, "a grant to give")
	f.StringSliceVar(&revoked, "revoke-grant", nil, "a grant to take")
	return c
}

func (o *operator) keys() *cobra.Command {
	return o.group("key", "Create, list, revoke and rotate API keys", o.keyCreate(), o.keyList(), o.keyRevoke(), o.keyRotate())
}

func (o *operator) shown(c *cobra.Command, k operate.Key) error {
	return o.print(c, k, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "key id\t%s\nkey\t%s\n\nThe key is shown this once.\n", k.KeyID, k.Key)
	})
}

func (o *operator) keyCreate() *cobra.Command {
	var client string
	var expires time.Duration
	var ips []string
	var rate int
	c := &cobra.Command{
		Use: "create", Short: "Create an API key; it is shown this once", Args: exactly(0, "flags only"),
		Example: "  parley admin key create --client cli_… --expires-in 720h --ip 203.0.113.0/24 --local",
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case client == "":
				return usage("--client is missing")
			case expires < 0:
				return usage("--expires-in %s: must not be negative", expires)
			case rate < 1 || rate > 100_000:
				return usage("--rate %d: must be 1 to 100000 submits a minute", rate)
			}
			for i, ip := range ips {
				p, err := prefix(ip)
				if err != nil {
					return err
				}
				ips[i] = p
			}
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			k, err := operate.CreateKey(c.Context(), sys, account.ID(client), o.clock, func(k *account.Key) {
				k.IPs, k.Rate = ips, rate
				if expires > 0 {
					at := o.clock.Now().Add(expires)
					k.ExpiresAt = &at
				}
			})
			if err != nil {
				return err
			}
			return o.shown(c, k)
		},
	}
	f := c.Flags()
	f.StringVar(&client, "client", "", "the client's id")
	f.DurationVar(&expires, "expires-in", 0, "the key's life, such as 1h; 0: for ever")
	f.StringSliceVar(&ips, "ip", nil, "an address or CIDR it may be used from; none: any")
	f.IntVar(&rate, "rate", account.DefaultRate, "submits a minute")
	return c
}

// prefix reads a CIDR, or an address as the CIDR that holds it alone.
func prefix(s string) (string, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()).String(), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return "", usage("--ip %q is no address and no CIDR", s)
	}
	return p.Masked().String(), nil
}

func (o *operator) keyList() *cobra.Command {
	var client string
	c := &cobra.Command{
		Use: "list", Short: "List a client's keys, without the keys themselves", Args: exactly(0, "flags only"), Example: "  parley admin key list --client cli_… --local",
		RunE: func(c *cobra.Command, _ []string) error {
			if client == "" {
				return usage("--client is missing")
			}
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			if _, err := sys.Tables.Client(c.Context(), account.ID(client)); err != nil {
				return fmt.Errorf("client %s: %w", client, err)
			}
			keys, err := sys.Tables.Keys(c.Context(), account.ID(client))
			if err != nil {
				return err
			}
			for i := range keys {
				keys[i] = listedKey(keys[i])
			}
			return o.print(c, keys, func(w *tabwriter.Writer) {
				fmt.Fprintln(w, "KEY\tLOOKS LIKE\tACTIVE\tEXPIRES\tRATE\tADDRESSES")
				for _, k := range keys {
					until := "never"
					if k.ExpiresAt != nil {
						until = k.ExpiresAt.Format(time.RFC3339)
					}
					fmt.Fprintf(w, "%s\t%s…%s\t%v\t%s\t%d\t%v\n", k.ID, k.Prefix, k.Last4, k.Active, until, k.Rate, k.IPs)
				}
			})
		},
	}
	c.Flags().StringVar(&client, "client", "", "the client's id")
	return c
}

func (o *operator) keyRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke KEYID", Short: "Revoke a key at once", Args: exactly(1, "a key's id"), Example: "  parley admin key revoke key_… --local",
		RunE: func(c *cobra.Command, args []string) error {
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			k, err := sys.Tables.Key(c.Context(), account.KeyID(args[0]))
			if err != nil {
				return fmt.Errorf("key %s: %w", args[0], err)
			}
			k.Active = false
			if err := sys.Tables.PutKey(c.Context(), k); err != nil {
				return err
			}
			return o.print(c, listedKey(k), func(w *tabwriter.Writer) { fmt.Fprintf(w, "revoked\t%s\n", k.ID) })
		},
	}
}

func (o *operator) keyRotate() *cobra.Command {
	var overlap time.Duration
	c := &cobra.Command{
		Use: "rotate KEYID", Short: "Create a key like this one, which ends after the overlap", Args: exactly(1, "a key's id"),
		Example: "  parley admin key rotate key_… --overlap 24h --local",
		RunE: func(c *cobra.Command, args []string) error {
			if overlap < 0 || overlap > 90*24*time.Hour {
				return usage("--overlap %s: must be 0 to 2160h", overlap)
			}
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			old, err := sys.Tables.Key(c.Context(), account.KeyID(args[0]))
			switch {
			case err != nil:
				return fmt.Errorf("key %s: %w", args[0], err)
			case !old.Active:
				return fmt.Errorf("key %s is revoked: make its client another with parley admin key create", args[0])
			}
			k, err := operate.CreateKey(c.Context(), sys, old.Client, o.clock, func(k *account.Key) { k.IPs, k.Rate = old.IPs, old.Rate })
			if err != nil {
				return err
			}
			if end := o.clock.Now().Add(overlap); old.ExpiresAt == nil || end.Before(*old.ExpiresAt) {
				old.ExpiresAt = &end
			}
			if err := sys.Tables.PutKey(c.Context(), old); err != nil {
				return err
			}
			return o.shown(c, k)
		},
	}
	c.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old key still serves")
	return c
}

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
