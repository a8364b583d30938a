package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"parley/infra/local/operate"
	"parley/shared/engine/deployment"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/queue"
	"parley/shared/engine/run"
	"parley/shared/speech"
)

// maxRedriven is the maximum number of dead letters that one redrive moves back.
const maxRedriven = 10_000

func (o *operator) queues() *cobra.Command {
	c := &cobra.Command{
		Use: "queues", Short: "Show the depth, oldest message and dead letters of each queue", Args: exactly(0, "a subcommand, or nothing"),
		Long: `Shows for each queue how many messages are waiting, in flight (delivered, but neither done nor returned) and delayed, the age of
the oldest message, and the number of its messages in the dead-letter queue. The counts are SQS's approximate ones.

All queues share one dead-letter queue. Its own row, dead, has as dead letters those that no other row counts: those that the
function deadletter is handling, and those beyond the first 1,000.

The age is that of the oldest message of the stage that a run still waits for. It is the time since an outstanding part was last
sent, and is read from the runs. SQS reports an age only as a metric that is minutes old, and receiving a message to look at it
would count as a delivery. So a lost message counts until the sweep sends it again, and a message that no run waits for does not
count. With --json the age is null if no run waits for the stage.`,
		Example: "  parley admin queues --local\n  parley admin queues --stack parley --json",
		RunE: func(c *cobra.Command, _ []string) error {
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			views, err := o.queueViews(c.Context(), sys)
			if err != nil {
				return err
			}
			return o.print(c, views, func(w table) {
				w.printf("QUEUE\tWAITING\tIN FLIGHT\tDELAYED\tOLDEST\tDEAD\n")
				for _, v := range views {
					oldest := ""
					if v.Oldest != nil {
						oldest = rough(time.Duration(*v.Oldest) * time.Second)
					}
					w.printf("%s\t%d\t%d\t%d\t%s\t%d\n", v.Name, v.Waiting, v.InFlight, v.Delayed, dash(oldest), v.Dead)
				}
			})
		},
	}
	c.AddCommand(o.redrive())
	return c
}

// queueView is a queue as operators see it.
type queueView struct {
	Name string `json:"name"`
	queue.Depth
	Dead   int    `json:"dead"`          // its messages in the dead-letter queue
	Oldest *int64 `json:"oldestSeconds"` // null: no run waits for this stage
}

func (o *operator) queueViews(ctx context.Context, sys *deployment.System) ([]queueView, error) {
	var oldest map[run.Stage]time.Duration
	var views []queueView
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		oldest, err = operate.Ages(gctx, sys.Tables, o.clock.Now())
		return err
	})
	g.Go(func() (err error) {
		views, err = depths(gctx, sys)
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, v := range views {
		if age, ok := oldest[run.Stage(v.Name)]; ok {
			seconds := int64(age / time.Second)
			views[i].Oldest = &seconds
		}
	}
	return views, nil
}

// depths returns the queues that the system has, without the age of their messages, and after them
// the dead-letter queue.
func depths(ctx context.Context, sys *deployment.System) ([]queueView, error) {
	names := slices.DeleteFunc(queueNames(), func(name run.Stage) bool { return sys.Config.Queues[name] == "" })
	views := make([]queueView, len(names))
	var letters queue.DeadLetters
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for i, name := range names {
		g.Go(func() error {
			d, err := sys.Queues.Depth(ctx, name)
			views[i] = queueView{Name: string(name), Depth: d}
			return err
		})
	}
	g.Go(func() (err error) {
		letters, err = sys.Queues.Dead(ctx)
		return err
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.Concat(views, []queueView{assign(letters, views)}), nil
}

// assign counts the dead letters of each queue in its view, and returns the view of the dead-letter
// queue with the rest.
func assign(letters queue.DeadLetters, views []queueView) queueView {
	rest := letters.All()
	for i := range views {
		views[i].Dead = letters.ByStage[run.Stage(views[i].Name)]
		rest -= views[i].Dead
	}
	return queueView{Name: pipeline.DeadLetters, Depth: letters.Depth, Dead: max(rest, 0)}
}

func (o *operator) redrive() *cobra.Command {
	return &cobra.Command{
		Use: "redrive NAME", Short: "Move a queue's dead letters back into it", Args: exactly(1, "one argument, a queue's name"),
		Long: fmt.Sprintf(`Moves up to %d dead letters of a queue back into it, and prints how many it moved. There are rarely any: the function
deadletter receives each one within seconds and ends its run with the code of the stage. Those that remain are messages that
deadletter failed to handle. A message whose run has ended in the meantime has no effect; use "parley admin runs retry" for such a run.`, maxRedriven),
		Example: "  parley admin queues redrive accent --local",
		RunE: func(c *cobra.Command, args []string) error {
			stage := run.Stage(args[0])
			if !slices.Contains(queueNames(), stage) {
				return usage("unknown queue %q: use one of %v", args[0], queueNames())
			}
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			moved, err := sys.Queues.Redrive(c.Context(), stage, maxRedriven)
			if err != nil {
				return fmt.Errorf("%d dead letters were moved before an error; run it again to move the rest: %w", moved, err)
			}
			return o.print(c, map[string]any{"name": stage, "moved": moved}, func(w table) {
				w.printf("moved\t%d\n", moved)
			})
		},
	}
}

// queueNames lists the possible queues: one per stage, and that of the webhooks.
func queueNames() []run.Stage {
	var names []run.Stage
	for _, s := range speech.Service.Stages {
		names = append(names, s.Name)
	}
	return append(names, pipeline.Webhook)
}
