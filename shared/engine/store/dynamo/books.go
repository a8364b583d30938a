package dynamo

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"parley/shared/engine/account"
	"parley/shared/engine/audit"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
	"parley/shared/engine/store/dynamo/schema"
)

// Owners implements audit.Source. It scans the whole tables of credits and runs.
func (s *Store) Owners(ctx context.Context) ([]account.ID, error) {
	seen := map[account.ID]bool{}
	for table, attribute := range map[string]string{s.names.Credits: schema.CreditClient, s.names.Runs: schema.RunClient} {
		in := &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true),
			ProjectionExpression: aws.String("#client"), ExpressionAttributeNames: map[string]string{"#client": attribute}}
		for {
			call, cancel := context.WithTimeout(ctx, readTimeout)
			out, err := s.api.Scan(call, in)
			cancel()
			if err != nil {
				return nil, fmt.Errorf("dynamo: owners: %w", err)
			}
			for _, it := range out.Items {
				r := reader{item: it}
				seen[account.ID(r.text(attribute))] = true
			}
			if len(out.LastEvaluatedKey) == 0 {
				break
			}
			in.ExclusiveStartKey = out.LastEvaluatedKey
		}
	}
	owners := make([]account.ID, 0, len(seen))
	for id := range seen {
		owners = append(owners, id)
	}
	slices.Sort(owners)
	return owners, nil
}

// Ledger implements audit.Source. Every write that moves credits, a slot or a place in the queue
// also changes the account's revision. So if the revision is the same before and after everything
// was read, it all is of one moment. Ledger returns an error if the client's account never stays
// unchanged for that long.
func (s *Store) Ledger(ctx context.Context, client account.ID) (audit.Ledger, error) {
	b := s.budget("ledger")
	for {
		l, err := s.ledger(ctx, client)
		if err != nil {
			return l, err
		}
		after, err := s.Account(ctx, client)
		if err != nil {
			return l, err
		}
		if after.Revision == l.Account.Revision {
			return l, nil
		}
		if err := b.wait(ctx, errTorn); err != nil {
			return l, err
		}
	}
}

func (s *Store) ledger(ctx context.Context, client account.ID) (l audit.Ledger, err error) {
	b, err := s.books(ctx, client)
	if err != nil {
		return l, err
	}
	l.Account = b.Account
	// The ids come from the entries, since the index may lag, and from the index, for runs without
	// entries.
	ids := map[run.ID]bool{}
	err = s.entries(ctx, b, 0, func(e credit.Entry, _ string) bool {
		if e.RunID != nil {
			ids[run.ID(*e.RunID)] = true
		}
		l.Entries = append(l.Entries, e)
		return true
	})
	slices.Reverse(l.Entries)
	if err != nil {
		return l, err
	}
	err = s.tickets(ctx, client, lastNumber, queuePage, func(ticket int64, id run.ID) bool {
		l.Tickets = append(l.Tickets, audit.Ticket{Number: ticket, Run: id})
		return true
	})
	if err != nil {
		return l, err
	}
	in, _ := s.listQuery(client, run.Filter{Limit: queuePage})
	err = s.query(ctx, in, func(it item) (bool, error) {
		r := reader{item: it}
		ids[run.ID(r.text(schema.RunID))] = true
		return true, r.err
	})
	if err != nil {
		return l, err
	}
	all := make([]run.ID, 0, len(ids))
	for id := range ids {
		all = append(all, id)
	}
	slices.Sort(all)
	runs, err := s.runsOf(ctx, all)
	if err != nil {
		return l, err
	}
	for _, id := range all {
		if r, ok := runs[id]; ok {
			l.Runs = append(l.Runs, r)
		}
	}
	return l, nil
}
