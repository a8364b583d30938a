package dynamo

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
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
	"parley/shared/errcode"
)

// The table of runs: one item per run, written whole, always on the condition of the version that was read.
//
//	id        run.ID
//	client    account.ID, and created: 13 digits of Unix ms, '#', the id: the index byClient, newest last
//	dueShard  a digit by the id's hash, and due, Unix ms: of a run in process when it started, of one that has ended
//	          when its webhook is due; only where it has a NextDue: the index byDue
//
// Why not NextDue itself: every part that is done moves it, and each move is billed as two writes of the index. What the
// sweep reads in its place, each run in process once a minute, costs a tenth of one.

// dueShards spreads the index of due runs, whose writes would else meet in one partition.
const dueShards = 4

// scheme of created.
const lastMillisecond = 9_999_999_999_999

func runKey(id run.ID) item { return item{schema.RunID: str(string(id))} }

func createdKey(p run.Position) string { return createdPrefix(p.CreatedAt) + "#" + string(p.ID) }

// createdPrefix sorts before every run created at t or later, and behind every run created before.
func createdPrefix(t time.Time) string {
	ms := t.UnixMilli()
	if t.Truncate(time.Millisecond).Before(t) {
		ms++
	}
	return fmt.Sprintf("%013d", min(max(ms, 0), lastMillisecond))
}

func shardOf(key string, shards uint32) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // never fails
	return strconv.FormatUint(uint64(h.Sum32()%shards), 10)
}

// putNewRun writes a run that is not there yet.
//
//	in   the run
//	out  written; condition failed: the id is taken, by this very run where the submit is a repeat
func (s *Store) putNewRun(r run.Run) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.names.Runs, Item: encodeRun(r),
		ConditionExpression: aws.String("attribute_not_exists(#id)"), ExpressionAttributeNames: map[string]string{"#id": schema.RunID}}}
}

// ifVersion is the condition of every later write of a run.
//
//	in   the version that was decided on
//	out  holds; fails: the run moved, or is not there
const ifVersion = "#version = :version"

var versionName = map[string]string{"#version": "version"}

func versionValue(r run.Run) item { return item{":version": num(r.Version)} }

// putRun writes the run that follows from seen.
func (s *Store) putRun(seen, after run.Run) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.names.Runs, Item: encodeRun(after),
		ConditionExpression: aws.String(ifVersion), ExpressionAttributeNames: versionName, ExpressionAttributeValues: versionValue(seen)}}
}

// encodeRun is the run as it is stored. A part is `transcribe/3` → "due in Unix ms, times sent, failure".
func encodeRun(r run.Run) item {
	i := item{
		schema.RunID: str(string(r.ID)), schema.RunClient: str(string(r.Client)),
		schema.RunCreated: str(createdKey(run.Position{CreatedAt: r.CreatedAt, ID: r.ID})),
		"status":          str(string(r.Status)), "version": num(r.Version), "attempt": num(int64(r.Attempt)), "cost": num(r.Cost),
	}
	if due := r.NextDue(); !due.IsZero() {
		if r.Status == run.Processing && r.StartedAt.Before(due) {
			due = r.StartedAt // not later than due, and the same at every write
		}
		i[schema.RunDueShard] = str(shardOf(string(r.ID), dueShards))
		i[schema.RunDue] = num(due.UnixMilli())
	}
	i.text("key", string(r.Key))
	i.time("started", r.StartedAt)
	i.time("completed", r.CompletedAt)
	i.time("deadline", r.Deadline)
	i.time("erased", r.ErasedAt)

	i.text("language", r.Request.Language)
	i.text(schema.RunExternal, r.Request.ExternalID)
	i.table("metadata", r.Request.Metadata)
	i.list(schema.RunTags, r.Request.Tags)
	i.flag("allowPartial", r.Request.AllowPartial)
	i.text("webhookUrl", r.Request.WebhookURL)
	if c := r.Request.Cut; c != (run.CutSettings{}) {
		i["cut"] = &types.AttributeValueMemberL{Value: []types.AttributeValue{decimal(c.StartSeconds), decimal(c.EndSeconds), decimal(c.SilenceThresholdDb),
			num(int64(c.MinSilenceMs)), num(int64(c.MinSpeechMs)), num(int64(c.PaddingMs))}}
	}
	i.number("durationMs", r.Audio.DurationMs)
	i.text("format", r.Audio.Format)
	i.number("sizeBytes", r.Audio.SizeBytes)

	i.number("ticket", r.Ticket)
	i.number("chunks", int64(r.Chunks))
	if len(r.Parts) > 0 {
		parts := make(map[string]string, len(r.Parts))
		for p, v := range r.Parts {
			parts[p.String()] = strings.TrimSpace(fmt.Sprintf("%d %d %s", v.Due.UnixMilli(), v.Sent, v.Failure))
		}
		i.table("parts", parts)
	}

	i.score("vocabulary", r.Scores.Vocabulary)
	i.score("fluency", r.Scores.Fluency)
	i.score("accent", r.Scores.Accent)
	i.score("overall", r.Scores.Overall)
	i.number("charged", r.Charged)
	if r.Failure != nil {
		i["code"] = str(string(r.Failure.Code))
		i.text("message", r.Failure.Message)
	}
	i.text("heard", r.Language)
	i.text("reason", r.Reason)
	if r.Push != nil {
		encodePush(i, *r.Push)
	}
	return i
}

// encodePush stores a push: `push` is "due in Unix ms, times sent, tries, tries before this round", `pushed` a line per
// try, "began at Unix ms, HTTP status, why".
func encodePush(i item, p run.Push) {
	due := int64(0)
	if !p.Due.IsZero() {
		due = p.Due.UnixMilli()
	}
	i["push"] = str(fmt.Sprintf("%d %d %d %d", due, p.Sent, p.Tries, p.Since))
	tries := make([]string, len(p.Log))
	for n, t := range p.Log {
		tries[n] = strings.TrimSpace(fmt.Sprintf("%d %d %s", t.At.UnixMilli(), t.Status, t.Why))
	}
	i.list("pushed", tries)
}

func decodeRun(it item) (run.Run, error) {
	d := reader{item: it}
	r := run.Run{
		ID: run.ID(d.text(schema.RunID)), Client: account.ID(d.text(schema.RunClient)), Key: account.KeyID(d.text("key")),
		Status: run.Status(d.text("status")), Attempt: int(d.number("attempt")), Version: d.number("version"), Cost: d.number("cost"),
		StartedAt: d.time("started"), CompletedAt: d.time("completed"), Deadline: d.time("deadline"), ErasedAt: d.time("erased"),
		Request: run.Request{Language: d.text("language"), ExternalID: d.text(schema.RunExternal), Metadata: d.table("metadata"), Tags: d.list(schema.RunTags),
			AllowPartial: d.flag("allowPartial"), WebhookURL: d.text("webhookUrl"), Cut: d.cut("cut")},
		Audio:  run.Audio{DurationMs: d.number("durationMs"), Format: d.text("format"), SizeBytes: d.number("sizeBytes")},
		Ticket: d.number("ticket"), Chunks: int(d.number("chunks")), Parts: d.parts("parts"),
		Scores:  run.Scores{Vocabulary: d.score("vocabulary"), Fluency: d.score("fluency"), Accent: d.score("accent"), Overall: d.score("overall")},
		Charged: d.number("charged"), Language: d.text("heard"), Reason: d.text("reason"), Push: d.push("push", "pushed"),
	}
	if c := d.text("code"); c != "" {
		r.Failure = &run.Failure{Code: errcode.Code(c), Message: d.text("message")}
	}
	at, err := decodePosition(d.text(schema.RunCreated))
	if err != nil {
		d.wrong(schema.RunCreated, err)
	}
	r.CreatedAt = at.CreatedAt
	return r, d.err
}

func decodePosition(created string) (run.Position, error) {
	digits, id, _ := strings.Cut(created, "#")
	ms, err := strconv.ParseInt(digits, 10, 64)
	return run.Position{CreatedAt: time.UnixMilli(ms).UTC(), ID: run.ID(id)}, err
}

func (r *reader) cut(name string) (c run.CutSettings) {
	v, ok := r.item[name].(*types.AttributeValueMemberL)
	if !ok {
		return c
	}
	var f [6]float64
	for i := range min(len(f), len(v.Value)) {
		one := reader{item: item{name: v.Value[i]}}
		if p := one.score(name); p != nil {
			f[i] = *p
		}
		if one.err != nil {
			r.wrong(name, one.err)
		}
	}
	return run.CutSettings{StartSeconds: f[0], EndSeconds: f[1], SilenceThresholdDb: f[2], MinSilenceMs: int(f[3]), MinSpeechMs: int(f[4]), PaddingMs: int(f[5])}
}

func (r *reader) parts(name string) map[run.Part]run.Pending {
	stored := r.table(name)
	if len(stored) == 0 {
		return nil
	}
	parts := make(map[run.Part]run.Pending, len(stored))
	for k, v := range stored {
		part, err := run.ParsePart(k)
		fields := strings.Fields(v)
		if err != nil || len(fields) < 2 {
			r.wrong(name, fmt.Errorf("%q is %q", k, v))
			return nil
		}
		due, err1 := strconv.ParseInt(fields[0], 10, 64)
		sent, err2 := strconv.Atoi(fields[1])
		if err := errors.Join(err1, err2); err != nil {
			r.wrong(name, err)
		}
		pending := run.Pending{Due: time.UnixMilli(due).UTC(), Sent: sent}
		if len(fields) > 2 {
			pending.Failure = fields[2]
		}
		parts[part] = pending
	}
	return parts
}

func (r *reader) push(name, tries string) *run.Push {
	stored, lines := r.text(name), r.list(tries)
	if stored == "" {
		return nil
	}
	var p run.Push
	var due int64
	if n, err := fmt.Sscanf(stored, "%d %d %d %d", &due, &p.Sent, &p.Tries, &p.Since); err != nil || n != 4 {
		r.wrong(name, fmt.Errorf("%q: %w", stored, err))
	}
	if due != 0 {
		p.Due = time.UnixMilli(due).UTC()
	}
	for _, line := range lines {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			r.wrong(tries, errType)
			return nil
		}
		at, err1 := strconv.ParseInt(fields[0], 10, 64)
		status, err2 := strconv.Atoi(fields[1])
		if err := errors.Join(err1, err2); err != nil {
			r.wrong(tries, err)
		}
		t := run.Try{At: time.UnixMilli(at).UTC(), Status: status}
		if len(fields) > 2 {
			t.Why = fields[2]
		}
		p.Log = append(p.Log, t)
	}
	return &p
}

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

// Advance implements run.Store. Where an answer was lost and another write followed, ErrStale may mean that this one was
// done: deciding again finds ErrGone then, and the sweep sends what was not sent.
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

// replace writes after where before is still stored, and returns what is stored then: after, or what it moved to.
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
				now.Version = -1 // another's write: not after, though of the same number
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

// identical tells whether two runs are stored as the same item.
func identical(a, b run.Run) bool { return reflect.DeepEqual(encodeRun(a), encodeRun(b)) }

// Erase implements run.Store. A run that is erased already stays as it is.
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

// maxLive bounds how many runs of each shard of the index byDue one call of Due looks at, the longest in process first.
const maxLive = 5_000

// Due implements run.Store. It reads the index byDue, which names all runs in process and lags behind the table, and then the
// runs themselves.
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
	runs, err := s.runsOf(ctx, live)
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
	for _, r := range due[:min(limit, len(due))] {
		ids = append(ids, r.ID)
	}
	return ids, nil
}

// Bounds of List.
const (
	indexPage    = 200  // runs per request to the index
	maxExamined  = 5000 // runs looked at for one page; a page may be short then, and the position says where to go on
	firstCreated = "0"
)

// List implements run.Store. It finds the runs in the index byClient, which lags behind the table by well under a second
// as a rule: a run may be missing for that long after its submit. The runs themselves are read from the table.
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

// listQuery finds a client's runs, newest first.
//
//	in   the client; the bounds of created: behind the position, in the interval; externalId and tag, which the index carries
//	out  keys of the index; empty is true where nothing can be between the bounds
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
		Limit:                     aws.Int32(int32(f.Limit + 2)), // one more tells whether there is more, another may be the position itself
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

// found reads the runs that an index named, in its order.
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

// runsOf reads many runs consistently. Those that are not there are left out.
func (s *Store) runsOf(ctx context.Context, ids []run.ID) (map[run.ID]run.Run, error) {
	keys := make([]item, len(ids))
	for i, id := range ids {
		keys[i] = runKey(id)
	}
	items, err := s.getMany(ctx, s.names.Runs, keys)
	if err != nil {
		return nil, err
	}
	runs := make(map[run.ID]run.Run, len(items))
	for _, it := range items {
		r, err := decodeRun(it)
		if err != nil {
			return nil, err
		}
		runs[r.ID] = r
	}
	return runs, nil
}
