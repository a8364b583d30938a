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
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"parley/shared/engine/awsbody"
	"parley/shared/engine/config"
	"parley/shared/engine/fault/awsfault"
	"parley/shared/engine/objects"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/queue"
	"parley/shared/engine/store/dynamo"
)

// System holds the adapters of a deployed system.
type System struct {
	Config  config.Config
	Tables  *dynamo.Store
	Objects *objects.Store
	Queues  *queue.Queues
	Lambda  *lambda.Client
	// AWS is what the clients of all other services are made of.
	AWS aws.Config
}

// connectTimeout bounds how long Open may take to read the SDK's configuration.
const connectTimeout = 10 * time.Second

// Open makes the adapters for the resources that cfg names. The SDK takes endpoint, region and
// credentials from its own environment variables, such as AWS_ENDPOINT_URL. Open calls none of the
// resources. The options are those of the tables.
func Open(ctx context.Context, cfg config.Config, options ...dynamo.Option) (*System, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	base, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("deployment: %w", err)
	}
	base.APIOptions = append(base.APIOptions, awsbody.KeepAnswers)
	awsfault.Wrap(&base)
	return &System{
		Config:  cfg,
		Tables:  dynamo.New(dynamodb.NewFromConfig(base), dynamo.Names{Runs: cfg.RunsTable, Credits: cfg.CreditsTable, Clients: cfg.ClientsTable, Limits: cfg.LimitsTable}, options...),
		Objects: objects.New(s3.NewFromConfig(base, func(o *s3.Options) { o.UsePathStyle = os.Getenv("AWS_ENDPOINT_URL") != "" }), cfg.Bucket),
		Queues:  queue.New(sqs.NewFromConfig(base), cfg.Queues, cfg.DeadLetters),
		Lambda:  lambda.NewFromConfig(base),
		AWS:     base,
	}, nil
}

// witness is the function whose environment names a stack's tables, bucket and queues.
const witness = "sweep"

// Find opens the deployed stack of this name that runs s. It reads the environment of one of the
// stack's functions to learn the names of the resources.
func Find(ctx context.Context, s pipeline.Service, stack string) (*System, error) {
	base, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("deployment: %w", err)
	}
	out, err := lambda.NewFromConfig(base).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(stack + "-" + witness)})
	if err != nil {
		return nil, fmt.Errorf("deployment: find the stack %s: %w", stack, err)
	}
	cfg, err := config.FromEnv(s, func(name string) (string, bool) {
		if out.Environment == nil {
			return "", false
		}
		v, ok := out.Environment.Variables[name]
		return v, ok
	})
	if err != nil {
		return nil, err
	}
	return Open(ctx, cfg)
}
