package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"testing"
	"unicode/utf8"

	"parley/shared/engine/account"
	"parley/shared/errcode"
)

// clientError fails the test unless err is an error with one of these codes.
func clientError(t *testing.T, err error, codes ...errcode.Code) {
	t.Helper()
	var e *errcode.Error
	if !errors.As(err, &e) || !slices.Contains(codes, e.Code) {
		t.Fatalf("answers %v, want one of %v", err, codes)
	}
	if _, err := json.Marshal(e.Details); err != nil {
		t.Errorf("details that are not JSON: %v", err)
	}
}

// Ensure that any body, with any boundary, is either refused or a form within the bounds, and
// leaves no file.
func FuzzReadForm(f *testing.F) {
	const kind = "multipart/form-data; boundary=b"
	for _, body := range []string{
		"", "--b--", "--b\r\n\r\n--b--", "--b\r\nContent-Disposition: form-data; name=\"audio\"; filename=\"x\"\r\n\r\nsound\r\n--b--\r\n",
		"--b\r\nContent-Disposition: form-data; name=\"tags\"\r\n\r\na\r\n--b\r\nContent-Disposition: form-data; name=\"tags\"\r\n\r\nb\r\n--b--\r\n",
		"--b\r\nContent-Disposition: form-data; name=\"language\"\r\n\r\nen\r\n--b\r\nContent-Disposition: form-data; name=\"language\"\r\n\r\nen\r\n--b--\r\n",
		"--b\r\nContent-Disposition: form-data; name=\"a\r\nX: y\"\r\n\r\nx\r\n--b--", "--b\r\nContent-Disposition: form-data; name*=utf-8''tags\r\n\r\n[\r\n--b--",
		"--b\nContent-Disposition: form-data; name=metadata\n\n{}\n--b--", "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\n\x00\r\n--b--",
		"--b\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Disposition: form-data; name=\"tags\"\r\n\r\n=41\r\n--b--",
	} {
		f.Add(kind, []byte(body))
	}
	f.Add("multipart/form-data", []byte("--\r\n"))
	f.Add(`multipart/form-data; boundary="a b"`, []byte("--a b\r\n\r\n--a b--"))
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		dir := t.TempDir()
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", kind)
		form, err := readForm(r, dir)
		if err != nil {
			t.Fatalf("an error of our own: %v", err)
		}
		held := 0
		for name, values := range form.text {
			if !slices.Contains(textFields, name) || name != fieldTags && len(values) > 1 {
				t.Errorf("read %q %d times", name, len(values))
			}
			for _, v := range values {
				held += len(v)
			}
		}
		if held > len(body) || form.audio != nil && form.audio.size > int64(len(body)) {
			t.Errorf("read %d bytes of text of %d", held, len(body))
		}
		if form.late != nil {
			clientError(t, form.late, errcode.MissingAudioFile, errcode.InvalidParameters, errcode.FileTooLarge)
		}
		if len(form.bad) > 0 {
			clientError(t, invalid(form.bad...), errcode.InvalidParameters)
		}
		form.close()
		if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
			t.Errorf("%d files are left, %v", len(files), err)
		}
	})
}

// Ensure that any headers either have a well-formed key or are refused.
func FuzzKey(f *testing.F) {
	secretOf, err := account.NewSecret(bytes.NewReader(bytes.Repeat([]byte{0x5a, 3, 0xf1}, 10)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(secretOf, "")
	f.Add("", "Bearer "+secretOf)
	f.Add("", "bearer  "+secretOf+" ")
	f.Add("", "Basic eDp5")
	f.Add("pk_", "Bearer")
	f.Add("\x00", "Bearer \xff")
	f.Fuzz(func(t *testing.T, key, authorization string) {
		h := http.Header{}
		if key != "" {
			h.Set("X-Api-Key", key)
		}
		if authorization != "" {
			h.Set("Authorization", authorization)
		}
		got, err := secret(h)
		if err != nil {
			clientError(t, err, errcode.MissingAPIKey, errcode.InvalidAPIKey)
			return
		}
		if !account.WellFormed(got) || len(got) != len(secretOf) || account.Hash(got) == got {
			t.Errorf("%q is taken for a key", got)
		}
	})
}

// Ensure that a cursor is accepted if and only if it was issued for this list of this client.
func FuzzCursor(f *testing.F) {
	const client, scope = account.ID("cli_aaaaaaaaaaaaaaaaaaaa"), "runs?status=failed"
	good := cursorFor(client, scope, "2026-04-21T12:34:56.789Z/req_a")
	f.Add(good, "x")
	f.Add(good+"=", "")
	f.Add(good[:len(good)-1], "\x00")
	f.Add("", "\xff")
	f.Add("AAAAAAAAAAAAAAAA", "a")
	f.Fuzz(func(t *testing.T, sent, place string) {
		got, err := position(url.Values{"cursor": {sent}}, client, scope)
		if err != nil {
			clientError(t, err, errcode.InvalidCursor)
		} else if cursorFor(client, scope, got) != sent {
			t.Errorf("%q is taken for the cursor of %q", sent, got)
		}
		if place == "" || len(place) > 100 {
			return
		}
		mine := cursorFor(client, scope, place)
		if got, err := position(url.Values{"cursor": {mine}}, client, scope); err != nil || got != place {
			t.Errorf("%q: got %q, %v", place, got, err)
		}
		for _, other := range []struct {
			client account.ID
			scope  string
		}{{client + "b", scope}, {client, scope + "&tag=a"}} {
			if _, err := position(url.Values{"cursor": {mine}}, other.client, other.scope); err == nil {
				t.Errorf("the cursor of %q is taken for %v", place, other)
			}
		}
	})
}

// Ensure that accepted metadata is within the rules, and that it is read as the same when it is
// sent again.
func FuzzMetadata(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":"b","n":1.50,"t":true}`, `{"a":null}`, `{"a":{"b":1}}`, `{"a":1}{}`, `{"a":"\ud800"}`, `{"a":"\u0000\r\n"}`, `{"a":1e999}`, `[]`, `{"a":"b","a":"c"}`, "\xff", `{"":1}`, ``} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		m, err := metadata(raw)
		if err != nil {
			clientError(t, err, errcode.InvalidMetadata)
			return
		}
		for k, v := range m {
			if !between(k, 1, maxMetadataKey) || !between(v, 0, maxMetadataValue) {
				t.Errorf("%q: %q", k, v)
			}
		}
		again, err := json.Marshal(m)
		if err != nil || len(m) > maxMetadataKeys {
			t.Fatalf("%d keys, %v", len(m), err)
		}
		if len(again) > maxMetadata {
			return // escapes may be longer than what was sent
		}
		if n, err := metadata(string(again)); err != nil || len(n) != len(m) {
			t.Errorf("%s is not taken again: %v", again, err)
		}
	})
}

// Ensure that accepted tags are within the rules, and that they are read as the same when they are
// sent again.
func FuzzTags(f *testing.F) {
	for _, s := range []string{"berlin", `["a","b","a"]`, ` [ "x" ] `, `[null]`, `[1]`, `["a"]["b"]`, "[", "\xff", "", " \t", "\u00a0x", `["\ud800"]`} {
		f.Add(s, "second")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		got, err := tags([]string{a, b})
		if err != nil {
			clientError(t, err, errcode.InvalidTags)
			return
		}
		if len(got) == 0 && (a != "" && a[0] != '[') || len(got) > maxTags {
			t.Errorf("%d tags of %q and %q", len(got), a, b)
		}
		for i, tag := range got {
			if !utf8.ValidString(tag) || !between(tag, 1, maxTag) || slices.Contains(got[:i], tag) {
				t.Errorf("tag %q of %q", tag, got)
			}
		}
		list, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := tags([]string{string(list)}); len(got) > 0 && (err != nil || !slices.Equal(again, got)) {
			t.Errorf("%q comes again as %q, %v", got, again, err)
		}
	})
}

// Ensure that any request for an upload is either accepted or refused as the client's error.
func FuzzUploadAsked(f *testing.F) {
	for _, s := range []string{`{"sizeBytes":12,"contentType":"audio/mpeg"}`, `{"sizeBytes":12,"sizeBytes":13}`, `{"sizeBytes":1e3}`, `{"sizeBytes":null}`, `null`, `[`, "", `{"contentType":"a/b;c=\""}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := uploadAsked(bytes.NewReader(body)); err != nil {
			clientError(t, err, errcode.InvalidParameters, errcode.FileTooLarge)
		}
	})
}

// Ensure that a cursor has only characters that a query needs no escape for.
func TestCursorsNeedNoEscape(t *testing.T) {
	c := cursorFor("cli_a", "runs", "\x00\xff?&=#+/ ")
	if url.QueryEscape(c) != c {
		t.Errorf("%q", c)
	}
	if _, err := base64.RawURLEncoding.DecodeString(c); err != nil {
		t.Error(err)
	}
}
