// Package stack is Parley on AWS: one CloudFormation stack. The CDK builds it from the service's
// table of stages (pipeline.Service) and the list of the other functions (functions.go), so that it
// cannot drift from the code.
//
// `parley local` deploys the same stack onto an emulated AWS, with other values in Props and no
// other difference.
package stack

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"parley/shared/engine/pipeline"
)

// Props are the settings of one deployment.
type Props struct {
	// Stack holds the CDK's own settings: account, region, tags.
	Stack awscdk.StackProps
	// Arch is the functions' processor: arm64 (the default) or amd64.
	Arch string
	// Dist is the folder of the built functions, each in <function>/bootstrap; default dist/<Arch>.
	Dist string
	// Layers is the folder of the engine layers, one folder per layer (infra/parts fills it).
	Layers string
	// Parts is where the functions find their engines; default /opt/parley, where Lambda mounts the
	// layers.
	Parts string
	// Concurrency bounds the copies of every function; 0: as in the table of stages. A bound below
	// 2, the minimum of SQS, counts as 2.
	Concurrency int
	// Throwaway deletes the tables and the bucket with the stack. Otherwise they are retained.
	Throwaway bool
}

func (p Props) withDefaults() Props {
	if p.Arch == "" {
		p.Arch = "arm64"
	}
	if p.Dist == "" {
		p.Dist = filepath.Join("dist", p.Arch)
	}
	if p.Parts == "" {
		p.Parts = "/opt/parley"
	}
	return p
}

// system holds the resources of the stack while it is built, so that they can refer to each other.
type system struct {
	stack     awscdk.Stack
	props     Props
	tables    map[string]awsdynamodb.Table // by the schema's name
	bucket    awss3.CfnBucket
	queues    map[string]awssqs.Queue // by pipeline.Stage.Queue, and with DeadSuffix
	functions map[string]awslambda.Function
	layers    map[pipeline.Layer]awslambda.ILayerVersion
}

// NewStack builds the stack. Like the CDK, it panics on wrong input: an unknown Props.Arch or a
// folder that does not exist.
func NewStack(scope constructs.Construct, id string, props Props) awscdk.Stack {
	props = props.withDefaults()
	s := &system{
		stack:     awscdk.NewStack(scope, &id, &props.Stack),
		props:     props,
		tables:    map[string]awsdynamodb.Table{},
		queues:    map[string]awssqs.Queue{},
		functions: map[string]awslambda.Function{},
		layers:    map[pipeline.Layer]awslambda.ILayerVersion{},
	}
	s.addTables()
	s.addQueues()
	s.addBucket()
	s.addFunctions()
	s.addSchedules()
	s.addGateway()
	return s.stack
}

// name returns the physical name of a queue or function, which starts with the stack's name.
func (s *system) name(short string) string { return fmt.Sprintf("%s-%s", *s.stack.StackName(), short) }

// output publishes a value that callers of the stack need.
func (s *system) output(id string, value *string) {
	awscdk.NewCfnOutput(s.stack, jsii.String("Out"+id), &awscdk.CfnOutputProps{Value: value}).OverrideLogicalId(jsii.String(id))
}

func (s *system) removal() awscdk.RemovalPolicy {
	if s.props.Throwaway {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN
}

func seconds(d time.Duration) awscdk.Duration {
	return awscdk.Duration_Seconds(jsii.Number(d.Seconds()))
}
