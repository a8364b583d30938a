package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// The bounds of a transition's retries. With full jitter (Brooker, "Exponential Backoff And
// Jitter", AWS Architecture Blog, 2015), 40 attempts are enough for some 30 simultaneous submits of
// one client.
const (
	maxAttempts = 40
	maxWait     = 10 * time.Second // the sum of all waits
	firstPause  = 20 * time.Millisecond
	lastPause   = 400 * time.Millisecond
)

// verdict is what the answer to a write means.
type verdict int

const (
	written   verdict = iota
	lost              // a condition failed: nothing was written
	conflict          // another transaction held an item: nothing was written
	throttled         // nothing was written
	unknown           // the answer was lost, or is a server error: it may have been written
	fatal             // nothing was written, and a retry would not help
)

// judge classifies the error of a write. An API error that is not listed here is fatal, unless it
// is the server's fault. An error that is not an API error is unknown.
func judge(err error) verdict {
	var cancelled *types.TransactionCanceledException
	var response *smithyhttp.ResponseError
	var api smithy.APIError
	switch {
	case err == nil:
		return written
	case errors.As(err, &cancelled):
		return judgeReasons(cancelled.CancellationReasons)
	case errors.As(err, &api):
		switch api.ErrorCode() {
		case "ConditionalCheckFailedException":
			return lost
		case "TransactionConflictException":
			return conflict
		case "TransactionInProgressException":
			return unknown // our own earlier attempt is still in progress
		case "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "LimitExceededException":
			return throttled
		}
		if errors.As(err, &response) && response.HTTPStatusCode() >= http.StatusInternalServerError || api.ErrorFault() == smithy.FaultServer {
			return unknown
		}
		return fatal
	}
	return unknown
}

func judgeReasons(reasons []types.CancellationReason) verdict {
	v := fatal
	for _, r := range reasons {
		switch reasonCode(r) {
		case "ConditionalCheckFailed":
			return lost
		case "TransactionConflict":
			v = conflict
		case "ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded":
			if v == fatal {
				v = throttled
			}
		}
	}
	return v
}

func reasonCode(r types.CancellationReason) string {
	if r.Code == nil {
		return ""
	}
	return *r.Code
}

// budget counts the attempts of a transition and adds up their waits.
type budget struct {
	s        *Store
	what     string
	attempts int
	waited   time.Duration
}

func (s *Store) budget(what string) *budget { return &budget{s: s, what: what} }

// wait pauses before the next attempt. It returns an error that wraps cause if no attempt is left
// or the context ends.
func (b *budget) wait(ctx context.Context, cause error) error {
	b.attempts++
	pause := time.Duration(b.s.jitter() * float64(min(lastPause, firstPause<<min(b.attempts-1, 10))))
	if b.attempts >= maxAttempts || b.waited+pause > maxWait {
		return fmt.Errorf("dynamo: %s: given up after %d attempts: %w", b.what, b.attempts, cause)
	}
	b.waited += pause
	b.s.retried()
	if err := b.s.sleep(ctx, pause); err != nil {
		return fmt.Errorf("dynamo: %s: %w", b.what, errors.Join(err, cause))
	}
	return nil
}

// setback is what is known of the previous attempt.
type setback struct {
	// its answer was lost at least once: it may have been written
	unsure  bool
	reasons []types.CancellationReason // one per item, if the transaction was cancelled
}

// failed reports whether the condition of item i failed, or may have failed.
func (s setback) failed(i int) bool {
	return s.unsure || i < len(s.reasons) && reasonCode(s.reasons[i]) == "ConditionalCheckFailed"
}

// errTorn means that something changed between two reads, so that no decision can be based on them.
var errTorn = errors.New("moved between two reads")

// transact decides and writes until the transaction is written or refused, or the budget is spent.
// decide reads the state and returns the items of the transaction, or none if it finds that an
// earlier attempt was written. An error of decide is returned without another attempt, unless it is
// errTorn or a passing error.
func (s *Store) transact(ctx context.Context, what string, decide func(context.Context, setback) ([]types.TransactWriteItem, error)) error {
	b := s.budget(what)
	var last setback
	for {
		items, err := decide(ctx, last)
		switch {
		case err == nil && len(items) == 0:
			return nil
		case err == nil:
			last, err = s.commit(ctx, b, items)
			if err == nil {
				return nil
			}
			if v := judge(err); v != lost && v != conflict {
				return err
			}
		case !errors.Is(err, errTorn) && !passing(err):
			return err
		}
		if err := b.wait(ctx, err); err != nil {
			return err
		}
	}
}

// passing reports whether the next attempt at a failed read may succeed.
func passing(err error) bool {
	if _, ok := errors.AsType[*smithy.OperationError](err); !ok {
		return false
	}
	v := judge(err)
	return v == throttled || v == unknown
}

// commit sends a transaction with the same token until the answer is known. DynamoDB recognises the
// token for 10 minutes, far longer than the budget, so that a transaction is not written twice if
// its answer was lost.
func (s *Store) commit(ctx context.Context, b *budget, items []types.TransactWriteItem) (setback, error) {
	var now setback
	token, err := s.token()
	if err != nil {
		return now, err
	}
	for {
		call, cancel := context.WithTimeout(ctx, writeTimeout)
		_, err := s.api.TransactWriteItems(call, &dynamodb.TransactWriteItemsInput{TransactItems: items, ClientRequestToken: &token}, once)
		cancel()
		switch judge(err) {
		case written:
			return now, nil
		case lost, conflict:
			if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
				now.reasons = cancelled.CancellationReasons
			}
			return now, err
		case fatal:
			return now, fmt.Errorf("dynamo: %s: %w", b.what, err)
		case unknown:
			now.unsure = true
		}
		if err := b.wait(ctx, err); err != nil {
			return now, err
		}
	}
}
