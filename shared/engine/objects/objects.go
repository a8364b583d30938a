// Package objects stores recordings and artefacts in an S3 bucket. It implements pipeline.Objects
// and api.Presigner.
package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"parley/shared/engine/pipeline"
)

// Store is one bucket. Safe for concurrent use.
//
// It needs the permission s3:ListBucket: without it S3 answers 403 instead of 404 for a missing
// key, and pipeline.ErrNoObject would not be recognised.
type Store struct {
	api    *s3.Client
	sign   *s3.PresignClient
	bucket string
}

// New returns a store on a bucket. An emulated S3 needs a client with UsePathStyle.
func New(api *s3.Client, bucket string) *Store {
	return &Store{api: api, sign: s3.NewPresignClient(api), bucket: bucket}
}

// missing wraps err, and turns S3's errors for a missing object into pipeline.ErrNoObject.
func missing(what, key string, err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch api.ErrorCode() {
		case "NoSuchKey", "NotFound":
			return fmt.Errorf("objects: %s %s: %w", what, key, pipeline.ErrNoObject)
		}
	}
	return fmt.Errorf("objects: %s %s: %w", what, key, err)
}

// Put implements pipeline.Objects.
func (s *Store) Put(ctx context.Context, key, contentType string, body io.ReadSeeker, size int64) error {
	if err := holds(body, size); err != nil {
		return fmt.Errorf("objects: put %s: %w", key, err)
	}
	_, err := s.api.PutObject(ctx, &s3.PutObjectInput{Bucket: &s.bucket, Key: &key, ContentType: &contentType, Body: body, ContentLength: &size})
	if err != nil {
		return fmt.Errorf("objects: put %s: %w", key, err)
	}
	return nil
}

// holds checks that exactly size bytes follow in body, since the request announces that many to S3.
func holds(body io.Seeker, size int64) error {
	here, err := body.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	end, err := body.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if end-here != size {
		return fmt.Errorf("the body holds %d bytes, not %d", end-here, size)
	}
	_, err = body.Seek(here, io.SeekStart)
	return err
}

// Get implements pipeline.Objects.
func (s *Store) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, int64, error) {
	if offset < 0 || length < 0 {
		return nil, 0, fmt.Errorf("objects: get %s: no bytes at %d", key, offset)
	}
	in := &s3.GetObjectInput{Bucket: &s.bucket, Key: &key}
	switch {
	case length > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
	case offset > 0:
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", offset))
	}
	out, err := s.api.GetObject(ctx, in)
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "InvalidRange" && offset == 0 {
		in.Range = nil // the object is empty: even byte 0 is out of range
		out, err = s.api.GetObject(ctx, in)
	}
	if err != nil {
		return nil, 0, missing("get", key, err)
	}
	size := aws.ToInt64(out.ContentLength)
	if in.Range != nil {
		_, whole, _ := strings.Cut(aws.ToString(out.ContentRange), "/")
		if size, err = strconv.ParseInt(whole, 10, 64); err != nil {
			return nil, 0, errors.Join(fmt.Errorf("objects: get %s: content range %q", key, aws.ToString(out.ContentRange)), out.Body.Close())
		}
	}
	return out.Body, size, nil
}

// Copy implements pipeline.Objects.
func (s *Store) Copy(ctx context.Context, src, dst string) error {
	_, err := s.api.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &s.bucket, Key: &dst, CopySource: aws.String(s.bucket + "/" + escape(src))})
	if err != nil {
		return missing("copy", src, err)
	}
	return nil
}

// escape encodes a key for the header x-amz-copy-source, including the plus sign, which
// url.PathEscape leaves as it is.
func escape(key string) string {
	parts := strings.Split(key, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(p), "+", "%2B")
	}
	return strings.Join(parts, "/")
}

// Size implements pipeline.Objects.
func (s *Store) Size(ctx context.Context, key string) (int64, error) {
	out, err := s.api.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &s.bucket, Key: &key})
	if err != nil {
		return 0, missing("size of", key, err)
	}
	return aws.ToInt64(out.ContentLength), nil
}

// maxKeys is how many keys S3 deletes or lists at most in one request.
const maxKeys = 1000

// Delete implements pipeline.Objects.
func (s *Store) Delete(ctx context.Context, keys ...string) error {
	if len(keys) > maxKeys {
		return fmt.Errorf("objects: delete: %d keys, at most %d", len(keys), maxKeys)
	}
	if len(keys) == 0 {
		return nil
	}
	ids := make([]types.ObjectIdentifier, len(keys))
	for i := range keys {
		ids[i].Key = &keys[i]
	}
	out, err := s.api.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &s.bucket, Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)}})
	if err != nil {
		return fmt.Errorf("objects: delete: %w", err)
	}
	var all []error
	for _, e := range out.Errors {
		if code := aws.ToString(e.Code); code != "NoSuchKey" {
			all = append(all, fmt.Errorf("objects: delete %s: %s", aws.ToString(e.Key), code))
		}
	}
	return errors.Join(all...)
}

// List implements pipeline.Objects.
func (s *Store) List(ctx context.Context, prefix, after string, limit int) ([]pipeline.Object, error) {
	if limit < 1 || limit > maxKeys {
		return nil, fmt.Errorf("objects: list: limit %d", limit)
	}
	in := &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: &prefix, MaxKeys: aws.Int32(int32(limit))}
	if after != "" {
		in.StartAfter = &after
	}
	var page []pipeline.Object
	for {
		out, err := s.api.ListObjectsV2(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("objects: list %s: %w", prefix, err)
		}
		for _, o := range out.Contents {
			page = append(page, pipeline.Object{Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size), Modified: aws.ToTime(o.LastModified).UTC()})
		}
		// S3 may return fewer than requested even if there are more.
		if len(page) >= limit || !aws.ToBool(out.IsTruncated) {
			return page, nil
		}
		in.ContinuationToken, in.MaxKeys = out.NextContinuationToken, aws.Int32(int32(limit-len(page)))
	}
}

// PresignPost implements api.Presigner. The form is multipart and has the returned fields, then the
// file as `file`: S3 refuses any field that the policy does not name, and a form that lacks one
// that it names. So Content-Type is among the fields, and its value is free. Anyone who has the
// answer can post.
func (s *Store) PresignPost(ctx context.Context, key, contentType string, maxBytes int64, lasting time.Duration) (string, map[string]string, error) {
	out, err := s.sign.PresignPostObject(ctx, &s3.PutObjectInput{Bucket: &s.bucket, Key: &key}, func(o *s3.PresignPostOptions) {
		o.Expires = lasting
		o.Conditions = []any{[]any{"content-length-range", 1, maxBytes}, []any{"starts-with", "$Content-Type", ""}}
	})
	if err != nil {
		return "", nil, fmt.Errorf("objects: presign %s: %w", key, err)
	}
	out.Values["Content-Type"] = contentType
	return out.URL, out.Values, nil
}

// PresignGet implements api.Player. Whoever has the URL can read the object.
func (s *Store) PresignGet(ctx context.Context, key, mediaType string, lasting time.Duration) (string, error) {
	in := &s3.GetObjectInput{Bucket: &s.bucket, Key: &key, ResponseCacheControl: aws.String("private, max-age=" + strconv.Itoa(int(lasting/time.Second)))}
	if mediaType != "" {
		in.ResponseContentType = &mediaType
	}
	out, err := s.sign.PresignGetObject(ctx, in, s3.WithPresignExpires(lasting))
	if err != nil {
		return "", fmt.Errorf("objects: presign %s: %w", key, err)
	}
	return out.URL, nil
}
