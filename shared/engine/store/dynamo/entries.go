package dynamo

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"parley/shared/engine/account"
	"parley/shared/engine/credit"
	"parley/shared/engine/store/dynamo/schema"
)

// The entries of the ledger, one line of text each. The newest are on the account's own item, which
// every movement writes anyway. Once there are pageLines of them, or they have more than pageBytes
// bytes, they all move to a page, an item that is never written again. An item per entry would cost
// two write units per entry.

const (
	// pageLines is how many entries make a page, and pageBytes how many bytes of entries make one
	// earlier. Within these bounds the account stays below 1 KB, which is one write unit.
	pageLines = 6
	pageBytes = 650
)

// lineAttribute holds the lines, both on the account and on a page. The last line of the account
// has the number seq; the first line of a page has the number in the page's key.
const lineAttribute = "lines"

// books is a client's account with the entries that are not on a page yet, oldest first.
type books struct {
	credit.Account
	lines []string
}

// line formats an entry without its client and number: kind, amount, balance after, held after,
// Unix ms, attempt, run, mark, note. mark identifies the call that wrote an entry without a run,
// such as a grant.
func line(e credit.Entry, mark string) string {
	run := ""
	if e.RunID != nil {
		run = *e.RunID
	}
	return fmt.Sprintf("%s %d %d %d %d %d %s %s %s", e.Kind, e.Amount, e.BalanceAfter, e.HeldAfter, e.CreatedAt.UnixMilli(), e.Attempt, run, mark, e.Note)
}

// lineFields is how many fields a line has. The last one may contain spaces.
const lineFields = 9

func readLine(client account.ID, seq int64, text string) (e credit.Entry, mark string, err error) {
	fields := strings.SplitN(text, " ", lineFields)
	if len(fields) != lineFields {
		return e, "", fmt.Errorf("dynamo: entry %d of %s: %q", seq, client, text)
	}
	var n [5]int64
	for i := range n {
		if n[i], err = strconv.ParseInt(fields[1+i], 10, 64); err != nil {
			return e, "", fmt.Errorf("dynamo: entry %d of %s: %w", seq, client, err)
		}
	}
	e = credit.Entry{ID: credit.EntryID(seq), Client: client, Seq: seq, Kind: credit.Kind(fields[0]), Amount: n[0], BalanceAfter: n[1], HeldAfter: n[2],
		CreatedAt: time.UnixMilli(n[3]).UTC(), Attempt: int(n[4]), Note: fields[8]}
	if fields[6] != "" {
		e.RunID = &fields[6]
	}
	return e, fields[7], nil
}

// move returns the items that replace the account seen by after, with its new entries.
//
//	in   the revision that was read; 0: there was no account
//	out  written; condition failed: another transaction of this client came first
//
// It returns an error if after breaks the invariant of an account.
func (s *Store) move(seen books, after credit.Account, entries []credit.Entry, mark string, now time.Time) ([]types.TransactWriteItem, error) {
	next := books{after, slices.Clone(seen.lines)}
	bytes := 0
	for _, e := range entries {
		next.lines = append(next.lines, line(e, mark))
	}
	for _, l := range next.lines {
		bytes += len(l)
	}
	var page []types.TransactWriteItem
	if len(next.lines) >= pageLines || bytes > pageBytes {
		page = []types.TransactWriteItem{s.putPage(next)}
		next.lines = nil
	}
	put, err := s.putAccount(seen.Account, next, now)
	return append([]types.TransactWriteItem{put}, page...), err
}

// putPage moves the account's lines to a page of the ledger.
//
//	in   the lines, up to the account's last entry
//	out  written; condition failed: the number is taken, so the account's revision fails too
func (s *Store) putPage(b books) types.TransactWriteItem {
	i := creditKey(b.Client, credit.EntryID(b.Seq-int64(len(b.lines))+1))
	i.list(lineAttribute, b.lines)
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.names.Credits, Item: i,
		ConditionExpression: aws.String("attribute_not_exists(#entry)"), ExpressionAttributeNames: map[string]string{"#entry": schema.CreditEntry}}}
}

// entries visits the entries of an account, newest first, starting below the number before (0: at
// the newest), until visit returns false.
func (s *Store) entries(ctx context.Context, b books, before int64, visit func(e credit.Entry, mark string) (more bool)) error {
	below := b.Seq + 1
	if before > 0 {
		below = min(below, before)
	}
	stopped := false
	walk := func(first int64, lines []string) error {
		for i, text := range slices.Backward(lines) {
			seq := first + int64(i)
			if stopped || seq >= below {
				continue
			}
			e, mark, err := readLine(b.Client, seq, text)
			if err != nil {
				return err
			}
			below = seq
			stopped = !visit(e, mark)
		}
		return nil
	}
	if err := walk(b.Seq-int64(len(b.lines))+1, b.lines); err != nil || stopped || below <= 1 {
		return err
	}
	in := s.between(b.Client, credit.EntryID(1), credit.EntryID(below-1), false, queuePage)
	return s.query(ctx, in, func(it item) (bool, error) {
		r := reader{item: it}
		first, err := strconv.ParseInt(strings.TrimPrefix(r.text(schema.CreditEntry), entryPrefix), 10, 64)
		if err != nil {
			r.wrong(schema.CreditEntry, err)
		}
		lines := r.list(lineAttribute)
		if r.err != nil {
			return false, r.err
		}
		err = walk(first, lines)
		return !stopped, err
	})
}

// Entries implements run.Store.
func (s *Store) Entries(ctx context.Context, client account.ID, before int64, limit int) ([]credit.Entry, error) {
	if limit < 1 || limit > 1000 {
		return nil, fmt.Errorf("dynamo: entries: limit %d", limit)
	}
	b, err := s.books(ctx, client)
	if err != nil {
		return nil, err
	}
	page := []credit.Entry{}
	err = s.entries(ctx, b, before, func(e credit.Entry, _ string) bool {
		page = append(page, e)
		return len(page) < limit
	})
	return page, err
}
