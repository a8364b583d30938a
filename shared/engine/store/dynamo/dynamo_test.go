package dynamo

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

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

// Ensure that a run that cannot be decoded is due like any other, so that whoever sweeps gets its
// error and still handles the rest.
func TestADamagedRunKeepsNoOtherFromBeingDue(t *testing.T) {
	s, now := openThrough(t, plain), storetest.Start
	if _, err := s.Grant(t.Context(), storetest.ClientID(1), 100, "", now); err != nil {
		t.Fatal(err)
	}
	var ids []run.ID
	for n := range 3 {
		r, _, err := s.Submit(t.Context(), storetest.Submission(storetest.ClientID(1), n+1, 4, 9, now), now)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.ID)
	}
	broken, err := s.get(t.Context(), s.names.Runs, runKey(ids[1]))
	if err != nil {
		t.Fatal(err)
	}
	broken["version"] = str("1")
	if _, err := client(t).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(s.names.Runs), Item: broken}); err != nil {
		t.Fatal(err)
	}
	due, err := s.Due(t.Context(), now.Add(24*time.Hour), 10)
	if want := []run.ID{ids[0], ids[2], ids[1]}; err != nil || !slices.Equal(due, want) {
		t.Errorf("due %v, %v; want %v", due, err, want)
	}
	if _, err := s.Get(t.Context(), ids[1]); err == nil {
		t.Error("the damaged run is read")
	}
}
