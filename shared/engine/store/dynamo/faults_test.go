package dynamo

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"parley/infra/prove/storetest"
	"parley/shared/clock"
	"parley/shared/engine/run"
)

// hostile is a DynamoDB that rejects one write in six for a temporary reason, and loses one request
// and one answer in six of the others.
type hostile struct {
	API
	mu   sync.Mutex
	rand *rand.Rand
}

func newHostile(seed uint64) func(API) API {
	return func(api API) API { return &hostile{API: api, rand: rand.New(rand.NewPCG(seed, 1))} }
}

var errLost = &smithy.OperationError{ServiceID: "DynamoDB", OperationName: "test", Err: errors.New("connection reset")}

// disturb may lose the request of a write, or its answer.
func disturb[T any](h *hostile, transaction bool, call func() (*T, error)) (*T, error) {
	h.mu.Lock()
	n := h.rand.IntN(12)
	h.mu.Unlock()
	switch {
	case n == 0 && transaction:
		return nil, &types.TransactionCanceledException{CancellationReasons: []types.CancellationReason{{Code: aws.String("None")}, {Code: aws.String("TransactionConflict")}}}
	case n == 0:
		return nil, &types.TransactionConflictException{}
	case n == 1:
		return nil, &types.ProvisionedThroughputExceededException{}
	case n <= 3:
		return nil, errLost
	}
	out, err := call()
	if err == nil && n <= 5 {
		return nil, errLost
	}
	return out, err
}

func (h *hostile) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	return disturb(h, false, func() (*dynamodb.PutItemOutput, error) { return h.API.PutItem(ctx, in, o...) })
}

func (h *hostile) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	return disturb(h, false, func() (*dynamodb.UpdateItemOutput, error) { return h.API.UpdateItem(ctx, in, o...) })
}

func (h *hostile) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	return disturb(h, true, func() (*dynamodb.TransactWriteItemsOutput, error) { return h.API.TransactWriteItems(ctx, in, o...) })
}

// deaf is a DynamoDB that loses the answer of the next write of a single item, and then does
// something else.
type deaf struct {
	API
	then func()
}

func (d *deaf) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	out, err := d.API.PutItem(ctx, in, o...)
	if then := d.then; then != nil && err == nil {
		d.then = nil
		then()
		return nil, errLost
	}
	return out, err
}

// Ensure that an advance whose answer was lost is recognised as done. If another write has followed
// it, it is refused as stale and not repeated; the next decision then finds the part done.
func TestAnAdvanceWhoseAnswerIsLost(t *testing.T) {
	for name, other := range map[string]bool{"and nothing else": false, "and another's write": true} {
		t.Run(name, func(t *testing.T) {
			ctx, now := t.Context(), storetest.Start
			var d *deaf
			s := openThrough(t, func(api API) API { d = &deaf{API: api}; return d })
			if _, err := s.Grant(ctx, storetest.ClientID(1), 10, "", now); err != nil {
				t.Fatal(err)
			}
			r, _, err := s.Submit(ctx, storetest.Submission(storetest.ClientID(1), 1, 4, 2, now), now)
			if err != nil {
				t.Fatal(err)
			}
			next := map[run.Part]time.Duration{{Stage: "transcribe"}: time.Minute}
			after, err := r.Done(1, run.Part{Stage: "ingest"}, next, now)
			if err != nil {
				t.Fatal(err)
			}
			want, version := error(nil), after.Version
			d.then = func() {}
			if other {
				want, version = run.ErrStale, after.Version+1
				d.then = func() {
					noted, err := after.NoteFailure(1, run.Part{Stage: "transcribe"}, run.Errored, time.Minute, now)
					if err == nil {
						err = s.Advance(ctx, after, noted)
					}
					if err != nil {
						t.Error(err)
					}
				}
			}
			if err := s.Advance(ctx, r, after); !errors.Is(err, want) {
				t.Errorf("error %v, want %v", err, want)
			}
			stored, err := s.Get(ctx, r.ID)
			if err != nil || stored.Version != version {
				t.Errorf("version %d, want %d, %v", stored.Version, version, err)
			}
			if _, err := stored.Done(1, run.Part{Stage: "ingest"}, next, now); !errors.Is(err, run.ErrGone) {
				t.Errorf("deciding again: %v", err)
			}
		})
	}
}

// forgetful is a DynamoDB that does not recognise a transaction's token, so that only another read
// can tell whether it was written.
type forgetful struct{ API }

func (f forgetful) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	without := *in
	without.ClientRequestToken = nil
	return f.API.TransactWriteItems(ctx, &without, o...)
}

// heavy is the environment variable that enables tests that take minutes.
const heavy = "PARLEY_HEAVY"

// Ensure that despite rejections, lost requests and lost answers every transition happens once and
// is reported once.
func TestConformsAmongFaults(t *testing.T) {
	for name, wrap := range map[string]func(API) API{
		"tokens known again": newHostile(1),
		"tokens not known":   func(api API) API { return newHostile(2)(forgetful{api}) },
	} {
		t.Run(name, func(t *testing.T) {
			if os.Getenv(heavy) == "" && name != "tokens known again" {
				t.Skip(heavy + " is not set")
			}
			open := func(t *testing.T) storetest.Store {
				s := openThrough(t, wrap)
				s.sleep = func(ctx context.Context, d time.Duration) error { return clock.Sleep(ctx, d/8) }
				return s
			}
			t.Run("Submits", func(t *testing.T) { storetest.Submits(t, open) })
			t.Run("Transitions", func(t *testing.T) { storetest.Transitions(t, open) })
		})
	}
}

// Ensure that concurrent workers leave correct books and lose no run, despite faults.
func TestStress(t *testing.T) {
	steps := 12
	if os.Getenv(heavy) != "" {
		steps = 150
	}
	storetest.Stress(t, func(t *testing.T) storetest.Store {
		s := openThrough(t, newHostile(3))
		s.sleep = func(ctx context.Context, d time.Duration) error { return clock.Sleep(ctx, d/8) }
		return s
	}, 6, steps)
}
