package dynamo

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"parley/infra/prove/storetest"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
	"parley/shared/engine/store/dynamo/schema"
)

// size returns an item's size in bytes by DynamoDB's rules ("DynamoDB item sizes and formats",
// Developer Guide): names and texts in UTF-8; a number takes one byte per two significant digits
// plus one; a list or map takes 3 bytes plus 1 per element.
func size(i map[string]types.AttributeValue) int {
	n := 0
	for name, v := range i {
		n += len(name) + valueSize(v)
	}
	return n
}

func valueSize(v types.AttributeValue) int {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		digits := strings.Trim(strings.NewReplacer("-", "", ".", "").Replace(v.Value), "0")
		n := (len(digits)+1)/2 + 1
		if strings.HasPrefix(v.Value, "-") {
			n++
		}
		return n
	case *types.AttributeValueMemberBOOL:
		return 1
	case *types.AttributeValueMemberL:
		n := 3 + len(v.Value)
		for _, e := range v.Value {
			n += valueSize(e)
		}
		return n
	case *types.AttributeValueMemberM:
		return 3 + len(v.Value) + size(v.Value)
	}
	panic("no such type here")
}

func kilobytes(n int) int { return max((n+1023)/1024, 1) }

// writeUnits returns the write units to replace before by after; nil means no item. The table costs
// one unit per started KB of the larger item, doubled in a transaction. Each index costs one unit
// per started KB of each entry that is added, removed or changed.
func writeUnits(t schema.Table, before, after item, transaction bool) int {
	n := kilobytes(max(size(before), size(after)))
	if transaction {
		n *= 2
	}
	for _, index := range t.Indexes {
		was, is := entryOf(t, index, before), entryOf(t, index, after)
		switch {
		case reflect.DeepEqual(was, is):
		case was == nil || is == nil:
			n += kilobytes(size(was) + size(is))
		case reflect.DeepEqual(was[index.Sort.Name], is[index.Sort.Name]):
			n += kilobytes(max(size(was), size(is)))
		default:
			n += kilobytes(size(was)) + kilobytes(size(is))
		}
	}
	return n
}

// entryOf returns the entry that an index has for an item; nil if it has none.
func entryOf(t schema.Table, index schema.Index, it item) item {
	if it[index.Partition.Name] == nil || it[index.Sort.Name] == nil {
		return nil
	}
	entry := item{}
	for _, name := range append([]string{t.Partition.Name, t.Sort.Name, index.Partition.Name, index.Sort.Name}, index.Include...) {
		if v, ok := it[name]; ok {
			entry[name] = v
		}
	}
	return entry
}

// interview returns a typical run: a recording of 4 minutes in 8 pieces, with a client's usual
// fields.
func interview(now time.Time) run.Submission {
	s := storetest.Submission("cli_abcdefghijklmnopqrst", 123456789, 4, 8, now)
	s.Run.Request.ExternalID = "application-2026-004711"
	s.Run.Request.Metadata = map[string]string{"position": "customer support", "recruiter": "m.lindqvist", "round": "2"}
	s.Run.Request.Tags = []string{"spring-2026", "emea"}
	s.Run.Request.WebhookURL = "https://hooks.example.com/speech/9f86d081884c7d65"
	return s
}

// Ensure that a typical run in process, and a client's account with as many entries as it may have,
// can each be written for one unit.
func TestSizes(t *testing.T) {
	now := storetest.Start
	sub := interview(now)
	sub.Run.Upload = "upl_" + strings.Repeat("a", 26)
	r, err := sub.Run.Start(sub.Terms, now)
	if err != nil {
		t.Fatal(err)
	}
	next := map[run.Part]time.Duration{{Stage: "diarize"}: time.Minute}
	for i := range 8 {
		next[run.Part{Stage: "transcribe", Index: i}] = 2 * time.Minute
	}
	if r, err = r.Done(1, sub.First, next, now); err != nil {
		t.Fatal(err)
	}
	if n := size(encodeRun(r)); n >= 1024 {
		t.Errorf("a run in 9 parts is %d bytes", n)
	}
	account := credit.Account{Client: sub.Run.Client, Balance: 1_200_000, Available: 1_199_996, Held: 4, Seq: 40_000_000, Running: 8, Queued: 1000, Revision: 120_000_000, QueueTail: 1_000_000}
	full := books{account, nil}
	id := string(sub.Run.ID)
	entry := line(credit.Entry{Kind: credit.Release, Amount: 45, RunID: &id, Attempt: 1, BalanceAfter: 1_200_000, HeldAfter: 1_000, CreatedAt: now}, "")
	for range pageLines - 1 {
		full.lines = append(full.lines, entry)
	}
	if n := size(encodeAccount(full, now)); n >= 1024 {
		t.Errorf("an account with %d entries is %d bytes", pageLines-1, n)
	}
	if n := len(entry) * (pageLines - 1); n > pageBytes {
		t.Errorf("%d entries are %d bytes, too long for a page of %d", pageLines-1, n, pageLines)
	}
	spare := size(encodeAccount(books{account, nil}, now)) + pageBytes + len(lineAttribute) + 2*pageLines
	if spare >= 1024 {
		t.Errorf("an account with entries of %d bytes is %d bytes", pageBytes, spare)
	}
}

// Ensure that every field of a run is stored and read back, so that no new field is forgotten, and
// that none is stored twice.
func TestRunsAreReadAsTheyAreWritten(t *testing.T) {
	v := 2.5
	r := interview(storetest.Start).Run
	r.Status, r.Version, r.Ticket, r.Pieces, r.Charged, r.Found, r.Reason, r.Upload = run.Processing, 7, 3, 9, 2, run.Document(`{"language":"en"}`), "why", "upl_a"
	r.Edition, r.Restarts = "2026.7-dcc81865", 1
	r.Met = run.Met{Running: 8, Queued: 2}
	r.StartedAt, r.CompletedAt, r.Deadline, r.ErasedAt = r.CreatedAt.Add(1e6), r.CreatedAt.Add(2e6), r.CreatedAt.Add(3e6), r.CreatedAt.Add(4e6)
	r.Scores = run.Scores{"vocabulary": v, "fluency": v, "accent": v, "overall": v}
	r.Failure = &run.Failure{Code: "SCORING_FAILED", Message: "text"}
	r.Parts = map[run.Part]run.Pending{
		{Stage: "ingest"}:                {Due: r.CreatedAt, Sent: 1},
		{Stage: "transcribe", Index: 12}: {Due: r.CreatedAt, Sent: 3, Failure: run.TimedOut, Timeouts: 2},
	}
	r.Links = []run.Link{{ID: "0123456789abcdef01234567", Expires: r.CreatedAt}, {ID: "76543210fedcba9876543210", Expires: r.CreatedAt.Add(5e6)}}
	r.Push = &run.Push{Due: r.CreatedAt, Sent: 1, Tries: 12, Since: 10, Log: []run.Try{{At: r.CreatedAt, Status: 500}, {At: r.CreatedAt, Why: run.Begun}}}
	fields := reflect.ValueOf(r)
	for i := range fields.NumField() {
		if fields.Field(i).IsZero() {
			t.Errorf("the test leaves %s at zero", fields.Type().Field(i).Name)
		}
	}
	got, err := decodeRun(encodeRun(r))
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("%v\nwrote %+v\nread  %+v", err, r, got)
	}
	empty := run.Run{ID: r.ID, Client: r.Client, CreatedAt: r.CreatedAt, Status: run.Queued, Attempt: 1, Version: 1, Cost: 1}
	if got, err = decodeRun(encodeRun(empty)); err != nil || !reflect.DeepEqual(got, empty) {
		t.Errorf("%v\nwrote %+v\nread  %+v", err, empty, got)
	}
}

// Ensure that a damaged item is an error rather than a run.
func TestDamagedItems(t *testing.T) {
	for name, v := range map[string]types.AttributeValue{
		"version": str("1"), "status": num(1), "metadata": str("x"), schema.RunTags: num(1), schema.RunCreated: str("yesterday"), "allowPartial": num(1),
		"parts": &types.AttributeValueMemberM{Value: item{"ingest": str("1 1")}}, "scores": &types.AttributeValueMemberM{Value: item{"accent": str("high")}}, "cost": &types.AttributeValueMemberN{Value: "1.5"},
		"push": str("soon"), "pushed": num(1), "links": &types.AttributeValueMemberL{Value: []types.AttributeValue{str("0123 soon")}},
		"asked": num(1), "lengthMs": str("long"),
	} {
		it := encodeRun(interview(storetest.Start).Run)
		it[name] = v
		if _, err := decodeRun(it); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
