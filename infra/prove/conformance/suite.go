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

// check is one thing that AWS documents and Parley stands on. Checks of a suite run in order: later
// ones use what earlier ones made.
type check struct {
	name string
	run  func(ctx context.Context) error
	// gap is where the emulator of the local system is known to differ from AWS; empty where it
	// does not. Our code must not stand on what only AWS does.
	gap string
}

// suite is the checks of one service. Its makers get a name that nobody else uses, to call their
// tables by.
type suite struct {
	name   string
	checks func(cfg aws.Config, unique string) []check
	// tidy removes what the checks made.
	tidy func(ctx context.Context, cfg aws.Config, unique string) error
}

// suites lists them all.
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

// configuration is how to reach the endpoint. Each request is sent once: a second try would hide a
// lost answer, or do twice what a check does once.
func configuration(endpoint string) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		APIOptions:  []func(*middleware.Stack) error{awsbody.KeepAnswers},
	}
}

// uniqueName starts the names of what one run of a suite makes.
func uniqueName() string { return fmt.Sprintf("conformance-%08x", rand.Uint32()) }

// refusedWith says that err is AWS's refusal by this code, or what it is instead.
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

// same says that two values are equal, or what they are.
func same[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s: %v, want %v", what, got, want)
	}
	return nil
}
