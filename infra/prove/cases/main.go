// Command cases submits the recordings of ../shared/cases to a local system, runs its client
// scripts, and compares the outcomes with what is expected. The recordings are based on public bug
// reports of similar programs. Rows that are not due yet are reported but do not fail.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"parley/infra/local"
	"parley/infra/local/operate"
	"parley/shared/client"
)

// options are the command line's options.
type options struct {
	cases, data, out, only string
	parallel               int
	url, key               string
}

func main() {
	var o options
	flag.StringVar(&o.cases, "cases", "../shared/cases", "folder of the cases")
	flag.StringVar(&o.data, "data", "../shared/data", "folder of the interviews that the cases are made from")
	flag.StringVar(&o.out, "out", "", "folder for the recordings of the cases, made if missing (default: in the user's cache)")
	flag.StringVar(&o.only, "only", "", "ids of the rows to try, separated by commas (default: all)")
	flag.IntVar(&o.parallel, "parallel", 2, "number of rows to try at once, 1 to 8")
	flag.StringVar(&o.url, "url", "", "address of a running system (default: start one)")
	flag.StringVar(&o.key, "key", os.Getenv("PARLEY_API_KEY"), "API key for that system (default: PARLEY_API_KEY)")
	flag.Parse()
	if o.parallel < 1 || o.parallel > 8 || o.url != "" && o.key == "" {
		fmt.Fprintln(os.Stderr, "cases: -parallel must be 1 to 8, and -url needs -key; see -help")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch err := tryAll(ctx, o); {
	case errors.Is(err, errAbsent):
		fmt.Println("cases: skipped:", err)
	case err != nil:
		fmt.Fprintln(os.Stderr, "cases:", err)
		os.Exit(1)
	}
}

// errUnmet means that some rows did not go as expected.
var errUnmet = errors.New("some rows differ from what is expected")

func tryAll(ctx context.Context, o options) error {
	rows, err := readRows(filepath.Join(o.cases, "cases.tsv"))
	if err != nil {
		return err
	}
	if o.only != "" {
		only := strings.Split(o.only, ",")
		rows = slices.DeleteFunc(rows, func(r row) bool { return !slices.Contains(only, r.id) })
	}
	if o.out, err = recordings(ctx, o, rows); err != nil {
		return err
	}
	if o.url != "" {
		return try(ctx, o, rows)
	}
	return withSystem(ctx, o, rows)
}

// errDone stops a system when the work on it is done.
var errDone = errors.New("done")

// credits are enough for any number of rounds.
const credits = 100_000

// withSystem runs the rows on its own local system.
func withSystem(ctx context.Context, o options, rows []row) error {
	dir, err := os.MkdirTemp("", "parley-cases-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	var unmet error
	err = local.Run(ctx, local.Config{
		Addr: "127.0.0.1:0", Data: filepath.Join(dir, "data"), Progress: func(s string) { fmt.Fprintln(os.Stderr, s) },
		FirstStart: func(ctx context.Context, s local.System) (err error) {
			o.key, err = operate.Newcomer(ctx, s, "cases", credits)
			return err
		},
		Ready: func(ctx context.Context, s local.System) error {
			o.url = s.URL
			unmet = try(ctx, o, rows)
			return errDone
		},
	})
	if !errors.Is(err, errDone) {
		return errors.Join(errors.New("the system stopped before its work was done"), err)
	}
	return unmet
}

// try runs the plain recordings, then the rows that are compared with them, and prints the table.
func try(ctx context.Context, o options, rows []row) error {
	c, err := client.New(o.url, o.key)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	plains := map[string]outcome{}
	var names []string
	for _, r := range rows {
		if p := expected[r.id].plain; p != "" && !slices.Contains(names, p) {
			names = append(names, p)
		}
	}
	err = each(o.parallel, names, func(name string) error {
		out, err := submit(ctx, c, filepath.Join(o.out, "audio", name+".flac"), true)
		if err == nil && (out.run == nil || out.run.Status != "success") {
			err = fmt.Errorf("%s, which other rows are compared with: %s", name, out)
		}
		mu.Lock()
		defer mu.Unlock()
		plains[name] = out
		fmt.Fprintln(os.Stderr, name, out)
		return err
	})
	if err != nil {
		return err
	}
	verdicts := map[string]verdict{}
	err = each(o.parallel, rows, func(r row) error {
		began := time.Now()
		v, err := r.try(ctx, o, c, plains)
		if err != nil {
			return err // the row counts as not tried
		}
		v.took = time.Since(began)
		mu.Lock()
		defer mu.Unlock()
		verdicts[r.id] = v
		fmt.Fprintln(os.Stderr, r.id, v.outcome, strings.Join(v.faults, "; "))
		return nil
	})
	return errors.Join(err, table(rows, verdicts))
}

// each calls do for all, several at a time, and returns the errors.
func each[T any](parallel int, all []T, do func(T) error) error {
	errs := make([]error, len(all))
	turns := make(chan struct{}, parallel)
	var wait sync.WaitGroup
	for i, x := range all {
		turns <- struct{}{}
		wait.Go(func() {
			defer func() { <-turns }()
			errs[i] = do(x)
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// verdict is the result of a row.
type verdict struct {
	outcome string
	faults  []string // how it differs from the expectation
	took    time.Duration
}

// table prints the results. It returns errUnmet if a row that is due did not go as expected.
func table(rows []row, verdicts map[string]verdict) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "case\tarea\tanswer\ts\tas expected")
	due, met := 0, 0
	for _, r := range rows {
		v, tried := verdicts[r.id]
		says := "yes"
		switch {
		case !tried:
			says = "not tried"
		case len(v.faults) > 0:
			says = "NO: " + strings.Join(v.faults, "; ")
		}
		if expected[r.id].later {
			says = "(not due yet) " + says
		} else if due++; tried && len(v.faults) == 0 {
			met++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.0f\t%s\n", r.id, r.area, v.outcome, v.took.Seconds(), says)
	}
	fmt.Fprintf(w, "%d of %d rows that are due meet expectations\n", met, due)
	if err := w.Flush(); err != nil {
		return err
	}
	if met < due {
		return errUnmet
	}
	return nil
}
