package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/language"

	"parley/shared/engine/run"
	"parley/shared/engine/webhook"
	"parley/shared/errcode"
	"parley/shared/speech"
	"parley/shared/speech/audio/channels"
	"parley/shared/speech/transcript"
)

// The bounds of a submit's fields, in characters (Unicode code points) unless noted otherwise.
const (
	maxExternalID    = 255
	maxMetadataKeys  = 50
	maxMetadataKey   = 40
	maxMetadataValue = 500
	maxMetadata      = 8 << 10 // bytes of the field as sent
	maxTags          = 20      // distinct
	maxTag           = 40
	maxWebhookURL    = webhook.MaxURL // bytes
	maxIdempotency   = 255
)

// DefaultLanguage is the language of a recording if the client names none.
const DefaultLanguage = "en"

// field is one thing that is wrong with a request, in `details.fields` of INVALID_PARAMETERS.
type field struct {
	Name    string `json:"name"`
	Message string `json:"message"`
	Min     any    `json:"min,omitempty"`
	Max     any    `json:"max,omitempty"`
}

// invalid returns INVALID_PARAMETERS with bad in its message and details.
func invalid(bad ...field) *errcode.Error {
	words := make([]string, len(bad))
	for i, b := range bad {
		words[i] = b.Name + " " + b.Message
		if b.Min != nil && b.Max != nil {
			words[i] += fmt.Sprintf(" (%v to %v)", b.Min, b.Max)
		}
	}
	return errcode.Newf(errcode.InvalidParameters, "Correct the following and resubmit: %s.", strings.Join(words, "; ")).With("fields", bad)
}

// clip makes a name that the client chose fit for an answer: valid UTF-8 of at most 65 characters.
func clip(name string) string {
	name = strings.ToValidUTF8(name, "?")
	if r := []rune(name); len(r) > 64 {
		return string(r[:64]) + "…"
	}
	return name
}

// one returns the value of a field that may be sent only once.
func (f *form) one(name string) (string, bool) {
	if vs := f.text[name]; len(vs) > 0 {
		return vs[0], true
	}
	return "", false
}

// request reads every field except the recording, in the order of the documentation, and stops at
// the first that is wrong. Faults of the form itself come before all of them. MISSING_AUDIO_FILE if
// the only file came in a field of another name.
func (f *form) request(webhooks webhook.Policy) (r run.Request, asked speech.Request, err error) {
	if _, uploaded := f.one(fieldUploadID); f.stray != "" && f.audio == nil && !uploaded && f.late == nil {
		return r, asked, errcode.Newf(errcode.MissingAudioFile, "The recording must be in the field 'audio', but the file came in the field %q.", f.stray)
	}
	if len(f.bad) > 0 {
		return r, asked, invalid(f.bad...)
	}
	if asked.Language, err = f.language(); err != nil {
		return r, asked, err
	}
	if v, ok := f.one(fieldExternalID); ok {
		if !between(v, 1, maxExternalID) {
			return r, asked, errcode.New(errcode.InvalidExternalID)
		}
		r.ExternalID = v
	}
	if v, ok := f.one(fieldMetadata); ok {
		if r.Metadata, err = metadata(v); err != nil {
			return r, asked, err
		}
	}
	if r.Tags, err = tags(f.text[fieldTags]); err != nil {
		return r, asked, err
	}
	if asked.Cut, err = f.cut(0); err != nil {
		return r, asked, err
	}
	if v, ok := f.one(fieldAllowPartial); ok {
		if v != "true" && v != "false" {
			return r, asked, invalid(field{Name: fieldAllowPartial, Message: "must be true or false"})
		}
		r.AllowPartial = v == "true"
	}
	if asked.Channels, err = f.channels(); err != nil {
		return r, asked, err
	}
	if asked.CandidateSpeaks, err = f.candidate(asked.Channels); err != nil {
		return r, asked, err
	}
	if v, ok := f.one(fieldWebhookURL); ok {
		if err := webhooks.Check(v); err != nil {
			return r, asked, errcode.New(errcode.InvalidWebhookURL).Because(err)
		}
		r.WebhookURL = v
	}
	r.Asked = asked.Document()
	return r, asked, nil
}

// channels reads how the channels are to be used. Auto is left empty, so that asking for it and not
// asking are the same input. INVALID_PARAMETERS.
func (f *form) channels() (channels.Choice, error) {
	v, sent := f.one(fieldChannels)
	c := channels.Choice(v)
	switch {
	case c == channels.Auto:
		return "", nil
	case sent && !slices.Contains(channels.Choices, c):
		return "", invalid(field{Name: fieldChannels, Message: "must be auto, mixed or separate"})
	}
	return c, nil
}

// candidate reads who the candidate is. A channel can be named only where the channels may be heard
// separately. INVALID_PARAMETERS.
func (f *form) candidate(ask channels.Choice) (transcript.Hint, error) {
	v, sent := f.one(fieldCandidate)
	h := transcript.Hint(v)
	switch {
	case !sent:
		return "", nil
	case !slices.Contains(transcript.Hints, h):
		return "", invalid(field{Name: fieldCandidate, Message: "must be " + oneOfHints()})
	case h.Channel() != "" && ask == channels.AskMixed:
		return "", invalid(field{Name: fieldCandidate, Message: fmt.Sprintf("cannot be %s together with channels=mixed, which makes one sound of both", h)})
	}
	return h, nil
}

// hints are the values of candidateSpeaks.
func hints() []string {
	out := make([]string, len(transcript.Hints))
	for i, h := range transcript.Hints {
		out[i] = string(h)
	}
	return out
}

func oneOfHints() string {
	all := hints()
	return strings.Join(all[:len(all)-1], ", ") + " or " + all[len(all)-1]
}

// hasChannel refuses a hint that names a channel of a recording without two. INVALID_PARAMETERS.
func hasChannel(h transcript.Hint, count int) error {
	if h.Channel() == "" || count == 2 {
		return nil
	}
	return invalid(field{Name: fieldCandidate, Message: fmt.Sprintf("can be %s only if the recording has two channels; it has %d", h, count)})
}

// separable refuses to use channels separately unless there are two. INVALID_PARAMETERS.
func separable(ask channels.Choice, count int) error {
	if ask != channels.AskApart || count == 2 {
		return nil
	}
	return invalid(field{Name: fieldChannels, Message: fmt.Sprintf("can be separate only if the recording has two channels; it has %d", count)})
}

// withdrawn lists codes that package language still accepts but ISO 639-1 has withdrawn.
var withdrawn = map[string]bool{"bh": true, "in": true, "iw": true, "ji": true, "jw": true, "mo": true, "sh": true}

// language reads the language code, in upper or lower case. INVALID_LANGUAGE_CODE.
func (f *form) language() (string, error) {
	v, ok := f.one(fieldLanguage)
	if !ok {
		return DefaultLanguage, nil
	}
	v = strings.ToLower(v)
	if len(v) == 2 && !withdrawn[v] {
		if base, err := language.ParseBase(v); err == nil && base.String() == v {
			return v, nil
		}
	}
	return "", errcode.New(errcode.InvalidLanguageCode)
}

// metadata reads a JSON object of strings, numbers and booleans. A number keeps the digits it was
// written with. INVALID_METADATA.
func metadata(raw string) (map[string]string, error) {
	refuse := func(format string, args ...any) (map[string]string, error) {
		return nil, errcode.Newf(errcode.InvalidMetadata, "metadata "+format+".", args...)
	}
	if len(raw) > maxMetadata {
		return refuse("must have at most %d bytes in total", maxMetadata)
	}
	if !utf8.ValidString(raw) {
		return refuse("must be UTF-8")
	}
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return refuse("must be a JSON object")
	}
	m := map[string]string{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return refuse("is not valid JSON")
		}
		k, _ := t.(string)
		if _, twice := m[k]; twice {
			return refuse("has the key %q twice", clip(k))
		}
		if !between(k, 1, maxMetadataKey) {
			return refuse("keys must have 1 to %d characters", maxMetadataKey)
		}
		if len(m) == maxMetadataKeys {
			return refuse("must have at most %d keys", maxMetadataKeys)
		}
		v, err := d.Token()
		if err != nil {
			return refuse("is not valid JSON")
		}
		switch v := v.(type) {
		case string:
			m[k] = v
		case json.Number:
			m[k] = v.String()
		case bool:
			m[k] = strconv.FormatBool(v)
		default:
			return refuse("values must be strings, numbers or booleans; the value of %q is not", k)
		}
		if utf8.RuneCountInString(m[k]) > maxMetadataValue {
			return refuse("values must have at most %d characters", maxMetadataValue)
		}
	}
	if _, err := d.Token(); err != nil {
		return refuse("is not valid JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return refuse("must be a single JSON object with nothing after it")
	}
	return m, nil
}

// tags reads the values of the repeated field; each value is a tag or a JSON array of tags. It
// returns the tags trimmed, in the order sent, without duplicates. INVALID_TAGS.
func tags(values []string) ([]string, error) {
	var out []string
	for _, v := range values {
		some := []string{v}
		if strings.HasPrefix(strings.TrimSpace(v), "[") {
			some = nil
			d := json.NewDecoder(strings.NewReader(v))
			var list []*string // pointers, to reject null
			if err := d.Decode(&list); err != nil || d.Decode(new(any)) == nil || slices.Contains(list, nil) || !utf8.ValidString(v) {
				return nil, errcode.New(errcode.InvalidTags)
			}
			for _, s := range list {
				some = append(some, *s)
			}
		}
		for _, t := range some {
			t = strings.TrimSpace(t)
			if !between(t, 1, maxTag) {
				return nil, errcode.New(errcode.InvalidTags)
			}
			if !slices.Contains(out, t) {
				out = append(out, t)
			}
			if len(out) > maxTags {
				return nil, errcode.New(errcode.InvalidTags)
			}
		}
	}
	return out, nil
}

// idempotencyKey reads the header; empty if it was not sent. INVALID_PARAMETERS.
func idempotencyKey(h http.Header) (string, error) {
	vs := h.Values("Idempotency-Key")
	if len(vs) == 0 {
		return "", nil
	}
	if len(vs) > 1 || !between(vs[0], 1, maxIdempotency) {
		return "", invalid(field{Name: "Idempotency-Key", Message: "must be sent only once; its length in characters is limited", Min: 1, Max: maxIdempotency})
	}
	return vs[0], nil
}

// strictObject reads raw as a JSON object without duplicate keys and with nothing after it.
func strictObject(raw string) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(strings.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("must be a JSON object")
	}
	m := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, errors.New("is not valid JSON")
		}
		k, _ := t.(string)
		if _, twice := m[k]; twice {
			return nil, fmt.Errorf("has the key %q twice", clip(k))
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, errors.New("is not valid JSON")
		}
		m[k] = bytes.TrimSpace(v)
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("is not valid JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("must be a single JSON object with nothing after it")
	}
	return m, nil
}
