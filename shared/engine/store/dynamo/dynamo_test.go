package dynamo

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/middleware"

	"parley/infra/prove/storetest"
	"parley/shared/engine/account"
	"parley/shared/engine/awsbody"
	"parley/shared/engine/run"
)

// client returns a client of the emulated AWS, or skips the test if there is none.
func client(t testing.TB) *dynamodb.Client {
	t.Helper()
	endpoint := storetest.Endpoint(t)
	return dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: aws.String(endpoint), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		APIOptions: []func(*middleware.Stack) error{awsbody.KeepAnswers}})
}

var made atomic.Int64

// openThrough returns a store on new tables whose requests go through wrap.
func openThrough(t testing.TB, wrap func(API) API) *Store {
	t.Helper()
	c := client(t)
	names, err := CreateTables(t.Context(), c, fmt.Sprintf("test-%d-%d-", os.Getpid(), made.Add(1)))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithoutCancel(t.Context())
	t.Cleanup(func() {
		if err := DeleteTables(ctx, c, names); err != nil {
			t.Log(err)
		}
	})
	return New(wrap(c), names)
}

func plain(api API) API { return api }

func open(t *testing.T) storetest.Store { return openThrough(t, plain) }

func TestSubmits(t *testing.T)     { storetest.Submits(t, open) }
func TestTransitions(t *testing.T) { storetest.Transitions(t, open) }
func TestReads(t *testing.T)       { storetest.Reads(t, open) }
func TestAccounts(t *testing.T) {
	storetest.Accounts(t, func(t *testing.T) account.Store { return openThrough(t, plain) })
}
func TestSignings(t *testing.T) {
	storetest.Signings(t, func(t *testing.T) account.Signings { return openThrough(t, plain) })
}
func TestLimits(t *testing.T) {
	storetest.Limits(t, func(t *testing.T) run.Limits { return openThrough(t, plain) })
}
