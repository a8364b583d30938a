// Package awsfault applies the decisions of package fault. It delivers events to a Lambda handler
// twice or late, makes writes of AWS SDK clients fail, and makes a process die in the middle of its
// work.
//
// It costs nothing if no fault file is named: Handler then returns the handler itself, and Wrap
// does nothing.
package awsfault

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"parley/shared/clock"
	"parley/shared/engine/fault"
)

// Handle is a Lambda handler of raw events.
type Handle = func(ctx context.Context, event json.RawMessage) (any, error)

// Handler returns next as a faulty transport would call it: if the event is a batch of messages,
// late or twice, as deliver=… says. A process doomed by STAGE=crash does not survive the
// invocation.
func Handler(i *fault.Injector, next Handle) Handle {
	if i == nil {
		return next
	}
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		defer fault.DieIfDoomed()
		if !isBatch(event) {
			return next(ctx, event)
		}
		times, hold := i.Deliver()
		if err := clock.Sleep(ctx, hold); err != nil {
			return nil, err
		}
		answer, err := next(ctx, event)
		for n := 1; n < times && err == nil; n++ {
			answer, err = next(ctx, event)
		}
		return answer, err
	}
}

// Lossy returns next, the handler of a stage, as a transport would call it that loses messages. A
// batch that STAGE=drop loses is acknowledged, and next never sees it.
func Lossy(i *fault.Injector, stage string, next Handle) Handle {
	if i == nil {
		return next
	}
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		if isBatch(event) && i.Loses(ctx, stage) {
			return events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}, nil
		}
		return next(ctx, event)
	}
}

func isBatch(event json.RawMessage) bool {
	var batch struct {
		Records []struct {
			EventSource string `json:"eventSource"`
		}
	}
	return json.Unmarshal(event, &batch) == nil && len(batch.Records) > 0 && batch.Records[0].EventSource == "aws:sqs"
}

// Wrap is Configure with the injector of this process.
func Wrap(cfg *aws.Config) { Configure(fault.Process(), cfg) }

// Configure makes every client built from cfg subject to faults. With table=…, DynamoDB writes
// fail, inside the SDK's retries as with AWS. A doomed process dies once its first write to any
// service was answered; with write=crash, any process may die after any write.
func Configure(i *fault.Injector, cfg *aws.Config) {
	if i == nil {
		return
	}
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		if err := stack.Initialize.Add(middleware.InitializeMiddlewareFunc("ParleyFaultCrash", dieAfterWrite), middleware.Before); err != nil {
			return err
		}
		if _, sends := stack.Finalize.Get("Retry"); !sends {
			return nil // presigning: nothing is sent that could fail
		}
		if err := stack.Initialize.Add(middleware.InitializeMiddlewareFunc("ParleyFaultWrite", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			out, meta, err := next.HandleInitialize(ctx, in)
			if operation := awsmiddleware.GetOperationName(ctx); err == nil && isWrite(operation) {
				i.Written(operation)
			}
			return out, meta, err
		}), middleware.Before); err != nil {
			return err
		}
		return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("ParleyFaultTable", func(
			ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
		) (middleware.FinalizeOutput, middleware.Metadata, error) {
			if err := refusal(ctx, i); err != nil {
				return middleware.FinalizeOutput{}, middleware.Metadata{}, err
			}
			return next.HandleFinalize(ctx, in)
		}), "Retry", middleware.After)
	})
}

// itemsKey is the context key of the number of items in a transaction.
type itemsKey struct{}

func dieAfterWrite(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	if t, ok := in.Parameters.(*dynamodb.TransactWriteItemsInput); ok {
		ctx = middleware.WithStackValue(ctx, itemsKey{}, len(t.TransactItems))
	}
	out, meta, err := next.HandleInitialize(ctx, in)
	if err == nil && isWrite(awsmiddleware.GetOperationName(ctx)) {
		fault.DieIfDoomed()
	}
	return out, meta, err
}

// isWrite reports, by its name, whether an operation changes something.
func isWrite(operation string) bool {
	for _, read := range []string{"Get", "Head", "List", "Query", "Scan", "BatchGet", "TransactGet", "Describe", "Receive"} {
		if strings.HasPrefix(operation, read) {
			return false
		}
	}
	return true
}

// refusal returns the error that DynamoDB would answer, or nil.
func refusal(ctx context.Context, i *fault.Injector) error {
	operation := awsmiddleware.GetOperationName(ctx)
	if awsmiddleware.GetServiceID(ctx) != dynamodb.ServiceID || !isWrite(operation) {
		return nil
	}
	err := i.Table()
	switch {
	case errors.Is(err, fault.ErrThrottled):
		return &types.ProvisionedThroughputExceededException{Message: aws.String(err.Error())}
	case !errors.Is(err, fault.ErrConflict):
		return nil
	case operation != "TransactWriteItems":
		return &types.TransactionConflictException{Message: aws.String(err.Error())}
	}
	items, _ := middleware.GetStackValue(ctx, itemsKey{}).(int)
	reasons := make([]types.CancellationReason, max(items, 1))
	for n := range reasons {
		reasons[n].Code = aws.String("None")
	}
	reasons[0].Code = aws.String("TransactionConflict")
	return &types.TransactionCanceledException{Message: aws.String(err.Error()), CancellationReasons: reasons}
}
