package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"parley/shared/clock"
)

func (t *table) create(ctx context.Context) error {
	attribute := func(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: kind}
	}
	keys := func(hash, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: &hash, KeyType: types.KeyTypeHash}, {AttributeName: &sort, KeyType: types.KeyTypeRange}}
	}
	_, err := t.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: t.name, BillingMode: types.BillingModePayPerRequest, KeySchema: keys("pk", "sk"),
		AttributeDefinitions: []types.AttributeDefinition{attribute("pk", "S"), attribute("sk", "S"), attribute("gpk", "S"), attribute("created", "N"), attribute("status", "S")},
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
			{IndexName: aws.String(byCreated), KeySchema: keys("gpk", "created"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll}},
			{IndexName: aws.String(byStatus), KeySchema: keys("status", "created"), Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}},
		},
	})
	return err
}

func (t *table) keepsTypes(ctx context.Context) error {
	const digits = "123456789012345678901234567890.12345678"
	it := keyOf("types", "1")
	maps.Copy(it, item{
		"n":     &types.AttributeValueMemberN{Value: digits},
		"bytes": &types.AttributeValueMemberB{Value: []byte{0, 1, 255}},
		"true":  &types.AttributeValueMemberBOOL{Value: true},
		"null":  &types.AttributeValueMemberNULL{Value: true},
		"list":  &types.AttributeValueMemberL{Value: []types.AttributeValue{text("a"), number(1)}},
		"map":   &types.AttributeValueMemberM{Value: item{"x": number(3)}},
		"texts": &types.AttributeValueMemberSS{Value: []string{"a", "b"}},
		"nums":  &types.AttributeValueMemberNS{Value: []string{"1", "2"}},
	})
	if err := t.put(ctx, it); err != nil {
		return err
	}
	got, err := t.get(ctx, "types", "1")
	if err != nil {
		return err
	}
	n, _ := got["n"].(*types.AttributeValueMemberN)
	return errors.Join(same("the number is whole", n != nil && n.Value == digits, true), same("attributes", len(got), len(it)))
}

// atOnce runs work n times in parallel.
func atOnce(n int, work func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { work(i) })
	}
	group.Wait()
}

func (t *table) debitsAtOnce(ctx context.Context) error {
	if err := t.put(ctx, item{"pk": text("hot"), "sk": text("balance"), "credits": number(100)}); err != nil {
		return err
	}
	var done, refused atomic.Int64
	var other atomic.Value
	atOnce(50, func(int) {
		for range 6 {
			_, err := t.update(ctx, keyOf("hot", "balance"), "SET credits = credits - :n", "credits >= :n", item{":n": number(1)}, nil)
			switch {
			case err == nil:
				done.Add(1)
			case refusedWith("ConditionalCheckFailedException", err) == nil:
				refused.Add(1)
			default:
				other.CompareAndSwap(nil, err.Error())
			}
		}
	})
	return errors.Join(same("other errors", other.Load(), nil), same("debits", done.Load(), 100), same("refused", refused.Load(), 200), t.holds(ctx, "hot", "balance", "credits", 0))
}

func (t *table) transactsAtOnce(ctx context.Context) error {
	const tries = 100 // for one transaction that meets conflicts
	if err := t.put(ctx, item{"pk": text("busy"), "sk": text("balance"), "credits": number(60)}); err != nil {
		return err
	}
	var done atomic.Int64
	var other atomic.Value
	atOnce(50, func(i int) {
		for k := range 3 {
			for range tries {
				err := t.transact(ctx, t.take("busy", 1), t.enter("busy", fmt.Sprintf("entry#%d-%d", i, k), 1))
				if err == nil {
					done.Add(1)
					break
				}
				_, codes := reasons(err)
				if strings.HasPrefix(codes, "ConditionalCheckFailed") {
					break
				}
				if !strings.Contains(codes, "TransactionConflict") {
					other.CompareAndSwap(nil, err.Error())
					break
				}
				if clock.Sleep(ctx, 5*time.Millisecond) != nil {
					return
				}
			}
		}
	})
	entries := 0
	for p := dynamodb.NewQueryPaginator(t, &dynamodb.QueryInput{TableName: t.name, KeyConditionExpression: aws.String("pk = :p AND begins_with(sk, :e)"),
		ExpressionAttributeValues: item{":p": text("busy"), ":e": text("entry#")}, Select: types.SelectCount}); p.HasMorePages(); {
		page, err := p.NextPage(ctx)
		if err != nil {
			return err
		}
		entries += int(page.Count)
	}
	return errors.Join(same("other errors", other.Load(), nil), same("transactions", done.Load(), 60), same("entries", entries, 60), t.holds(ctx, "busy", "balance", "credits", 0))
}

// writesBatches writes run#000 to run#199, every fourth with status done, the others queued.
func (t *table) writesBatches(ctx context.Context) error {
	for batch := range 8 {
		var writes []types.WriteRequest
		for i := range 25 {
			n, status := batch*25+i, "queued"
			if n%4 == 0 {
				status = "done"
			}
			writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: item{"pk": text(fmt.Sprintf("run#%03d", n)), "sk": text("meta"),
				"gpk": text("tenant"), "created": number(1000 + n), "status": text(status), "more": text(strings.Repeat("x", 100))}}})
		}
		if _, err := t.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{*t.name: writes}}); err != nil {
			return err
		}
	}
	return nil
}

// pages reads 150 items of an index in pages of 40; the filter passes want of them.
func (t *table) pages(ctx context.Context, upwards bool, filter string, want int) error {
	in := &dynamodb.QueryInput{TableName: t.name, IndexName: aws.String(byCreated), Limit: aws.Int32(40), ScanIndexForward: &upwards,
		KeyConditionExpression:    aws.String("gpk = :g AND created BETWEEN :a AND :b"),
		ExpressionAttributeValues: item{":g": text("tenant"), ":a": number(1000), ":b": number(1149)}}
	if filter != "" {
		in.FilterExpression, in.ExpressionAttributeNames = &filter, map[string]string{"#s": "status"}
		in.ExpressionAttributeValues[":done"] = text("done")
	}
	pages, items, last := 0, 0, 0
	for ; pages < 20; pages++ {
		out, err := t.Query(ctx, in)
		if err != nil {
			return err
		}
		for _, it := range out.Items {
			created := whole(it["created"])
			if items > 0 && (created > last) != upwards {
				return fmt.Errorf("%d follows %d", created, last)
			}
			last = created
			items++
		}
		if len(out.LastEvaluatedKey) == 0 {
			break
		}
		if err := same("keys of a position", len(out.LastEvaluatedKey), 4); err != nil {
			return err
		}
		in.ExclusiveStartKey = out.LastEvaluatedKey
	}
	return errors.Join(same("pages", pages+1, 4), same("items", items, want))
}

func (t *table) withStatus(ctx context.Context, status string, limit int32) ([]item, error) {
	out, err := t.Query(ctx, &dynamodb.QueryInput{TableName: t.name, IndexName: aws.String(byStatus), KeyConditionExpression: aws.String("#s = :s"), Limit: &limit,
		ExpressionAttributeNames: map[string]string{"#s": "status"}, ExpressionAttributeValues: item{":s": text(status)}})
	if err != nil {
		return nil, err
	}
	return out.Items, nil
}

func (t *table) scans(ctx context.Context) error {
	items := 0
	for p := dynamodb.NewScanPaginator(t, &dynamodb.ScanInput{TableName: t.name, FilterExpression: aws.String("begins_with(pk, :r) AND created > :c"),
		ProjectionExpression: aws.String("pk, created"), ExpressionAttributeValues: item{":r": text("run#"), ":c": number(1099)}, Limit: aws.Int32(37)}); p.HasMorePages(); {
		page, err := p.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, it := range page.Items {
			if err := same("attributes", len(it), 2); err != nil {
				return err
			}
		}
		items += len(page.Items)
	}
	return same("items", items, 100)
}

// scansOn deletes everything that a page of a scan found before it asks for the next page.
func (t *table) scansOn(ctx context.Context) error {
	const many = 40
	for i := range many {
		if err := t.put(ctx, keyOf(fmt.Sprintf("gone#%d", i), "1")); err != nil {
			return err
		}
	}
	in := &dynamodb.ScanInput{TableName: t.name, Limit: aws.Int32(37), ConsistentRead: aws.Bool(true), FilterExpression: aws.String("begins_with(pk, :gone)"),
		ExpressionAttributeValues: item{":gone": text("gone#")}}
	found := 0
	for {
		page, err := t.Scan(ctx, in)
		if err != nil {
			return err
		}
		for _, it := range page.Items {
			if _, err := t.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: t.name, Key: item{"pk": it["pk"], "sk": it["sk"]}}); err != nil {
				return err
			}
		}
		found += len(page.Items)
		if in.ExclusiveStartKey = page.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return same("items", found, many)
		}
	}
}

func (t *table) projects(ctx context.Context) error {
	it := keyOf("projected", "1")
	it["a"], it["b"] = number(1), number(2)
	it["m"] = &types.AttributeValueMemberM{Value: item{"x": number(1), "y": &types.AttributeValueMemberL{Value: []types.AttributeValue{number(1), number(2)}}}}
	if err := t.put(ctx, it); err != nil {
		return err
	}
	read := func(projection string) (item, error) {
		out, err := t.GetItem(ctx, &dynamodb.GetItemInput{TableName: t.name, Key: keyOf("projected", "1"), ProjectionExpression: &projection})
		if err != nil {
			return nil, err
		}
		return out.Item, nil
	}
	got, err := read("a, m.x, m.y[1]")
	if err != nil {
		return err
	}
	m, _ := got["m"].(*types.AttributeValueMemberM)
	if m == nil {
		return errors.New("the map is not projected")
	}
	list, _ := m.Value["y"].(*types.AttributeValueMemberL)
	nothing, err := read("nothing")
	return errors.Join(err, same("attributes", len(got), 2), same("of the map", len(m.Value), 2), same("of the list one", list != nil && len(list.Value) == 1, true),
		same("of a projection of nothing", len(nothing), 0))
}

func (t *table) limits(ctx context.Context) error {
	var transaction []types.TransactWriteItem
	var batch []types.WriteRequest
	for i := range 101 {
		it := item{"pk": text("limit"), "sk": text(strconv.Itoa(i))}
		transaction = append(transaction, types.TransactWriteItem{Put: &types.Put{TableName: t.name, Item: it}})
		batch = append(batch, types.WriteRequest{PutRequest: &types.PutRequest{Item: it}})
	}
	write := func(requests ...types.WriteRequest) error {
		_, err := t.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{*t.name: requests}})
		return err
	}
	return errors.Join(
		refusedWith(invalid, t.transact(ctx, transaction...)), t.transact(ctx, transaction[:100]...),
		refusedWith(invalid, write(batch[:26]...)), write(batch[:25]...), refusedWith(invalid, write(batch[0], batch[0])),
	)
}
