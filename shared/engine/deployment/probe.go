package deployment

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"parley/shared/engine/delivery"
	"parley/shared/engine/run"
)

// Probe asks a stage's function whether it is ready. why says why not; empty if it is ready.
func (s *System) Probe(ctx context.Context, stage run.Stage) (why string, err error) {
	name := s.Config.Functions[stage]
	if name == "" {
		return "", fmt.Errorf("deployment: probe %s: its function's name is not configured", stage)
	}
	payload, err := json.Marshal(delivery.ProbeEvent{Probe: true})
	if err != nil {
		return "", fmt.Errorf("deployment: probe %s: %w", stage, err)
	}
	out, err := s.Lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(name), Payload: payload})
	if err != nil {
		return "", fmt.Errorf("deployment: probe %s: %w", stage, err)
	}
	var answer delivery.ProbeAnswer
	if out.FunctionError != nil {
		return "", fmt.Errorf("deployment: probe %s: %s", stage, out.Payload)
	}
	if err := json.Unmarshal(out.Payload, &answer); err != nil {
		return "", fmt.Errorf("deployment: probe %s: %w", stage, err)
	}
	return answer.Why, nil
}
