package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"parley/shared/engine/awsbody"
)

// check is one documented behaviour of AWS that Parley depends on. Checks of a suite run in order:
// later ones use what earlier ones created.
type check struct {
	name string
	run  func(ctx context.Context) error
	// gap says how the local system's emulator is known to differ from AWS; empty if it does not.
	// Our code must not depend on what only AWS does.
	gap string
}

// suite holds the checks of one service. Its constructors receive a unique name for their tables.
type suite struct {
	name   string
	checks func(cfg aws.Config, unique string) []check
	// tidy removes what the checks created.
	tidy func(ctx context.Context, cfg aws.Config, unique string) error
}

// suites lists all suites.
func suites() []suite {
	return []suite{
		{"dynamodb", tableChecks, tidyTables},
		{"sqs", queueChecks, tidyQueues},
		{"s3", objectChecks, tidyObjects},
	}
}

// checkTime bounds one check.
const checkTime = 60 * time.Second

// do runs one check within its time.
func (c check) do(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	return c.run(ctx)
}

// configuration returns how to reach the endpoint. Each request is sent once: a retry would hide a
// lost answer, or do twice what a check does once.
func configuration(endpoint string) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		APIOptions:  []func(*middleware.Stack) error{awsbody.KeepAnswers},
	}
}

// uniqueName returns a prefix for the names of everything that one run of a suite creates.
func uniqueName() string { return fmt.Sprintf("conformance-%08x", rand.Uint32()) }

// refusedWith returns an error unless err is AWS's refusal with this code.
func refusedWith(code string, err error) error {
	var refusal smithy.APIError
	switch {
	case err == nil:
		return fmt.Errorf("accepted; want %s", code)
	case errors.As(err, &refusal) && refusal.ErrorCode() == code:
		return nil
	}
	return fmt.Errorf("want %s, got %w", code, err)
}

// same returns an error unless two values are equal.
func same[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: %v, want %v", what, got, want)
	}
	return nil
}
