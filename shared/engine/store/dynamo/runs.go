package dynamo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"parley/shared/engine/account"
	"parley/shared/engine/run"
	"parley/shared/engine/store/dynamo/schema"
)

// Get implements run.Store.
func (s *Store) Get(ctx context.Context, id run.ID) (run.Run, error) {
	it, err := s.get(ctx, s.names.Runs, runKey(id))
	if err != nil {
		return run.Run{}, fmt.Errorf("dynamo: get run: %w", err)
	}
	if it == nil {
		return run.Run{}, run.ErrUnknown
	}
	return decodeRun(it)
}

// Advance implements run.Store. If the answer was lost and another write followed, it may return
// ErrStale even though it did write. The caller then decides again and gets ErrGone, and the sweep
// sends what was not sent.
func (s *Store) Advance(ctx context.Context, before, after run.Run) error {
	if err := after.Follows(before); err != nil {
		return fmt.Errorf("dynamo: advance: %w", err)
	}
	now, err := s.replace(ctx, "advance", before, after)
	if err == nil && now.Version != after.Version {
		err = run.ErrStale
	}
	return err
}

// replace writes after if before is still stored. It returns the run that is then stored: after, or
// another with another version.
func (s *Store) replace(ctx context.Context, what string, before, after run.Run) (run.Run, error) {
	b := s.budget(what)
	unsure := false
	in := &dynamodb.PutItemInput{TableName: &s.names.Runs, Item: encodeRun(after),
		ConditionExpression: aws.String(ifVersion), ExpressionAttributeNames: versionName, ExpressionAttributeValues: versionValue(before)}
	for {
		call, cancel := context.WithTimeout(ctx, writeTimeout)
		_, err := s.api.PutItem(call, in, once)
		cancel()
		switch judge(err) {
		case written:
			return after, nil
		case lost:
			now, err := s.Get(ctx, after.ID)
			if ours := unsure && identical(now, after); err == nil && now.Version == after.Version && !ours {
				now.Version = -1 // another's write, which happens to have the same version
			}
			return now, err
		case fatal:
			return run.Run{}, fmt.Errorf("dynamo: %s: %w", what, err)
		case unknown:
			unsure = true
		}
		if err := b.wait(ctx, err); err != nil {
			return run.Run{}, err
		}
	}
}

// identical reports whether two runs are stored as the same item.
func identical(a, b run.Run) bool { return reflect.DeepEqual(encodeRun(a), encodeRun(b)) }

// Erase implements run.Store. A run that is already erased stays as it is.
func (s *Store) Erase(ctx context.Context, seen run.Run, now time.Time) (run.Run, error) {
	if !seen.Status.Terminal() {
		return run.Run{}, run.ErrGone
	}
	before, err := s.Get(ctx, seen.ID)
	switch {
	case err != nil:
		return run.Run{}, err
	case !before.Status.Terminal():
		return run.Run{}, run.ErrGone
	case !before.ErasedAt.IsZero():
		return before, nil
	case before.Version != seen.Version:
		return run.Run{}, run.ErrStale
	}
	after, err := before.Erase(now)
	if err != nil {
		return run.Run{}, err
	}
	stored, err := s.replace(ctx, "erase", before, after)
	switch {
	case err != nil:
		return run.Run{}, err
	case stored.Version == after.Version || !stored.ErasedAt.IsZero():
		return s.Get(ctx, seen.ID)
	case !stored.Status.Terminal():
		return run.Run{}, run.ErrGone
	}
	return run.Run{}, run.ErrStale
}

// maxLive bounds how many runs of each shard of the index byDue a call of Due looks at, those with
// the earliest due first.
const maxLive = 5_000

// Due implements run.Store. It reads the index byDue, which has every run in process but lags
// behind the table, and then the runs themselves. A run that cannot be decoded comes last, so that
// whoever looks at it gets the error and the others are not kept waiting.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]run.ID, error) {
	if limit < 1 || limit > 1000 {
		return nil, fmt.Errorf("dynamo: due: limit %d", limit)
	}
	var live []run.ID
	for shard := range dueShards {
		found := 0
		err := s.query(ctx, &dynamodb.QueryInput{TableName: &s.names.Runs, IndexName: aws.String(schema.ByDue),
			KeyConditionExpression:    aws.String("#shard = :shard AND #due <= :now"),
			ExpressionAttributeNames:  map[string]string{"#shard": schema.RunDueShard, "#due": schema.RunDue},
			ExpressionAttributeValues: item{":shard": str(strconv.Itoa(shard)), ":now": num(now.UnixMilli())}},
			func(it item) (bool, error) {
				r := reader{item: it}
				live = append(live, run.ID(r.text(schema.RunID)))
				found++
				return found < maxLive, r.err
			})
		if err != nil {
			return nil, err
		}
	}
	runs, damaged, err := s.readRuns(ctx, live)
	if err != nil {
		return nil, err
	}
	due := make([]run.Run, 0, len(runs))
	for _, r := range runs {
		if at := r.NextDue(); !at.IsZero() && !at.After(now) {
			due = append(due, r)
		}
	}
	slices.SortFunc(due, func(a, b run.Run) int {
		if c := a.NextDue().Compare(b.NextDue()); c != 0 {
			return c
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
	ids := []run.ID{}
	for _, r := range due {
		ids = append(ids, r.ID)
	}
	ids = append(ids, slices.Sorted(maps.Keys(damaged))...)
	ids = ids[:min(limit, len(ids))]
	return ids, nil
}

// The bounds of List.
const (
	indexPage = 200 // runs per request to the index
	// maxExamined is how many runs are looked at for one page. After that the page may be short
	// without being the last one.
	maxExamined  = 5000
	firstCreated = "0"
)

// List implements run.Store. It finds the runs in the index byClient and reads them from the table.
// The index usually lags behind the table by well under a second, and for that long a new run may
// be missing.
func (s *Store) List(ctx context.Context, client account.ID, f run.Filter) ([]run.Run, run.Position, error) {
	if f.Limit < 1 || f.Limit > 100 {
		return nil, run.Position{}, fmt.Errorf("dynamo: list: limit %d", f.Limit)
	}
	in, empty := s.listQuery(client, f)
	if empty {
		return []run.Run{}, run.Position{}, nil
	}
	page := []run.Run{}
	for examined := 0; ; examined += int(*in.Limit) {
		call, cancel := context.WithTimeout(ctx, readTimeout)
		out, err := s.api.Query(call, in)
		cancel()
		if err != nil {
			return nil, run.Position{}, fmt.Errorf("dynamo: list: %w", err)
		}
		runs, err := s.found(ctx, out.Items)
		if err != nil {
			return nil, run.Position{}, err
		}
		for _, r := range runs {
			at := run.Position{CreatedAt: r.CreatedAt, ID: r.ID}
			if at == f.After || !f.Matches(r) {
				continue
			}
			if len(page) == f.Limit {
				last := page[len(page)-1]
				return page, run.Position{CreatedAt: last.CreatedAt, ID: last.ID}, nil
			}
			page = append(page, r)
		}
		if len(out.LastEvaluatedKey) == 0 {
			return page, run.Position{}, nil
		}
		if examined >= maxExamined {
			r := reader{item: out.LastEvaluatedKey}
			at, err := decodePosition(r.text(schema.RunCreated))
			return page, at, errors.Join(err, r.err)
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
}

// listQuery returns a query for a client's runs, newest first.
//
//	in   the client; the bounds of created, from the position and the interval; externalId and
//	     tag, which the index includes
//	out  items of the index; empty is true if no run can be within the bounds
func (s *Store) listQuery(client account.ID, f run.Filter) (in *dynamodb.QueryInput, empty bool) {
	from, to := firstCreated, createdPrefix(time.UnixMilli(lastMillisecond))+"#~"
	if !f.CreatedAfter.IsZero() {
		from = createdPrefix(f.CreatedAfter)
	}
	if !f.CreatedBefore.IsZero() {
		to = createdPrefix(f.CreatedBefore)
	}
	if f.After != (run.Position{}) {
		to = min(to, createdKey(f.After))
	}
	if from > to {
		return nil, true
	}
	in = &dynamodb.QueryInput{TableName: &s.names.Runs, IndexName: aws.String(schema.ByClient), ScanIndexForward: aws.Bool(false),
		// one more to see whether there is more, and one that may be the position itself
		Limit:                     aws.Int32(int32(f.Limit + 2)),
		KeyConditionExpression:    aws.String("#client = :client AND #created BETWEEN :from AND :to"),
		ExpressionAttributeNames:  map[string]string{"#client": schema.RunClient, "#created": schema.RunCreated},
		ExpressionAttributeValues: item{":client": str(string(client)), ":from": str(from), ":to": str(to)}}
	var also []string
	if f.ExternalID != "" {
		also = append(also, "#external = :external")
		in.ExpressionAttributeNames["#external"] = schema.RunExternal
		in.ExpressionAttributeValues[":external"] = str(f.ExternalID)
	}
	if f.Tag != "" {
		also = append(also, "contains(#tags, :tag)")
		in.ExpressionAttributeNames["#tags"] = schema.RunTags
		in.ExpressionAttributeValues[":tag"] = str(f.Tag)
	}
	if len(also) > 0 {
		in.FilterExpression = aws.String(strings.Join(also, " AND "))
	}
	if len(also) > 0 || f.Status != "" {
		in.Limit = aws.Int32(indexPage)
	}
	return in, false
}

// found reads the runs that an index returned, in the same order.
func (s *Store) found(ctx context.Context, index []map[string]types.AttributeValue) ([]run.Run, error) {
	ids := make([]run.ID, len(index))
	for i, it := range index {
		r := reader{item: it}
		if ids[i] = run.ID(r.text(schema.RunID)); r.err != nil {
			return nil, r.err
		}
	}
	byID, err := s.runsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	runs := make([]run.Run, 0, len(ids))
	for _, id := range ids {
		if r, ok := byID[id]; ok {
			runs = append(runs, r)
		}
	}
	return runs, nil
}

// runsOf reads many runs consistently. Missing ones are left out.
func (s *Store) runsOf(ctx context.Context, ids []run.ID) (map[run.ID]run.Run, error) {
	runs, damaged, err := s.readRuns(ctx, ids)
	for _, why := range damaged {
		err = errors.Join(err, why)
	}
	if err != nil {
		return nil, err
	}
	return runs, nil
}

// readRuns is runsOf that tells apart the runs whose items cannot be decoded, with the reason.
func (s *Store) readRuns(ctx context.Context, ids []run.ID) (runs map[run.ID]run.Run, damaged map[run.ID]error, err error) {
	keys := make([]item, len(ids))
	for i, id := range ids {
		keys[i] = runKey(id)
	}
	items, err := s.getMany(ctx, s.names.Runs, keys)
	if err != nil {
		return nil, nil, err
	}
	runs, damaged = make(map[run.ID]run.Run, len(items)), map[run.ID]error{}
	for _, it := range items {
		r, err := decodeRun(it)
		if err != nil {
			damaged[r.ID] = err
			continue
		}
		runs[r.ID] = r
	}
	return runs, damaged, nil
}
