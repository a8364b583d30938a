package dynamo

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"parley/shared/engine/account"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
	"parley/shared/engine/store/dynamo/schema"
)

// The table of credits has one partition per client, with
//
//	entry = account             balance, slots, the newest entries, and the revision, which is in
//	                            the condition of every transaction
//	entry = txn_000000000042    a page of the ledger, never changed; the number is that of its
//	                            first entry (entries.go)
//	entry = queue#000000000007  a place in the client's queue; the number is its ticket; removed
//	                            when the run leaves the queue
//
// The account of a client with queued runs also has waiting, a digit from the hash of the client's
// id, and moved, the time of its last write in Unix ms. They are the index byWaiting.

const (
	accountEntry = "account"
	entryPrefix  = "txn_"
	ticketPrefix = "queue#"
)

// waitingShards is over how many partitions the index of waiting clients is spread.
const waitingShards = 4

func creditKey(client account.ID, entry string) item {
	return item{schema.CreditClient: str(string(client)), schema.CreditEntry: str(entry)}
}

func ticketEntry(ticket int64) string { return fmt.Sprintf("%s%012d", ticketPrefix, ticket) }

// putAccount writes after as the revision that follows seen; see move.
func (s *Store) putAccount(seen credit.Account, after books, now time.Time) (types.TransactWriteItem, error) {
	after.Revision = seen.Revision + 1
	if err := after.Check(); err != nil {
		return types.TransactWriteItem{}, err
	}
	put := &types.Put{TableName: &s.names.Credits, Item: encodeAccount(after, now)}
	if seen.Revision == 0 {
		put.ConditionExpression = aws.String("attribute_not_exists(#revision)")
	} else {
		put.ConditionExpression = aws.String("#revision = :revision")
		put.ExpressionAttributeValues = item{":revision": num(seen.Revision)}
	}
	put.ExpressionAttributeNames = map[string]string{"#revision": "revision"}
	return types.TransactWriteItem{Put: put}, nil
}

func encodeAccount(a books, now time.Time) item {
	i := creditKey(a.Client, accountEntry)
	i["revision"] = num(a.Revision)
	i["balance"], i["held"], i["available"] = num(a.Balance), num(a.Held), num(a.Available)
	i.number("seq", a.Seq)
	i.number("running", int64(a.Running))
	i.number("queued", int64(a.Queued))
	i.number("tail", a.QueueTail)
	i.list(lineAttribute, a.lines)
	if a.Queued > 0 {
		i[schema.CreditWaiting] = str(shardOf(string(a.Client), waitingShards))
		i[schema.CreditMoved] = num(now.UnixMilli())
	}
	return i
}

// Account implements run.Store.
func (s *Store) Account(ctx context.Context, client account.ID) (credit.Account, error) {
	b, err := s.books(ctx, client)
	return b.Account, err
}

func (s *Store) books(ctx context.Context, client account.ID) (books, error) {
	it, err := s.get(ctx, s.names.Credits, creditKey(client, accountEntry))
	if err != nil {
		return books{}, fmt.Errorf("dynamo: read account: %w", err)
	}
	r := reader{item: it}
	a := credit.Account{Client: client, Revision: r.number("revision"), Balance: r.number("balance"), Held: r.number("held"), Available: r.number("available"),
		Seq: r.number("seq"), Running: int(r.number("running")), Queued: int(r.number("queued")), QueueTail: r.number("tail")}
	return books{a, r.list(lineAttribute)}, r.err
}

// putTicket puts a run at the end of its client's queue.
//
//	in   the run, with its ticket
//	out  written; condition failed: the ticket is taken, so the account's revision fails too
func (s *Store) putTicket(r run.Run) types.TransactWriteItem {
	i := creditKey(r.Client, ticketEntry(r.Ticket))
	i["run"] = str(string(r.ID))
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.names.Credits, Item: i,
		ConditionExpression: aws.String("attribute_not_exists(#entry)"), ExpressionAttributeNames: map[string]string{"#entry": schema.CreditEntry}}}
}

// deleteTicket takes a run out of the queue.
//
//	in   the run, with its ticket
//	out  removed; condition failed: it is no longer in the queue, so the run's version fails too
func (s *Store) deleteTicket(r run.Run) types.TransactWriteItem {
	return types.TransactWriteItem{Delete: &types.Delete{TableName: &s.names.Credits, Key: creditKey(r.Client, ticketEntry(r.Ticket)),
		ConditionExpression: aws.String("#run = :run"), ExpressionAttributeNames: map[string]string{"#run": "run"},
		ExpressionAttributeValues: item{":run": str(string(r.ID))}}}
}

// between returns a consistent query for a range of a client's partition.
func (s *Store) between(client account.ID, from, to string, forward bool, limit int) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{TableName: &s.names.Credits, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(forward), Limit: aws.Int32(int32(limit)),
		KeyConditionExpression:    aws.String("#client = :client AND #entry BETWEEN :from AND :to"),
		ExpressionAttributeNames:  map[string]string{"#client": schema.CreditClient, "#entry": schema.CreditEntry},
		ExpressionAttributeValues: item{":client": str(string(client)), ":from": str(from), ":to": str(to)}}
}

// lastNumber is the highest number of an entry or a ticket: 12 digits.
const lastNumber = 999_999_999_999

// queuePage is how many items of a queue or ledger are read at once.
const queuePage = 1000

// tickets visits a client's queue from its head up to a ticket, until visit returns false.
func (s *Store) tickets(ctx context.Context, client account.ID, upto int64, page int, visit func(ticket int64, id run.ID) bool) error {
	return s.query(ctx, s.between(client, ticketEntry(0), ticketEntry(upto), true, page), func(it item) (bool, error) {
		r := reader{item: it}
		ticket, err := strconv.ParseInt(strings.TrimPrefix(r.text(schema.CreditEntry), ticketPrefix), 10, 64)
		if err != nil {
			return false, fmt.Errorf("dynamo: ticket: %w", err)
		}
		return visit(ticket, run.ID(r.text("run"))), r.err
	})
}

// QueuePosition implements run.Store.
func (s *Store) QueuePosition(ctx context.Context, r run.Run) (int, error) {
	if r.Status != run.Queued {
		return 0, nil
	}
	ahead, place := 0, 0
	err := s.tickets(ctx, r.Client, r.Ticket, queuePage, func(ticket int64, id run.ID) bool {
		ahead++
		if ticket == r.Ticket && id == r.ID {
			place = ahead
		}
		return true
	})
	return place, err
}

// Waiting implements run.Store. The clients whose accounts have not changed for longest come first,
// since a client whose queue moves needs no help. It reads the index byWaiting, which lags behind
// the table.
func (s *Store) Waiting(ctx context.Context, limit int) ([]account.ID, error) {
	if limit < 1 || limit > 1000 {
		return nil, fmt.Errorf("dynamo: waiting: limit %d", limit)
	}
	type waiting struct {
		moved  int64
		client string
	}
	var all []waiting
	for shard := range waitingShards {
		found := 0
		err := s.query(ctx, &dynamodb.QueryInput{TableName: &s.names.Credits, IndexName: aws.String(schema.ByWaiting),
			KeyConditionExpression:    aws.String("#shard = :shard"),
			ExpressionAttributeNames:  map[string]string{"#shard": schema.CreditWaiting},
			ExpressionAttributeValues: item{":shard": str(strconv.Itoa(shard))}, Limit: aws.Int32(int32(limit))},
			func(it item) (bool, error) {
				r := reader{item: it}
				all = append(all, waiting{r.number(schema.CreditMoved), r.text(schema.CreditClient)})
				found++
				return found < limit, r.err
			})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b waiting) int {
		if a.moved != b.moved {
			return int(max(min(a.moved-b.moved, 1), -1))
		}
		return strings.Compare(a.client, b.client)
	})
	ids := []account.ID{}
	for _, w := range all[:min(limit, len(all))] {
		ids = append(ids, account.ID(w.client))
	}
	return ids, nil
}

// Grant implements run.Store.
func (s *Store) Grant(ctx context.Context, client account.ID, amount int64, note string, now time.Time) (credit.Entry, error) {
	return s.book(ctx, "grant", client, now, func(a credit.Account) (credit.Account, credit.Entry, error) { return a.Grant(amount, note, now) })
}

// Adjust implements run.Store.
func (s *Store) Adjust(ctx context.Context, client account.ID, amount int64, note string, now time.Time) (credit.Entry, error) {
	return s.book(ctx, "adjust", client, now, func(a credit.Account) (credit.Account, credit.Entry, error) { return a.Adjust(amount, note, now) })
}

// book writes a movement that belongs to no run: the account and the entry, in one transaction.
func (s *Store) book(ctx context.Context, what string, client account.ID, now time.Time, move func(credit.Account) (credit.Account, credit.Entry, error)) (e credit.Entry, err error) {
	mark, err := s.token()
	if err != nil {
		return e, err
	}
	err = s.transact(ctx, what, func(ctx context.Context, last setback) ([]types.TransactWriteItem, error) {
		seen, err := s.books(ctx, client)
		if err != nil {
			return nil, err
		}
		if last.unsure {
			ours := false
			err := s.entries(ctx, seen, e.Seq+1, func(was credit.Entry, by string) bool { ours = was.Seq == e.Seq && by == mark; return false })
			if err != nil || ours {
				return nil, err
			}
		}
		var after credit.Account
		if after, e, err = move(seen.Account); err != nil {
			return nil, err
		}
		return s.move(seen, after, []credit.Entry{e}, mark, now)
	})
	if err != nil {
		e = credit.Entry{}
	}
	return e, err
}
