package dynamo

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"parley/infra/prove/storetest"
	"parley/shared/engine/account"
	"parley/shared/engine/credit"
)

func cancelled(codes ...string) error {
	e := &types.TransactionCanceledException{}
	for _, c := range codes {
		e.CancellationReasons = append(e.CancellationReasons, types.CancellationReason{Code: aws.String(c)})
	}
	return e
}

func status(n int, err error) error {
	return &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: n}}, Err: err}
}

func TestJudge(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		want verdict
	}{
		{"no error", nil, written},
		{"a condition of a transaction", cancelled("None", "ConditionalCheckFailed"), lost},
		{"a condition and a conflict", cancelled("TransactionConflict", "ConditionalCheckFailed"), lost},
		{"a conflict in a transaction", cancelled("None", "TransactionConflict", "None"), conflict},
		{"a conflict and throttling", cancelled("ThrottlingError", "TransactionConflict"), conflict},
		{"throttling of a transaction", cancelled("None", "ThrottlingError"), throttled},
		{"provisioned throughput of a transaction", cancelled("ProvisionedThroughputExceeded"), throttled},
		{"a transaction that makes no sense", cancelled("ValidationError", "None"), fatal},
		{"a condition of a write", &types.ConditionalCheckFailedException{}, lost},
		{"a conflict of a write", &types.TransactionConflictException{}, conflict},
		{"our own transaction still at work", &types.TransactionInProgressException{}, unknown},
		{"a token with another content", &types.IdempotentParameterMismatchException{}, fatal},
		{"throttling", &types.ThrottlingException{}, throttled},
		{"provisioned throughput", &types.ProvisionedThroughputExceededException{}, throttled},
		{"request limit", &types.RequestLimitExceeded{}, throttled},
		{"an error of the server", &types.InternalServerError{}, unknown},
		{"any error with status 500", status(500, &smithy.GenericAPIError{Code: "Odd"}), unknown},
		{"any error with status 400", status(400, &smithy.GenericAPIError{Code: "ValidationException"}), fatal},
		{"no table", &types.ResourceNotFoundException{}, fatal},
		{"no permission", &smithy.GenericAPIError{Code: "AccessDeniedException"}, fatal},
		{"a lost connection", errLost, unknown},
		{"the end of its time", context.DeadlineExceeded, unknown},
	} {
		if got := judge(tc.err); got != tc.want {
			t.Errorf("%s: verdict %d, want %d", tc.name, got, tc.want)
		}
	}
}

// stubborn answers every transaction with the same error.
type stubborn struct {
	API
	err    error
	tokens map[string]int
}

func (s *stubborn) GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	return &dynamodb.GetItemOutput{}, nil
}

func (s *stubborn) TransactWriteItems(_ context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	s.tokens[*in.ClientRequestToken]++
	return nil, s.err
}

// Ensure that retries are bounded in number and in time, and that after a lost answer the same
// token is used again.
func TestRetriesAreBounded(t *testing.T) {
	for _, tc := range []struct {
		name             string
		err              error
		jitter           float64
		attempts, tokens int
	}{
		{"conflicts, with the shortest waits", cancelled("TransactionConflict"), 0, maxAttempts, maxAttempts},
		{"conflicts, with the longest waits", cancelled("TransactionConflict"), 1, 29, 29},
		{"throttling", cancelled("ThrottlingError"), 0, maxAttempts, 1},
		{"lost answers", errLost, 0, maxAttempts, 1},
		{"no permission", &smithy.GenericAPIError{Code: "AccessDeniedException"}, 0, 1, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			api := &stubborn{err: tc.err, tokens: map[string]int{}}
			var waited time.Duration
			retries := 0
			s := New(api, NamesWith(""), WithJitter(func() float64 { return tc.jitter }), WithRetried(func() { retries++ }),
				WithSleep(func(_ context.Context, d time.Duration) error { waited += d; return nil }))
			_, err := s.Grant(t.Context(), "cli", 1, "", storetest.Start)
			attempts := 0
			for _, n := range api.tokens {
				attempts += n
			}
			if !errors.Is(err, tc.err) || attempts != tc.attempts || len(api.tokens) != tc.tokens || waited > maxWait || retries != attempts-1 {
				t.Errorf("%v; %d attempts, %d tokens, waited %s, %d retries", err, attempts, len(api.tokens), waited, retries)
			}
		})
	}
	t.Run("the end of the context", func(t *testing.T) {
		api := &stubborn{err: errLost, tokens: map[string]int{}}
		ctx, cancel := context.WithCancel(t.Context())
		s := New(api, NamesWith(""), WithSleep(func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }))
		if _, err := s.Grant(ctx, "cli", 1, "", storetest.Start); !errors.Is(err, context.Canceled) || len(api.tokens) != 1 {
			t.Errorf("%v; %d tokens", err, len(api.tokens))
		}
	})
}

// Ensure that an account that breaks its invariant is never written.
func TestInvariantIsCheckedBeforeEveryWrite(t *testing.T) {
	s := New(nil, NamesWith(""))
	fine := credit.Account{Client: account.ID("cli"), Balance: 5, Held: 2, Available: 3, Running: 1}
	if _, err := s.move(books{}, fine, nil, "", storetest.Start); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*credit.Account){
		"balance":        func(a *credit.Account) { a.Balance++ },
		"held":           func(a *credit.Account) { a.Held-- },
		"below zero":     func(a *credit.Account) { a.Available, a.Balance = -1, 1 },
		"negative slots": func(a *credit.Account) { a.Running = -1 },
		"negative queue": func(a *credit.Account) { a.Queued = -1 },
	} {
		a := fine
		spoil(&a)
		if _, err := s.move(books{}, a, nil, "", storetest.Start); err == nil {
			t.Errorf("%s: was written", name)
		}
	}
}
