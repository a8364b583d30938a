package api_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"parley/shared/api"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// raw submits these bytes as a form with the boundary b.
func (h *house) raw(body io.Reader) reply {
	h.t.Helper()
	req := h.request(http.MethodPost, api.Base+"/speech/analyze", body)
	req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	return h.do(req)
}

// formOf returns a form; each part is given as its headers and its content.
func formOf(parts ...[2]string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--b\r\n" + p[0] + "\r\n\r\n" + p[1] + "\r\n")
	}
	return b.String() + "--b--\r\n"
}

var theAudio = [2]string{`Content-Disposition: form-data; name="audio"; filename="talk.flac"`, fourMinutes}

func named(name, value string) [2]string {
	return [2]string{`Content-Disposition: form-data; name="` + name + `"`, value}
}

// Ensure that the order of the fields does not matter: the same fields are the same input in any
// order.
func TestFormInAnyOrder(t *testing.T) {
	h := newHouse(t)
	parts := []part{audio(fourMinutes), {name: "externalId", value: "x"}, {name: "metadata", value: `{"a":1}`}, {name: "cutSettings", value: `{"paddingMs":0}`}, {name: "allowPartial", value: "true"}}
	first := h.keyed("k", parts...)
	first.has(http.StatusAccepted)
	for range parts {
		parts = append(parts[1:], parts[0])
		again := h.keyed("k", parts...)
		again.has(http.StatusAccepted)
		if again.at("id") != first.at("id") {
			t.Errorf("in the order %v it is another input", parts)
		}
	}
}

// Ensure that only tags may be repeated, and that the answer lists everything that is wrong with a
// form.
func TestFormNamesWhatIsRepeatedOrUnknown(t *testing.T) {
	h := newHouse(t)
	parts := []part{audio(fourMinutes), {name: "tags", value: "a"}, {name: "tags", value: `["b"]`}, {name: "colour", value: "red"}, {name: "colour", value: "blue"}, {name: "Language", value: "en"}}
	want := []string{"colour", "Language"}
	for _, name := range []string{"uploadId", "language", "externalId", "metadata", "cutSettings", "allowPartial", "channels", "webhookUrl"} {
		parts = append(parts, part{name: name, value: "x"}, part{name: name, value: "x"})
		want = append(want, name)
	}
	r := h.submit(parts...)
	r.is(errcode.InvalidParameters)
	var got []string
	for _, f := range r.at("error.details.fields").([]any) {
		got = append(got, f.(map[string]any)["name"].(string))
	}
	if !slices.Equal(got, want) {
		t.Errorf("it names %q, want %q", got, want)
	}
	h.nothingLeft()
}

// Ensure that line breaks and other control characters are only data, wherever a client puts them:
// they are returned as JSON, and cannot add a header or a line to the log.
func TestFormCannotInject(t *testing.T) {
	h := newHouse(t)
	evil := "a\r\nSet-Cookie: x=1\r\n\r\n<html>\x1b[2J\x00\u2028"
	raw, err := json.Marshal(map[string]string{evil[:20]: evil})
	h.must(err)
	r := h.submit(audio(fourMinutes), part{name: "externalId", value: evil}, part{name: "metadata", value: string(raw)}, part{name: "tags", value: evil[:20]})
	r.has(http.StatusAccepted)
	if r.at("externalId") != evil || r.at("metadata").(map[string]any)[evil[:20]] != evil || strings.ContainsAny(strings.TrimSuffix(r.raw, "\n"), "\r\n\x1b\x00\u2028") {
		t.Errorf("got %q", r.raw)
	}
	list := h.get("/runs?externalId=" + strings.NewReplacer("\r", "%0D", "\n", "%0A", " ", "%20", "\x1b", "%1B", "\x00", "%00", "<", "%3C", ">", "%3E", "[", "%5B", "\u2028", "%E2%80%A8").Replace(evil))
	if ids := list.ids(); len(ids) != 1 || ids[0] != r.at("id") {
		t.Errorf("it is not found again: %s", list.raw)
	}
	for _, head := range []string{
		// the part's own headers
		"Content-Disposition: form-data; name=\"audio\"; filename=\"a\"\r\nX-Api-Key: other\r\nContent-Length: 1",
		`Content-Disposition: form-data; name="audio"; filename="../../etc/passwd"`,
		`Content-Disposition: form-data; name="audio"; filename="a%0d%0aX-Evil: 1"`,
		"Content-Disposition: form-data; name=\"audio\"; filename=\"a\"\r\nContent-Type: text/html",
		// not decoded: the bytes are taken as sent
		"Content-Disposition: form-data; name=\"audio\"; filename=\"a\"\r\nContent-Transfer-Encoding: base64",
	} {
		r := h.raw(strings.NewReader(formOf([2]string{head, fourMinutes})))
		r.has(http.StatusAccepted)
		if r.header.Get("X-Evil") != "" || len(r.header["Content-Length"]) != 1 {
			t.Errorf("%q reached the headers: %v", head, r.header)
		}
		h.must(h.end(run.ID(r.at("id").(string))))
	}
	for _, head := range []string{
		"Content-Disposition: form-data; name=\"tags\r\n", "Content-Disposition: form-data; name=\"tags\nX: y\"", "Content-Disposition: form-data; name=\"ta\x00gs\"", "Content-Disposition: form-data; name=\"a\\\"b\"",
		"No colon", ": no name", "Content Disposition: form-data; name=\"tags\"",
	} {
		h.raw(strings.NewReader(formOf([2]string{head, "x"}, theAudio))).is(errcode.InvalidParameters)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(h.log.String()), "\n") {
		if !json.Valid([]byte(line)) || strings.Contains(line, "Set-Cookie") {
			t.Errorf("the log has %q", line)
		}
	}
}

// end fails a run that has served.
func (h *house) end(id run.ID) error {
	_, err := h.store.End(h.t.Context(), h.run(id), run.Fail(errcode.ScoringFailed, "", "a test"), h.clock.Now())
	return err
}

// Ensure that a part's headers are bounded; both sides of the bound are tested.
func TestFormHeaders(t *testing.T) {
	pad := func(n int) string { return "X-Padding: " + strings.Repeat("x", n) + "\r\n" + theAudio[0] }
	for n, want := range map[int]errcode.Code{0: "", 15 << 10: "", 25 << 10: errcode.InvalidParameters, 1 << 20: errcode.InvalidParameters} {
		h := newHouse(t)
		r := h.raw(strings.NewReader(formOf([2]string{pad(n), fourMinutes})))
		if want == "" {
			r.has(http.StatusAccepted)
			continue
		}
		r.is(want)
		h.nothingLeft()
	}
	var many strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, "X-%d: y\r\n", i)
	}
	newHouse(t).raw(strings.NewReader(formOf([2]string{many.String() + theAudio[0], fourMinutes}))).is(errcode.InvalidParameters)
}

// counted is an endless body that counts how much of it is read.
type counted struct {
	head   io.Reader
	filler byte
	read   int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.head.Read(b)
	if err == io.EOF {
		for n = range b {
			b[n] = c.filler
		}
		n, err = len(b), nil
	}
	c.read += int64(n)
	return n, err
}

// Ensure that a body is read as it arrives, and only until it breaks a bound.
func TestFormIsReadToItsFirstBreach(t *testing.T) {
	const slack = 64 << 10
	for name, c := range map[string]struct {
		body string
		most int64
		want errcode.Code
	}{
		"an endless recording": {"--b\r\n" + theAudio[0] + "\r\n\r\n", 26_214_400 + slack, errcode.FileTooLarge},
		"an endless field":     {"--b\r\n" + named("tags", "")[0] + "\r\n\r\n", 32<<10 + slack, errcode.InvalidTags},
		"an endless file":      {"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\n\r\n", 26_214_400 + slack, errcode.InvalidParameters},
		"endless headers":      {"--b\r\nX: ", 16<<10 + slack, errcode.InvalidParameters},
		"an endless preamble":  {"", 16<<10 + slack, errcode.InvalidParameters},
		"an endless epilogue":  {formOf(theAudio, named("language", "xx")), slack, errcode.InvalidLanguageCode},
		"endless parts":        {strings.Repeat("--b\r\n"+named("tags", "")[0]+"\r\n\r\nx\r\n", 200), 200*80 + slack, errcode.InvalidParameters},
	} {
		h := newHouse(t)
		body := &counted{head: strings.NewReader(c.body), filler: 'x'}
		h.raw(body).is(c.want)
		if body.read > c.most {
			t.Errorf("%s: %d bytes were read, want %d at most", name, body.read, c.most)
		}
		h.nothingLeft()
	}
}
