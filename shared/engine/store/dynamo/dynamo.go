// Package dynamo stores runs, ledger, accounts and limits in DynamoDB. It implements run.Store,
// account.Store, account.Signings, run.Limits and audit.Source.
//
// Every movement of credits, slots and places in a queue is one transaction, which writes the
// client's account on the condition that its revision is the one that was read. So all such writes
// of a client are serialised: the second one reads again and decides again. A run is written on the
// condition of its version. Decisions are based on the tables alone; the indexes only find items,
// which are then read again.
//
// Each table has one file with its keys, items and condition expressions: run_keys.go, credits.go,
// clients.go, limits.go. Package schema has the keys and indexes as data.
package dynamo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"parley/shared/clock"
)

// API lists the methods of *dynamodb.Client that the store calls.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Names holds the names of the deployed tables.
type Names struct{ Runs, Credits, Clients, Limits string }

// Store is a store on the four tables. Safe for concurrent use.
type Store struct {
	api    API
	names  Names
	random io.Reader
	jitter func() float64
	sleep  func(context.Context, time.Duration) error
	// retried is called before a write is made again.
	retried func()
}

// Option is an option of New.
type Option func(*Store)

// WithRetried makes the store call retried before it makes a write again.
func WithRetried(retried func()) Option { return func(s *Store) { s.retried = retried } }

// WithRandom replaces crypto/rand as the source of request tokens.
func WithRandom(r io.Reader) Option { return func(s *Store) { s.random = r } }

// WithJitter replaces the source of randomness of the waits, numbers in [0, 1).
func WithJitter(f func() float64) Option { return func(s *Store) { s.jitter = f } }

// WithSleep replaces the wait between two attempts. f must return an error early when the context
// ends.
func WithSleep(f func(context.Context, time.Duration) error) Option {
	return func(s *Store) { s.sleep = f }
}

// New returns a store on the tables with these names.
func New(api API, names Names, options ...Option) *Store {
	s := &Store{api: api, names: names, random: rand.Reader, jitter: mathrand.Float64, sleep: clock.Sleep, retried: func() {}}
	for _, o := range options {
		o(s)
	}
	return s
}

// token returns a request token that no other request has: 32 characters, of 36 that DynamoDB
// allows.
func (s *Store) token() (string, error) {
	b := make([]byte, 16)
	if _, err := io.ReadFull(s.random, b); err != nil {
		return "", fmt.Errorf("dynamo: draw a token: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// The bounds of one request.
const (
	readTimeout  = 10 * time.Second // including the SDK's own retries
	writeTimeout = 4 * time.Second
)

// once keeps the SDK from retrying a write by itself. After a lost answer, its second attempt would
// fail the condition that the first one met, and we could not tell that from another's write.
func once(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// get reads one item consistently; nil if there is none.
func (s *Store) get(ctx context.Context, table string, key item) (item, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	out, err := s.api.GetItem(ctx, &dynamodb.GetItemInput{TableName: &table, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// batch is how many items BatchGetItem reads at most.
const batch = 100

// maxBatchRounds bounds how often the rest of a batch (over 16 MB, or throttled) is requested
// again.
const maxBatchRounds = 50

// getMany reads many items of a table consistently, in no particular order. Missing items are left
// out.
func (s *Store) getMany(ctx context.Context, table string, keys []item) ([]item, error) {
	var found []item
	b := s.budget("read many")
	for len(keys) > 0 {
		n := min(len(keys), batch)
		ask := map[string]types.KeysAndAttributes{table: {Keys: raw(keys[:n]), ConsistentRead: aws.Bool(true)}}
		keys = keys[n:]
		for round := 0; len(ask) > 0; round++ {
			if round > 0 {
				if err := b.wait(ctx, fmt.Errorf("%d rounds", round)); err != nil || round > maxBatchRounds {
					return nil, fmt.Errorf("dynamo: read many: left over: %w", err)
				}
			}
			call, cancel := context.WithTimeout(ctx, readTimeout)
			out, err := s.api.BatchGetItem(call, &dynamodb.BatchGetItemInput{RequestItems: ask})
			cancel()
			if err != nil {
				return nil, fmt.Errorf("dynamo: read many: %w", err)
			}
			for _, it := range out.Responses[table] {
				found = append(found, it)
			}
			ask = out.UnprocessedKeys
		}
	}
	return found, nil
}

// raw converts keys to the SDK's type.
func raw(keys []item) []map[string]types.AttributeValue {
	all := make([]map[string]types.AttributeValue, len(keys))
	for i, k := range keys {
		all[i] = k
	}
	return all
}

// query visits the items of a query, page by page, until visit returns false or an error.
func (s *Store) query(ctx context.Context, in *dynamodb.QueryInput, visit func(item) (more bool, err error)) error {
	for {
		call, cancel := context.WithTimeout(ctx, readTimeout)
		out, err := s.api.Query(call, in)
		cancel()
		if err != nil {
			return fmt.Errorf("dynamo: query: %w", err)
		}
		for _, it := range out.Items {
			if more, err := visit(it); err != nil || !more {
				return err
			}
		}
		if len(out.LastEvaluatedKey) == 0 {
			return nil
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}
