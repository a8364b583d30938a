// Command quotas reads the quotas of the account that the AWS credentials in the environment belong
// to, as far as Parley needs them, and says what to ask for before a deployment.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"parley/infra/stack"
)

const patience = 30 * time.Second

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	err := run(ctx, os.Stdout)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "quotas:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	cfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	if cfg.Region == "" {
		return errors.New("no region: set AWS_REGION, for example to eu-central-1")
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return fmt.Errorf("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE after `aws configure` or `aws sso login` (%w)", err)
	}
	got, err := lambda.NewFromConfig(cfg).GetAccountSettings(ctx, &lambda.GetAccountSettingsInput{})
	if err != nil {
		return fmt.Errorf("read Lambda's quotas: %w", err)
	}
	if got.AccountLimit == nil {
		return errors.New("read Lambda's quotas: the answer has none")
	}
	unreserved := 0
	if n := got.AccountLimit.UnreservedConcurrentExecutions; n != nil {
		unreserved = int(*n)
	}
	for _, line := range stack.Advice(cfg.Region, int(got.AccountLimit.ConcurrentExecutions), unreserved) {
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}
