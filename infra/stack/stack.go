// Package stack is Parley on AWS, as two CloudFormation stacks. NAME-state holds what must outlive
// everything else: the tables, the bucket, the queue that the bucket's events go to, and the
// dead-letter queue. NAME holds the rest, and can be destroyed and deployed again beside the kept
// state. The CDK builds both from the service's table of stages (pipeline.Service) and the list of
// the other functions (functions.go), so that they cannot drift from the code.
//
// `parley local` deploys the same stacks onto an emulated AWS, with other values in Props and no
// other difference.
package stack

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"parley/shared/engine/pipeline"
)

// Kind says what a deployment is for.
type Kind string

// The kinds of deployments.
const (
	// Prod is protected against deletion, has a firewall in front of its API, and lets requests
	// reach a new release little by little.
	Prod Kind = "prod"
	// Dev can be deleted without being unlocked first, keeps its logs for a week, has no firewall,
	// and replaces the functions at once.
	Dev Kind = "dev"
)

// Props are the settings of one deployment.
type Props struct {
	// Stack holds the CDK's own settings: account, region, description.
	Stack awscdk.StackProps
	// Kind is Prod (the default) or Dev.
	Kind Kind
	// Arch is the functions' processor: arm64 (the default) or amd64.
	Arch string
	// Dist is the folder of the built functions, each in <function>/bootstrap; default dist/<Arch>.
	Dist string
	// Layers is the folder of the engine layers, one folder per layer (infra/parts fills it).
	Layers string
	// Parts is where the functions find their engines; default /opt/parley, where Lambda mounts the
	// layers.
	Parts string
	// Concurrency is the account's quota of concurrent executions in this region; default
	// DefaultConcurrency. All shares of the functions follow from it (shares.go).
	Concurrency int
	// Copies, if above 0, bounds the copies of each function that a queue feeds, and switches off
	// the reservations: for a machine with few processors. A bound below 2, the minimum of SQS,
	// counts as 2.
	Copies int
	// Domain is the API's own domain; its zero value: the gateway's own address.
	Domain Domain
	// Origins lists the origins whose pages may call the API from a browser; empty: none may.
	Origins []string
	// Recogniser is what hears the words: whisper (the default), the installed engine, or amazon,
	// Amazon Transcribe, with the languages to ask it for if they are not its usual ones
	// (amazon:en-GB,es-ES).
	Recogniser string
	// Alarms is the address to which alarms are mailed; empty: the topic has no subscriber yet.
	Alarms string
	// Endpoint, if not empty, is where the functions find AWS, for emulators that hand a function
	// only the variables that its template declares.
	Endpoint string
	// Throwaway deletes the tables and the bucket with their stack. Otherwise they are retained.
	Throwaway bool
	// AllAtOnce sends all requests to a new release at once. Otherwise a prod deployment sends it a
	// tenth for five minutes first.
	AllAtOnce bool
	// Adopt leaves out of the state's stack whatever `cdk import` cannot import, so that a new
	// stack can take over tables and a bucket that an earlier one left behind.
	Adopt bool
}

// Domain is a domain of one's own for the API.
type Domain struct {
	Name        string // api.example.com
	Certificate string // ARN of its certificate in ACM, in the same region
	Zone        string // id of its hosted zone in Route 53; empty: the DNS is elsewhere
}

func (p Props) withDefaults() Props {
	if p.Kind == "" {
		p.Kind = Prod
	}
	if p.Arch == "" {
		p.Arch = "arm64"
	}
	if p.Dist == "" {
		p.Dist = filepath.Join("dist", p.Arch)
	}
	if p.Parts == "" {
		p.Parts = "/opt/parley"
	}
	if p.Recogniser == "" {
		p.Recogniser = Whisper
	}
	if p.Concurrency == 0 {
		p.Concurrency = DefaultConcurrency
	}
	return p
}

// protected says whether the deployment must be unlocked before it can be deleted.
func (p Props) protected() bool { return p.Kind == Prod && !p.Throwaway }

// system holds the resources of the two stacks while they are built, so that they can refer to each
// other.
type system struct {
	props     Props
	names     names
	state     awscdk.Stack
	stack     awscdk.Stack
	shares    shares
	queues    map[string]awssqs.IQueue // by pipeline.Stage.Queue, and DeadLetters
	functions map[string]awslambda.Function
	layers    map[pipeline.Layer]awslambda.ILayerVersion
	aliases   map[string]awslambda.Alias          // behind the gateway, in prod
	stops     []interfacesawscloudwatch.IAlarmRef // alarms that end a rollout
	api       awsapigateway.RestApi
}

// NewStack builds both stacks and returns that of the functions, which depends on StateName(id).
// Like the CDK, it panics on wrong input; Props.Check says beforehand what is wrong.
func NewStack(scope constructs.Construct, id string, props Props) awscdk.Stack {
	props = props.withDefaults()
	if err := props.Check(id); err != nil {
		panic(err.Error())
	}
	s := &system{
		props:     props,
		names:     names{stack: id},
		shares:    share(props.Concurrency, props.Copies),
		queues:    map[string]awssqs.IQueue{},
		functions: map[string]awslambda.Function{},
		aliases:   map[string]awslambda.Alias{},
		layers:    map[pipeline.Layer]awslambda.ILayerVersion{},
	}
	s.state = s.newStack(scope, StateName(id), props.protected())
	s.stack = s.newStack(scope, id, false)
	s.stack.AddStackDependency(s.state, jsii.String("the functions use its tables, bucket and queues"))
	s.addTables()
	s.addStateQueues()
	s.addBucket()
	s.addQueues()
	s.addFunctions()
	s.hearJobs()
	s.addSchedules()
	s.addGateway()
	s.addAlarms()
	s.addRollout()
	s.addDashboard()
	return s.stack
}

// newStack adds a stack with the tags that tell its costs from those of others.
func (s *system) newStack(scope constructs.Construct, id string, protected bool) awscdk.Stack {
	props := s.props.Stack
	props.TerminationProtection = jsii.Bool(protected)
	st := awscdk.NewStack(scope, &id, &props)
	for name, value := range map[string]string{"Product": "parley", "Deployment": s.names.stack, "Kind": string(s.props.Kind)} {
		awscdk.Tags_Of(st).Add(&name, &value, nil)
	}
	return st
}

// output publishes a value that callers of the stack need.
func (s *system) output(id string, value *string, what string) {
	props := &awscdk.CfnOutputProps{Value: value}
	if what != "" {
		props.Description = &what
	}
	awscdk.NewCfnOutput(s.stack, jsii.String("Out"+id), props).OverrideLogicalId(&id)
}

func (s *system) removal() awscdk.RemovalPolicy {
	if s.props.Throwaway {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN
}

// arn returns the ARN of a resource of the stack's own account and region.
func (s *system) arn(service, resource string) *string {
	return awscdk.Fn_Join(jsii.String(":"), &[]*string{jsii.String("arn"), s.stack.Partition(), &service, s.stack.Region(), s.stack.Account(), &resource})
}

func seconds(d time.Duration) awscdk.Duration {
	return awscdk.Duration_Seconds(jsii.Number(d.Seconds()))
}

func minutes(n float64) awscdk.Duration { return awscdk.Duration_Minutes(&n) }

func sprint(format string, args ...any) *string { return jsii.String(fmt.Sprintf(format, args...)) }
