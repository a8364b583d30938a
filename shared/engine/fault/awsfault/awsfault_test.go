package awsfault

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"parley/shared/engine/fault"
)

const batch = `{"Records":[{"messageId":"1","eventSource":"aws:sqs","body":"{}"}]}`

func injector(t *testing.T, specs ...string) *fault.Injector {
	t.Helper()
	file := filepath.Join(t.TempDir(), "faults.json")
	parsed, err := fault.ParseAll(specs)
	if err != nil {
		t.Fatal(err)
	}
	if err := fault.Set(file, parsed); err != nil {
		t.Fatal(err)
	}
	t.Setenv(fault.EnvFile, file)
	return fault.FromEnv()
}

func TestHandlerDelivers(t *testing.T) {
	for _, tc := range []struct {
		name, spec, event string
		calls             int
	}{
		{"once without a fault", "ingest=error", batch, 1},
		{"twice with deliver=duplicate", "deliver=duplicate", batch, 2},
		{"once with deliver=delay", "deliver=delay:1ms", batch, 1},
		{"a request of the gateway only once, whatever is set", "deliver=duplicate", `{"httpMethod":"GET"}`, 1},
		{"a probe only once, whatever is set", "deliver=duplicate", `{"probe":true}`, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			calls := 0
			h := Handler(injector(t, tc.spec), func(context.Context, json.RawMessage) (any, error) { calls++; return calls, nil })
			answer, err := h(context.Background(), json.RawMessage(tc.event))
			if err != nil || calls != tc.calls || answer != tc.calls {
				t.Errorf("%d calls, answer %v, error %v; want %d calls and the last answer", calls, answer, err, tc.calls)
			}
		})
	}
}

func TestHandlerWithoutFaultFileIsTheHandler(t *testing.T) {
	called := false
	h := Handler(nil, func(context.Context, json.RawMessage) (any, error) { called = true; return nil, nil })
	if _, err := h(context.Background(), nil); err != nil || !called {
		t.Errorf("called %v, error %v", called, err)
	}
}

func TestDelayedDeliveryEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	h := Handler(injector(t, "deliver=delay:15s"), func(context.Context, json.RawMessage) (any, error) { return nil, nil })
	if _, err := h(ctx, json.RawMessage(batch)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}

// answering counts the requests that reach the network, and answers each with an empty object.
type answering struct{ requests int }

func (a *answering) Do(*http.Request) (*http.Response, error) {
	a.requests++
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
}

func client(i *fault.Injector, network *answering) *dynamodb.Client {
	cfg := aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""), HTTPClient: network,
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }}
	Configure(i, &cfg)
	return dynamodb.NewFromConfig(cfg)
}

func TestTableRefusesWritesAsDynamoDBWould(t *testing.T) {
	ctx := context.Background()
	put := func(c *dynamodb.Client) error {
		_, err := c.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("t"), Item: map[string]types.AttributeValue{}})
		return err
	}
	transact := func(c *dynamodb.Client) error {
		_, err := c.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{
			{Delete: &types.Delete{TableName: aws.String("t"), Key: map[string]types.AttributeValue{}}},
			{Delete: &types.Delete{TableName: aws.String("u"), Key: map[string]types.AttributeValue{}}},
		}})
		return err
	}
	get := func(c *dynamodb.Client) error {
		_, err := c.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("t"), Key: map[string]types.AttributeValue{}})
		return err
	}
	t.Run("a write meets a conflict", func(t *testing.T) {
		var want *types.TransactionConflictException
		network := &answering{}
		if err := put(client(injector(t, "table=conflict:1"), network)); !errors.As(err, &want) || network.requests != 0 {
			t.Errorf("error %v after %d requests", err, network.requests)
		}
	})
	t.Run("a transaction meets a conflict, with a reason for each item", func(t *testing.T) {
		var want *types.TransactionCanceledException
		err := transact(client(injector(t, "table=conflict:1"), &answering{}))
		if !errors.As(err, &want) || len(want.CancellationReasons) != 2 || *want.CancellationReasons[0].Code != "TransactionConflict" {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a transaction is throttled", func(t *testing.T) {
		var want *types.ProvisionedThroughputExceededException
		if err := transact(client(injector(t, "table=throttle:1"), &answering{})); !errors.As(err, &want) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a read is left alone", func(t *testing.T) {
		network := &answering{}
		if err := get(client(injector(t, "table=conflict:1"), network)); err != nil || network.requests != 1 {
			t.Errorf("error %v after %d requests", err, network.requests)
		}
	})
	t.Run("without a fault file every write goes through", func(t *testing.T) {
		network := &answering{}
		if err := put(client(nil, network)); err != nil || network.requests != 1 {
			t.Errorf("error %v after %d requests", err, network.requests)
		}
	})
}

// Ensure that faults do not affect a presigned POST, which is only signed and never sent.
func TestPresigningIsLeftAlone(t *testing.T) {
	network := &answering{}
	cfg := aws.Config{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""), HTTPClient: network}
	Configure(injector(t, "table=conflict:1"), &cfg)
	out, err := s3.NewPresignClient(s3.NewFromConfig(cfg)).PresignPostObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	if err != nil || out.Values["key"] != "k" || network.requests != 0 {
		t.Errorf("%+v, %v after %d requests", out, err, network.requests)
	}
}
