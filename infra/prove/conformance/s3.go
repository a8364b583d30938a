package main

import (
	"bytes"
	"context"
	"crypto/md5" // S3's ETag is an MD5
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"parley/shared/clock"
)

// objects is shared by the S3 checks.
type objects struct {
	*s3.Client
	presign *s3.PresignClient
	bucket  string
	big     []byte // the maximum size of a recording: 25 MiB
}

func newObjects(cfg aws.Config, bucket string) *objects {
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	big := make([]byte, 25<<20)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(big) // never fails
	return &objects{Client: client, presign: s3.NewPresignClient(client), bucket: bucket, big: big}
}

func (o *objects) put(ctx context.Context, key string, body []byte) error {
	_, err := o.PutObject(ctx, &s3.PutObjectInput{Bucket: &o.bucket, Key: &key, Body: bytes.NewReader(body)})
	return err
}

func (o *objects) get(ctx context.Context, key string, span *string) ([]byte, error) {
	out, err := o.GetObject(ctx, &s3.GetObjectInput{Bucket: &o.bucket, Key: &key, Range: span})
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(out.Body)
	return body, errors.Join(err, out.Body.Close())
}

// holds returns an error unless an object consists of these bytes.
func (o *objects) holds(ctx context.Context, key string, want []byte) error {
	got, err := o.get(ctx, key, nil)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s holds %d bytes, others than the %d put", key, len(got), len(want))
	}
	return nil
}

// request sends a plain HTTP request and returns the status and the start of the answer.
func request(ctx context.Context, method, url, kind string, body []byte) (status int, answer string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	start, err := io.ReadAll(io.LimitReader(res.Body, 400))
	return res.StatusCode, string(start), errors.Join(err, res.Body.Close())
}

// post sends size bytes by a presigned form that allows at most limit and names a Content-Type,
// with these further fields.
func (o *objects) post(ctx context.Context, key string, size, limit int, more map[string]string) (status int, answer string, err error) {
	form, err := o.presign.PresignPostObject(ctx, &s3.PutObjectInput{Bucket: &o.bucket, Key: &key}, func(p *s3.PresignPostOptions) {
		p.Expires = time.Minute
		p.Conditions = []any{[]any{"content-length-range", 1, limit}, []any{"starts-with", "$Content-Type", ""}}
	})
	if err != nil {
		return 0, "", err
	}
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	maps.Copy(form.Values, more)
	for name, value := range form.Values {
		if err := w.WriteField(name, value); err != nil {
			return 0, "", err
		}
	}
	file, err := w.CreateFormFile("file", "recording.wav")
	if err != nil {
		return 0, "", err
	}
	if _, err := file.Write(o.big[:size]); err != nil {
		return 0, "", err
	}
	if err := w.Close(); err != nil {
		return 0, "", err
	}
	return request(ctx, http.MethodPost, form.URL, w.FormDataContentType(), body.Bytes())
}

func objectChecks(cfg aws.Config, unique string) []check {
	o, typed := newObjects(cfg, unique), map[string]string{"Content-Type": "audio/wav"}
	return []check{
		{name: "a bucket is made and found", run: func(ctx context.Context) error {
			if _, err := o.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &o.bucket}); err != nil {
				return err
			}
			_, err := o.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &o.bucket})
			return err
		}},
		{name: "an object keeps its type and metadata", run: func(ctx context.Context) error {
			if _, err := o.PutObject(ctx, &s3.PutObjectInput{Bucket: &o.bucket, Key: aws.String("small"), Body: strings.NewReader("hello"),
				ContentType: aws.String("text/plain"), Metadata: map[string]string{"run-id": "r1"}}); err != nil {
				return err
			}
			head, err := o.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &o.bucket, Key: aws.String("small")})
			if err != nil {
				return err
			}
			return errors.Join(o.holds(ctx, "small", []byte("hello")), same("metadata", head.Metadata["run-id"], "r1"),
				same("type", aws.ToString(head.ContentType), "text/plain"), same("length", aws.ToInt64(head.ContentLength), 5))
		}},
		{name: "3 MiB come back as they were put", run: func(ctx context.Context) error {
			return errors.Join(o.put(ctx, "middle", o.big[:3<<20]), o.holds(ctx, "middle", o.big[:3<<20]))
		}},
		{name: "25 MiB come back as they were put", run: func(ctx context.Context) error {
			return errors.Join(o.put(ctx, "big", o.big), o.holds(ctx, "big", o.big))
		}},
		{name: "a range is read", run: func(ctx context.Context) error {
			got, err := o.get(ctx, "big", aws.String("bytes=1000-1999"))
			return errors.Join(err, same("the range", bytes.Equal(got, o.big[1000:2000]), true))
		}},
		{name: "a missing object is NoSuchKey on GET, NotFound on HEAD", run: func(ctx context.Context) error {
			_, getErr := o.get(ctx, "none", nil)
			_, headErr := o.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &o.bucket, Key: aws.String("none")})
			var noKey *types.NoSuchKey
			var notFound *types.NotFound
			return errors.Join(same("NoSuchKey", errors.As(getErr, &noKey), true), same("NotFound", errors.As(headErr, &notFound), true))
		}},
		{name: "If-None-Match: * does not overwrite", run: func(ctx context.Context) error {
			_, err := o.PutObject(ctx, &s3.PutObjectInput{Bucket: &o.bucket, Key: aws.String("small"), Body: strings.NewReader("x"), IfNoneMatch: aws.String("*")})
			return errors.Join(refusedWith("PreconditionFailed", err), o.holds(ctx, "small", []byte("hello")))
		}},
		{name: "a presigned PUT takes 25 MiB", run: func(ctx context.Context) error {
			p, err := o.presign.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: &o.bucket, Key: aws.String("signed"), ContentType: aws.String("audio/wav")}, s3.WithPresignExpires(time.Minute))
			if err != nil {
				return err
			}
			status, answer, err := request(ctx, http.MethodPut, p.URL, "audio/wav", o.big)
			if err != nil || status != 200 {
				return errors.Join(err, fmt.Errorf("%d %s", status, answer))
			}
			return o.holds(ctx, "signed", o.big)
		}},
		{name: "a presigned PUT of another key is 403", run: func(ctx context.Context) error {
			p, err := o.presign.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: &o.bucket, Key: aws.String("signed-a")}, s3.WithPresignExpires(time.Minute))
			if err != nil {
				return err
			}
			status, _, err := request(ctx, http.MethodPut, strings.Replace(p.URL, "signed-a", "signed-b", 1), "", []byte("x"))
			return errors.Join(err, same("status", status, 403))
		}},
		{name: "an expired presigned PUT is 403", run: func(ctx context.Context) error {
			p, err := o.presign.PresignPutObject(ctx, &s3.PutObjectInput{Bucket: &o.bucket, Key: aws.String("signed-c")}, s3.WithPresignExpires(time.Second))
			if err != nil {
				return err
			}
			if err := clock.Sleep(ctx, 2200*time.Millisecond); err != nil {
				return err
			}
			status, _, err := request(ctx, http.MethodPut, p.URL, "", []byte("x"))
			return errors.Join(err, same("status", status, 403))
		}},
		{name: "a presigned GET reads", run: func(ctx context.Context) error {
			p, err := o.presign.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &o.bucket, Key: aws.String("small")})
			if err != nil {
				return err
			}
			status, answer, err := request(ctx, http.MethodGet, p.URL, "", nil)
			return errors.Join(err, same("status", status, 200), same("body", answer, "hello"))
		}},
		{name: "a presigned POST takes 20 MiB", run: func(ctx context.Context) error {
			status, answer, err := o.post(ctx, "posted", 20<<20, 25<<20, typed)
			if err != nil || status/100 != 2 {
				return errors.Join(err, fmt.Errorf("%d %s", status, answer))
			}
			return o.holds(ctx, "posted", o.big[:20<<20])
		}},
		{name: "a presigned POST above its range is EntityTooLarge", run: func(ctx context.Context) error {
			status, answer, err := o.post(ctx, "posted-large", 1001, 1000, typed)
			return errors.Join(err, same("status", status, 400), same("EntityTooLarge", strings.Contains(answer, "EntityTooLarge"), true))
		}},
		{name: "a presigned POST with a field that its policy does not name is AccessDenied", run: func(ctx context.Context) error {
			status, answer, err := o.post(ctx, "posted-more", 10, 1000, map[string]string{"Content-Type": "audio/wav", "Content-Disposition": "inline"})
			return errors.Join(err, same("status", status, 403), same("AccessDenied", strings.Contains(answer, "AccessDenied"), true))
		}},
		{name: "a presigned POST without a field that its policy names is AccessDenied", run: func(ctx context.Context) error {
			status, answer, err := o.post(ctx, "posted-less", 10, 1000, nil)
			return errors.Join(err, same("status", status, 403), same("AccessDenied", strings.Contains(answer, "AccessDenied"), true))
		}},
		{name: "a multipart upload of 3 parts is put together", run: o.multipart},
		{name: "an aborted multipart upload is listed before and gone after", run: o.abort},
		{name: "keys are listed by prefix and delimiter, in pages", run: o.list},
		{name: "keys are listed behind one that is not there, with sizes and times", run: o.listBehind},
		{name: "an ETag is the MD5; objects are copied and deleted", run: o.copyAndDelete},
		{name: "the bucket takes a notification to a queue", run: func(ctx context.Context) error {
			_, err := o.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
				Bucket: &o.bucket, SkipDestinationValidation: aws.Bool(true),
				NotificationConfiguration: &types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{{
					QueueArn: aws.String("arn:aws:sqs:us-east-1:000000000000:" + unique), Events: []types.Event{"s3:ObjectCreated:*"}}}},
			})
			return err
		}},
		{name: "the bucket takes CORS rules", run: func(ctx context.Context) error {
			_, err := o.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: &o.bucket, CORSConfiguration: &types.CORSConfiguration{
				CORSRules: []types.CORSRule{{AllowedMethods: []string{"PUT"}, AllowedOrigins: []string{"*"}}}}})
			return err
		}},
		{name: "the bucket takes lifecycle rules", run: func(ctx context.Context) error {
			_, err := o.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: &o.bucket,
				LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{ID: aws.String("x"), Status: "Enabled",
					Filter: &types.LifecycleRuleFilter{Prefix: aws.String("work/")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(1)}}}}})
			return err
		}},
		{name: "an object is tagged", run: func(ctx context.Context) error {
			if _, err := o.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{Bucket: &o.bucket, Key: aws.String("small"),
				Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}}); err != nil {
				return err
			}
			out, err := o.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &o.bucket, Key: aws.String("small")})
			if err != nil {
				return err
			}
			return same("tags", len(out.TagSet), 1)
		}},
	}
}

func tidyObjects(ctx context.Context, cfg aws.Config, unique string) error {
	client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &unique})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, object := range page.Contents {
			if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &unique, Key: object.Key}); err != nil {
				return err
			}
		}
	}
	_, err := client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &unique})
	return err
}

func (o *objects) multipart(ctx context.Context) error {
	key := aws.String("parts")
	up, err := o.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &o.bucket, Key: key, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32})
	if err != nil {
		return err
	}
	var parts []types.CompletedPart
	for i := range int32(3) {
		from, to := int(i)*10<<20, min((int(i)+1)*10<<20, len(o.big))
		p, err := o.UploadPart(ctx, &s3.UploadPartInput{Bucket: &o.bucket, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(i + 1), Body: bytes.NewReader(o.big[from:to])})
		if err != nil {
			return err
		}
		parts = append(parts, types.CompletedPart{ETag: p.ETag, PartNumber: aws.Int32(i + 1), ChecksumCRC32: p.ChecksumCRC32})
	}
	listed, err := o.ListParts(ctx, &s3.ListPartsInput{Bucket: &o.bucket, Key: key, UploadId: up.UploadId})
	if err != nil {
		return err
	}
	done, err := o.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &o.bucket, Key: key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	if err != nil {
		return err
	}
	return errors.Join(same("parts", len(listed.Parts), 3), o.holds(ctx, *key, o.big),
		same("the ETag's number of parts", strings.HasSuffix(strings.Trim(aws.ToString(done.ETag), `"`), "-3"), true))
}

func (o *objects) abort(ctx context.Context) error {
	key := aws.String("aborted")
	up, err := o.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &o.bucket, Key: key})
	if err != nil {
		return err
	}
	before, err := o.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &o.bucket})
	if err != nil {
		return err
	}
	if _, err := o.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &o.bucket, Key: key, UploadId: up.UploadId}); err != nil {
		return err
	}
	after, err := o.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &o.bucket})
	if err != nil {
		return err
	}
	return errors.Join(same("uploads before", len(before.Uploads), 1), same("uploads after", len(after.Uploads), 0))
}

func (o *objects) list(ctx context.Context) error {
	for i := range 25 {
		if err := o.put(ctx, fmt.Sprintf("list/%02d/x", i), []byte("x")); err != nil {
			return err
		}
	}
	keys, pages := 0, 0
	for p := s3.NewListObjectsV2Paginator(o, &s3.ListObjectsV2Input{Bucket: &o.bucket, Prefix: aws.String("list/"), MaxKeys: aws.Int32(10)}); p.HasMorePages(); pages++ {
		page, err := p.NextPage(ctx)
		if err != nil {
			return err
		}
		keys += len(page.Contents)
	}
	folders, err := o.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &o.bucket, Prefix: aws.String("list/"), Delimiter: aws.String("/")})
	if err != nil {
		return err
	}
	return errors.Join(same("keys", keys, 25), same("pages", pages, 3), same("folders", len(folders.CommonPrefixes), 25))
}

func (o *objects) listBehind(ctx context.Context) error {
	began := time.Now().Add(-time.Minute)
	for _, key := range []string{"behind/a", "behind/c", "behind/d"} {
		if err := o.put(ctx, key, []byte("12345")); err != nil {
			return err
		}
	}
	out, err := o.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &o.bucket, Prefix: aws.String("behind/"), StartAfter: aws.String("behind/b"), MaxKeys: aws.Int32(1)})
	if err != nil {
		return err
	}
	if len(out.Contents) != 1 {
		return fmt.Errorf("%d objects", len(out.Contents))
	}
	first := out.Contents[0]
	return errors.Join(same("key", aws.ToString(first.Key), "behind/c"), same("size", aws.ToInt64(first.Size), 5), same("truncated", aws.ToBool(out.IsTruncated), true),
		same("modified within minutes", first.LastModified != nil && first.LastModified.After(began) && first.LastModified.Before(began.Add(10*time.Minute)), true))
}

func (o *objects) copyAndDelete(ctx context.Context) error {
	head, err := o.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &o.bucket, Key: aws.String("big")})
	if err != nil {
		return err
	}
	sum := md5.Sum(o.big) // S3's ETag is an MD5
	if err := same("ETag", strings.Trim(aws.ToString(head.ETag), `"`), hex.EncodeToString(sum[:])); err != nil {
		return err
	}
	if _, err := o.CopyObject(ctx, &s3.CopyObjectInput{Bucket: &o.bucket, Key: aws.String("copy"), CopySource: aws.String(o.bucket + "/small")}); err != nil {
		return err
	}
	if err := o.holds(ctx, "copy", []byte("hello")); err != nil {
		return err
	}
	if _, err := o.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &o.bucket, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("copy")}, {Key: aws.String("none")}}}}); err != nil {
		return err
	}
	_, err = o.get(ctx, "copy", nil)
	return refusedWith("NoSuchKey", err)
}
