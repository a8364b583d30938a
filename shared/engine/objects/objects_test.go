package objects

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"parley/infra/prove/storetest"
	"parley/shared/engine/awsbody"
	"parley/shared/engine/pipeline"
)

var made atomic.Int64

func open(t *testing.T) *Store {
	t.Helper()
	endpoint := storetest.Endpoint(t)
	api := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: aws.String(endpoint), UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		APIOptions: []func(*middleware.Stack) error{awsbody.KeepAnswers}})
	bucket := fmt.Sprintf("test-%d-%d", os.Getpid(), made.Add(1))
	if _, err := api.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	s := New(api, bucket)
	ctx := context.WithoutCancel(t.Context())
	t.Cleanup(func() {
		left, err := s.List(ctx, "", "", maxKeys)
		var keys []string
		for _, o := range left {
			keys = append(keys, o.Key)
		}
		if err == nil {
			err = s.Delete(ctx, keys...)
		}
		if err == nil {
			_, err = api.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
		}
		if err != nil {
			t.Log(err)
		}
	})
	return s
}

func TestObjects(t *testing.T) {
	storetest.Objects(t, func(t *testing.T) pipeline.Objects { return open(t) })
}

// Ensure that a presigned POST accepts a file up to the given size under its key, and no larger
// one.
func TestPresignPost(t *testing.T) {
	s := open(t)
	const most = 1000
	url, fields, err := s.PresignPost(t.Context(), "upload/x", most, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if fields["key"] != "upload/x" {
		t.Errorf("fields %v", fields)
	}
	post := func(size int) int {
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		for k, v := range fields {
			if err := w.WriteField(k, v); err != nil {
				t.Fatal(err)
			}
		}
		f, err := w.CreateFormFile("file", "a.wav")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, strings.Repeat("x", size)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, &form)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", w.FormDataContentType())
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode
	}
	for size, ok := range map[int]bool{0: false, 1: true, most: true, most + 1: false} {
		if got := post(size); (got/100 == 2) != ok {
			t.Errorf("%d bytes: status %d", size, got)
			continue
		}
		if !ok {
			continue
		}
		if got, err := s.Size(t.Context(), "upload/x"); err != nil || got != int64(size) {
			t.Errorf("stored %d bytes of %d, %v", got, size, err)
		}
	}
}
