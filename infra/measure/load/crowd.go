package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/infra/measure/live"
	"parley/shared/client"
	"parley/shared/clock"
	"parley/shared/engine/run"
)

// slots is how many runs of a client are processed at once.
const slots = 2

// pause is the time between two looks at the runs.
const pause = 5 * time.Second

// mine is one run of a client of the crowd.
type mine struct {
	client int
	id     run.ID
	began  time.Time // when it was processed first; zero: not yet
}

// crowd submits real runs of several clients, waits until all have ended, and judges them.
func crowd(ctx context.Context, out io.Writer, sys *live.System, m *memories, o options) error {
	if o.runs == 0 {
		return nil
	}
	path, err := live.Recording(ctx, m.dir, "short", live.Short)
	if err != nil {
		return err
	}
	runs, clients, err := submitted(ctx, sys, path, o)
	if err != nil {
		return err
	}
	began := time.Now()
	most, err := watch(ctx, sys, m.dir, runs)
	if err != nil {
		return err
	}
	took := time.Since(began)
	m.rows = append(m.rows, row{"the most in the runs", most})
	if err := m.note("after the runs"); err != nil {
		return err
	}
	failed := 0
	for _, m := range runs {
		r, err := clients[m.client].Poll(ctx, m.id)
		if err != nil {
			return err
		}
		if r.Status != run.Success {
			failed++
			fmt.Fprintf(out, "%s ended %s: %v\n", m.id, r.Status, r.Failure)
		}
	}
	order, unfair := fairness(runs, o.clients)
	_, err = fmt.Fprintf(out, "%d real runs of %d clients, each with %d at once: %s, %d failed\nclients in the order in which their runs began: %s\n",
		len(runs), o.clients, slots, took.Round(time.Second), failed, order)
	if failed > 0 {
		err = errors.Join(err, fmt.Errorf("%d runs failed", failed))
	}
	return errors.Join(err, unfair)
}

// submitted submits the runs of all clients at once, those of each client in order.
func submitted(ctx context.Context, sys *live.System, path string, o options) ([]*mine, []*client.Client, error) {
	clients := make([]*client.Client, o.clients)
	by := make([][]*mine, o.clients)
	g, gctx := errgroup.WithContext(ctx)
	for i := range clients {
		c, _, _, err := sys.Client(ctx, fmt.Sprintf("crowd %d", i), 1_000_000, slots)
		if err != nil {
			return nil, nil, err
		}
		clients[i] = c
		g.Go(func() error {
			for n := range o.runs / o.clients {
				a, err := c.Submit(gctx, path, client.Options{IdempotencyKey: fmt.Sprintf("crowd-%d", n)})
				if err != nil {
					return err
				}
				by[i] = append(by[i], &mine{client: i, id: a.ID})
			}
			return nil
		})
	}
	err := g.Wait()
	return slices.Concat(by...), clients, err
}

// watch looks at the runs until all have ended, notes when each began, and returns the system's
// memory when it was the most.
func watch(ctx context.Context, sys *live.System, dir string, runs []*mine) (most memory, err error) {
	for {
		open := 0
		for _, m := range runs {
			r, err := sys.Admin.Tables.Get(ctx, m.id)
			if err != nil {
				return most, err
			}
			if !r.Status.Terminal() {
				open++
			}
			if m.began.IsZero() && !r.StartedAt.IsZero() {
				m.began = r.StartedAt
			}
		}
		now, err := measure(dir)
		if err != nil {
			return most, err
		}
		if now.total() > most.total() {
			most = now
		}
		if open == 0 {
			return most, nil
		}
		if err := clock.Sleep(ctx, pause); err != nil {
			return most, err
		}
	}
}

// fairness says in which order the clients' runs began. It is fair if each client's runs began in
// the order of their submits, and no client began twice as many more than another as it may process
// at once, as long as that other one still had some waiting.
func fairness(runs []*mine, clients int) (order string, unfair error) {
	left := make([]int, clients)
	var last = map[int]int{}
	sorted := slices.Clone(runs)
	for _, m := range runs {
		left[m.client]++
	}
	slices.SortStableFunc(sorted, func(a, b *mine) int { return a.began.Compare(b.began) })
	begun := make([]int, clients)
	var names []string
	for _, m := range sorted {
		names = append(names, strconv.Itoa(m.client))
		if at := slices.Index(runs, m); at < last[m.client] {
			unfair = errors.Join(unfair, fmt.Errorf("client %d: run %s began before an earlier one", m.client, m.id))
		} else {
			last[m.client] = at
		}
		begun[m.client]++
		left[m.client]--
		for other := range clients {
			if left[other] > 0 && begun[m.client]-begun[other] > 2*slots {
				unfair = errors.Join(unfair, fmt.Errorf("client %d had begun %d runs when client %d had begun %d", m.client, begun[m.client], other, begun[other]))
			}
		}
	}
	return strings.Join(names, " "), unfair
}
