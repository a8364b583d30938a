package objects

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
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

// Ensure that a presigned GET lets anybody read its object, in pieces too, as media of the type
// that it was asked for.
func TestPresignGet(t *testing.T) {
	s := open(t)
	if err := s.Put(t.Context(), "audio/x", "application/octet-stream", strings.NewReader("0123456789"), 10); err != nil {
		t.Fatal(err)
	}
	url, err := s.PresignGet(t.Context(), "audio/x", "audio/mpeg", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for piece, want := range map[string]string{"": "0123456789", "bytes=2-4": "234"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if piece != "" {
			req.Header.Set("Range", piece)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || string(got) != want || res.Header.Get("Content-Type") != "audio/mpeg" {
			t.Errorf("%q: HTTP %d %q %s, %v", piece, res.StatusCode, got, res.Header.Get("Content-Type"), err)
		}
	}
}

// Ensure that a presigned POST accepts a file up to the given size under its key, and no larger
// one.
func TestPresignPost(t *testing.T) {
	s := open(t)
	const most = 1000
	url, fields, err := s.PresignPost(t.Context(), "upload/x", "audio/webm;codecs=opus", most, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if fields["key"] != "upload/x" {
		t.Errorf("fields %v", fields)
	}
	post := func(size int, change map[string]string) int {
		var form bytes.Buffer
		w := multipart.NewWriter(&form)
		all := maps.Clone(fields)
		maps.Copy(all, change)
		maps.DeleteFunc(all, func(_, v string) bool { return v == "" })
		for k, v := range all {
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
		if got := post(size, nil); (got/100 == 2) != ok {
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
	for _, tt := range []struct {
		name   string
		change map[string]string
		want   int
	}{
		{"another Content-Type", map[string]string{"Content-Type": "audio/mp4"}, 204},
		{"no Content-Type, which the policy names", map[string]string{"Content-Type": ""}, 403},
		{"another key", map[string]string{"key": "upload/y"}, 403},
		{"a field that the policy does not name", map[string]string{"Content-Disposition": "inline"}, 403},
		{"a field that S3 ignores", map[string]string{"x-ignore-me": "x"}, 204},
	} {
		if got := post(1, tt.change); got != tt.want {
			t.Errorf("%s: status %d, want %d", tt.name, got, tt.want)
		}
	}
}

// Ensure by S3's rule that the form can be posted as it is: a condition of the policy names each
// field except x-amz-signature, policy, file and x-ignore-…, and the form has each field named.
// The Content-Type may have any value.
func TestThePolicyNamesEachField(t *testing.T) {
	api := s3.New(s3.Options{Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", "session")})
	_, fields, err := New(api, "bucket").PresignPost(t.Context(), "upload/x", "audio/mpeg", 26_214_400, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(fields["policy"])
	if err != nil {
		t.Fatal(err)
	}
	var policy struct{ Conditions []any }
	if err := json.Unmarshal(raw, &policy); err != nil {
		t.Fatal(err)
	}
	named := map[string]any{}
	for _, c := range policy.Conditions {
		switch c := c.(type) {
		case map[string]any:
			for name, value := range c {
				named[strings.ToLower(name)] = value
			}
		case []any:
			if c[0] == "content-length-range" {
				named["content-length-range"] = fmt.Sprint(c[1:])
				continue
			}
			named[strings.ToLower(strings.TrimPrefix(c[1].(string), "$"))] = fmt.Sprint(c[0], " ", c[2])
		}
	}
	for name, want := range map[string]any{"content-type": "starts-with ", "content-length-range": "[1 2.62144e+07]", "key": "upload/x", "bucket": "bucket"} {
		if named[name] != want {
			t.Errorf("the policy has for %s: %v, want %v", name, named[name], want)
		}
	}
	for name := range fields {
		lower := strings.ToLower(name)
		if _, ok := named[lower]; !ok && lower != "x-amz-signature" && lower != "policy" {
			t.Errorf("the policy does not name %s", name)
		}
		delete(named, lower)
	}
	delete(named, "bucket") // of the address
	delete(named, "content-length-range")
	if len(named) != 0 {
		t.Errorf("the form lacks %v", named)
	}
	if fields["Content-Type"] != "audio/mpeg" || fields["X-Amz-Security-Token"] != "session" {
		t.Errorf("fields %v", fields)
	}
}
