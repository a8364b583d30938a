package dynamo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"parley/infra/prove/service"
	"parley/infra/prove/storetest"
	"parley/shared/engine/audit"
	"parley/shared/engine/store/memory"
)

// paced is a DynamoDB whose requests wait for their turn.
type paced struct {
	API
	turns *storetest.Turns
}

func (p paced) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	p.turns.Take(ctx)
	return p.API.GetItem(ctx, in, o...)
}

func (p paced) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	p.turns.Take(ctx)
	return p.API.Query(ctx, in, o...)
}

func (p paced) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	p.turns.Take(ctx)
	return p.API.PutItem(ctx, in, o...)
}

func (p paced) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	p.turns.Take(ctx)
	return p.API.TransactWriteItems(ctx, in, o...)
}

// compared is the environment variable that says how many short sequences TestCompare runs, or
// which: 100000, or 70000-70010.
const compared = "PARLEY_COMPARE"

// fixedSeeds is how many sequences run if it is not set: a few seconds' worth.
const fixedSeeds = 40

// comparing reads the range of seeds; the upper end is exclusive.
func comparing(t *testing.T) (from, to uint64) {
	t.Helper()
	text := os.Getenv(compared)
	if text == "" {
		return 0, fixedSeeds
	}
	first, last, isRange := strings.Cut(text, "-")
	from, err1 := strconv.ParseUint(first, 10, 32)
	to = from
	var err2 error
	if isRange {
		to, err2 = strconv.ParseUint(last, 10, 32)
	} else {
		from = 0
	}
	if err := errors.Join(err1, err2); err != nil || from >= to {
		t.Fatalf("%s=%s: want a number, or two of them, FROM-TO: %v", compared, text, err)
	}
	return from, to
}

// The sequences of a batch share tables; batches run in parallel.
const (
	perBatch = 32
	batches  = 4
)

// Ensure that the product behaves like the model in a long sequence, over many pages of the ledger.
func TestCompareLong(t *testing.T) {
	steps := 120
	if os.Getenv(heavy) != "" {
		steps = 900
	}
	q, s := sequence(1, openThrough(t, plain))
	q.Steps = steps
	storetest.Compare(t, q, memory.New(), s)
}

// Ensure that the product behaves like the model in many short sequences with concurrent calls.
func TestCompare(t *testing.T) {
	from, to := comparing(t)
	var mu sync.Mutex
	tally, next := storetest.Tally{}, from
	t.Run("short", func(t *testing.T) {
		for worker := range batches {
			t.Run(fmt.Sprint("worker ", worker+1), func(t *testing.T) {
				t.Parallel()
				for {
					mu.Lock()
					first := next
					next = min(next+perBatch, to)
					last := next
					mu.Unlock()
					if first == last {
						return
					}
					did := compareBatch(t, first, last)
					mu.Lock()
					tally.Add(did)
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d sequences:\n%v", to-from, tally)
	if to-from >= fixedSeeds && len(tally) > 0 && !t.Failed() { // empty if every worker was skipped
		for _, what := range []string{"2 at once, where the order shows", "3 at once, where the order shows", "submit with key: done",
			"promote: done", "retry: done", "erase: done", "end partial: done", "end success: done", "end failed: done", "advance: done", "advance: run: moved since it was read"} {
			if tally[what] == 0 {
				t.Errorf("never: %s", what)
			}
		}
	}
}

// compareBatch runs the sequences on tables of their own, and audits the tables at the end.
func compareBatch(t *testing.T, first, last uint64) storetest.Tally {
	tally := storetest.Tally{}
	tables := openThrough(t, plain)
	model := memory.New()
	for seed := first; seed < last; seed++ {
		q, s := sequence(seed, tables)
		var did storetest.Tally
		model, did = storetest.Compare(t, q, model, s)
		tally.Add(did)
	}
	for _, s := range []audit.Source{model, tables} {
		report, err := audit.All(t.Context(), s, service.Sample.Dimensions, "")
		if err != nil || len(report.Violations) > 0 {
			t.Errorf("seeds from %d: %v, %v", first, report.Violations, err)
		}
	}
	return tally
}

// sequence makes a short sequence and its store. One in four has faults, one in eight is not paced.
func sequence(seed uint64, tables *Store) (storetest.Sequence, *Store) {
	q := storetest.Sequence{Seed: seed, Steps: 8 + int(seed%5), Lossy: seed%4 == 1}
	if seed%16 == 0 {
		q.Steps = 20
	}
	api := tables.api
	if q.Lossy {
		api = newHostile(seed)(api)
	}
	if seed%8 != 7 {
		q.Turns = new(storetest.Turns)
		api = paced{api, q.Turns}
	}
	s := New(api, tables.names)
	s.sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return q, s
}
