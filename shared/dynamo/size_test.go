package dynamo

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"parley/shared/credit"
	"parley/shared/dynamo/schema"
	"parley/shared/run"
	"parley/shared/storetest"
)

// size is an item's size by DynamoDB's rules ("DynamoDB item sizes and formats", Developer Guide): names and texts in
// UTF-8, numbers a byte per two significant digits and one more, 3 bytes per list or map and 1 per element of it.
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

// writeUnits is what it costs to make after of before (nil: not there, or not any more): the larger of the two per
// started KB, twice in a transaction, and each index once per entry that is added, removed or changed.
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

// entryOf is what an index carries of an item; nil where it has no entry.
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

// interview is a typical run: a recording of 4 minutes in 8 pieces, with what a client sends along.
func interview(now time.Time) run.Submission {
	s := storetest.Submission("cli_abcdefghijklmnopqrst", 123456789, 4, 8, now)
	s.Run.Request.ExternalID = "application-2026-004711"
	s.Run.Request.Metadata = map[string]string{"position": "customer support", "recruiter": "m.lindqvist", "round": "2"}
	s.Run.Request.Tags = []string{"spring-2026", "emea"}
	s.Run.Request.WebhookURL = "https://hooks.example.com/speech/9f86d081884c7d65"
	return s
}

// Ensure that a typical run stays within one write unit while it is in process, and print what each transition costs.
func TestSizesAndWriteUnits(t *testing.T) {
	now := storetest.Start
	s := New(nil, NamesWith(""))
	sub := interview(now)
	account := credit.Account{Client: sub.Run.Client, Balance: 12_000, Available: 12_000, Seq: 40_000, Revision: 120_000, QueueTail: 1000}
	tables := map[string]schema.Table{}
	for _, table := range schema.Tables {
		tables[table.Name] = table
	}
	cost := func(items []types.TransactWriteItem, before ...item) int {
		n := 0
		for i, it := range items {
			var was item
			if i < len(before) {
				was = before[i]
			}
			if it.Put != nil {
				n += writeUnits(tables[*it.Put.TableName], was, it.Put.Item, true)
			} else {
				n += writeUnits(tables[*it.Delete.TableName], was, nil, true)
			}
		}
		return n
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	after, r, entry, err := sub.Admit(account, sub.Run, now)
	must(err)
	items, err := s.admission(s.putNewRun(r), account, after, r, entry, now)
	must(err)
	t.Logf("submit, with a slot:   %2d write units", cost(items, nil, encodeAccount(account, now)))
	t.Logf("idempotency key:      +%2d", cost([]types.TransactWriteItem{s.putIdempotency(r, run.Idempotency{Key: "k", Input: strings.Repeat("f", 64), Expires: now}, now)}))

	full := account
	full.Running = 8
	waits, queued, hold, err := sub.Admit(full, sub.Run, now)
	must(err)
	items, err = s.admission(s.putNewRun(queued), full, waits, queued, hold, now)
	must(err)
	t.Logf("submit, queued:        %2d", cost(items, nil, encodeAccount(full, now)))
	started, err := queued.Start(sub.First, sub.Due, sub.Budget, now)
	must(err)
	put, err := s.putAccount(waits, full, now)
	must(err)
	ticket := s.putTicket(queued).Put.Item
	t.Logf("promote:               %2d", cost([]types.TransactWriteItem{s.putRun(queued, started), put, s.deleteTicket(queued)}, encodeRun(queued), encodeAccount(waits, now), ticket))

	next := map[run.Part]time.Duration{{Stage: "diarize"}: time.Minute}
	for i := range 8 {
		next[run.Part{Stage: "transcribe", Index: i}] = 2 * time.Minute
	}
	fanned, err := r.Done(1, sub.First, next, now.Add(5*time.Second))
	must(err)
	fanned.Chunks = 8
	t.Logf("ingest done:           %2d; the run is %d bytes with its first part, %d with 9 parts", writeUnits(schema.Runs, encodeRun(r), encodeRun(fanned), false), size(encodeRun(r)), size(encodeRun(fanned)))
	if n := size(encodeRun(fanned)); n >= 1024 {
		t.Errorf("a typical run is %d bytes in process: every write of it costs 2 units", n)
	}
	piece, err := fanned.Done(1, run.Part{Stage: "transcribe", Index: 3}, nil, now)
	must(err)
	t.Logf("a piece done:          %2d", writeUnits(schema.Runs, encodeRun(fanned), encodeRun(piece), false))

	one, two, three := 3.1, 4.2, 3.6
	for name, o := range map[string]run.Outcome{
		"end, success:  ": run.Succeed(piece, run.Scores{Vocabulary: &one, Fluency: &two, Accent: &three, Overall: &three}, "en"),
		"end, partial:  ": {Status: run.Partial, Scores: run.Scores{Accent: &three}, Charge: 1, Language: "en"},
		"end, failed:   ": run.Fail("TRANSCRIPTION_FAILED", "", ""),
	} {
		ended, err := piece.End(o, now)
		must(err)
		settled, entries, err := after.Resolve(string(r.ID), 1, r.Cost, o.Charge, now)
		must(err)
		settled.Running--
		put, err := s.putAccount(after, settled, now)
		must(err)
		items := []types.TransactWriteItem{s.putRun(piece, ended), put}
		for _, e := range entries {
			items = append(items, s.putEntry(e, ""))
		}
		t.Logf("%s        %2d; the run is %d bytes", name, cost(items, encodeRun(piece), encodeAccount(after, now)), size(encodeRun(ended)))
	}
	longest := fanned
	longest.Parts = map[run.Part]run.Pending{}
	for i := range 90 {
		longest.Parts[run.Part{Stage: "transcribe", Index: i}] = run.Pending{Due: now, Sent: 1}
	}
	t.Logf("a run in 90 pieces is %d bytes", size(encodeRun(longest)))
}

// Ensure that every field of a run survives being stored, and that none is stored twice or forgotten when one is added.
func TestRunsAreReadAsTheyAreWritten(t *testing.T) {
	v := 2.5
	r := interview(storetest.Start).Run
	r.Status, r.Version, r.Ticket, r.Chunks, r.Charged, r.Language, r.Reason = run.Processing, 7, 3, 9, 2, "en", "why"
	r.StartedAt, r.CompletedAt, r.Deadline, r.ErasedAt = r.CreatedAt.Add(1e6), r.CreatedAt.Add(2e6), r.CreatedAt.Add(3e6), r.CreatedAt.Add(4e6)
	r.Scores = run.Scores{Vocabulary: &v, Fluency: &v, Accent: &v, Overall: &v}
	r.Failure = &run.Failure{Code: "SCORING_FAILED", Message: "text"}
	r.Request.Cut.EndSeconds = 200.25
	r.Parts = map[run.Part]run.Pending{
		{Stage: "ingest"}:                {Due: r.CreatedAt, Sent: 1},
		{Stage: "transcribe", Index: 12}: {Due: r.CreatedAt, Sent: 3, Failure: run.TimedOut},
	}
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

// Ensure that a damaged item is an error and not a run.
func TestDamagedItems(t *testing.T) {
	for name, v := range map[string]types.AttributeValue{
		"version": str("1"), "status": num(1), "metadata": str("x"), schema.RunTags: num(1), schema.RunCreated: str("yesterday"), "allowPartial": num(1),
		"parts": &types.AttributeValueMemberM{Value: item{"ingest": str("1 1")}}, "accent": str("high"), "cost": &types.AttributeValueMemberN{Value: "1.5"},
		"push": str("soon"), "pushed": num(1),
		"cut": &types.AttributeValueMemberL{Value: []types.AttributeValue{str("x")}},
	} {
		it := encodeRun(interview(storetest.Start).Run)
		it[name] = v
		if _, err := decodeRun(it); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
