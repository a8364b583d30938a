package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parley/shared/client"
	reportpage "parley/shared/page"
)

// maxCompared is how many runs are compared at most, as on the page of the service.
const maxCompared = 50

// comparison is what `parley compare` was asked.
type comparison struct {
	remote
	tag, externalID, sort string
	csv, link             bool
	lasting               time.Duration
}

func compareCommand() *cobra.Command {
	var o comparison
	c := o.flags(&cobra.Command{
		Use: "compare", Short: "Compare the newest runs with one tag or one reference", Args: exactly(0, "no arguments, only flags"),
		Long: `Shows the newest 50 runs with one tag or one reference as a table: the scores with their intervals, and in which places each
run may be. Runs whose intervals overlap share their places: they are not told apart. --link makes the same a page, for people without a key.`,
		Example: "  parley compare --tag june\n  parley compare --tag june --sort fluency --csv > june.csv\n  parley compare --tag june --link",
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := o.open(aside(c))
			if err != nil {
				return err
			}
			if err := o.check(); err != nil {
				return err
			}
			if o.link {
				return o.refusal(c, o.makeLink(c, cl))
			}
			return o.refusal(c, o.show(c, cl))
		},
	})
	f := c.Flags()
	f.StringVar(&o.tag, "tag", "", "the tag that the runs have")
	f.StringVar(&o.externalID, "external-id", "", "your own reference that the runs share")
	f.StringVar(&o.sort, "sort", "overall", "sort by a score ("+strings.Join(columnNames(), ", ")+"), reference or submitted")
	f.BoolVar(&o.csv, "csv", false, "print the table as CSV, with every score and interval")
	f.BoolVar(&o.link, "link", false, "make a link to the table as a page; whoever has it can read the reports, too")
	f.DurationVar(&o.lasting, "lasting", 7*24*time.Hour, "how long the link works: 1h to 720h, in whole hours")
	return c
}

func columnNames() []string {
	var out []string
	for _, d := range reportpage.Columns() {
		out = append(out, string(d))
	}
	return out
}

func (o comparison) check() error {
	switch {
	case (o.tag == "") == (o.externalID == ""):
		return usage("name what the runs have in common: --tag or --external-id")
	case !slices.Contains(append(columnNames(), "reference", "submitted"), o.sort):
		return usage("--sort takes %s, reference or submitted, not %q", strings.Join(columnNames(), ", "), o.sort)
	case o.csv && (o.json || o.link):
		return usage("--csv, --json and --link are forms of one answer: choose one")
	}
	return nil
}

// makeLink makes a link to the page, and prints it.
func (o comparison) makeLink(c *cobra.Command, cl *client.Client) error {
	by, value := client.ByTag, o.tag
	if value == "" {
		by, value = client.ByExternalID, o.externalID
	}
	got, err := cl.Compare(c.Context(), by, value, o.lasting)
	if err != nil {
		return err
	}
	if o.json {
		return raw(c, got.Raw)
	}
	return say(c.OutOrStdout(), "%s\n  compares %d runs, until %s\n", got.URL, got.Runs, time.Time(got.ExpiresAt).Format("2006-01-02 15:04 UTC"))
}

func (o comparison) show(c *cobra.Command, cl *client.Client) error {
	list, err := cl.Runs(c.Context(), client.Filter{Tag: o.tag, ExternalID: o.externalID, Limit: maxCompared})
	if err != nil {
		return err
	}
	if o.json {
		return raw(c, list.Raw)
	}
	entries := make([][]byte, len(list.Data))
	for i, r := range list.Data {
		entries[i] = r.Raw
	}
	if o.csv {
		table, err := reportpage.CSV(entries, o.sort)
		if err != nil {
			return err
		}
		_, err = c.OutOrStdout().Write(table)
		return err
	}
	if len(entries) == 0 {
		return say(c.OutOrStdout(), "no runs; parley runs lists all, with their references\n")
	}
	return o.table(c, entries)
}

func (o comparison) table(c *cobra.Command, entries [][]byte) error {
	rows, by, err := reportpage.Rows(entries, o.sort)
	if err != nil {
		return err
	}
	w := newTable(c.OutOrStdout())
	w.printf("PLACE\tREFERENCE\tSUBMITTED")
	for _, name := range columnNames() {
		w.printf("\t%s", strings.ToUpper(name))
	}
	w.printf("\tNOTE\n")
	for _, r := range rows {
		w.printf("%s\t%s\t%s", r.Place, r.Reference, r.Submitted)
		for _, cell := range r.Cells {
			mark := "-"
			if cell.Measured {
				low, _, _ := strings.Cut(cell.Between, ",")
				mark = fmt.Sprintf("%s %s (%s)", cell.Points, cell.CEFR, low)
			}
			w.printf("\t%s", mark)
		}
		w.printf("\t%s\n", strings.Join(r.Flags, " "))
	}
	if err := w.end(); err != nil {
		return err
	}
	return say(c.OutOrStdout(), "Sorted by %s. Runs whose intervals overlap share their places: they are not told apart.\n", by)
}
