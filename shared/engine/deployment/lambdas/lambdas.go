// Package lambdas asks Lambda about the functions of a deployed system: whether a stage is ready,
// and how they are configured. It stands apart from package deployment, because the SDK's client
// makes a program larger, and most functions need none.
package lambdas

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"parley/shared/engine/config"
	"parley/shared/engine/deployment"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// Functions are the functions of the stages.
type Functions struct {
	API   *lambda.Client
	Names map[run.Stage]string
}

// Open returns the functions of these names. The SDK takes region, endpoint and credentials from
// its own environment variables.
func Open(ctx context.Context, names map[run.Stage]string) (Functions, error) {
	base, err := deployment.Settings(ctx)
	if err != nil {
		return Functions{}, err
	}
	return Functions{API: lambda.NewFromConfig(base), Names: names}, nil
}

// witness is the function whose environment names a stack's tables, bucket and queues.
const witness = "sweep"

// Find opens the deployed stack of this name that runs s. It reads the environment of one of the
// stack's functions to learn the names of the resources.
func Find(ctx context.Context, s pipeline.Service, stack string) (*deployment.System, error) {
	base, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("lambdas: %w", err)
	}
	out, err := lambda.NewFromConfig(base).GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(stack + "-" + witness)})
	if err != nil {
		return nil, fmt.Errorf("lambdas: find the stack %s: %w", stack, err)
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
	return deployment.Open(ctx, cfg)
}
