package memory

import (
	"reflect"
	"testing"

	"parley/infra/prove/storetest"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

func open(*testing.T) storetest.Store { return New() }

func TestSubmits(t *testing.T)     { storetest.Submits(t, open) }
func TestTransitions(t *testing.T) { storetest.Transitions(t, open) }
func TestReads(t *testing.T)       { storetest.Reads(t, open) }
func TestAccounts(t *testing.T) {
	storetest.Accounts(t, func(*testing.T) account.Store { return New() })
}
func TestSignings(t *testing.T) {
	storetest.Signings(t, func(*testing.T) account.Signings { return New() })
}
func TestLimits(t *testing.T) { storetest.Limits(t, func(*testing.T) run.Limits { return New() }) }
func TestObjects(t *testing.T) {
	storetest.Objects(t, func(*testing.T) pipeline.Objects { return &Objects{Clock: clock.At(storetest.Start)} })
}

func TestQueue(t *testing.T) {
	storetest.Sender(t, func(t *testing.T) (pipeline.Sender, func(run.Stage) []pipeline.Message) {
		q := new(Queue)
		return q, func(s run.Stage) (all []pipeline.Message) {
			for {
				d, ok := q.Receive(s)
				if !ok {
					return all
				}
				if !q.Ack(d.Receipt) || q.Ack(d.Receipt) {
					t.Error("a delivery is acknowledged once")
				}
				all = append(all, d.Message)
			}
		}
	})
}

// Ensure that a returned delivery is received again after the others, with its count increased.
func TestQueueReturn(t *testing.T) {
	q := new(Queue)
	for i := range 2 {
		m := pipeline.Message{Run: "r", Attempt: 1, Part: run.Part{Stage: "ingest", Index: i}.String()}
		if err := q.Send(t.Context(), []pipeline.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
	one, _ := q.Receive("ingest")
	if !q.Return(one.Receipt) || q.Return(one.Receipt) || q.Ack(one.Receipt) {
		t.Error("a delivery is returned once")
	}
	two, _ := q.Receive("ingest")
	again, ok := q.Receive("ingest")
	if !ok || two.Message.Part != "ingest/1" || again.Message != one.Message || again.Receives != 2 {
		t.Errorf("%+v, then %+v", two, again)
	}
	if waiting, flying := q.Depth("ingest"); waiting != 0 || flying != 2 {
		t.Errorf("%d wait, %d in flight", waiting, flying)
	}
}

// Ensure that the comparison itself is repeatable: two models never differ, even with concurrent
// calls.
func TestCompare(t *testing.T) {
	for seed := range uint64(15) {
		storetest.Compare(t, storetest.Sequence{Seed: seed, Steps: 400}, New(), New())
	}
}

// Ensure that changes to a store do not affect its copy, nor the reverse.
func TestClone(t *testing.T) {
	one, _ := storetest.Compare(t, storetest.Sequence{Seed: 1, Steps: 100}, New(), New())
	two := one.Clone()
	before := storetest.State(t, one, storetest.ClientID(3))
	storetest.Compare(t, storetest.Sequence{Seed: 1, Steps: 3}, two.Clone(), two)
	if after := storetest.State(t, one, storetest.ClientID(3)); !reflect.DeepEqual(before, after) || reflect.DeepEqual(after, storetest.State(t, two, storetest.ClientID(3))) {
		t.Error("a store and its copy hang together")
	}
}

func TestStress(t *testing.T) { storetest.Stress(t, open, 8, 500) }
