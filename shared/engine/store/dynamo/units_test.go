package dynamo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/infra/prove/service"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"parley/infra/measure/corpus"
	"parley/infra/prove/storetest"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/dynamo/schema"
)

// bill is a DynamoDB for one user that calculates the cost of each write by DynamoDB's rules. It
// ignores conditions.
type bill struct {
	API
	tables map[string]map[string]item
	units  int
	pages  int // of units, those for pages of the ledger
}

func newBill() *bill {
	b := &bill{tables: map[string]map[string]item{}}
	for _, t := range schema.Tables {
		b.tables[t.Name] = map[string]item{}
	}
	return b
}

func (b *bill) key(table string, it item) (schema.Table, string) {
	i := slices.IndexFunc(schema.Tables, func(t schema.Table) bool { return t.Name == table })
	t := schema.Tables[i]
	r := reader{item: it}
	key := r.text(t.Partition.Name)
	if t.Sort.Name != "" {
		key += "|" + r.text(t.Sort.Name)
	}
	return t, key
}

func (b *bill) write(table string, key, after item, transaction bool) {
	t, at := b.key(table, key)
	n := writeUnits(t, b.tables[table][at], after, transaction)
	b.units += n
	if strings.Contains(at, "|"+entryPrefix) {
		b.pages += n
	}
	b.tables[table][at] = after
	if after == nil {
		delete(b.tables[table], at)
	}
}

func (b *bill) GetItem(_ context.Context, in *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	_, at := b.key(*in.TableName, in.Key)
	return &dynamodb.GetItemOutput{Item: b.tables[*in.TableName][at]}, nil
}

// Query answers with all items of the table that are places in a queue.
func (b *bill) Query(_ context.Context, in *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	out := &dynamodb.QueryOutput{}
	for key, it := range b.tables[*in.TableName] {
		if strings.Contains(key, "|"+ticketPrefix) {
			out.Items = append(out.Items, it)
		}
	}
	return out, nil
}

func (b *bill) PutItem(_ context.Context, in *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	b.write(*in.TableName, in.Item, in.Item, false)
	return &dynamodb.PutItemOutput{}, nil
}

func (b *bill) TransactWriteItems(_ context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	for _, i := range in.TransactItems {
		if i.Put != nil {
			b.write(*i.Put.TableName, i.Put.Item, i.Put.Item, true)
		} else {
			b.write(*i.Delete.TableName, i.Delete.Key, nil, true)
		}
	}
	return &dynamodb.TransactWriteItemsOutput{}, nil
}

// meter is a DynamoDB that reports the cost of each write.
type meter struct {
	API
	mu    sync.Mutex
	units float64
}

func (m *meter) add(consumed ...types.ConsumedCapacity) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range consumed {
		if c.CapacityUnits != nil {
			m.units += *c.CapacityUnits
		}
	}
}

func (m *meter) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	asking := *in
	asking.ReturnConsumedCapacity = types.ReturnConsumedCapacityIndexes
	out, err := m.API.PutItem(ctx, &asking, o...)
	if err == nil && out.ConsumedCapacity != nil {
		m.add(*out.ConsumedCapacity)
	}
	return out, err
}

func (m *meter) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	asking := *in
	asking.ReturnConsumedCapacity = types.ReturnConsumedCapacityIndexes
	out, err := m.API.TransactWriteItems(ctx, &asking, o...)
	if err == nil {
		m.add(out.ConsumedCapacity...)
	}
	return out, err
}

// cost is what one write of a run's life costs.
type cost struct {
	write, why string
	units      int
	page       int // of units, those for a page of the ledger that happened to be full
	// counted: a run of four minutes that meets nothing unusual makes this write.
	counted bool
}

// life makes every kind of write that a run of four minutes can make, as the pipeline makes them,
// and returns the cost of each. spent returns the units spent so far, and how many of them for
// pages of the ledger.
func life(t *testing.T, s *Store, spent func() (units, pages int)) []cost {
	t.Helper()
	ctx, now := t.Context(), storetest.Start
	var costs []cost
	units, pages := 0, 0
	note := func(write, why string, counted bool) {
		u, p := spent()
		costs = append(costs, cost{write, why, u - units, p - pages, counted})
		units, pages = u, p
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	length := 4 * time.Minute
	submission := func(n, slots int) run.Submission {
		sub := interview(now)
		sub.Run.ID = storetest.RunID(n)
		sub.Run.Request.WebhookURL = ""
		sub.Terms = service.Sample.Terms(length, slots, pipeline.Budget(0))
		return sub
	}
	client := submission(1, 8).Run.Client
	_, err := s.Grant(ctx, client, 12_000, "", now)
	must(err)
	units, pages = spent()

	r, _, err := s.Submit(ctx, submission(1, 8), now)
	must(err)
	note("submit", "run, account, hold", true)
	advance := func(after run.Run, err error) {
		t.Helper()
		must(err)
		must(s.Advance(ctx, r, after))
		r = after
	}
	done := func(p run.Part, wait time.Duration, chunks int) {
		t.Helper()
		now = now.Add(wait)
		next := map[run.Part]time.Duration{}
		if r.Last(p) {
			for _, n := range service.Sample.Following(p.Stage, chunks) {
				stage, err := service.Sample.Lookup(n.Stage)
				must(err)
				next[n] = stage.DueFor(length)
			}
		}
		after, err := r.Done(1, p, next, now)
		after.Pieces = chunks
		advance(after, err)
	}
	const pieces = 2 // audio.Chunks of four minutes
	done(run.Part{Stage: service.Ingest}, 3*time.Second, pieces)
	note("ingest done", "run: its parts are known", true)
	done(run.Part{Stage: service.Diarize}, 2*time.Second, pieces)
	note("diarize done", "run: a part less", true)
	for i := range pieces {
		done(run.Part{Stage: service.Transcribe, Index: i}, 20*time.Second, pieces)
		note(fmt.Sprintf("transcribe %d done", i+1), []string{"run: a part less", "run: the last of them starts the scores"}[i], true)
	}
	for i, stage := range []run.Stage{service.Vocabulary, service.Fluency, service.Accent} {
		done(run.Part{Stage: stage}, 2*time.Second, pieces)
		note(string(stage)+" done", []string{"run: a part less", "run: a part less", "run: the last of them starts finalize"}[i], true)
	}
	seen := r
	one, two, three := 3.1, 4.2, 3.6
	scores := run.Scores{"vocabulary": one, "fluency": two, "accent": three, "overall": three}
	r, err = s.End(ctx, seen, run.Succeed(seen, service.Sample.Dimensions, scores, nil), now)
	must(err)
	note("end, success", "run, account, charge", true)
	r, err = s.Erase(ctx, r, now)
	must(err)
	note("erase", "run: nothing of its end any more", false)

	sub := submission(2, 8)
	sub.Idempotency = &run.Idempotency{Key: "k", Input: strings.Repeat("f", 64), Expires: now.Add(time.Hour)}
	sub.Run.Request.WebhookURL = "https://hooks.example.com/speech/9f86d081884c7d65"
	r, _, err = s.Submit(ctx, sub, now)
	must(err)
	note("submit with an Idempotency-Key", "the same, and the key", false)
	advance(r.NoteFailure(1, sub.First, run.Errored, time.Minute, now))
	note("a part's failure noted", "run: what it died of", false)
	advance(r.Resent(map[run.Part]time.Duration{sub.First: sub.Due}, now.Add(time.Minute)))
	note("a part sent again", "run: when it is looked at next", false)
	_, _, err = s.Submit(ctx, submission(3, 1), now)
	must(err)
	note("submit, queued", "run, account, hold, place in the queue", false)
	partial := run.SucceedInPart(r, service.Sample.Dimensions, run.Scores{"accent": three}, nil)
	r, err = s.End(ctx, r, partial, now)
	must(err)
	note("end, partial, with a webhook", "run and its webhook, account, charge, release of the rest", false)
	now = now.Add(time.Minute)
	waiting, err := s.Promote(ctx, client, submission(3, 1).Terms, now)
	must(err)
	note("promote", "run, account, no place in the queue", false)
	advance(r.PushBegun(1, 0, now))
	note("webhook: a try begun", "run: its number is taken", false)
	advance(r.PushTried(1, 0, run.Try{Status: 204}, 0, now))
	note("webhook: delivered", "run: settled", false)
	ended, err := s.End(ctx, waiting, run.Fail("TRANSCRIPTION_FAILED", "", ""), now)
	must(err)
	note("end, failed", "run, account, release", false)
	_, err = s.Retry(ctx, ended, submission(3, 8), now)
	must(err)
	note("retry", "run, account, hold", false)
	sub = submission(4, 9)
	sub.Run.Upload = "upl_" + strings.Repeat("a", 26)
	sub.Use = &run.Use{Upload: sub.Run.Upload, Content: strings.Repeat("f", 64), Run: sub.Run.ID, Expires: now.Add(run.UseLasting)}
	_, _, err = s.Submit(ctx, sub, now)
	must(err)
	note("submit of an upload", "the same as a submit, and the use of the upload", false)
	return costs
}

func total(costs []cost) int {
	n := 0
	for _, c := range costs {
		if c.counted {
			n += c.units - c.page
		}
	}
	return n
}

// pageUnits is the cost of a page of the ledger, in write units.
const pageUnits = 2

// ceiling is the maximum cost of a run of four minutes, in write units.
const ceiling = 20

// priceList is the table of docs/ledger.md.
func priceList(costs []cost) string {
	var b strings.Builder
	b.WriteString("| write | what is written | units |\n|---|---|---:|\n")
	for _, c := range costs {
		if c.counted {
			fmt.Fprintf(&b, "| %s | %s | %d |\n", c.write, c.why, c.units-c.page)
		}
	}
	fmt.Fprintf(&b, "| a page of the ledger, with every %dth entry of the client | the last %d entries | %d |\n", pageLines, pageLines, pageUnits)
	fmt.Fprintf(&b, "| **a run of four minutes**: two entries, so at most one page | | **%d, or %d** |\n", total(costs), total(costs)+pageUnits)
	for _, c := range costs {
		if !c.counted {
			fmt.Fprintf(&b, "| %s | %s | %d |\n", c.write, c.why, c.units-c.page)
		}
	}
	return b.String()
}

// Ensure that a run of four minutes costs no more write units than ceiling, and that docs/ledger.md
// is up to date.
func TestWriteUnits(t *testing.T) {
	b := newBill()
	costs := life(t, New(b, NamesWith("")), func() (int, int) { return b.units, b.pages })
	list := priceList(costs)
	if n := total(costs) + pageUnits; n > ceiling {
		t.Errorf("a run of four minutes costs %d write units, more than %d", n, ceiling)
	}
	for _, c := range costs {
		if c.page > pageUnits {
			t.Errorf("%s: the page costs %d", c.write, c.page)
		}
	}
	path := filepath.Join(root(t), "docs", "ledger.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), list) {
		t.Errorf("docs/ledger.md does not hold this table:\n%s", list)
	}
}

// Ensure that our calculation of write units agrees with the database.
func TestWriteUnitsAsConsumed(t *testing.T) {
	b := newBill()
	want := life(t, New(b, NamesWith("")), func() (int, int) { return b.units, b.pages })
	var m *meter
	s := openThrough(t, func(api API) API { m = &meter{API: api}; return m })
	got := life(t, s, func() (int, int) { return int(m.units), 0 })
	if total(got) == 0 {
		t.Skip("this endpoint does not tell what a write consumed")
	}
	for i := range want {
		if want[i].units != got[i].units {
			t.Errorf("%s: %d units by the rules, %d consumed", want[i].write, want[i].units, got[i].units)
		}
	}
}

// root is the folder of go.mod.
func root(t *testing.T) string {
	t.Helper()
	dir, err := corpus.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
