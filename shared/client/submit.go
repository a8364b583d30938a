package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"sort"

	"github.com/hashicorp/go-retryablehttp"

	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// InlineMax is the largest recording that is sent inline, in bytes; a larger one is uploaded first.
// A function accepts 6 MiB, which holds 4.5 MiB in base64, less the form and its headers.
const InlineMax = 4_400_000

// Options are the optional fields of a submit. Zero values are left out.
type Options struct {
	Language     string // ISO 639-1
	ExternalID   string
	Metadata     map[string]string
	Tags         []string
	CutSettings  json.RawMessage
	AllowPartial bool
	Channels     string // auto, mixed or separate
	// CandidateSpeaks says who the candidate is: first, second, left, right or most.
	CandidateSpeaks string
	WebhookURL      string
	// IdempotencyKey makes a repeat safe. If empty, it is derived from the recording's content and
	// these options, so that the same submit within 24 h is the same run.
	IdempotencyKey string
	// Upload makes Submit upload the recording first, whatever its size.
	Upload bool
}

// fields returns the options as form fields, in a fixed order.
func (o Options) fields() ([][2]string, error) {
	var fs [][2]string
	add := func(name, value string) {
		if value != "" {
			fs = append(fs, [2]string{name, value})
		}
	}
	add("language", o.Language)
	add("externalId", o.ExternalID)
	if len(o.Metadata) > 0 {
		raw, err := json.Marshal(o.Metadata)
		if err != nil {
			return nil, fmt.Errorf("client: metadata: %w", err)
		}
		add("metadata", string(raw))
	}
	for _, t := range o.Tags {
		add("tags", t)
	}
	add("cutSettings", string(o.CutSettings))
	if o.AllowPartial {
		add("allowPartial", "true")
	}
	add("channels", o.Channels)
	add("candidateSpeaks", o.CandidateSpeaks)
	add("webhookUrl", o.WebhookURL)
	return fs, nil
}

// Accepted is the answer to a submit.
type Accepted struct {
	ID                  run.ID     `json:"id"`
	Status              run.Status `json:"status"`
	PollIntervalSeconds int        `json:"pollIntervalSeconds"`
	QueuePosition       int        `json:"queuePosition"` // 0: not queued
	Credits             struct {
		Held int64 `json:"held"`
	} `json:"credits"`
	// Replayed is true if an earlier submit with the same Idempotency-Key was accepted and this one
	// changed nothing.
	Replayed bool            `json:"-"`
	Raw      json.RawMessage `json:"-"` // the body, unchanged
}

// ErrFile means that the recording cannot be read as a file.
var ErrFile = errors.New("client: the recording cannot be read")

// Submit sends the recording in file, inline or by upload depending on its size. It first reads the
// whole file once to derive the idempotency key. Errors: *Error, ErrFile, or the transport's.
func (c *Client) Submit(ctx context.Context, file string, o Options) (Accepted, error) {
	f, err := os.Open(file)
	if err != nil {
		return Accepted{}, fmt.Errorf("%w: %w", ErrFile, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	switch about, err := f.Stat(); {
	case err != nil:
		return Accepted{}, fmt.Errorf("%w: %w", ErrFile, err)
	case !about.Mode().IsRegular(): // a folder, or a device without an end
		return Accepted{}, fmt.Errorf("%w: %s is not a regular file", ErrFile, file)
	}
	fields, err := o.fields()
	if err != nil {
		return Accepted{}, err
	}
	key, size, err := contentKey(f, fields)
	if err != nil {
		return Accepted{}, err
	}
	if o.IdempotencyKey != "" {
		key = o.IdempotencyKey
	}
	if !o.Upload && size <= InlineMax {
		a, err := c.submit(ctx, key, fields, content{f, size})
		if !Is(err, errcode.RequestTooLarge) {
			return a, err
		}
	}
	id, err := c.upload(ctx, content{f, size})
	if err != nil {
		return Accepted{}, err
	}
	return c.submit(ctx, key, append(fields, [2]string{"uploadId", id}), content{})
}

// contentKey returns an idempotency key: a hash of the recording and the fields.
func contentKey(f *os.File, fields [][2]string) (key string, size int64, err error) {
	h := sha256.New()
	said, err := json.Marshal(fields)
	if err != nil {
		return "", 0, fmt.Errorf("client: submit: %w", err)
	}
	if _, err := h.Write(append(said, '\n')); err != nil {
		return "", 0, fmt.Errorf("client: submit: %w", err)
	}
	size, err = io.Copy(h, f)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %w", ErrFile, err)
	}
	return "content-" + hex.EncodeToString(h.Sum(nil)), size, nil
}

func (c *Client) submit(ctx context.Context, key string, fields [][2]string, file content) (Accepted, error) {
	body, size, kind, err := form(fields, "audio", file)
	if err != nil {
		return Accepted{}, err
	}
	var a Accepted
	header := http.Header{"Content-Type": {kind}, "Idempotency-Key": {key}}
	raw, h, err := c.call(ctx, http.MethodPost, "/speech/analyze", header, body, size, &a)
	a.Raw = raw
	a.Replayed = h.Get("Idempotency-Replayed") == "true"
	return a, err
}

// upload uploads the recording and returns its uploadId.
func (c *Client) upload(ctx context.Context, file content) (id string, err error) {
	asked, err := json.Marshal(map[string]any{"sizeBytes": file.size, "contentType": "application/octet-stream"})
	if err != nil {
		return "", fmt.Errorf("client: upload: %w", err)
	}
	var given struct {
		UploadID string            `json:"uploadId"`
		URL      string            `json:"url"`
		Fields   map[string]string `json:"fields"`
	}
	whole := func() (io.Reader, error) { return bytes.NewReader(asked), nil }
	if _, _, err := c.call(ctx, http.MethodPost, "/speech/uploads", http.Header{"Content-Type": {"application/json"}}, whole, int64(len(asked)), &given); err != nil {
		return "", err
	}
	var fields [][2]string
	for k, v := range given.Fields {
		fields = append(fields, [2]string{k, v})
	}
	sort.Slice(fields, func(i, j int) bool { return fields[i][0] < fields[j][0] })
	body, size, kind, err := form(fields, "file", file)
	if err != nil {
		return "", err
	}
	// The object store is another service, so it must not get the API key.
	if _, _, err := c.send(ctx, http.MethodPost, given.URL, "", http.Header{"Content-Type": {kind}}, body, size); err != nil {
		if refused, ok := errors.AsType[*Error](err); ok {
			refused.Message = fmt.Sprintf("the object store refused the upload (%s)", http.StatusText(refused.Status))
		}
		return "", err
	}
	return given.UploadID, nil
}

// content is a file's content. The zero value means no file.
type content struct {
	file *os.File
	size int64
}

// form makes a multipart body of the fields followed by the file, if there is one. body returns a
// new reader for each try; size is exact, because object stores need it in advance.
func form(fields [][2]string, name string, file content) (body retryablehttp.ReaderFunc, size int64, kind string, err error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range fields {
		if err := w.WriteField(f[0], f[1]); err != nil {
			return nil, 0, "", fmt.Errorf("client: form: %w", err)
		}
	}
	if file.file != nil {
		if _, err := w.CreateFormFile(name, filepath.Base(file.file.Name())); err != nil {
			return nil, 0, "", fmt.Errorf("client: form: %w", err)
		}
	}
	head := b.Len()
	if err := w.Close(); err != nil {
		return nil, 0, "", fmt.Errorf("client: form: %w", err)
	}
	all := b.Bytes()
	body = func() (io.Reader, error) {
		if file.file == nil {
			return bytes.NewReader(all), nil
		}
		return io.MultiReader(bytes.NewReader(all[:head]), io.NewSectionReader(file.file, 0, file.size), bytes.NewReader(all[head:])), nil
	}
	return body, int64(len(all)) + file.size, w.FormDataContentType(), nil
}
