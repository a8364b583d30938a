package dynamo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"parley/shared/engine/account"
	"parley/shared/engine/run"
	"parley/shared/engine/store/dynamo/schema"
)

// The table of limits: what is counted or remembered for a limited time.
//
//	rate#<scope>#<start>           calls in the window that began at start (Unix seconds)
//	poll#<run>                     last poll of a run, at (Unix ms)
//	idempotency#<client>#<sha256>  run and input of an idempotency key, expires (Unix ms)
//	upload#<client>#<upload>       run and content of a used upload, expires (Unix ms)
//	ready                          the last readiness
//	cursor#<walk>                  at: the position of a walk of package cleanup
//
// ttl (Unix seconds) is when DynamoDB may delete an item. It may do so days later, so no decision
// depends on an item being gone.

func limitKey(scope string) item { return item{schema.LimitScope: str(scope)} }

func idempotencyScope(client account.ID, key string) string {
	sum := sha256.Sum256([]byte(key))
	return "idempotency#" + string(client) + "#" + hex.EncodeToString(sum[:])
}

// putIdempotency ties an idempotency key to the run.
//
//	in   the key, the input's hash, now
//	out  written; condition failed: the key was used and has not expired
func (s *Store) putIdempotency(r run.Run, i run.Idempotency, now time.Time) types.TransactWriteItem {
	it := limitKey(idempotencyScope(r.Client, i.Key))
	it["run"], it["input"], it["expires"] = str(string(r.ID)), str(i.Input), num(i.Expires.UnixMilli())
	it[schema.LimitTTL] = num(i.Expires.Add(run.LimitSpare).Unix())
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.names.Limits, Item: it,
		ConditionExpression:       aws.String("attribute_not_exists(#scope) OR #expires <= :now"),
		ExpressionAttributeNames:  map[string]string{"#scope": schema.LimitScope, "#expires": "expires"},
		ExpressionAttributeValues: item{":now": num(now.UnixMilli())}}}
}

// Replay implements run.Store.
func (s *Store) Replay(ctx context.Context, client account.ID, i run.Idempotency, now time.Time) (run.Run, error) {
	it, err := s.get(ctx, s.names.Limits, limitKey(idempotencyScope(client, i.Key)))
	if err != nil {
		return run.Run{}, fmt.Errorf("dynamo: read idempotency: %w", err)
	}
	r := reader{item: it}
	switch {
	case it == nil || !now.Before(r.time("expires")):
		return run.Run{}, errors.Join(r.err, run.ErrUnknown)
	case r.text("input") != i.Input:
		return run.Run{}, run.ErrReused
	}
	return s.Get(ctx, run.ID(r.text("run")))
}

func useScope(client account.ID, upload string) string {
	return "upload#" + string(client) + "#" + upload
}

// putUse records the use of an upload.
//
//	in   the upload's id, the run, the run that it may replace, now
//	out  written; condition failed: another run has used the upload
func (s *Store) putUse(client account.ID, u run.Use, instead run.ID, now time.Time) *types.Put {
	it := limitKey(useScope(client, u.Upload))
	it["run"], it["content"], it["expires"] = str(string(u.Run)), str(u.Content), num(u.Expires.UnixMilli())
	it[schema.LimitTTL] = num(u.Expires.Add(run.LimitSpare).Unix())
	if instead == "" {
		instead = u.Run // which is new, so no record has it
	}
	return &types.Put{TableName: &s.names.Limits, Item: it,
		ConditionExpression:       aws.String("attribute_not_exists(#scope) OR #expires <= :now OR #run = :instead"),
		ExpressionAttributeNames:  map[string]string{"#scope": schema.LimitScope, "#expires": "expires", "#run": "run"},
		ExpressionAttributeValues: item{":now": num(now.UnixMilli()), ":instead": str(string(instead))}}
}

// Used implements run.Store.
func (s *Store) Used(ctx context.Context, client account.ID, upload string, now time.Time) (run.Use, error) {
	it, err := s.get(ctx, s.names.Limits, limitKey(useScope(client, upload)))
	if err != nil {
		return run.Use{}, fmt.Errorf("dynamo: read use of upload: %w", err)
	}
	r := reader{item: it}
	if it == nil || !now.Before(r.time("expires")) {
		return run.Use{}, errors.Join(r.err, run.ErrUnknown)
	}
	return run.Use{Upload: upload, Content: r.text("content"), Run: run.ID(r.text("run")), Expires: r.time("expires")}, r.err
}

// Use implements run.Store. It replaces a record of the same run, so a lost answer does no harm.
func (s *Store) Use(ctx context.Context, client account.ID, u run.Use, now time.Time) error {
	put := s.putUse(client, u, u.Run, now)
	in := &dynamodb.PutItemInput{TableName: put.TableName, Item: put.Item, ConditionExpression: put.ConditionExpression,
		ExpressionAttributeNames: put.ExpressionAttributeNames, ExpressionAttributeValues: put.ExpressionAttributeValues}
	err := s.putIf(ctx, "use of upload", in)
	if errors.Is(err, account.ErrMoved) {
		return run.ErrUsed
	}
	return err
}

// write sends a conditional update until its answer is known. unsure is true if an earlier answer
// was lost.
func (s *Store) write(ctx context.Context, what string, in *dynamodb.UpdateItemInput) (out *dynamodb.UpdateItemOutput, unsure bool, err error) {
	b := s.budget(what)
	for {
		call, cancel := context.WithTimeout(ctx, writeTimeout)
		out, err := s.api.UpdateItem(call, in, once)
		cancel()
		switch judge(err) {
		case written:
			return out, unsure, nil
		case lost:
			return nil, unsure, err
		case fatal:
			return nil, unsure, fmt.Errorf("dynamo: %s: %w", what, err)
		case unknown:
			unsure = true
		}
		if err := b.wait(ctx, err); err != nil {
			return nil, unsure, err
		}
	}
}

// Allow implements run.Limits. Windows start at multiples of their length. If an answer is lost, a
// call may be counted twice.
//
//	in   the window's key
//	out  the count, including this call
func (s *Store) Allow(ctx context.Context, scope string, limit int, length time.Duration, now time.Time) (bool, int, time.Time, error) {
	if limit < 0 || length < time.Second {
		return false, 0, time.Time{}, fmt.Errorf("dynamo: allow: %d in %s", limit, length)
	}
	key, end := rateKey(scope, length, now)
	out, _, err := s.write(ctx, "allow", &dynamodb.UpdateItemInput{TableName: &s.names.Limits,
		Key:                       key,
		UpdateExpression:          aws.String("ADD #calls :one SET #ttl = :ttl"),
		ExpressionAttributeNames:  map[string]string{"#calls": "calls", "#ttl": schema.LimitTTL},
		ExpressionAttributeValues: item{":one": num(1), ":ttl": num(end.Add(run.LimitSpare).Unix())},
		ReturnValues:              types.ReturnValueUpdatedNew})
	if err != nil {
		return false, 0, end, err
	}
	r := reader{item: out.Attributes}
	n := int(r.number("calls"))
	return n <= limit, max(limit-n, 0), end, r.err
}

func rateKey(scope string, length time.Duration, now time.Time) (key item, end time.Time) {
	start := now.Truncate(length)
	return limitKey("rate#" + scope + "#" + strconv.FormatInt(start.Unix(), 10)), start.Add(length)
}

// Window implements run.Limits.
func (s *Store) Window(ctx context.Context, scope string, limit int, length time.Duration, now time.Time) (bool, int, time.Time, error) {
	if limit < 0 || length < time.Second {
		return false, 0, time.Time{}, fmt.Errorf("dynamo: window: %d in %s", limit, length)
	}
	key, end := rateKey(scope, length, now)
	it, err := s.get(ctx, s.names.Limits, key)
	if err != nil {
		return false, 0, end, fmt.Errorf("dynamo: read window: %w", err)
	}
	r := reader{item: it}
	n := 0
	if it != nil {
		n = int(r.number("calls"))
	}
	return n < limit, max(limit-n, 0), end, r.err
}

// Poll implements run.Limits.
//
//	in   now, and the latest time of the last poll that allows this one
//	out  written; condition failed: there was a later poll
func (s *Store) Poll(ctx context.Context, id run.ID, every time.Duration, now time.Time) (time.Duration, error) {
	_, unsure, err := s.write(ctx, "poll", &dynamodb.UpdateItemInput{TableName: &s.names.Limits, Key: limitKey("poll#" + string(id)),
		UpdateExpression:         aws.String("SET #at = :now, #ttl = :ttl"),
		ConditionExpression:      aws.String("attribute_not_exists(#at) OR #at <= :last"),
		ExpressionAttributeNames: map[string]string{"#at": "at", "#ttl": schema.LimitTTL},
		ExpressionAttributeValues: item{":now": num(now.UnixMilli()), ":last": num(now.Add(-every).UnixMilli()),
			":ttl": num(now.Add(every + run.LimitSpare).Unix())}})
	if judge(err) != lost {
		return 0, err
	}
	it, err := s.get(ctx, s.names.Limits, limitKey("poll#"+string(id)))
	if err != nil {
		return 0, fmt.Errorf("dynamo: read poll: %w", err)
	}
	r := reader{item: it}
	last := r.time("at")
	if unsure && last.Equal(now.Truncate(time.Millisecond)) {
		return 0, r.err
	}
	return max(last.Add(every).Sub(now), time.Millisecond), r.err
}

const readyScope = "ready"

// Ready implements run.Limits.
func (s *Store) Ready(ctx context.Context) (run.Readiness, error) {
	it, err := s.get(ctx, s.names.Limits, limitKey(readyScope))
	if err != nil {
		return run.Readiness{}, fmt.Errorf("dynamo: read readiness: %w", err)
	}
	r := reader{item: it}
	return run.Readiness{At: r.time("at"), Parts: r.table("parts")}, r.err
}

// SetReady implements run.Limits.
//
//	in   the readiness with its time
//	out  written; condition failed: a later one is stored, and stays
func (s *Store) SetReady(ctx context.Context, ready run.Readiness) error {
	parts := map[string]types.AttributeValue{}
	for name, why := range ready.Parts {
		parts[name] = str(why)
	}
	_, _, err := s.write(ctx, "set ready", &dynamodb.UpdateItemInput{TableName: &s.names.Limits, Key: limitKey(readyScope),
		UpdateExpression:          aws.String("SET #at = :at, #parts = :parts"),
		ConditionExpression:       aws.String("attribute_not_exists(#at) OR #at <= :at"),
		ExpressionAttributeNames:  map[string]string{"#at": "at", "#parts": "parts"},
		ExpressionAttributeValues: item{":at": num(ready.At.UnixMilli()), ":parts": &types.AttributeValueMemberM{Value: parts}}})
	if judge(err) == lost {
		return nil
	}
	return err
}

func cursorKey(walk string) item { return limitKey("cursor#" + walk) }

// Cursor implements run.Limits.
func (s *Store) Cursor(ctx context.Context, walk string) (string, error) {
	it, err := s.get(ctx, s.names.Limits, cursorKey(walk))
	if err != nil {
		return "", fmt.Errorf("dynamo: read cursor: %w", err)
	}
	r := reader{item: it}
	return r.text("at"), r.err
}

// SetCursor implements run.Limits.
func (s *Store) SetCursor(ctx context.Context, walk, at string) error {
	it := cursorKey(walk)
	it.text("at", at)
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if _, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.names.Limits, Item: it}); err != nil {
		return fmt.Errorf("dynamo: set cursor: %w", err)
	}
	return nil
}

// Expire implements run.Limits. The position to continue from is a scope. That works because a scan
// follows the order of the keys' hashes, which does not change when keys are deleted.
func (s *Store) Expire(ctx context.Context, now time.Time, after string, limit int) (deleted int, next string, err error) {
	if limit < 1 || limit > 1000 {
		return 0, "", fmt.Errorf("dynamo: expire: limit %d", limit)
	}
	in := &dynamodb.ScanInput{TableName: &s.names.Limits, Limit: aws.Int32(int32(limit)), ConsistentRead: aws.Bool(true),
		FilterExpression:          aws.String(ifExpired),
		ProjectionExpression:      aws.String("#scope"),
		ExpressionAttributeNames:  map[string]string{"#scope": schema.LimitScope, "#ttl": schema.LimitTTL},
		ExpressionAttributeValues: item{":now": num(now.Unix())}}
	if after != "" {
		in.ExclusiveStartKey = limitKey(after)
	}
	call, cancel := context.WithTimeout(ctx, readTimeout)
	out, err := s.api.Scan(call, in)
	cancel()
	if err != nil {
		return 0, "", fmt.Errorf("dynamo: expire: %w", err)
	}
	for _, it := range out.Items {
		done, err := s.expire(ctx, it, now)
		if err != nil {
			return deleted, after, err
		}
		if done {
			deleted++
		}
	}
	r := reader{item: out.LastEvaluatedKey}
	return deleted, r.text(schema.LimitScope), r.err
}

// ifExpired is the condition that an item has expired.
//
//	in   now, in Unix seconds
//	out  holds; fails: the item never expires, or is still or again in use
const ifExpired = "#ttl <= :now"

// expire deletes an item that a scan found, unless it was used again since. The SDK's own retries
// do no harm, because a deleted item has no ttl.
func (s *Store) expire(ctx context.Context, found item, now time.Time) (done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	_, err = s.api.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &s.names.Limits, Key: item{schema.LimitScope: found[schema.LimitScope]},
		ConditionExpression:       aws.String(ifExpired),
		ExpressionAttributeNames:  map[string]string{"#ttl": schema.LimitTTL},
		ExpressionAttributeValues: item{":now": num(now.Unix())}})
	switch judge(err) {
	case written:
		return true, nil
	case lost:
		return false, nil
	}
	return false, fmt.Errorf("dynamo: expire: %w", err)
}
