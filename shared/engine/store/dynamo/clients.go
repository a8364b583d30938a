package dynamo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"parley/shared/engine/account"
	"parley/shared/engine/store/dynamo/schema"
)

// The table of clients. Whatever can change is stored in one place, and the other items only point
// to it. So one write revokes a key.
//
//	pk client#<id>   sk client         the client
//	pk client#<id>   sk key#<key id>   the hash of one of its keys
//	pk clients       sk <id>           a line in the list of all clients
//	pk hash#<hash>   sk key            the key
//	pk key#<key id>  sk key            its hash

const (
	clientSort  = "client"
	keySort     = "key"
	keyPrefix   = "key#"
	allClients  = "clients"
	maxClients  = 10_000
	maxKeys     = 1_000
	clientsPage = 1_000
)

func accountKey(pk, sk string) item {
	return item{schema.ClientPartition: str(pk), schema.ClientSort: str(sk)}
}

func clientPartition(id account.ID) string   { return "client#" + string(id) }
func hashPartition(hash string) string       { return "hash#" + hash }
func keyPartition(id account.KeyID) string   { return "key#" + string(id) }
func keyPointerSort(id account.KeyID) string { return keyPrefix + string(id) }

func (s *Store) putPlain(i item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.names.Clients, Item: i}}
}

// PutClient implements account.Store. It writes the client and its line in the list in one
// transaction.
func (s *Store) PutClient(ctx context.Context, c account.Client) error {
	return s.transact(ctx, "put client", func(context.Context, setback) ([]types.TransactWriteItem, error) {
		return []types.TransactWriteItem{s.putPlain(encodeClient(c)), s.putPlain(accountKey(allClients, string(c.ID)))}, nil
	})
}

// ReplaceClient implements account.Store.
func (s *Store) ReplaceClient(ctx context.Context, c account.Client) error {
	seen := c.Version
	c.Version++
	return s.rewrite(ctx, "replace client", encodeClient(c), seen)
}

// rewrite replaces one item of the table of clients.
//
//	in   the version that was read; an item that was never replaced has none, but it has an id
//	out  written; condition failed: account.ErrMoved, because another write came first, or this
//	     one was written and its answer was lost
func (s *Store) rewrite(ctx context.Context, what string, i item, seen int64) error {
	in := &dynamodb.PutItemInput{TableName: &s.names.Clients, Item: i, ConditionExpression: aws.String(ifVersion),
		ExpressionAttributeNames: map[string]string{"#version": "version"}, ExpressionAttributeValues: item{":version": num(seen)}}
	if seen == 0 {
		in.ConditionExpression = aws.String("attribute_exists(#id) AND attribute_not_exists(#version)")
		in.ExpressionAttributeNames["#id"], in.ExpressionAttributeValues = "id", nil
	}
	return s.putIf(ctx, what, in)
}

// putIf writes an item if a condition holds. account.ErrMoved if it does not.
func (s *Store) putIf(ctx context.Context, what string, in *dynamodb.PutItemInput) error {
	b := s.budget(what)
	for {
		call, cancel := context.WithTimeout(ctx, writeTimeout)
		_, err := s.api.PutItem(call, in, once)
		cancel()
		switch judge(err) {
		case written:
			return nil
		case lost:
			return account.ErrMoved
		case fatal:
			return fmt.Errorf("dynamo: %s: %w", what, err)
		case conflict, throttled, unknown:
		}
		if err := b.wait(ctx, err); err != nil {
			return err
		}
	}
}

func encodeClient(c account.Client) item {
	i := accountKey(clientPartition(c.ID), clientSort)
	i["id"] = str(string(c.ID))
	i.text("name", c.Name)
	i.flag("active", c.Active)
	i.number("concurrentRuns", int64(c.ConcurrentRuns))
	i.list("grants", texts(c.Grants))
	i.list("permissions", texts(c.Permissions))
	if c.AudioRetentionDays != nil {
		i["audioRetentionDays"] = num(int64(*c.AudioRetentionDays))
	}
	i.time("created", c.CreatedAt)
	i.number("version", c.Version)
	return i
}

func decodeClient(it item) (account.Client, error) {
	r := reader{item: it}
	c := account.Client{ID: account.ID(r.text("id")), Name: r.text("name"), Active: r.flag("active"), ConcurrentRuns: int(r.number("concurrentRuns")),
		Grants: kinds[account.Grant](r.list("grants")), Permissions: kinds[account.Permission](r.list("permissions")), CreatedAt: r.time("created"),
		Version: r.number("version")}
	if _, set := it["audioRetentionDays"]; set {
		days := int(r.number("audioRetentionDays"))
		c.AudioRetentionDays = &days
	}
	return c, r.err
}

func texts[T ~string](values []T) []string {
	var all []string
	for _, v := range values {
		all = append(all, string(v))
	}
	return all
}

func kinds[T ~string](values []string) []T {
	var all []T
	for _, v := range values {
		all = append(all, T(v))
	}
	return all
}

// Client implements account.Store.
func (s *Store) Client(ctx context.Context, id account.ID) (account.Client, error) {
	it, err := s.get(ctx, s.names.Clients, accountKey(clientPartition(id), clientSort))
	if err != nil {
		return account.Client{}, fmt.Errorf("dynamo: read client: %w", err)
	}
	if it == nil {
		return account.Client{}, account.ErrUnknown
	}
	return decodeClient(it)
}

// pointers reads at most limit items of a partition whose sort keys start with prefix.
func (s *Store) pointers(ctx context.Context, pk, prefix string, limit int) ([]item, error) {
	in := &dynamodb.QueryInput{TableName: &s.names.Clients, ConsistentRead: aws.Bool(true), Limit: aws.Int32(clientsPage),
		KeyConditionExpression:    aws.String("#pk = :pk"),
		ExpressionAttributeNames:  map[string]string{"#pk": schema.ClientPartition},
		ExpressionAttributeValues: item{":pk": str(pk)}}
	if prefix != "" {
		in.KeyConditionExpression = aws.String("#pk = :pk AND begins_with(#sk, :prefix)")
		in.ExpressionAttributeNames["#sk"] = schema.ClientSort
		in.ExpressionAttributeValues[":prefix"] = str(prefix)
	}
	var all []item
	err := s.query(ctx, in, func(it item) (bool, error) {
		all = append(all, it)
		return len(all) < limit, nil
	})
	return all, err
}

// Clients implements account.Store.
func (s *Store) Clients(ctx context.Context) ([]account.Client, error) {
	lines, err := s.pointers(ctx, allClients, "", maxClients)
	if err != nil {
		return nil, err
	}
	var keys []item
	for _, it := range lines {
		r := reader{item: it}
		keys = append(keys, accountKey(clientPartition(account.ID(r.text(schema.ClientSort))), clientSort))
	}
	items, err := s.getMany(ctx, s.names.Clients, keys)
	if err != nil {
		return nil, err
	}
	all := make([]account.Client, len(items))
	for i, it := range items {
		if all[i], err = decodeClient(it); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b account.Client) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
	return all, nil
}

// PutKey implements account.Store. It writes the key and the two pointers to it in one transaction.
func (s *Store) PutKey(ctx context.Context, k account.Key) error {
	of, by := accountKey(clientPartition(k.Client), keyPointerSort(k.ID)), accountKey(keyPartition(k.ID), keySort)
	of["hash"], by["hash"] = str(k.Hash), str(k.Hash)
	return s.transact(ctx, "put key", func(context.Context, setback) ([]types.TransactWriteItem, error) {
		return []types.TransactWriteItem{s.putPlain(encodeKey(k)), s.putPlain(of), s.putPlain(by)}, nil
	})
}

// ReplaceKey implements account.Store.
func (s *Store) ReplaceKey(ctx context.Context, k account.Key) error {
	seen := k.Version
	k.Version++
	return s.rewrite(ctx, "replace key", encodeKey(k), seen)
}

func encodeKey(k account.Key) item {
	i := accountKey(hashPartition(k.Hash), keySort)
	i["id"], i["client"], i["hash"] = str(string(k.ID)), str(string(k.Client)), str(k.Hash)
	i.text("prefix", k.Prefix)
	i.text("last4", k.Last4)
	i.flag("active", k.Active)
	if k.ExpiresAt != nil {
		i.time("expires", *k.ExpiresAt)
	}
	i.list("ips", k.IPs)
	i.number("rate", int64(k.Rate))
	i.time("created", k.CreatedAt)
	i.number("version", k.Version)
	return i
}

func decodeKey(it item) (account.Key, error) {
	r := reader{item: it}
	k := account.Key{ID: account.KeyID(r.text("id")), Client: account.ID(r.text("client")), Hash: r.text("hash"), Prefix: r.text("prefix"), Last4: r.text("last4"),
		Active: r.flag("active"), IPs: r.list("ips"), Rate: int(r.number("rate")), CreatedAt: r.time("created"), Version: r.number("version")}
	if t := r.time("expires"); !t.IsZero() {
		k.ExpiresAt = &t
	}
	return k, r.err
}

func (s *Store) keyAt(ctx context.Context, hash string) (account.Key, error) {
	it, err := s.get(ctx, s.names.Clients, accountKey(hashPartition(hash), keySort))
	if err != nil {
		return account.Key{}, fmt.Errorf("dynamo: read key: %w", err)
	}
	if it == nil {
		return account.Key{}, account.ErrUnknown
	}
	return decodeKey(it)
}

// KeyByHash implements account.Store, with two consistent reads.
func (s *Store) KeyByHash(ctx context.Context, hash string) (account.Key, account.Client, error) {
	k, err := s.keyAt(ctx, hash)
	if err != nil {
		return account.Key{}, account.Client{}, err
	}
	c, err := s.Client(ctx, k.Client)
	if err != nil {
		return account.Key{}, account.Client{}, err
	}
	return k, c, nil
}

// Key implements account.Store.
func (s *Store) Key(ctx context.Context, id account.KeyID) (account.Key, error) {
	it, err := s.get(ctx, s.names.Clients, accountKey(keyPartition(id), keySort))
	if err != nil {
		return account.Key{}, fmt.Errorf("dynamo: read key: %w", err)
	}
	if it == nil {
		return account.Key{}, account.ErrUnknown
	}
	r := reader{item: it}
	return s.keyAt(ctx, r.text("hash"))
}

// Keys implements account.Store.
func (s *Store) Keys(ctx context.Context, client account.ID) ([]account.Key, error) {
	pointers, err := s.pointers(ctx, clientPartition(client), keyPrefix, maxKeys)
	if err != nil {
		return nil, err
	}
	var keys []item
	for _, it := range pointers {
		r := reader{item: it}
		keys = append(keys, accountKey(hashPartition(r.text("hash")), keySort))
	}
	items, err := s.getMany(ctx, s.names.Clients, keys)
	if err != nil {
		return nil, err
	}
	all := make([]account.Key, len(items))
	for i, it := range items {
		if all[i], err = decodeKey(it); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b account.Key) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
	return all, nil
}
