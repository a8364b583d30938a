package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// item is an item, or part of one.
type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func number(n int) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.Itoa(n)}
}

// whole returns an attribute's number. If it has none, it returns a number far below any that the
// checks write.
func whole(v types.AttributeValue) int {
	if n, ok := v.(*types.AttributeValueMemberN); ok {
		if i, err := strconv.Atoi(n.Value); err == nil {
			return i
		}
	}
	return -1 << 31
}

// table is shared by the DynamoDB checks: one table with two indexes.
type table struct {
	*dynamodb.Client
	name *string
}

const (
	byCreated = "byCreated" // gpk, created; projects everything
	byStatus  = "byStatus"  // status, created; projects only keys
)

func keyOf(pk, sk string) item { return item{"pk": text(pk), "sk": text(sk)} }

func (t *table) put(ctx context.Context, it item) error {
	_, err := t.PutItem(ctx, &dynamodb.PutItemInput{TableName: t.name, Item: it})
	return err
}

func (t *table) get(ctx context.Context, pk, sk string) (item, error) {
	out, err := t.GetItem(ctx, &dynamodb.GetItemInput{TableName: t.name, Key: keyOf(pk, sk), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// holds returns an error unless an item's attribute is this number.
func (t *table) holds(ctx context.Context, pk, sk, attribute string, want int) error {
	it, err := t.get(ctx, pk, sk)
	if err != nil {
		return err
	}
	return same(pk+"/"+sk+" "+attribute, whole(it[attribute]), want)
}

// update runs an update expression and returns the whole item after it.
func (t *table) update(ctx context.Context, key item, expression, condition string, values item, names map[string]string) (item, error) {
	in := &dynamodb.UpdateItemInput{TableName: t.name, Key: key, UpdateExpression: &expression, ExpressionAttributeValues: values,
		ExpressionAttributeNames: names, ReturnValues: types.ReturnValueAllNew}
	if condition != "" {
		in.ConditionExpression = &condition
		in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	out, err := t.UpdateItem(ctx, in)
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}

func (t *table) transact(ctx context.Context, items ...types.TransactWriteItem) error {
	_, err := t.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
	return err
}

// take returns a transaction's debit of n credits, conditional on there being as many.
func (t *table) take(pk string, n int) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{TableName: t.name, Key: keyOf(pk, "balance"),
		UpdateExpression: aws.String("SET credits = credits - :n"), ConditionExpression: aws.String("credits >= :n"),
		ExpressionAttributeValues:           item{":n": number(n)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}}
}

// enter returns a transaction's entry, conditional on there being none.
func (t *table) enter(pk, sk string, amount int) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: t.name, Item: item{"pk": text(pk), "sk": text(sk), "amount": number(amount)},
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}}
}

// reasons returns the codes with which a transaction was cancelled, by item.
func reasons(err error) ([]types.CancellationReason, string) {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return nil, fmt.Sprintf("not cancelled: %v", err)
	}
	var codes []string
	for _, r := range cancelled.CancellationReasons {
		codes = append(codes, aws.ToString(r.Code))
	}
	return cancelled.CancellationReasons, strings.Join(codes, " ")
}

const invalid = "ValidationException"

func tableChecks(cfg aws.Config, unique string) []check {
	t := &table{Client: dynamodb.NewFromConfig(cfg), name: &unique}
	return []check{
		{name: "a table with two indexes is made", run: t.create},
		{name: "a waiter sees the table", run: func(ctx context.Context) error {
			return dynamodb.NewTableExistsWaiter(t, func(o *dynamodb.TableExistsWaiterOptions) {
				o.MinDelay, o.MaxDelay = 100*time.Millisecond, 500*time.Millisecond
			}).
				Wait(ctx, &dynamodb.DescribeTableInput{TableName: t.name}, 30*time.Second)
		}},
		{name: "time to live is switched on and described", run: func(ctx context.Context) error {
			if _, err := t.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{TableName: t.name,
				TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String("ttl"), Enabled: aws.Bool(true)}}); err != nil {
				return err
			}
			out, err := t.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: t.name})
			if err != nil {
				return err
			}
			return same("attribute", aws.ToString(out.TimeToLiveDescription.AttributeName), "ttl")
		}},
		{name: "every type comes back, a number of 38 digits whole", run: t.keepsTypes},
		{name: "a put on a condition is refused with the item there", run: func(ctx context.Context) error {
			if err := t.put(ctx, item{"pk": text("u1"), "sk": text("balance"), "credits": number(10)}); err != nil {
				return err
			}
			_, err := t.PutItem(ctx, &dynamodb.PutItemInput{TableName: t.name, Item: item{"pk": text("u1"), "sk": text("balance"), "credits": number(99)},
				ConditionExpression: aws.String("attribute_not_exists(pk)"), ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld})
			return refusedWithItem(err, "credits", 10)
		}},
		{name: "an update reckons, with if_not_exists and a condition", run: func(ctx context.Context) error {
			got, err := t.update(ctx, keyOf("u1", "balance"), "SET credits = credits - :n, held = if_not_exists(held, :zero) + :n, #v = if_not_exists(#v, :zero) + :one",
				"credits >= :n AND attribute_exists(pk)", item{":n": number(3), ":zero": number(0), ":one": number(1)}, map[string]string{"#v": "version"})
			return errors.Join(err, same("credits", whole(got["credits"]), 7), same("held", whole(got["held"]), 3), same("version", whole(got["version"]), 1))
		}},
		{name: "an update adds to numbers and sets, and removes", run: func(ctx context.Context) error {
			got, err := t.update(ctx, keyOf("u2", "balance"), "ADD credits :n, tags :s REMOVE nothing", "",
				item{":n": number(5), ":s": &types.AttributeValueMemberSS{Value: []string{"x"}}}, nil)
			return errors.Join(err, same("credits", whole(got["credits"]), 5))
		}},
		{name: "an update on a condition is refused with the item there", run: func(ctx context.Context) error {
			_, err := t.update(ctx, keyOf("u1", "balance"), "SET credits = credits - :n", "credits >= :n", item{":n": number(1000)}, nil)
			return refusedWithItem(err, "credits", 7)
		}},
		{name: "a transaction of update, put and check is written", run: func(ctx context.Context) error {
			if err := t.put(ctx, item{"pk": text("flags"), "sk": text("on"), "on": &types.AttributeValueMemberBOOL{Value: true}}); err != nil {
				return err
			}
			err := t.transact(ctx, t.take("u1", 2), t.enter("u1", "entry#1", 2), types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{TableName: t.name,
				Key: keyOf("flags", "on"), ConditionExpression: aws.String("#on = :t"), ExpressionAttributeNames: map[string]string{"#on": "on"},
				ExpressionAttributeValues: item{":t": &types.AttributeValueMemberBOOL{Value: true}}}})
			return errors.Join(err, t.holds(ctx, "u1", "balance", "credits", 5))
		}},
		{name: "a refused transaction names the item and changes nothing", run: func(ctx context.Context) error {
			why, codes := reasons(t.transact(ctx, t.take("u1", 1), t.enter("u1", "entry#1", 2), t.enter("u1", "entry#2", 2)))
			if err := same("reasons", codes, "None ConditionalCheckFailed None"); err != nil {
				return err
			}
			second, err := t.get(ctx, "u1", "entry#2")
			return errors.Join(err, same("the other entry's attributes", len(second), 0), same("the item of the reason", whole(why[1].Item["amount"]), 2),
				t.holds(ctx, "u1", "balance", "credits", 5))
		}},
		{name: "two failed conditions are both named", run: func(ctx context.Context) error {
			_, codes := reasons(t.transact(ctx, t.take("u1", 100000), t.enter("u1", "entry#1", 2)))
			return same("reasons", codes, "ConditionalCheckFailed ConditionalCheckFailed")
		}},
		{name: "a transaction on one item twice is invalid", run: func(ctx context.Context) error {
			return refusedWith(invalid, t.transact(ctx, t.enter("twice", "1", 1), t.enter("twice", "1", 1)))
		}},
		{name: "a ClientRequestToken writes once, and only the same again", run: func(ctx context.Context) error {
			if err := t.put(ctx, item{"pk": text("token"), "sk": text("balance"), "n": number(0)}); err != nil {
				return err
			}
			write := func(n int) error {
				_, err := t.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{ClientRequestToken: aws.String(unique), TransactItems: []types.TransactWriteItem{{
					Update: &types.Update{TableName: t.name, Key: keyOf("token", "balance"), UpdateExpression: aws.String("ADD n :n"), ExpressionAttributeValues: item{":n": number(n)}}}}})
				return err
			}
			for range 3 {
				if err := write(1); err != nil {
					return err
				}
			}
			return errors.Join(t.holds(ctx, "token", "balance", "n", 1), refusedWith("IdempotentParameterMismatchException", write(2)))
		}},
		{name: "TransactGetItems reads what is there and what is not", run: func(ctx context.Context) error {
			out, err := t.TransactGetItems(ctx, &dynamodb.TransactGetItemsInput{TransactItems: []types.TransactGetItem{
				{Get: &types.Get{TableName: t.name, Key: keyOf("u1", "balance")}}, {Get: &types.Get{TableName: t.name, Key: keyOf("no", "no")}}}})
			if err != nil {
				return err
			}
			if len(out.Responses) != 2 {
				return fmt.Errorf("%d responses", len(out.Responses))
			}
			return errors.Join(same("credits", whole(out.Responses[0].Item["credits"]), 5), same("attributes of the missing one", len(out.Responses[1].Item), 0))
		}},
		{name: "300 debits at once from 100 credits: exactly 100 succeed", run: t.debitsAtOnce},
		{name: "150 transactions at once from 60 credits: exactly 60 succeed, with 60 entries", run: t.transactsAtOnce},
		{name: "200 items are written in batches of 25", run: t.writesBatches},
		{name: "100 items are read in one batch", run: func(ctx context.Context) error {
			var keys []item
			for i := range 100 {
				keys = append(keys, keyOf(fmt.Sprintf("run#%03d", i), "meta"))
			}
			out, err := t.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{*t.name: {Keys: keys, ConsistentRead: aws.Bool(true)}}})
			if err != nil {
				return err
			}
			return same("items", len(out.Responses[*t.name]), 100)
		}},
		{name: "an index is read upwards in pages", run: func(ctx context.Context) error { return t.pages(ctx, true, "", 150) }},
		{name: "an index is read downwards in pages", run: func(ctx context.Context) error { return t.pages(ctx, false, "", 150) }},
		{name: "a page's limit counts before its filter", run: func(ctx context.Context) error { return t.pages(ctx, true, "#s = :done", 38) }},
		{name: "an index of keys carries keys only", run: func(ctx context.Context) error {
			got, err := t.withStatus(ctx, "done", 1)
			if err != nil || len(got) != 1 {
				return errors.Join(err, fmt.Errorf("%d items", len(got)))
			}
			return same("attributes", len(got[0]), 4)
		}},
		{name: "an item moves within an index when its key changes", run: func(ctx context.Context) error {
			if _, err := t.update(ctx, keyOf("run#001", "meta"), "SET #s = :new", "#s = :old", item{":new": text("running"), ":old": text("queued")}, map[string]string{"#s": "status"}); err != nil {
				return err
			}
			got, err := t.withStatus(ctx, "running", 10)
			return errors.Join(err, same("items", len(got), 1))
		}},
		{name: "an item without the key leaves the index", run: func(ctx context.Context) error {
			if _, err := t.update(ctx, keyOf("run#001", "meta"), "REMOVE #s", "", nil, map[string]string{"#s": "status"}); err != nil {
				return err
			}
			got, err := t.withStatus(ctx, "running", 10)
			return errors.Join(err, same("items", len(got), 0))
		}},
		{name: "a scan goes in pages, with filter and projection", run: t.scans},
		{name: "a scan goes on behind a key that was deleted", run: t.scansOn},
		{name: "a page holds at most 1 MB", run: func(ctx context.Context) error {
			for i := range 6 {
				if err := t.put(ctx, item{"pk": text("big"), "sk": text(strconv.Itoa(i)), "d": text(strings.Repeat("y", 300<<10))}); err != nil {
					return err
				}
			}
			out, err := t.Query(ctx, &dynamodb.QueryInput{TableName: t.name, KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item{":p": text("big")}})
			if err != nil {
				return err
			}
			return same("there is more", len(out.LastEvaluatedKey) > 0, true)
		}},
		{name: "an item above 400 KB is refused", run: func(ctx context.Context) error {
			return refusedWith(invalid, t.put(ctx, item{"pk": text("big"), "sk": text("x"), "d": text(strings.Repeat("y", 401<<10))}))
		}},
		{name: "a reserved word is refused", run: func(ctx context.Context) error {
			_, err := t.update(ctx, keyOf("r", "r"), "SET status = :s", "", item{":s": text("x")}, nil)
			return refusedWith(invalid, err)
		}},
		{name: "an unused value is refused", run: func(ctx context.Context) error {
			_, err := t.update(ctx, keyOf("r", "r"), "SET a = :s", "", item{":s": text("x"), ":unused": text("y")}, nil)
			return refusedWith(invalid, err)
		}},
		{name: "an item without a key, or with an empty one, is refused", run: func(ctx context.Context) error {
			return errors.Join(refusedWith(invalid, t.put(ctx, item{"pk": text("only")})), refusedWith(invalid, t.put(ctx, item{"pk": text(""), "sk": text("x")})))
		}},
		{name: "an unknown table is ResourceNotFoundException", run: func(ctx context.Context) error {
			_, err := t.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(unique + "-none"), Key: keyOf("a", "b")})
			return refusedWith("ResourceNotFoundException", err)
		}},
		{name: "a delete on a condition returns what it deleted", run: func(ctx context.Context) error {
			out, err := t.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: t.name, Key: keyOf("u1", "entry#1"), ConditionExpression: aws.String("amount = :n"),
				ExpressionAttributeValues: item{":n": number(2)}, ReturnValues: types.ReturnValueAllOld})
			if err != nil {
				return err
			}
			return same("amount", whole(out.Attributes["amount"]), 2)
		}},
		{name: "a list within a map grows, on a condition on its size", run: func(ctx context.Context) error {
			list := func(n int) types.AttributeValue {
				return &types.AttributeValueMemberL{Value: []types.AttributeValue{number(n)}}
			}
			if err := t.put(ctx, item{"pk": text("nested"), "sk": text("1"), "m": &types.AttributeValueMemberM{Value: item{"s": list(1)}}}); err != nil {
				return err
			}
			got, err := t.update(ctx, keyOf("nested", "1"), "SET m.s = list_append(m.s, :l), m.#k = :v", "size(m.s) = :one", item{":l": list(2), ":v": text("z"), ":one": number(1)}, map[string]string{"#k": "k"})
			if err != nil {
				return err
			}
			m, _ := got["m"].(*types.AttributeValueMemberM)
			if m == nil {
				return errors.New("the map is gone")
			}
			grown, _ := m.Value["s"].(*types.AttributeValueMemberL)
			return errors.Join(same("the list is there", grown != nil && len(grown.Value) == 2, true), same("the new key is there", m.Value["k"] != nil, true))
		}},
		{name: "a projection follows paths and brings no keys unasked", run: t.projects},
		{name: "an index key of the wrong type is refused", run: func(ctx context.Context) error {
			_, err := t.update(ctx, keyOf("typed", "2"), "SET created = :s", "", item{":s": text("x")}, nil)
			return errors.Join(refusedWith(invalid, err), refusedWith(invalid, t.put(ctx, item{"pk": text("typed"), "sk": text("1"), "gpk": text("g"), "created": text("no number")})))
		}},
		{name: "an operand of the wrong type is refused", gap: "it reckons with whatever it finds", run: func(ctx context.Context) error {
			if err := t.put(ctx, item{"pk": text("operand"), "sk": text("1"), "a": text("text")}); err != nil {
				return err
			}
			var errs []error
			for expression, values := range map[string]item{"ADD a :n": {":n": number(1)}, "SET a = a + :n": {":n": number(1)}, "SET b = list_append(a, a) REMOVE a": nil} {
				_, err := t.update(ctx, keyOf("operand", "1"), expression, "", values, nil)
				errs = append(errs, refusedWith(invalid, err))
			}
			return errors.Join(errs...)
		}},
		{name: "a transaction that turns out invalid is cancelled with ValidationError", run: func(ctx context.Context) error {
			if err := t.put(ctx, item{"pk": text("late"), "sk": text("1"), "a": text("text")}); err != nil {
				return err
			}
			_, codes := reasons(t.transact(ctx, t.enter("late", "2", 1), types.TransactWriteItem{Update: &types.Update{TableName: t.name, Key: keyOf("late", "1"),
				UpdateExpression: aws.String("ADD a :n"), ExpressionAttributeValues: item{":n": number(1)}}}))
			other, err := t.get(ctx, "late", "2")
			return errors.Join(err, same("reasons", codes, "None ValidationError"), same("the other item's attributes", len(other), 0))
		}},
		{name: "overlapping paths in one update are refused", gap: "it looks at the condition first, and the last of two paths wins", run: func(ctx context.Context) error {
			var errs []error
			for _, expression := range []string{"SET a = :n REMOVE a", "SET m = :n, m.x = :n"} {
				_, err := t.update(ctx, keyOf("overlap", "1"), expression, "attribute_exists(pk)", item{":n": number(1)}, nil)
				errs = append(errs, refusedWith(invalid, err))
			}
			return errors.Join(errs...)
		}},
		{name: "a path below a map that is not there is refused", run: func(ctx context.Context) error {
			if err := t.put(ctx, item{"pk": text("mapless"), "sk": text("1")}); err != nil {
				return err
			}
			_, err := t.update(ctx, keyOf("mapless", "1"), "SET m.x = :n", "", item{":n": number(1)}, nil)
			return refusedWith(invalid, err)
		}},
		{name: "an unused name is refused", run: func(ctx context.Context) error {
			unused := map[string]string{"#u": "u"}
			_, updateErr := t.update(ctx, keyOf("r", "r"), "REMOVE a", "", nil, unused)
			_, queryErr := t.Query(ctx, &dynamodb.QueryInput{TableName: t.name, KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeNames: unused, ExpressionAttributeValues: item{":p": text("r")}})
			return errors.Join(refusedWith(invalid, updateErr), refusedWith(invalid, queryErr))
		}},
		{name: "an update of a key is refused", run: func(ctx context.Context) error {
			_, err := t.update(ctx, keyOf("r", "r"), "SET pk = :s", "", item{":s": text("x")}, nil)
			return refusedWith(invalid, err)
		}},
		{name: "numbers come back in their shortest form", run: func(ctx context.Context) error {
			want := map[string]string{"1.50": "1.5", "1e3": "1000", "007": "7", "0.000": "0", "-0.10": "-0.1"}
			it := keyOf("numbers", "1")
			for written := range want {
				it["n"+written] = &types.AttributeValueMemberN{Value: written}
			}
			if err := t.put(ctx, it); err != nil {
				return err
			}
			got, err := t.get(ctx, "numbers", "1")
			errs := []error{err}
			for written, short := range want {
				n, _ := got["n"+written].(*types.AttributeValueMemberN)
				errs = append(errs, same(written, n != nil && n.Value == short, true))
			}
			return errors.Join(errs...)
		}},
		{name: "100 writes to a transaction, 25 to a batch, and no more", run: t.limits},
	}
}

func refusedWithItem(err error, attribute string, want int) error {
	var refused *types.ConditionalCheckFailedException
	if !errors.As(err, &refused) {
		return fmt.Errorf("want ConditionalCheckFailedException, got %w", err)
	}
	return same("the item's "+attribute, whole(refused.Item[attribute]), want)
}

func tidyTables(ctx context.Context, cfg aws.Config, unique string) error {
	_, err := dynamodb.NewFromConfig(cfg).DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &unique})
	return err
}
