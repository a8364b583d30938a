package system_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"parley/shared/engine/account"
	"parley/shared/engine/credit"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// objects lists what is stored of a run.
func (c *caller) objects(id run.ID) []string {
	c.t.Helper()
	var keys []string
	for _, prefix := range []string{pipeline.AudioPrefix, pipeline.ReportPrefix, pipeline.WorkPrefix} {
		page, err := c.sys.admin.Objects.List(c.t.Context(), prefix+string(id), "", 1000)
		must(c.t, err)
		for _, o := range page {
			keys = append(keys, o.Key)
		}
	}
	return keys
}

// Ensure that a run can be erased once it has ended, only by its client, with everything that was
// stored of it, and that its ledger entries stay.
func TestErase(t *testing.T) {
	s := need(t)
	t.Parallel()
	c, other := s.newcomer(t, 10), s.newcomer(t, 0)
	id := c.accepted(silence(t, 200))
	path := "/speech/analyze/" + string(id)
	refused(t, other.call(http.MethodDelete, path, nil, nil), 404, errcode.RequestNotFound)
	early := c.accepted(silence(t, 200))
	// Unless it had already ended.
	if r := c.call(http.MethodDelete, "/speech/analyze/"+string(early), nil, nil); r.status != http.StatusNoContent {
		if e := refused(t, r, 409, errcode.RunNotTerminal); e["retryAfterSeconds"] != 15.0 || r.header.Get("Retry-After") != "15" {
			t.Errorf("got %s %v", r.raw, r.header)
		}
	}
	c.end(early)
	before := c.end(id)
	if len(c.objects(id)) == 0 {
		t.Fatal("nothing is kept of the run")
	}
	refused(t, other.call(http.MethodDelete, path, nil, nil), 404, errcode.RequestNotFound)
	for range 2 {
		if r := c.call(http.MethodDelete, path, nil, nil); r.status != http.StatusNoContent || len(r.raw) != 0 || !run.ID(r.header.Get("X-Request-Id")).Valid() {
			t.Fatalf("HTTP %d %s %v", r.status, r.raw, r.header)
		}
		if left := c.objects(id); len(left) != 0 {
			t.Errorf("left %v", left)
		}
	}
	after := c.poll(id)
	if after.status != http.StatusOK || after.body["status"] != before.body["status"] || after.bytes(t, "error") != before.bytes(t, "error") || after.body["transcript"] != nil {
		t.Errorf("before %s\nafter  %s", before.raw, after.raw)
	}
	stamp(t, "erasedAt", after.body["erasedAt"])
	if r := c.call(http.MethodPut, path, nil, nil); r.status != 405 || !strings.Contains(r.header.Get("Allow"), "DELETE") || !strings.Contains(r.header.Get("Allow"), "GET") {
		t.Errorf("HTTP %d, Allow %q", r.status, r.header.Get("Allow"))
	}
	c.entries(id, credit.Hold, credit.Release)
	c.audited()
}

// upload posts a recording by a presigned form whose Content-Type the client replaces, and returns
// its uploadId.
func (c *caller) upload(recording []byte, contentType string) string {
	c.t.Helper()
	form := c.call(http.MethodPost, "/speech/uploads", nil, strings.NewReader(`{"sizeBytes":1000,"contentType":"audio/webm;codecs=opus"}`))
	if form.status != http.StatusCreated {
		c.t.Fatalf("HTTP %d %s", form.status, form.raw)
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	fields, _ := form.body["fields"].(map[string]any)
	fields["Content-Type"] = contentType
	for name, value := range fields {
		must(c.t, w.WriteField(name, value.(string)))
	}
	file, err := w.CreateFormFile("file", "recording")
	must(c.t, err)
	_, err = file.Write(recording)
	must(c.t, err)
	must(c.t, w.Close())
	// S3's call, none of the contract.
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, form.body["url"].(string), &b)
	must(c.t, err)
	req.Header.Set("Content-Type", w.FormDataContentType())
	posted, err := http.DefaultClient.Do(req)
	must(c.t, err)
	must(c.t, posted.Body.Close())
	if posted.StatusCode/100 != 2 {
		c.t.Fatalf("HTTP %d", posted.StatusCode)
	}
	return form.body["uploadId"].(string)
}

// Ensure that an upload goes into one run and is gone then, that only a repeat with its key is
// answered, and that erasing the run leaves no copy of its recording anywhere.
func TestAnUploadIsErasedWithItsRun(t *testing.T) {
	s := need(t)
	t.Parallel()
	c := s.newcomer(t, 10)
	uploads := func() int {
		page, err := s.admin.Objects.List(t.Context(), pipeline.UploadPrefix+string(c.id)+"/", "", 10)
		must(t, err)
		return len(page)
	}
	upload := c.upload(silence(t, 200), "audio/mp4")
	if uploads() != 1 {
		t.Fatalf("%d uploads", uploads())
	}
	keyed := func(key string) reply {
		header, body := multi(t, nil, "uploadId", upload)
		header.Set("Idempotency-Key", key)
		return c.call(http.MethodPost, "/speech/analyze", header, body)
	}
	first := keyed("k")
	if first.status != http.StatusAccepted || uploads() != 0 {
		t.Fatalf("HTTP %d %s, %d uploads", first.status, first.raw, uploads())
	}
	if again := keyed("k"); again.status != http.StatusAccepted || again.body["id"] != first.body["id"] || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("repeated: HTTP %d %s", again.status, again.raw)
	}
	refused(t, keyed("other"), 404, errcode.UploadNotFound)
	id := run.ID(first.body["id"].(string))
	c.end(id)
	if r := c.call(http.MethodDelete, "/speech/analyze/"+string(id), nil, nil); r.status != http.StatusNoContent {
		t.Fatalf("HTTP %d %s", r.status, r.raw)
	}
	if left := c.objects(id); len(left) != 0 || uploads() != 0 {
		t.Errorf("left %v, %d uploads", left, uploads())
	}
	refused(t, c.submit(nil, "uploadId", upload), 404, errcode.UploadNotFound)
	c.audited()
}

// Ensure that the sweep deletes a recording that its client does not want kept, and the work done
// on it.
func TestTheSweepDeletesWhatIsNotToBeKept(t *testing.T) {
	s := need(t)
	t.Parallel()
	none := 0
	c := s.newcomer(t, 10, func(c *account.Client) { c.AudioRetentionDays = &none })
	id := c.accepted(silence(t, 200))
	c.end(id)
	for _, walk := range []string{"audio", "work"} {
		// Instead of the quarter of an hour between two walks.
		must(t, s.admin.Tables.SetCursor(t.Context(), walk, ""))
	}
	const sweeps = 60
	for range sweeps {
		left := strings.Join(c.objects(id), " ")
		if !strings.Contains(left, pipeline.AudioPrefix) && !strings.Contains(left, pipeline.WorkPrefix) {
			return
		}
		c.pause(sweepEvery)
	}
	t.Errorf("after %d sweeps: left %v", sweeps, c.objects(id))
}
