// Package stack is Parley on AWS: one CloudFormation stack, built with the CDK from the table of stages
// (shared/engine/pipeline) and the list of the other functions (functions.go), so that neither can drift from the code.
//
// `parley local` deploys this very stack onto an emulated AWS. What differs there are the values in Props, nothing else.
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
	// Stack is CDK's own: account, region, tags.
	Stack awscdk.StackProps
	// Arch is the functions' processor: arm64 (where empty) or amd64.
	Arch string
	// Dist is the folder of the built functions, one folder <function>/bootstrap each; dist/<Arch> where empty.
	Dist string
	// Layers is the folder of the engine layers, one folder each (infra/parts fills it).
	Layers string
	// Parts is where the functions find their engines: /opt/parley, where Lambda mounts the layers, where empty.
	Parts string
	// Concurrency lowers every function's copies to at most this many; 0 leaves them as in the table. At least 2, the
	// least that SQS takes.
	Concurrency int
	// Throwaway lets the tables and the bucket go with the stack. Else they are retained.
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

// system is what the parts of the stack know of each other while it is built.
type system struct {
	stack     awscdk.Stack
	props     Props
	tables    map[string]awsdynamodb.Table // by the schema's name
	bucket    awss3.CfnBucket
	queues    map[string]awssqs.Queue // by pipeline's name, dead-letter queues included
	functions map[string]awslambda.Function
	layers    map[pipeline.Layer]awslambda.ILayerVersion
}

// NewStack builds the stack. It panics on a Props.Arch or a folder that does not exist, as the CDK does.
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

// name is the physical name of a queue or function, the stack's own name before it.
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
