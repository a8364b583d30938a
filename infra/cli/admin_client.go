package main

import (
	"slices"
	"time"

	"github.com/spf13/cobra"

	"parley/infra/local/operate"
	"parley/shared/engine/account"
)

func (o *operator) clients() *cobra.Command {
	return o.group("client", "Create, list, show and change clients", o.clientCreate(), o.clientList(), o.clientShow(), o.clientSet())
}

// newClient holds the flags of client create.
type newClient struct {
	name                string
	credits             int64
	slots               int
	retention           *int // nil: the default
	grants, permissions []string
}

func (o *operator) clientCreate() *cobra.Command {
	var n newClient
	var retention int
	c := &cobra.Command{
		Use: "create", Short: "Create a client", Args: exactly(0, "no arguments, only flags"),
		Example: `  parley admin client create --name "Acme" --credits 100 --local`,
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed(retentionFlag) {
				n.retention = &retention
			}
			client, err := o.client(n)
			if err != nil {
				return err
			}
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			if err := operate.CreateClient(c.Context(), sys, client, n.credits, o.clock); err != nil {
				return err
			}
			return o.print(c, map[string]any{"clientId": client.ID}, func(w table) {
				w.printf("client\t%s\n", client.ID)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&n.name, "name", "", "the client's name")
	f.Int64Var(&n.credits, "credits", 0, "the initial credits")
	f.IntVar(&n.slots, "concurrent-runs", account.DefaultConcurrentRuns, "the maximum number of runs in process at once, 1 to 1000")
	f.IntVar(&retention, retentionFlag, account.DefaultAudioRetentionDays, retentionHelp)
	f.StringSliceVar(&n.grants, "grant", nil, "a grant: multilingual")
	f.StringSliceVar(&n.permissions, "permission", nil, "a permission: speech (the default), or none")
	return c
}

// client checks the flags and makes the client that they describe. It stores nothing.
func (o *operator) client(n newClient) (account.Client, error) {
	switch {
	case n.name == "":
		return account.Client{}, usage("--name is missing: give the client's name")
	case len(n.name) > maxName:
		return account.Client{}, usage("--name has %d bytes; at most %d are allowed", len(n.name), maxName)
	case n.credits < 0 || n.credits > maxCredits:
		return account.Client{}, usage("--credits %d: must be 0 to %d", n.credits, int64(maxCredits))
	}
	if err := slotBounds(n.slots); err != nil {
		return account.Client{}, err
	}
	if n.retention != nil {
		if err := retentionBounds(*n.retention); err != nil {
			return account.Client{}, err
		}
	}
	c, err := operate.NewClient(n.name, o.clock)
	if err != nil {
		return account.Client{}, err
	}
	c.ConcurrentRuns, c.AudioRetentionDays = n.slots, n.retention
	for _, g := range n.grants {
		if err := knownGrant(g); err != nil {
			return account.Client{}, err
		}
		c.Grants = append(c.Grants, account.Grant(g))
	}
	if len(n.permissions) > 0 {
		if c.Permissions, err = permissionsOf(n.permissions); err != nil {
			return account.Client{}, err
		}
	}
	return c, nil
}

// Bounds of an operator's input. maxCredits bounds one movement, so that no sum can overflow.
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

const (
	retentionFlag = "audio-retention-days"
	retentionHelp = "days to keep a recording after its run ends, 0 to 365"
)

func retentionBounds(days int) error {
	if days < 0 || days > account.MaxAudioRetentionDays {
		return usage("--%s %d: must be 0 to %d", retentionFlag, days, account.MaxAudioRetentionDays)
	}
	return nil
}

func knownGrant(g string) error {
	if account.Grant(g) != account.GrantMultilingual {
		return usage("unknown grant %q: use %s", g, account.GrantMultilingual)
	}
	return nil
}

// noPermission is what an operator says for a client without permissions.
const noPermission = "none"

// permissionsOf returns the permissions with these names.
func permissionsOf(names []string) ([]account.Permission, error) {
	if slices.Equal(names, []string{noPermission}) {
		return nil, nil
	}
	var all []account.Permission
	for _, p := range names {
		switch {
		case p == noPermission:
			return nil, usage("--permission %s excludes every other: give it alone", noPermission)
		case account.Permission(p) != account.PermissionSpeech:
			return nil, usage("unknown permission %q: use %s or %s", p, account.PermissionSpeech, noPermission)
		case !slices.Contains(all, account.Permission(p)):
			all = append(all, account.Permission(p))
		}
	}
	return all, nil
}

func (o *operator) clientList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the clients", Args: exactly(0, "no arguments, only flags"), Example: "  parley admin client list --local",
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
			return o.print(c, clients, func(w table) {
				w.printf("CLIENT\tNAME\tACTIVE\tRUNS AT ONCE\tAUDIO KEPT\tGRANTS\n")
				for _, cl := range clients {
					w.printf("%s\t%s\t%v\t%d\t%d d\t%v\n", cl.ID, cl.Name, cl.Active, cl.ConcurrentRuns, retentionDays(cl), cl.Grants)
				}
			})
		},
	}
}

func (o *operator) clientShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a client", Args: exactly(1, "one argument, a client's id"), Example: "  parley admin client show cli_… --local",
		RunE: func(c *cobra.Command, args []string) error {
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			client, err := sys.Tables.Client(c.Context(), account.ID(args[0]))
			if err != nil {
				return noClient(args[0], err)
			}
			return o.showClient(c, client)
		},
	}
}

// listed returns the client as it is shown: empty lists are JSON arrays, not null, and the
// retention is the one in effect.
func listed(c account.Client) account.Client {
	days := retentionDays(c)
	c.AudioRetentionDays = &days
	c.Grants = append([]account.Grant{}, c.Grants...)
	c.Permissions = append([]account.Permission{}, c.Permissions...)
	return c
}

func retentionDays(c account.Client) int { return int(c.AudioRetention() / (24 * time.Hour)) }

func (o *operator) showClient(c *cobra.Command, client account.Client) error {
	client = listed(client)
	return o.print(c, client, func(w table) {
		w.printf("client\t%s\nname\t%s\nactive\t%v\nruns at once\t%d\naudio kept\t%d days\ngrants\t%v\npermissions\t%v\ncreated\t%s\n",
			client.ID, client.Name, client.Active, client.ConcurrentRuns, retentionDays(client), client.Grants, client.Permissions, client.CreatedAt.Format(time.RFC3339))
	})
}

func (o *operator) clientSet() *cobra.Command {
	var active bool
	var slots, retention int
	var grants, revoked []string
	c := &cobra.Command{
		Use: "set ID", Short: "Change a client's settings", Args: exactly(1, "one argument, a client's id"),
		Example: "  parley admin client set cli_… --active=false --local",
		RunE: func(c *cobra.Command, args []string) error {
			if err := slotBounds(slots); c.Flags().Changed("concurrent-runs") && err != nil {
				return err
			}
			if err := retentionBounds(retention); err != nil {
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
			client, err := account.ChangeClient(c.Context(), sys.Tables, account.ID(args[0]), func(client *account.Client) error {
				if c.Flags().Changed("active") {
					client.Active = active
				}
				if c.Flags().Changed("concurrent-runs") {
					client.ConcurrentRuns = slots
				}
				if c.Flags().Changed(retentionFlag) {
					client.AudioRetentionDays = &retention
				}
				for _, g := range grants {
					if !client.Granted(account.Grant(g)) {
						client.Grants = append(client.Grants, account.Grant(g))
					}
				}
				client.Grants = slices.DeleteFunc(client.Grants, func(g account.Grant) bool { return slices.Contains(revoked, string(g)) })
				return nil
			})
			if err != nil {
				return noClient(args[0], err)
			}
			return o.showClient(c, client)
		},
	}
	f := c.Flags()
	f.BoolVar(&active, "active", true, "whether the client's keys are accepted")
	f.IntVar(&slots, "concurrent-runs", account.DefaultConcurrentRuns, "the maximum number of runs in process at once, 1 to 1000")
	f.IntVar(&retention, retentionFlag, account.DefaultAudioRetentionDays, retentionHelp)
	f.StringSliceVar(&grants, "grant", nil, "a grant to add")
	f.StringSliceVar(&revoked, "revoke-grant", nil, "a grant to remove")
	return c
}
