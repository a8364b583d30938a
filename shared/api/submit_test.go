package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"parley/shared/api"
	"parley/shared/engine/account"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
	media "parley/shared/speech/audio"
)

// Ensure that the answer to an accepted submit has everything in the contract, and that the submit
// stores a run, a hold and the recording.
func TestSubmit(t *testing.T) {
	h := newHouse(t)
	r := h.submit(
		part{name: "externalId", value: "candidate 7"}, part{name: "metadata", value: `{"role":"engineer","round":2,"score":1.50,"remote":true}`},
		part{name: "tags", value: " berlin "}, part{name: "tags", value: "berlin"}, part{name: "tags", value: `["senior","berlin"]`},
		part{name: "cutSettings", value: `{"startSeconds":10.5,"paddingMs":0}`}, part{name: "allowPartial", value: "true"},
		part{name: "webhookUrl", value: "https://hooks.example.com/parley"}, audio("flac 245001"))
	r.has(http.StatusAccepted)
	id := run.ID(r.at("id").(string))
	if !id.Valid() || r.header.Get("X-Request-Id") != string(id) || r.header.Get("Location") != "/api/v1/speech/analyze/"+string(id) {
		t.Errorf("id %s, headers %v", id, r.header)
	}
	want := map[string]any{
		"id": string(id), "status": "processing", "externalId": "candidate 7", "serviceType": "speech", "timestamp": "2026-04-21T12:34:56.789Z",
		"pollIntervalSeconds": 15.0, "activeRequests": 1.0,
		"audio":   map[string]any{"durationMs": 245001.0, "durationFormatted": "4:05", "format": "flac", "sizeBytes": 11.0},
		"credits": map[string]any{"held": 5.0}, "metadata": map[string]any{"role": "engineer", "round": "2", "score": "1.50", "remote": "true"},
		"tags": []any{"berlin", "senior"},
	}
	if !reflect.DeepEqual(r.body, want) {
		t.Errorf("got  %v\nwant %v", r.body, want)
	}
	stored := h.run(id)
	if stored.Client != h.client.ID || stored.Key != h.key.ID || stored.Cost != 5 || stored.Attempt != 1 || !stored.Request.AllowPartial || stored.Request.WebhookURL != "https://hooks.example.com/parley" {
		t.Errorf("stored %+v", stored)
	}
	asked := speech.Request{Language: "en", Cut: media.CutSettings{StartSeconds: 10.5, SilenceThresholdDb: -35, MinSilenceMs: 250, MinSpeechMs: 100}}
	if got, err := speech.RequestOf(stored); err != nil || got != asked {
		t.Errorf("asked for %+v, %v", got, err)
	}
	if !stored.Outstanding(1, run.Part{Stage: speech.Ingest}) || !stored.Deadline.Equal(start.Add(15*time.Minute+245001*time.Millisecond)) {
		t.Errorf("outstanding %v until %v", stored.Parts, stored.Deadline)
	}
	if n, err := h.objects.Size(t.Context(), pipeline.Key(id, 1, pipeline.Original, 0)); err != nil || n != 11 {
		t.Errorf("the recording: %d bytes, %v", n, err)
	}
	h.noFiles()
}

// Ensure that a missing field has its default, and is answered as the empty value of its type.
func TestSubmitDefaults(t *testing.T) {
	h := newHouse(t)
	r := h.submit(audio("mp3 180000"))
	r.has(http.StatusAccepted)
	if r.at("externalId") != nil || !reflect.DeepEqual(r.at("metadata"), map[string]any{}) || !reflect.DeepEqual(r.at("tags"), []any{}) {
		t.Errorf("got %s", r.raw)
	}
	q := h.run(run.ID(r.at("id").(string))).Request
	asked := speech.Request{Language: "en", Cut: media.CutSettings{SilenceThresholdDb: -35, MinSilenceMs: 250, MinSpeechMs: 100, PaddingMs: 50}}
	want := run.Request{Asked: asked.Document()}
	if !reflect.DeepEqual(q, want) {
		t.Errorf("asked for %+v, want %+v", q, want)
	}
}

func object(keys, keyLength, valueLength int) string {
	m := map[string]string{}
	for i := range keys {
		m[fmt.Sprintf("%0*d", keyLength, i)] = strings.Repeat("ü", valueLength)
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func list(n int) string {
	s := make([]string, n)
	for i := range s {
		s[i] = fmt.Sprintf("%q", fmt.Sprint("tag", i))
	}
	return "[" + strings.Join(s, ",") + "]"
}

// Ensure that each field must follow its rule; both sides of each bound are tested.
func TestSubmitFields(t *testing.T) {
	type tests []struct {
		name  string
		parts []part
		want  errcode.Code // empty: accepted
	}
	f := func(name, value string) []part { return []part{{name: name, value: value}} }
	for field, cases := range map[string]tests{
		"externalId": {
			{"of no characters", f("externalId", ""), errcode.InvalidExternalID},
			{"of 1 character", f("externalId", "x"), ""},
			{"of 255 characters", f("externalId", strings.Repeat("ü", 255)), ""},
			{"of 256 characters", f("externalId", strings.Repeat("x", 256)), errcode.InvalidExternalID},
			{"that is not UTF-8", f("externalId", "\xff"), errcode.InvalidExternalID},
			{"sent twice", append(f("externalId", "a"), f("externalId", "a")...), errcode.InvalidParameters},
		},
		"metadata": {
			{"that is empty", f("metadata", ""), errcode.InvalidMetadata},
			{"that is not JSON", f("metadata", "{role}"), errcode.InvalidMetadata},
			{"that is cut short", f("metadata", `{"a":"b"`), errcode.InvalidMetadata},
			{"with something behind it", f("metadata", `{"a":"b"} {}`), errcode.InvalidMetadata},
			{"that is an array", f("metadata", `["a"]`), errcode.InvalidMetadata},
			{"that is null", f("metadata", `null`), errcode.InvalidMetadata},
			{"without keys", f("metadata", `{}`), ""},
			{"of 50 keys", f("metadata", object(50, 5, 1)), ""},
			{"of 51 keys", f("metadata", object(51, 5, 1)), errcode.InvalidMetadata},
			{"with a key of no characters", f("metadata", `{"":"a"}`), errcode.InvalidMetadata},
			{"with a key of 40 characters", f("metadata", object(1, 40, 1)), ""},
			{"with a key of 41 characters", f("metadata", object(1, 41, 1)), errcode.InvalidMetadata},
			{"with a value of no characters", f("metadata", object(1, 1, 0)), ""},
			{"with a value of 500 characters", f("metadata", object(1, 1, 500)), ""},
			{"with a value of 501 characters", f("metadata", object(1, 1, 501)), errcode.InvalidMetadata},
			{"of 8 KB", f("metadata", "{}"+strings.Repeat(" ", 8190)), ""},
			{"of 8 KB and a byte", f("metadata", "{}"+strings.Repeat(" ", 8191)), errcode.InvalidMetadata},
			{"with a null", f("metadata", `{"a":null}`), errcode.InvalidMetadata},
			{"with an object within", f("metadata", `{"a":{}}`), errcode.InvalidMetadata},
			{"with a key twice", f("metadata", `{"a":1,"a":2}`), errcode.InvalidMetadata},
			{"that is not UTF-8", f("metadata", "{\"a\":\"\xff\"}"), errcode.InvalidMetadata},
		},
		"tags": {
			{"that are none", f("tags", `[]`), ""},
			{"with one of no characters", f("tags", ""), errcode.InvalidTags},
			{"with one of spaces", f("tags", `[" "]`), errcode.InvalidTags},
			{"with one of 40 characters", f("tags", " "+strings.Repeat("ü", 40)+" "), ""},
			{"with one of 41 characters", f("tags", strings.Repeat("x", 41)), errcode.InvalidTags},
			{"that are 20", f("tags", list(20)), ""},
			{"that are 21", f("tags", list(21)), errcode.InvalidTags},
			{"that are 20, one of them twice", append(f("tags", list(20)), f("tags", "tag3")...), ""},
			{"that are 21 in two fields", append(f("tags", list(20)), f("tags", "another")...), errcode.InvalidTags},
			{"with a number", f("tags", `[1]`), errcode.InvalidTags},
			{"with a null", f("tags", `[null]`), errcode.InvalidTags},
			{"in an array cut short", f("tags", `["a"`), errcode.InvalidTags},
		},
		"language": {
			{"English", f("language", "en"), ""},
			{"English in capitals", f("language", "EN"), ""},
			{"of no letters", f("language", ""), errcode.InvalidLanguageCode},
			{"of 1 letter", f("language", "e"), errcode.InvalidLanguageCode},
			{"of 3 letters", f("language", "eng"), errcode.InvalidLanguageCode},
			{"with a region", f("language", "en-GB"), errcode.InvalidLanguageCode},
			{"of 2 letters that are not a code", f("language", "xx"), errcode.InvalidLanguageCode},
			{"of 2 letters that are a withdrawn code", f("language", "iw"), errcode.InvalidLanguageCode},
			{"of 2 digits", f("language", "12"), errcode.InvalidLanguageCode},
			{"another than English without the grant", f("language", "de"), errcode.MultilingualNotEnabled},
		},
		"allowPartial": {
			{"true", f("allowPartial", "true"), ""},
			{"false", f("allowPartial", "false"), ""},
			{"of another word", f("allowPartial", "1"), errcode.InvalidParameters},
			{"that is empty", f("allowPartial", ""), errcode.InvalidParameters},
		},
		"webhookUrl": {
			{"of a public host", f("webhookUrl", "https://hooks.example.com:8443/a?b=c"), ""},
			{"of a public address", f("webhookUrl", "https://93.184.216.34/"), ""},
			{"of a public IPv6 address", f("webhookUrl", "https://[2606:2800:220:1::1]/"), ""},
			{"that is empty", f("webhookUrl", ""), errcode.InvalidWebhookURL},
			{"that is not https", f("webhookUrl", "http://example.com/"), errcode.InvalidWebhookURL},
			{"without a host", f("webhookUrl", "https:///x"), errcode.InvalidWebhookURL},
			{"of this machine", f("webhookUrl", "https://localhost/"), errcode.InvalidWebhookURL},
			{"of a name of one label", f("webhookUrl", "https://intranet/"), errcode.InvalidWebhookURL},
			{"of an internal name", f("webhookUrl", "https://db.internal/"), errcode.InvalidWebhookURL},
			{"of a loopback address", f("webhookUrl", "https://127.0.0.1/"), errcode.InvalidWebhookURL},
			{"of a private address", f("webhookUrl", "https://10.1.2.3/"), errcode.InvalidWebhookURL},
			{"of a link-local address", f("webhookUrl", "https://169.254.169.254/"), errcode.InvalidWebhookURL},
			{"of a carrier's address", f("webhookUrl", "https://100.64.0.1/"), errcode.InvalidWebhookURL},
			{"of a private address within IPv6", f("webhookUrl", "https://[::ffff:10.0.0.1]/"), errcode.InvalidWebhookURL},
			{"of a private IPv6 address", f("webhookUrl", "https://[fd00::1]/"), errcode.InvalidWebhookURL},
			{"of an address as one number", f("webhookUrl", "https://2130706433/"), errcode.InvalidWebhookURL},
			{"of an address in hexadecimal", f("webhookUrl", "https://0x7f.0x1/"), errcode.InvalidWebhookURL},
			{"with a user", f("webhookUrl", "https://me@example.com/"), errcode.InvalidWebhookURL},
			{"of 2048 characters", f("webhookUrl", "https://example.com/"+strings.Repeat("x", 2028)), ""},
			{"of 2049 characters", f("webhookUrl", "https://example.com/"+strings.Repeat("x", 2029)), errcode.InvalidWebhookURL},
		},
		"channels": {
			{"auto", f("channels", "auto"), ""},
			{"mixed", f("channels", "mixed"), ""},
			{"separate of one channel", f("channels", "separate"), errcode.InvalidParameters},
			{"of another word", f("channels", "left"), errcode.InvalidParameters},
			{"in capitals", f("channels", "Auto"), errcode.InvalidParameters},
			{"that is empty", f("channels", ""), errcode.InvalidParameters},
			{"twice", append(f("channels", "auto"), f("channels", "auto")...), errcode.InvalidParameters},
		},
		"candidateSpeaks": {
			{"first", f("candidateSpeaks", "first"), ""},
			{"second", f("candidateSpeaks", "second"), ""},
			{"most", f("candidateSpeaks", "most"), ""},
			{"left of one channel", f("candidateSpeaks", "left"), errcode.InvalidParameters},
			{"right of one channel", f("candidateSpeaks", "right"), errcode.InvalidParameters},
			{"of another word", f("candidateSpeaks", "third"), errcode.InvalidParameters},
			{"in capitals", f("candidateSpeaks", "First"), errcode.InvalidParameters},
			{"that is empty", f("candidateSpeaks", ""), errcode.InvalidParameters},
			{"twice", append(f("candidateSpeaks", "first"), f("candidateSpeaks", "first")...), errcode.InvalidParameters},
		},
		"cutSettings": {
			{"that are none", f("cutSettings", "{}"), ""},
			{"that are not JSON", f("cutSettings", "startSeconds=1"), errcode.InvalidParameters},
			{"with an unknown name", f("cutSettings", `{"startSecond":1}`), errcode.InvalidParameters},
			{"with a setting twice", f("cutSettings", `{"paddingMs":1,"paddingMs":2}`), errcode.InvalidParameters},
			{"with a number as text", f("cutSettings", `{"paddingMs":"50"}`), errcode.InvalidParameters},
			{"with a null", f("cutSettings", `{"paddingMs":null}`), errcode.InvalidParameters},
			{"with half a millisecond", f("cutSettings", `{"paddingMs":0.5}`), errcode.InvalidParameters},
			{"startSeconds at 0", f("cutSettings", `{"startSeconds":0}`), ""},
			{"startSeconds below 0", f("cutSettings", `{"startSeconds":-0.1}`), errcode.InvalidParameters},
			{"startSeconds above 2520", f("cutSettings", `{"startSeconds":2520.1}`), errcode.InvalidParameters},
			{"endSeconds at 180", f("cutSettings", `{"endSeconds":180}`), ""},
			{"endSeconds below 180", f("cutSettings", `{"endSeconds":179.9}`), errcode.InvalidParameters},
			{"endSeconds at 2700", f("cutSettings", `{"endSeconds":2700}`), ""},
			{"endSeconds above 2700", f("cutSettings", `{"endSeconds":2700.1}`), errcode.InvalidParameters},
			{"silenceThresholdDb at -60", f("cutSettings", `{"silenceThresholdDb":-60}`), ""},
			{"silenceThresholdDb below -60", f("cutSettings", `{"silenceThresholdDb":-60.5}`), errcode.InvalidParameters},
			{"silenceThresholdDb at -15", f("cutSettings", `{"silenceThresholdDb":-15}`), ""},
			{"silenceThresholdDb above -15", f("cutSettings", `{"silenceThresholdDb":-14}`), errcode.InvalidParameters},
			{"minSilenceMs at 100", f("cutSettings", `{"minSilenceMs":100}`), ""},
			{"minSilenceMs below 100", f("cutSettings", `{"minSilenceMs":99}`), errcode.InvalidParameters},
			{"minSilenceMs at 2000", f("cutSettings", `{"minSilenceMs":2000}`), ""},
			{"minSilenceMs above 2000", f("cutSettings", `{"minSilenceMs":2001}`), errcode.InvalidParameters},
			{"minSpeechMs at 50", f("cutSettings", `{"minSpeechMs":50}`), ""},
			{"minSpeechMs below 50", f("cutSettings", `{"minSpeechMs":49}`), errcode.InvalidParameters},
			{"minSpeechMs at 1000", f("cutSettings", `{"minSpeechMs":1000}`), ""},
			{"minSpeechMs above 1000", f("cutSettings", `{"minSpeechMs":1001}`), errcode.InvalidParameters},
			{"paddingMs at 500", f("cutSettings", `{"paddingMs":500}`), ""},
			{"paddingMs above 500", f("cutSettings", `{"paddingMs":501}`), errcode.InvalidParameters},
			{"that leave 180 s", f("cutSettings", `{"startSeconds":60}`), ""},
			{"that leave less than 180 s", f("cutSettings", `{"startSeconds":60.1}`), errcode.InvalidParameters},
			{"that leave less than 180 s between them", f("cutSettings", `{"startSeconds":20,"endSeconds":199}`), errcode.InvalidParameters},
		},
		"a form": {
			{"with an unknown field", f("colour", "red"), errcode.InvalidParameters},
			{"with a field of the wrong case", f("externalID", "x"), errcode.InvalidParameters},
			{"with cut settings of 32 KB and a byte", f("cutSettings", strings.Repeat(" ", 32<<10+1)), errcode.InvalidParameters},
			{"with an externalId of 32 KB and a byte", f("externalId", strings.Repeat("x", 32<<10+1)), errcode.InvalidExternalID},
			{"with metadata of 50 KB", f("metadata", `{"a":"`+strings.Repeat("ü", 25_000)+`"}`), errcode.InvalidMetadata},
			{"with a second file under another name", []part{{name: "file", file: "a.flac", value: "fLaC"}}, errcode.InvalidParameters},
			{"with a second recording", []part{audio(fourMinutes)}, errcode.InvalidParameters},
			{"with 100 parts", many(99), ""},
			{"with 101 parts", many(100), errcode.InvalidParameters},
		},
	} {
		for _, c := range cases {
			t.Run(field+" "+c.name, func(t *testing.T) {
				h := newHouse(t)
				r := h.submit(append([]part{audio(fourMinutes)}, c.parts...)...)
				if c.want == "" {
					r.has(http.StatusAccepted)
					return
				}
				r.is(c.want)
				h.nothingLeft()
			})
		}
	}
}

// Ensure that a channel can be named where there are two, unless they are to be mixed, and that the
// hint travels with the run.
func TestTheCandidatesChannel(t *testing.T) {
	for _, c := range []struct {
		channels, hint string
		want           errcode.Code
	}{
		{"", "left", ""},
		{"auto", "right", ""},
		{"separate", "right", ""},
		{"mixed", "left", errcode.InvalidParameters},
		{"mixed", "first", ""},
	} {
		t.Run(c.channels+" "+c.hint, func(t *testing.T) {
			h := newHouse(t)
			parts := []part{audio("wav 240000 stereo"), {name: "candidateSpeaks", value: c.hint}}
			if c.channels != "" {
				parts = append(parts, part{name: "channels", value: c.channels})
			}
			r := h.submit(parts...)
			if c.want != "" {
				r.is(c.want)
				h.nothingLeft()
				return
			}
			r.has(http.StatusAccepted)
			asked, err := speech.RequestOf(h.run(run.ID(r.at("id").(string))))
			if err != nil || string(asked.CandidateSpeaks) != c.hint {
				t.Errorf("asked for %+v, %v", asked, err)
			}
		})
	}
}

func many(n int) []part {
	ps := make([]part, n)
	for i := range ps {
		ps[i] = part{name: "tags", value: "again"}
	}
	return ps
}

// Ensure that INVALID_PARAMETERS lists every invalid setting, with its bounds.
func TestSubmitNamesEachOffender(t *testing.T) {
	h := newHouse(t)
	r := h.submit(audio(fourMinutes), part{name: "cutSettings", value: `{"paddingMs":501,"minSpeechMs":1,"speed":2}`})
	r.is(errcode.InvalidParameters)
	fields, _ := r.at("error.details.fields").([]any)
	got := map[string]any{}
	for _, f := range fields {
		m := f.(map[string]any)
		got[m["name"].(string)] = []any{m["min"], m["max"]}
	}
	want := map[string]any{"paddingMs": []any{0.0, 500.0}, "minSpeechMs": []any{50.0, 1000.0}, "speed": []any{nil, nil}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	r = h.submit(part{name: "colour", value: "red"}, part{name: "shape", value: "round"}, audio(fourMinutes))
	r.is(errcode.InvalidParameters)
	if fields, _ := r.at("error.details.fields").([]any); len(fields) != 2 {
		t.Errorf("got %s", r.raw)
	}
}

// Ensure that the recording's size and content are checked.
func TestSubmitAudio(t *testing.T) {
	full := fourMinutes + strings.Repeat(" ", 26_214_400-len(fourMinutes))
	for _, c := range []struct {
		name  string
		parts []part
		want  errcode.Code
	}{
		{"no recording", []part{{name: "language", value: "en"}}, errcode.MissingAudioFile},
		{"no part at all", nil, errcode.MissingAudioFile},
		{"a browser's form without a chosen file", []part{{name: "audio"}}, errcode.MissingAudioFile},
		{"the recording in a field of another name", []part{{name: "file", file: "a.flac", value: fourMinutes}}, errcode.MissingAudioFile},
		{"a text in a field of another name", []part{{name: "file", value: "a.flac"}}, errcode.InvalidParameters},
		{"cut settings that leave too little of any recording, and none", []part{{name: "cutSettings", value: `{"startSeconds":100,"endSeconds":279.9}`}}, errcode.InvalidParameters},
		{"cut settings that leave enough of some recording, and none", []part{{name: "cutSettings", value: `{"startSeconds":100,"endSeconds":280}`}}, errcode.MissingAudioFile},
		{"an empty file", []part{audio("")}, errcode.UnsupportedFormat},
		{"a file that is not audio", []part{audio("x")}, errcode.UnsupportedFormat},
		{"a damaged file", []part{audio("wav ???")}, errcode.AudioDurationUnavailable},
		{"a millisecond under 3 minutes", []part{audio("wav 179999")}, errcode.AudioTooShort},
		{"3 minutes", []part{audio("wav 180000")}, ""},
		{"45 minutes", []part{audio("wav 2700000")}, ""},
		{"a millisecond over 45 minutes", []part{audio("wav 2700001")}, errcode.AudioTooLong},
		{"25 MB", []part{audio(full)}, ""},
		{"25 MB and a byte", []part{audio(full + " ")}, errcode.FileTooLarge},
		{"25 MB and a byte before fields in order", []part{audio(full + " "), {name: "language", value: "en"}}, errcode.FileTooLarge},
		{"25 MB and a byte behind a field that is wrong", []part{{name: "language", value: "xx"}, audio(full + " ")}, errcode.InvalidLanguageCode},
		{"a recording sent without a file name", []part{{name: "audio", value: fourMinutes}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			r := h.submit(c.parts...)
			if c.want == "" {
				r.has(http.StatusAccepted)
				h.noFiles()
				return
			}
			r.is(c.want)
			h.nothingLeft()
		})
	}
}

// Ensure that a body that is not a complete form is refused, and that headers cannot fill the
// memory.
func TestSubmitBody(t *testing.T) {
	for _, c := range []struct {
		name, kind, body string
		want             errcode.Code
	}{
		{"JSON", "application/json", `{"uploadId":"upl_x"}`, errcode.MissingAudioFile},
		{"no content type", "", "x", errcode.MissingAudioFile},
		{"no boundary", "multipart/form-data", "x", errcode.MissingAudioFile},
		{"an empty body", "multipart/form-data; boundary=b", "", errcode.MissingAudioFile},
		{"a form cut short within a field", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"tags\"\r\n\r\nx", errcode.InvalidParameters},
		{"a form cut short within the recording", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"audio\"; filename=\"a\"\r\n\r\nflac 240000", errcode.InvalidParameters},
		{"a form with endless headers", "multipart/form-data; boundary=b", "--b\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\nx\r\n--b--\r\n", errcode.InvalidParameters},
		{"a form with an endless preamble", "multipart/form-data; boundary=b", strings.Repeat("x\r\n", 1<<18) + "--b--\r\n", errcode.InvalidParameters},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			req := h.request(http.MethodPost, api.Base+"/speech/analyze", strings.NewReader(c.body))
			req.Header.Set("Content-Type", c.kind)
			h.do(req).is(c.want)
			h.nothingLeft()
		})
	}
}

// Ensure that even the oddest body is answered with a code of the table and leaves no file.
func FuzzSubmitBody(f *testing.F) {
	for _, body := range []string{
		"", "--b--", "--b\r\n\r\n--b--", "--b\r\nContent-Disposition: form-data; name=\"audio\"; filename=\"x\"\r\n\r\nflac 240000\r\n--b--\r\n",
		"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--", "--b\r\nContent-Disposition: attachment; name=\"audio\"\r\n\r\nx\r\n--b--", "--b\r\n\r\n\r\n--b\r\n",
		"--b\nContent-Disposition: form-data; name=metadata\n\n{\"a\":[]}\n--b--", "--b\r\nContent-Disposition: form-data; name*=utf-8''tags\r\n\r\n[\r\n--b--",
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		h := newHouse(t)
		req := h.request(http.MethodPost, api.Base+"/speech/analyze", strings.NewReader(body))
		req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		r := h.do(req)
		if e, ok := errcode.Lookup(r.code()); r.status != http.StatusAccepted && (!ok || e.Status != r.status || r.status >= 500) {
			t.Errorf("got %d %s", r.status, r.raw)
		}
		h.noFiles()
	})
}

// Ensure that if several things are wrong, the first check in the order decides the answer: each
// row fixes one more.
func TestSubmitOrder(t *testing.T) {
	h := newHouse(t)
	c, k, secret := h.newClient(func(c *account.Client, k *account.Key) {
		k.Active, k.ExpiresAt, c.Active, k.IPs, k.Rate, c.Permissions = false, ptr(start), false, []string{"10.0.0.0/8"}, 1, nil
	})
	h.client = c
	h.ready(false)
	parts := []part{{name: "language", value: "xx"}, {name: "externalId"}, {name: "metadata", value: "?"}, {name: "tags"}, {name: "cutSettings", value: "?"}, {name: "webhookUrl"}}
	mend := func(i int, value string) func() { return func() { parts[i].value = value } }
	save := func(change func()) func() {
		return func() {
			change()
			h.must(h.store.PutClient(t.Context(), c))
			h.must(h.store.PutKey(t.Context(), k))
		}
	}
	for _, step := range []struct {
		mend func()
		want errcode.Code
	}{
		{func() { h.secret = "" }, errcode.MissingAPIKey},
		{func() { h.secret = "pk_wrong" }, errcode.InvalidAPIKey},
		{func() { h.secret = secret }, errcode.InvalidAPIKey},
		{save(func() { k.Active = true }), errcode.APIKeyExpired},
		{save(func() { k.ExpiresAt = nil }), errcode.ClientInactive},
		{save(func() { c.Active = true }), errcode.IPNotAllowed},
		{save(func() { k.IPs = []string{"192.0.2.0/24"} }), errcode.MissingPermission},
		{save(func() { c.Permissions = []account.Permission{account.PermissionSpeech} }), errcode.ServiceWarmingUp},
		{func() {}, errcode.RateLimitExceeded},
		{func() { h.ready(true); h.clock.Advance(time.Minute); k.Rate = 100; save(func() {})() }, errcode.InvalidLanguageCode},
		{mend(0, "de"), errcode.InvalidExternalID},
		{mend(1, "x"), errcode.InvalidMetadata},
		{mend(2, "{}"), errcode.InvalidTags},
		{mend(3, "x"), errcode.InvalidParameters},
		{mend(4, "{}"), errcode.InvalidWebhookURL},
		{mend(5, "https://example.com"), errcode.MissingAudioFile},
		{func() { parts = append(parts, audio("x")) }, errcode.UnsupportedFormat},
		{mend(6, fourMinutes), errcode.MultilingualNotEnabled},
		{save(func() { c.Grants = []account.Grant{account.GrantMultilingual} }), errcode.InsufficientCredits},
	} {
		step.mend()
		h.submit(parts...).is(step.want)
		h.nothingLeft()
	}
	h.grant(c.ID, 4)
	h.submit(parts...).has(http.StatusAccepted)
}

// Ensure that a submit is accepted if exactly its cost is available, and refused with one credit
// less; the refusal says both amounts.
func TestSubmitCredits(t *testing.T) {
	h := newHouse(t)
	c, _, secret := h.newClient(nil)
	h.client, h.secret = c, secret
	h.grant(c.ID, 12)
	r := h.submit(audio("ogg 725000")) // 12 min 5 s
	r.is(errcode.InsufficientCredits)
	if r.at("error.details.cost") != 13.0 || r.at("error.details.available") != 12.0 {
		t.Errorf("got %s", r.raw)
	}
	h.nothingLeft()
	h.grant(c.ID, 1)
	h.submit(audio("ogg 725000")).has(http.StatusAccepted)
}

// Ensure that a run over the client's limit is queued with its recording, and that the answer has
// its position.
func TestSubmitQueues(t *testing.T) {
	h := newHouse(t)
	h.accept()
	h.accept()
	for place := 1.0; place <= 2; place++ {
		r := h.submit(audio(fourMinutes))
		r.has(http.StatusAccepted)
		if r.at("status") != "queued" || r.at("queuePosition") != place || r.at("activeRequests") != 2.0 {
			t.Errorf("got %s", r.raw)
		}
		if _, err := h.objects.Size(t.Context(), pipeline.AudioPrefix+r.at("id").(string)); err != nil {
			t.Error(err)
		}
	}
}

// Ensure that if the recording cannot be stored, the run ends before the client gets the answer,
// its hold is released and its slot goes to the next run in the queue.
func TestSubmitThatCannotStore(t *testing.T) {
	h := newHouse(t)
	h.accept()
	var queued run.ID
	h.objects.onPut = func() { // while the run holds the last slot, another comes and waits
		h.objects.onPut = nil
		saved := h.objects.putFails
		h.objects.putFails = nil
		queued = h.accept()
		h.objects.putFails = saved
	}
	h.objects.putFails = errors.New("the bucket's own secret")
	r := h.submit(audio(fourMinutes))
	r.is(errcode.InternalError)
	if strings.Contains(r.raw, "secret") || !strings.Contains(h.log.String(), "the bucket's own secret") {
		t.Errorf("answered %s, logged %s", r.raw, h.log)
	}
	failed := h.run(run.ID(r.header.Get("X-Request-Id")))
	if failed.Status != run.Failed || failed.Failure.Code != errcode.InternalError {
		t.Errorf("the run is %+v", failed)
	}
	a, err := h.store.Account(t.Context(), h.client.ID)
	if err != nil || a.Held != 8 || a.Balance != 100 || a.Running != 2 {
		t.Errorf("account %+v, %v", a, err)
	}
	if d, ok := h.queue.Receive(speech.Ingest); !ok || d.Message.Run != queued || h.run(queued).Status != run.Processing {
		t.Errorf("the next in the queue was not started: %+v", d)
	}
	h.noFiles()
}
