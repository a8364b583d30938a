package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"parley/shared/engine/store/dynamo/schema"
)

// olderFolder is where the state of an older layout waits to be moved. Tables once had generated
// names, in the functions' own stack; an update would have deleted them.
const olderFolder = "older"

// setAside moves the state of an older layout out of the way, so that this start begins afresh.
// moveOlder then brings its tables and objects over.
func (d *data) setAside() error {
	s, err := d.load()
	if err != nil || s.Deployed == "" || s.table(schema.Runs) == tableName(schema.Runs) {
		return err
	}
	if err := os.MkdirAll(d.path(olderFolder), 0o755); err != nil {
		return fmt.Errorf("local: set the older state aside: %w", err)
	}
	// The record goes last: until then, this is not done.
	for _, name := range []string{"aws", "system.json"} {
		if err := os.Rename(d.path(name), d.path(olderFolder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("local: set the older state aside: %w", err)
		}
	}
	return nil
}

func tableName(t schema.Table) string { return StackName + "-" + t.Name }

// moveOlder copies the tables and objects of an older layout into the system, before it serves
// anybody. Messages are not copied: the sweep sends what is due again. The older state stays where
// it is.
func (s *starter) moveOlder(ctx context.Context, t tools, to *System) error {
	older := &data{dir: s.data.path(olderFolder)}
	from, err := older.load()
	if err != nil || from.Deployed == "" {
		return err
	}
	moved := older.path("moved")
	if _, err := os.Stat(moved); err == nil {
		return nil
	}
	s.Progress("moving the tables and recordings of an older version (kept in " + older.dir + ")")
	if err := os.MkdirAll(older.path("tmp"), 0o755); err != nil {
		return fmt.Errorf("local: move the older state: %w", err)
	}
	cloud, err := (&starter{Config: s.Config, data: older}).startCloud(ctx, t)
	if err != nil {
		return err
	}
	defer cloud.stop()
	from.Endpoint = cloud.endpoint
	for _, table := range schema.Tables {
		if err := copyTable(ctx, from, *to, table); err != nil {
			return fmt.Errorf("local: move the older table %s: %w", table.Name, err)
		}
	}
	if err := copyObjects(ctx, from, *to); err != nil {
		return fmt.Errorf("local: move the older objects: %w", err)
	}
	to.Started = from.Started
	if err := s.data.save(*to); err != nil {
		return err
	}
	return os.WriteFile(moved, nil, 0o644)
}

func copyTable(ctx context.Context, from, to System, table schema.Table) error {
	client := func(s System) *dynamodb.Client {
		return dynamodb.New(dynamodb.Options{BaseEndpoint: aws.String(s.Endpoint), Region: Region, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	}
	pages := dynamodb.NewScanPaginator(client(from), &dynamodb.ScanInput{TableName: aws.String(from.table(table))})
	into := client(to)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			if _, err := into.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(to.table(table)), Item: item}); err != nil {
				return err
			}
		}
	}
	return nil
}

func copyObjects(ctx context.Context, from, to System) error {
	client := func(s System) *s3.Client {
		return s3.New(s3.Options{BaseEndpoint: aws.String(s.Endpoint), Region: Region, UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	}
	source, into := client(from), client(to)
	pages := s3.NewListObjectsV2Paginator(source, &s3.ListObjectsV2Input{Bucket: aws.String(from.Outputs["Bucket"])})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, object := range page.Contents {
			got, err := source.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(from.Outputs["Bucket"]), Key: object.Key})
			if err != nil {
				return err
			}
			body, err := io.ReadAll(got.Body)
			if err := errors.Join(err, got.Body.Close()); err != nil {
				return err
			}
			if _, err := into.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(to.Outputs["Bucket"]), Key: object.Key,
				ContentType: got.ContentType, Metadata: got.Metadata, Body: strings.NewReader(string(body))}); err != nil {
				return err
			}
		}
	}
	return nil
}
