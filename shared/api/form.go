package api

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"slices"

	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech/audio"
)

// The bounds of a submit's body.
const (
	maxField   = 32 << 10 // bytes of a field other than audio; each field has a tighter bound too
	maxParts   = 100
	maxHeaders = 16 << 10 // bytes of a part's headers, and of anything before the first part
	// lookahead is how far mime/multipart may read ahead: the size of its buffer, in bytes.
	lookahead = 8 << 10
)

// maxAudio is the largest recording, in bytes.
var maxAudio = audio.Bounds.MaxBytes

// The fields of a submit.
const (
	fieldAudio        = "audio"
	fieldUploadID     = "uploadId"
	fieldLanguage     = "language"
	fieldExternalID   = "externalId"
	fieldMetadata     = "metadata"
	fieldTags         = "tags"
	fieldCut          = "cutSettings"
	fieldAllowPartial = "allowPartial"
	fieldChannels     = "channels"
	fieldCandidate    = "candidateSpeaks"
	fieldWebhookURL   = "webhookUrl"
)

var textFields = []string{fieldUploadID, fieldLanguage, fieldExternalID, fieldMetadata, fieldTags, fieldCut, fieldAllowPartial, fieldChannels, fieldCandidate, fieldWebhookURL}

// form is a submit's body, read to its end or until it broke a bound.
type form struct {
	text map[string][]string // by field, in the order sent
	// audio is nil if the form has no such part, and if its upload is gone.
	audio *spool
	// upload is the upload that the form names; empty if it names none.
	upload string
	// used is the use of that upload; nil if it went into no run. state is what became of that run.
	used  *run.Use
	state useState
	// stray is the name of an unknown field that came with a file; empty if there is none.
	stray string
	// bad lists faults of the form itself: fields that are unknown, repeated or too large.
	bad []field
	// late is why reading stopped early, or nil. It is reported only if everything read so far is
	// valid.
	late error
}

func (f *form) close() {
	if f.audio != nil {
		f.audio.close()
	}
}

// readForm reads the body of r in one pass and within bounds: the recording to a file in dir, the
// rest to memory. Its error is a failure on our side; the form records what the client did wrong.
// The caller closes the form, also after an error.
func readForm(r *http.Request, dir string) (*form, error) {
	f := &form{text: map[string][]string{}}
	boundary := boundaryOf(r.Header)
	if boundary == "" {
		f.late = errcode.Newf(errcode.MissingAudioFile, "The body must be multipart/form-data with the recording in the field 'audio', or a finished upload in 'uploadId'.")
		return f, nil
	}
	body := &allowance{r: r.Body}
	parts := multipart.NewReader(body, boundary)
	for n := 0; ; n++ {
		body.left = maxHeaders + lookahead
		p, err := parts.NextRawPart()
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return f, nil
		case errors.Is(err, io.EOF):
			f.late = errcode.New(errcode.MissingAudioFile)
			return f, nil
		case err != nil:
			f.late = broken(err)
			return f, nil
		case n == maxParts:
			f.late = invalid(field{Name: "body", Message: fmt.Sprintf("must have at most %d parts", maxParts), Max: maxParts})
			return f, nil
		}
		if more, err := f.take(p, body, dir); err != nil || !more {
			return f, err
		}
	}
}

// boundaryOf returns the boundary between the form's parts; empty if the body is not a form.
func boundaryOf(h http.Header) string {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return ""
	}
	return params["boundary"]
}

// take reads one part. more is false if reading cannot continue.
func (f *form) take(p *multipart.Part, body *allowance, dir string) (more bool, err error) {
	name, named := partName(p.Header.Get("Content-Disposition"))
	switch {
	case name == fieldAudio && f.audio == nil:
		body.left = maxAudio + 1 + lookahead
		return f.takeAudio(p, named, dir)
	case name == fieldAudio:
		f.late = invalid(field{Name: name, Message: "was sent more than once"})
		return false, nil
	}
	unknown := name != "" && !slices.Contains(textFields, name)
	if unknown && named {
		// The recording itself may follow, or this may be it.
		f.stray = clip(name)
		f.complain(field{Name: f.stray, Message: "is not a field of this call"})
		body.left = maxAudio + 1 + lookahead
		if _, err := io.Copy(io.Discard, io.LimitReader(p, maxAudio+1)); err != nil {
			f.late = broken(err)
			return false, nil
		}
		return true, nil
	}
	body.left = maxField + 1 + lookahead
	raw, err := io.ReadAll(io.LimitReader(p, maxField+1))
	if err != nil {
		f.late = broken(err)
		return false, nil
	}
	switch {
	case name == "":
		f.complain(field{Name: "body", Message: "has a part without a field name"})
	case unknown:
		f.complain(field{Name: clip(name), Message: "is not a field of this call"})
	case len(raw) > maxField && name == fieldCut:
		f.complain(field{Name: name, Message: "is too large", Max: maxField})
	case len(f.text[name]) > 0 && name != fieldTags:
		f.complain(field{Name: name, Message: "was sent more than once"})
	default:
		// A field that is too large stays so without its end: its own bound refuses it.
		f.text[name] = append(f.text[name], string(raw))
	}
	return len(raw) <= maxField, nil
}

func (f *form) complain(b field) {
	if !slices.Contains(f.bad, b) {
		f.bad = append(f.bad, b)
	}
}

func (f *form) takeAudio(p *multipart.Part, named bool, dir string) (more bool, err error) {
	s, err := newSpool(dir)
	if err != nil {
		return false, err
	}
	f.audio = s
	s.named = named
	var mine *os.PathError
	switch err := s.fill(p); {
	case errors.As(err, &mine):
		return false, err
	case errcode.Is(err, errcode.FileTooLarge):
		f.late = err
		return false, nil
	case err != nil:
		f.late = broken(err)
		return false, nil
	}
	return true, nil
}

// broken is the error for a body that is truncated, is not multipart, or has oversized headers.
func broken(cause error) error {
	why := "is not complete, valid multipart/form-data"
	if errors.Is(cause, errAllowance) {
		why = "has a part whose headers or content are too large"
	}
	return invalid(field{Name: "body", Message: why}).Because(cause)
}

var errAllowance = errors.New("api: a part of the form is over its bound")

// allowance bounds what is read from r. Before each step, the reader of a form sets left to the
// number of bytes that the step may read.
type allowance struct {
	r    io.Reader
	left int64
}

func (a *allowance) Read(b []byte) (int, error) {
	if a.left <= 0 {
		return 0, errAllowance
	}
	n, err := a.r.Read(b[:min(int64(len(b)), a.left)])
	a.left -= int64(n)
	return n, err
}

// spool is a recording in a temporary file while it is checked.
type spool struct {
	file  *os.File
	size  int64
	sum   hash.Hash
	named bool // it was sent with a file name
}

func newSpool(dir string) (*spool, error) {
	f, err := os.CreateTemp(dir, "submit-*")
	if err != nil {
		return nil, fmt.Errorf("api: spool: %w", err)
	}
	return &spool{file: f, sum: sha256.New()}, nil
}

// fill writes r to the file. FILE_TOO_LARGE if r has more than maxAudio bytes; an *os.PathError if
// the file cannot be written.
func (s *spool) fill(r io.Reader) error {
	n, err := io.Copy(io.MultiWriter(s.file, s.sum), io.LimitReader(r, maxAudio+1))
	s.size += n
	if s.size > maxAudio {
		return errcode.New(errcode.FileTooLarge)
	}
	if err != nil {
		return fmt.Errorf("api: spool: %w", err)
	}
	return nil
}

// content returns the hash of the form's recording, even if it came by an upload that has gone into
// a run; empty if it is unknown.
func (f *form) content() string {
	switch {
	case f.used != nil:
		return f.used.Content
	case f.audio != nil:
		return f.audio.hash()
	}
	return ""
}

// has reports whether the recording itself is here, with this hash. An upload that has gone into a
// run may be gone, or another file may have been posted in its place.
func (f *form) has(content string) bool { return f.audio != nil && f.audio.hash() == content }

// hash returns the content's SHA-256 in lower-case hex.
func (s *spool) hash() string { return hex.EncodeToString(s.sum.Sum(nil)) }

func (s *spool) close() {
	// A file that cannot be removed must not fail the call: it goes with the function's disk.
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
}
