package api

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"sort"
	"strings"

	"parley/shared/engine/account"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/presentation"
)

var uploadsRoutes = []route{{method: http.MethodPost, pattern: "/speech/uploads", needs: account.PermissionSpeech, do: (*call).upload}}

// maxUploadBody bounds the JSON that requests an upload, in bytes.
const maxUploadBody = 4096

// plainBytes is the Content-Type of an upload for which the client named none.
const plainBytes = "application/octet-stream"

// maxMediaType bounds a media type, in bytes.
const maxMediaType = 100

// uploadID identifies an upload: `upl_` and 26 characters of lower-case base32.
type uploadID string

const uploadPrefix, runPrefix = "upl_", "req_"

func newUploadID(random io.Reader) (uploadID, error) {
	id, err := run.NewID(random)
	return uploadID(uploadPrefix + strings.TrimPrefix(string(id), runPrefix)), err
}

func (u uploadID) valid() bool {
	rest, ok := strings.CutPrefix(string(u), uploadPrefix)
	return ok && run.ID(runPrefix+rest).Valid()
}

func (u uploadID) key(client account.ID) string { return pipeline.UploadKey(client, string(u)) }

type uploadView struct {
	UploadID  uploadID           `json:"uploadId"`
	URL       string             `json:"url"`
	Fields    map[string]string  `json:"fields"`
	ExpiresAt presentation.Stamp `json:"expiresAt"`
}

// upload answers 201 with a presigned POST. FILE_TOO_LARGE, INVALID_PARAMETERS.
func (c *call) upload() (answer, error) {
	contentType, err := uploadAsked(c.r.Body)
	if err != nil {
		return answer{}, err
	}
	id, err := newUploadID(c.Random)
	if err != nil {
		return answer{}, err
	}
	url, fields, err := c.Presigner.PresignPost(c.r.Context(), id.key(c.client.ID), contentType, maxAudio, pipeline.UploadLasting)
	if err != nil {
		return answer{}, fmt.Errorf("api: upload: %w", err)
	}
	c.log.Info("upload allowed", "upload", id)
	return answer{http.StatusCreated, uploadView{id, url, fields, presentation.Stamp(c.Clock.Now().Add(pipeline.UploadLasting))}}, nil
}

// uploadAsked checks the request for an upload and returns the Content-Type to post it with. The
// check is a courtesy: the policy of the POST bounds the file's size, and the submit detects its
// format from its content.
func uploadAsked(body io.Reader) (contentType string, err error) {
	raw, err := io.ReadAll(io.LimitReader(body, maxUploadBody+1))
	if err != nil {
		return "", fmt.Errorf("api: upload: read: %w", err)
	}
	if len(raw) > maxUploadBody {
		return "", invalid(field{Name: "body", Message: fmt.Sprintf("must be JSON of at most %d bytes", maxUploadBody)})
	}
	asked, err := strictObject(string(raw))
	if err != nil {
		return "", invalid(field{Name: "body", Message: err.Error() + `; for example {"sizeBytes": 12000000, "contentType": "audio/mpeg"}`})
	}
	var bad []field
	var tooLarge bool
	// A float, because JSON has one kind of number: 12000000.0 is whole too.
	var size *float64
	if err := json.Unmarshal(asked["sizeBytes"], &size); err != nil || size == nil || *size < 1 || *size != math.Trunc(*size) {
		bad = append(bad, field{Name: "sizeBytes", Message: "must be a whole number of bytes", Min: 1, Max: maxAudio})
	} else {
		tooLarge = *size > float64(maxAudio)
	}
	contentType = plainBytes
	if v, ok := asked["contentType"]; ok {
		var given *string // null is no media type
		if json.Unmarshal(v, &given) != nil || given == nil || !isMediaType(*given) {
			bad = append(bad, field{Name: "contentType", Message: "must be a media type, such as audio/mpeg"})
		} else {
			contentType = *given
		}
	}
	for name := range asked {
		if name != "sizeBytes" && name != "contentType" {
			bad = append(bad, field{Name: clip(name), Message: "is not a field of this call"})
		}
	}
	sort.Slice(bad, func(i, j int) bool { return bad[i].Name < bad[j].Name })
	switch {
	case len(bad) > 0:
		return "", invalid(bad...)
	case tooLarge:
		return "", errcode.New(errcode.FileTooLarge)
	}
	return contentType, nil
}

// mediaTypePattern matches a media type with its parameters: names according to RFC 6838 section
// 4.2, values according to RFC 9110 section 5.6. The OpenAPI document publishes this pattern.
const mediaTypePattern = `^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*( *; *[A-Za-z0-9_-]+=([A-Za-z0-9!#$&^_.+-]+|"[ !#-\[\]-~]*"))*$`

var mediaTypes = regexp.MustCompile(mediaTypePattern)

func isMediaType(s string) bool { return len(s) <= maxMediaType && mediaTypes.MatchString(s) }
