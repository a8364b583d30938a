package dynamo

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/run"
	"parley/shared/engine/store/dynamo/schema"
	"parley/shared/errcode"
)

// encodeRun returns the item of a run. A part is stored as `transcribe/3` → "due in Unix ms,
// times sent, failure", separated by spaces.
func encodeRun(r run.Run) item {
	i := item{
		schema.RunID: str(string(r.ID)), schema.RunClient: str(string(r.Client)),
		schema.RunCreated: str(createdKey(run.Position{CreatedAt: r.CreatedAt, ID: r.ID})),
		"status":          str(string(r.Status)), "version": num(r.Version), "attempt": num(int64(r.Attempt)), "cost": num(r.Cost),
	}
	if due := r.NextDue(); !due.IsZero() {
		if r.Status == run.Processing && r.StartedAt.Before(due) {
			due = r.StartedAt // never later than NextDue, and the same in every write (run_keys.go)
		}
		i[schema.RunDueShard] = str(shardOf(string(r.ID), dueShards))
		i[schema.RunDue] = num(due.UnixMilli())
	}
	i.text("key", string(r.Key))
	i.time("started", r.StartedAt)
	i.time("completed", r.CompletedAt)
	i.time("deadline", r.Deadline)
	i.time("erased", r.ErasedAt)

	i.text(schema.RunExternal, r.Request.ExternalID)
	i.table("metadata", r.Request.Metadata)
	i.list(schema.RunTags, r.Request.Tags)
	i.flag("allowPartial", r.Request.AllowPartial)
	i.text("webhookUrl", r.Request.WebhookURL)
	i.document("asked", r.Request.Asked)
	i.number("lengthMs", r.Length.Milliseconds())
	i.document("material", r.Material)
	i.text("upload", r.Upload)

	i.number("ticket", r.Ticket)
	i.number("metRunning", int64(r.Met.Running))
	i.number("metQueued", int64(r.Met.Queued))
	i.number("pieces", int64(r.Pieces))
	i.text("edition", r.Edition)
	i.number("restarts", int64(r.Restarts))
	if len(r.Parts) > 0 {
		parts := make(map[string]string, len(r.Parts))
		for p, v := range r.Parts {
			parts[p.String()] = encodePending(v)
		}
		i.table("parts", parts)
	}

	i.list("links", encodeLinks(r.Links))

	i.scores("scores", r.Scores)
	i.number("charged", r.Charged)
	if r.Failure != nil {
		i["code"] = str(string(r.Failure.Code))
		i.text("message", r.Failure.Message)
	}
	i.document("found", r.Found)
	i.text("reason", r.Reason)
	if r.Push != nil {
		encodePush(i, *r.Push)
	}
	return i
}

// encodePending stores a part as its due time in Unix ms, how often it was sent, why its last try
// failed, and how many ran out of time, separated by spaces. What is empty at the end is left out.
func encodePending(v run.Pending) string {
	s := fmt.Sprintf("%d %d %s", v.Due.UnixMilli(), v.Sent, v.Failure)
	if v.Timeouts > 0 {
		s += " " + strconv.Itoa(v.Timeouts)
	}
	return strings.TrimSpace(s)
}

// encodeLinks stores a link as its id and its end in Unix ms, separated by a space.
func encodeLinks(links []run.Link) []string {
	lines := make([]string, len(links))
	for n, l := range links {
		lines[n] = fmt.Sprintf("%s %d", l.ID, l.Expires.UnixMilli())
	}
	return lines
}

// encodePush stores a push. `push` is "due in Unix ms, times sent, tries, tries before this round".
// `pushed` has one line per try: "began at Unix ms, HTTP status, why".
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
		Request: run.Request{ExternalID: d.text(schema.RunExternal), Metadata: d.table("metadata"), Tags: d.list(schema.RunTags),
			AllowPartial: d.flag("allowPartial"), WebhookURL: d.text("webhookUrl"), Asked: d.document("asked")},
		Length: time.Duration(d.number("lengthMs")) * time.Millisecond, Material: d.document("material"), Upload: d.text("upload"),
		Ticket: d.number("ticket"), Met: run.Met{Running: int(d.number("metRunning")), Queued: int(d.number("metQueued"))}, Pieces: int(d.number("pieces")), Edition: d.text("edition"), Restarts: int(d.number("restarts")), Parts: d.parts("parts"), Links: d.links("links"),
		Scores: d.scores("scores"), Charged: d.number("charged"), Found: d.document("found"), Reason: d.text("reason"),
		Push: d.push("push", "pushed"),
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
		if len(fields) > 3 {
			if pending.Timeouts, err = strconv.Atoi(fields[3]); err != nil {
				r.wrong(name, err)
			}
		}
		parts[part] = pending
	}
	return parts
}

func (r *reader) links(name string) []run.Link {
	var links []run.Link
	for _, line := range r.list(name) {
		id, end, _ := strings.Cut(line, " ")
		ms, err := strconv.ParseInt(end, 10, 64)
		if err != nil {
			r.wrong(name, errType) // the cause would contain the link
		}
		links = append(links, run.Link{ID: id, Expires: time.UnixMilli(ms).UTC()})
	}
	return links
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
