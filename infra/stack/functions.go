package stack

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambdaeventsources"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/dynamo/schema"
	"parley/shared/speech"
	"parley/shared/speech/installed"
)

// The timeouts of the functions that are not stages.
const (
	// gatewayTimeout is for the functions behind the gateway, which itself waits 29 s.
	gatewayTimeout    = 29 * time.Second
	deadletterTimeout = 30 * time.Second
	sweepTimeout      = 55 * time.Second // the next sweep starts after 60 s
	warmTimeout       = 55 * time.Second
)

const logRetention = awslogs.RetentionDays_ONE_MONTH

// Function is one Lambda function: a folder of functions/, its settings and its permissions.
type Function struct {
	Name     string
	Timeout  time.Duration
	MemoryMB int
	Layers   []pipeline.Layer
	// Tables maps the names of tables in package schema to the function's access to them.
	Tables map[string]access
	// Reads, Writes and Deletes list object prefixes.
	Reads, Writes, Deletes []string
	// Lists allows listing keys. It also lets the function tell a missing object from a forbidden
	// one.
	Lists bool
	// Sends lists the queues that it sends to, by pipeline.Stage.Queue.
	Sends []string
	// Invokes lists the stages whose functions it invokes.
	Invokes []run.Stage
}

// access lists the actions that a function may do on a table. A transaction needs the permissions
// of its writes.
type access []string

var (
	reads  = access{"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
	writes = append(slices.Clone(reads), "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem")
	// counts is for rate windows, polls and readiness.
	counts = access{"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
	// erases is for marking a run as erased, and for its links.
	erases = append(slices.Clone(reads), "dynamodb:PutItem")
	// expires is for deleting expired records.
	expires = append(slices.Clone(counts), "dynamodb:Scan", "dynamodb:DeleteItem")
)

// API lists the functions behind the gateway.
func API() []Function {
	runs, credits, clients, limits := schema.Runs.Name, schema.Credits.Name, schema.Clients.Name, schema.Limits.Name
	keyed := map[string]access{clients: reads, limits: counts, runs: reads, credits: reads}
	submit := map[string]access{clients: reads, limits: writes, runs: writes, credits: writes}
	erase := map[string]access{clients: reads, limits: counts, runs: erases, credits: reads}
	// The first link makes the deployment's secret.
	link := map[string]access{clients: append(slices.Clone(reads), "dynamodb:PutItem"), limits: counts, runs: erases}
	return []Function{
		{Name: "submit", Timeout: gatewayTimeout, MemoryMB: 1769, Layers: []pipeline.Layer{installed.LayerFFmpeg}, Tables: submit,
			Reads: []string{pipeline.UploadPrefix, pipeline.AudioPrefix}, Writes: []string{pipeline.AudioPrefix},
			Deletes: []string{pipeline.UploadPrefix, pipeline.AudioPrefix}, Lists: true, Sends: stageQueues()},
		{Name: "poll", Timeout: gatewayTimeout, MemoryMB: 512, Tables: keyed, Reads: []string{pipeline.ReportPrefix}, Lists: true},
		{Name: "erase", Timeout: gatewayTimeout, MemoryMB: 512, Tables: erase,
			Deletes: []string{pipeline.UploadPrefix, pipeline.AudioPrefix, pipeline.ReportPrefix, pipeline.WorkPrefix}, Lists: true},
		{Name: "report", Timeout: gatewayTimeout, MemoryMB: 512, Tables: link},
		// Anybody may call it. A link to a recording is signed with this function's own
		// credentials, so it must be allowed the read.
		{Name: "page", Timeout: gatewayTimeout, MemoryMB: 512, Tables: map[string]access{clients: {"dynamodb:GetItem"}, limits: counts, runs: {"dynamodb:GetItem"}, credits: reads},
			Reads: []string{pipeline.ReportPrefix, pipeline.AudioPrefix}, Lists: true},
		{Name: "runs", Timeout: gatewayTimeout, MemoryMB: 512, Tables: keyed, Reads: []string{pipeline.ReportPrefix}, Lists: true},
		{Name: "credits", Timeout: gatewayTimeout, MemoryMB: 512, Tables: keyed},
		// The presigned form is signed with this function's own credentials, so it must be allowed
		// the write.
		{Name: "uploads", Timeout: gatewayTimeout, MemoryMB: 512, Tables: keyed, Writes: []string{pipeline.UploadPrefix}},
		{Name: "health", Timeout: gatewayTimeout, MemoryMB: 512, Tables: map[string]access{limits: reads}},
		{Name: "docs", Timeout: gatewayTimeout, MemoryMB: 512},
	}
}

// Stages lists the functions of the pipeline's stages. Any stage may end a run, which settles its
// credits, frees its slot and starts the next run, so it needs the ledger and the queues.
func Stages() []Function {
	ledger := ledger()
	var out []Function
	for _, stage := range speech.Service.Stages {
		f := Function{
			Name: string(stage.Name), Timeout: stage.Timeout, MemoryMB: stage.MemoryMB, Layers: stage.Layers,
			Tables: ledger,
			Lists:  true, Sends: stageQueues(),
		}
		for _, a := range stage.In {
			f.Reads = addOnce(f.Reads, prefixOf(a))
		}
		for _, a := range stage.Out {
			f.Writes = addOnce(f.Writes, prefixOf(a))
		}
		// The last part of a group joins the group's artefacts.
		f.Reads = addOnce(f.Reads, pipeline.WorkPrefix)
		f.Writes = addOnce(f.Writes, pipeline.WorkPrefix)
		out = append(out, f)
	}
	return out
}

// Upkeep lists the functions that keep the system in order: dead letters, sweep, warm, webhooks.
func Upkeep() []Function {
	ledger, sweep := ledger(), ledger()
	sweep[schema.Limits.Name] = expires
	return []Function{
		{Name: "deadletter", Timeout: deadletterTimeout, MemoryMB: 512, Tables: ledger,
			Reads: []string{pipeline.WorkPrefix}, Writes: []string{pipeline.WorkPrefix, pipeline.ReportPrefix}, Lists: true, Sends: stageQueues()},
		{Name: "sweep", Timeout: sweepTimeout, MemoryMB: 512, Tables: sweep,
			Reads: []string{pipeline.AudioPrefix, pipeline.WorkPrefix}, Writes: []string{pipeline.WorkPrefix, pipeline.ReportPrefix},
			Deletes: []string{pipeline.UploadPrefix, pipeline.AudioPrefix, pipeline.ReportPrefix, pipeline.WorkPrefix}, Lists: true, Sends: stageQueues()},
		// The only function that connects to hosts of clients. It may record its tries on a run,
		// but must not write credits or keys.
		{Name: string(pipeline.Pushes.Name), Timeout: pipeline.Pushes.Timeout, MemoryMB: pipeline.Pushes.MemoryMB,
			Tables: map[string]access{schema.Runs.Name: {"dynamodb:GetItem", "dynamodb:PutItem"}, schema.Credits.Name: {"dynamodb:GetItem"}, schema.Clients.Name: {"dynamodb:GetItem"}},
			Reads:  []string{pipeline.ReportPrefix}, Lists: true},
		{Name: "warm", Timeout: warmTimeout, MemoryMB: 512, Tables: map[string]access{schema.Limits.Name: counts}, Invokes: stageNames()},
	}
}

// ledger returns the access that is needed to end a run: to settle its credits, free its slot and
// start the client's next run.
func ledger() map[string]access {
	return map[string]access{schema.Runs.Name: writes, schema.Credits.Name: writes, schema.Clients.Name: reads, schema.Limits.Name: counts}
}

// Functions lists every function of the stack.
func Functions() []Function {
	return append(append(API(), Stages()...), Upkeep()...)
}

func (s *system) addFunctions() {
	for _, f := range Functions() {
		s.addFunction(f)
	}
	for _, stage := range speech.Service.Fed() {
		s.feed(string(stage.Name), stage.Queue(), 1, stage.Concurrency)
		s.feed("deadletter", stage.Queue()+DeadSuffix, 10, 2)
	}
}

func (s *system) addFunction(f Function) {
	id := title(f.Name)
	group := awslogs.NewLogGroup(s.stack, jsii.String("Log"+id), &awslogs.LogGroupProps{
		LogGroupName:  jsii.String("/aws/lambda/" + s.name(f.Name)),
		Retention:     logRetention,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	role := awsiam.NewRole(s.stack, jsii.String("Role"+id), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	var layers []awslambda.ILayerVersion
	for _, l := range f.Layers {
		layers = append(layers, s.layer(l))
	}
	fn := awslambda.NewFunction(s.stack, jsii.String("Function"+id), &awslambda.FunctionProps{
		FunctionName: jsii.String(s.name(f.Name)),
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Architecture: s.architecture(),
		Handler:      jsii.String("bootstrap"),
		Code:         awslambda.Code_FromAsset(jsii.String(filepath.Join(s.props.Dist, f.Name)), nil),
		Timeout:      seconds(f.Timeout),
		MemorySize:   jsii.Number(f.MemoryMB),
		Layers:       &layers,
		Role:         role,
		LogGroup:     group,
		Environment:  s.environment(f),
	})
	s.functions[f.Name] = fn
	group.GrantWrite(role)
	s.allow(role, f)
	s.output("Function"+id, fn.FunctionName())
}

// allow grants a role exactly what its function needs. Wildcards are used only for objects below a
// prefix.
func (s *system) allow(role awsiam.Role, f Function) {
	for _, t := range schema.Tables {
		if actions := f.Tables[t.Name]; len(actions) > 0 {
			s.tables[t.Name].Grant(role, *jsii.Strings(actions...)...)
		}
	}
	s.allowObjects(role, f.Reads, "s3:GetObject")
	s.allowObjects(role, f.Writes, "s3:PutObject")
	s.allowObjects(role, f.Deletes, "s3:DeleteObject")
	if f.Lists {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("s3:ListBucket"), Resources: &[]*string{s.bucket.AttrArn()},
		}))
	}
	var queues []*string
	for _, q := range f.Sends {
		queues = append(queues, s.queues[q].QueueArn())
	}
	if len(queues) > 0 {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("sqs:SendMessage"), Resources: &queues,
		}))
	}
	var invoked []*string
	for _, stage := range f.Invokes {
		invoked = append(invoked, s.functions[string(stage)].FunctionArn())
	}
	if len(invoked) > 0 {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("lambda:InvokeFunction"), Resources: &invoked,
		}))
	}
}

func (s *system) allowObjects(role awsiam.Role, prefixes []string, action string) {
	var objects []*string
	for _, p := range prefixes {
		objects = append(objects, s.objects(p))
	}
	if len(objects) > 0 {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings(action), Resources: &objects,
		}))
	}
}

// feed makes a function receive a queue's messages. Each message of a batch succeeds or fails by
// itself.
func (s *system) feed(function, queue string, batch, copies int) {
	if s.props.Concurrency > 0 {
		copies = max(2, min(copies, s.props.Concurrency))
	}
	s.functions[function].AddEventSource(awslambdaeventsources.NewSqsEventSource(s.queues[queue], &awslambdaeventsources.SqsEventSourceProps{
		BatchSize:               jsii.Number(batch),
		ReportBatchItemFailures: jsii.Bool(true),
		MaxConcurrency:          jsii.Number(copies),
	}))
}

func (s *system) architecture() awslambda.Architecture {
	switch s.props.Arch {
	case "arm64":
		return awslambda.Architecture_ARM_64()
	case "amd64":
		return awslambda.Architecture_X86_64()
	}
	panic("stack: Arch is arm64 or amd64, not " + strconv.Quote(s.props.Arch))
}

// layer returns the layer of a set of engines, which it adds the first time.
func (s *system) layer(l pipeline.Layer) awslambda.ILayerVersion {
	if have, ok := s.layers[l]; ok {
		return have
	}
	made := awslambda.NewLayerVersion(s.stack, jsii.String("Layer"+title(string(l))), &awslambda.LayerVersionProps{
		Code:                    awslambda.Code_FromAsset(jsii.String(filepath.Join(s.props.Layers, string(l))), nil),
		CompatibleRuntimes:      &[]awslambda.Runtime{awslambda.Runtime_PROVIDED_AL2023()},
		CompatibleArchitectures: &[]awslambda.Architecture{s.architecture()},
	})
	s.layers[l] = made
	return made
}

func stageNames() []run.Stage {
	var out []run.Stage
	for _, stage := range speech.Service.Stages {
		out = append(out, stage.Name)
	}
	return out
}

// stageQueues lists the queues that a function may send to when it ends a run: for the next run's
// first part and for the webhook.
func stageQueues() []string {
	var out []string
	for _, stage := range speech.Service.Fed() {
		out = append(out, stage.Queue())
	}
	return out
}

// prefixOf returns the prefix of the keys of a kind of object.
func prefixOf(k pipeline.Kind) string {
	folder, _, _ := strings.Cut(pipeline.Key("run", 1, k, 0), "/")
	return folder + "/"
}

func addOnce(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
