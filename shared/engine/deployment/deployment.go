// Package deployment opens the adapters of a deployed system, on AWS or on an emulator. Only here
// do the functions and the command line learn which technology is behind each port.
package deployment

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"parley/shared/engine/awsbody"
	"parley/shared/engine/config"
	"parley/shared/engine/fault/awsfault"
	"parley/shared/engine/objects"
	"parley/shared/engine/queue"
	"parley/shared/engine/store/dynamo"
)

// System holds the adapters of a deployed system.
type System struct {
	Config  config.Config
	Tables  *dynamo.Store
	Objects *objects.Store
	Queues  *queue.Queues
	// AWS is what the clients of all other services are made of.
	AWS aws.Config
}

// connectTimeout bounds how long Settings may take to read the SDK's configuration.
const connectTimeout = 10 * time.Second

// Settings returns the SDK's configuration for clients of our own.
func Settings(ctx context.Context) (aws.Config, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	base, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return base, fmt.Errorf("deployment: %w", err)
	}
	base.APIOptions = append(base.APIOptions, awsbody.KeepAnswers)
	awsfault.Wrap(&base)
	return base, nil
}

// Open makes the adapters for the resources that cfg names. The SDK takes endpoint, region and
// credentials from its own environment variables, such as AWS_ENDPOINT_URL. Open calls none of the
// resources. The options are those of the tables.
func Open(ctx context.Context, cfg config.Config, options ...dynamo.Option) (*System, error) {
	base, err := Settings(ctx)
	if err != nil {
		return nil, err
	}
	return &System{
		Config:  cfg,
		Tables:  dynamo.New(dynamodb.NewFromConfig(base), dynamo.Names{Runs: cfg.RunsTable, Credits: cfg.CreditsTable, Clients: cfg.ClientsTable, Limits: cfg.LimitsTable}, options...),
		Objects: objects.New(s3.NewFromConfig(base, func(o *s3.Options) { o.UsePathStyle = os.Getenv("AWS_ENDPOINT_URL") != "" }), cfg.Bucket),
		Queues:  queue.New(sqs.NewFromConfig(base), cfg.Queues, cfg.DeadLetters),
		AWS:     base,
	}, nil
}
