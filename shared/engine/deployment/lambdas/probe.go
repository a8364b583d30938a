package lambdas

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"parley/shared/engine/delivery"
	"parley/shared/engine/readiness"
	"parley/shared/engine/run"
)

// Probe asks a stage's function whether it is ready. why says why not; empty if it is ready.
// readiness.ErrThrottled.
func (f Functions) Probe(ctx context.Context, stage run.Stage) (why string, err error) {
	name := f.Names[stage]
	if name == "" {
		return "", fmt.Errorf("lambdas: probe %s: its function's name is not configured", stage)
	}
	payload, err := json.Marshal(delivery.ProbeEvent{Probe: true})
	if err != nil {
		return "", fmt.Errorf("lambdas: probe %s: %w", stage, err)
	}
	out, err := f.API.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(name), Payload: payload})
	var throttled *types.TooManyRequestsException
	switch {
	case errors.As(err, &throttled):
		return "", fmt.Errorf("lambdas: probe %s: %w: %w", stage, readiness.ErrThrottled, err)
	case err != nil:
		return "", fmt.Errorf("lambdas: probe %s: %w", stage, err)
	}
	var answer delivery.ProbeAnswer
	if out.FunctionError != nil {
		return "", fmt.Errorf("lambdas: probe %s: %s", stage, out.Payload)
	}
	if err := json.Unmarshal(out.Payload, &answer); err != nil {
		return "", fmt.Errorf("lambdas: probe %s: %w", stage, err)
	}
	return answer.Why, nil
}
