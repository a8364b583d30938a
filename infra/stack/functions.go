package stack

import (
	"path/filepath"
	"slices"
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
	auditTimeout      = 15 * time.Minute // Lambda's maximum: it reads every run
)

// retentionOf returns how long the logs of a deployment are kept.
func retentionOf(kind Kind) awslogs.RetentionDays {
	if kind == Dev {
		return awslogs.RetentionDays_ONE_WEEK
	}
	return awslogs.RetentionDays_ONE_MONTH
}

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
	// Jobs lists the actions that it may do on the deployment's jobs of Amazon Transcribe, named as
	// in IAM.
	Jobs []string
	// Invokes lists the stages whose functions it invokes.
	Invokes []run.Stage
}

// access lists the actions that a function may do on a table. A transaction needs the permissions
// of its writes.
type access []string

// queries says whether it needs the table's indexes too.
func (a access) queries() bool { return slices.Contains(a, query) }

// The actions, named as in IAM. Which function needs which is derived from the programs by
// TestGrantsAreTheCallsThatAFunctionCanMake.
const (
	get      = "dynamodb:GetItem"
	getMany  = "dynamodb:BatchGetItem"
	query    = "dynamodb:Query"
	scan     = "dynamodb:Scan"
	put      = "dynamodb:PutItem"
	update   = "dynamodb:UpdateItem"
	deletion = "dynamodb:DeleteItem"
)

// tables returns a function's access to the tables, each of which may be empty.
func tables(runs, credits, clients, limits access) map[string]access {
	return map[string]access{schema.Runs.Name: runs, schema.Credits.Name: credits, schema.Clients.Name: clients, schema.Limits.Name: limits}
}

var (
	// counted is for the rate of a key, and for polls.
	counted = access{get, update}
	// books is for a client's account: to hold, to settle, to queue.
	books = access{get, query, put, deletion}
)

// ledger returns the access that is needed to end a run: to settle its credits, free its slot and
// start the client's next run.
func ledger(limits ...string) map[string]access {
	return tables(access{get, put}, books, access{get}, limits)
}

// API lists the functions behind the gateway.
func API() []Function {
	return []Function{
		{Name: "submit", Timeout: gatewayTimeout, MemoryMB: 1769, Layers: []pipeline.Layer{installed.LayerFFmpeg}, Tables: ledger(get, put, update),
			Reads: []string{pipeline.UploadPrefix, pipeline.AudioPrefix}, Writes: []string{pipeline.AudioPrefix},
			Deletes: []string{pipeline.UploadPrefix, pipeline.AudioPrefix}, Lists: true, Sends: stageQueues()},
		{Name: "poll", Timeout: gatewayTimeout, MemoryMB: 512, Tables: tables(access{get}, access{get, query}, access{get}, counted),
			Reads: []string{pipeline.ReportPrefix}, Lists: true},
		{Name: "erase", Timeout: gatewayTimeout, MemoryMB: 512, Tables: tables(access{get, put}, access{get, query}, access{get}, counted),
			Deletes: []string{pipeline.UploadPrefix, pipeline.AudioPrefix, pipeline.ReportPrefix, pipeline.WorkPrefix}, Lists: true},
		// The first link makes the deployment's secret.
		{Name: "report", Timeout: gatewayTimeout, MemoryMB: 512, Tables: tables(access{get, getMany, query, put}, nil, access{get, put}, counted)},
		// Anybody may call it. A link to a recording is signed with this function's own
		// credentials, so it must be allowed the read.
		{Name: "page", Timeout: gatewayTimeout, MemoryMB: 512, Tables: tables(access{get}, access{query}, access{get}, counted),
			Reads: []string{pipeline.ReportPrefix, pipeline.AudioPrefix}, Lists: true},
		{Name: "runs", Timeout: gatewayTimeout, MemoryMB: 512, Tables: tables(access{get, getMany, query}, access{get}, access{get}, counted),
			Reads: []string{pipeline.ReportPrefix}, Lists: true},
		{Name: "credits", Timeout: gatewayTimeout, MemoryMB: 512, Tables: tables(nil, access{get, query}, access{get}, counted)},
		// The presigned form is signed with this function's own credentials, so it must be allowed
		// the write.
		{Name: "uploads", Timeout: gatewayTimeout, MemoryMB: 512, Tables: tables(nil, nil, access{get}, counted), Writes: []string{pipeline.UploadPrefix}},
		{Name: "health", Timeout: gatewayTimeout, MemoryMB: 512, Tables: tables(nil, nil, nil, access{get})},
		{Name: "docs", Timeout: gatewayTimeout, MemoryMB: 512},
	}
}

// Stages lists the functions of the pipeline's stages. Any stage may end a run, which settles its
// credits, frees its slot and starts the next run, so it needs the ledger and the queues.
func Stages() []Function {
	var out []Function
	for _, stage := range speech.Service.Stages {
		f := Function{
			Name: string(stage.Name), Timeout: stage.Timeout, MemoryMB: stage.MemoryMB, Layers: stage.Layers,
			Tables: ledger(), Lists: true, Sends: stageQueues(),
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

// Upkeep lists the functions that keep the system in order: dead letters, sweep, audit, warm,
// webhooks.
func Upkeep() []Function {
	return []Function{
		{Name: "deadletter", Timeout: deadletterTimeout, MemoryMB: 512, Tables: ledger(),
			Reads: []string{pipeline.WorkPrefix}, Writes: []string{pipeline.WorkPrefix, pipeline.ReportPrefix}, Lists: true, Sends: stageQueues()},
		{Name: "sweep", Timeout: sweepTimeout, MemoryMB: 512, Tables: tables(access{get, getMany, query, put}, books, access{get}, access{get, put, scan, deletion}),
			Reads:   []string{pipeline.AudioPrefix, pipeline.WorkPrefix},
			Deletes: []string{pipeline.UploadPrefix, pipeline.AudioPrefix, pipeline.ReportPrefix, pipeline.WorkPrefix}, Lists: true, Sends: stageQueues()},
		// The only function that connects to hosts of clients. It may record its tries on a run,
		// but must not write credits or keys.
		{Name: string(pipeline.Pushes.Name), Timeout: pipeline.Pushes.Timeout, MemoryMB: pipeline.Pushes.MemoryMB,
			Tables: tables(access{get, put}, access{get}, access{get}, nil), Reads: []string{pipeline.ReportPrefix}, Lists: true},
		{Name: "audit", Timeout: auditTimeout, MemoryMB: 512, Tables: tables(access{getMany, query, scan}, access{get, query, scan}, nil, nil)},
		{Name: "warm", Timeout: warmTimeout, MemoryMB: 512, Tables: tables(nil, nil, nil, access{update}), Invokes: stageNames()},
	}
}

// Functions lists every function of the stack.
func Functions() []Function {
	return append(append(API(), Stages()...), Upkeep()...)
}

func (s *system) addFunctions() {
	for _, f := range s.props.functions() {
		s.addFunction(f)
	}
	for _, stage := range speech.Service.Fed() {
		s.feed(string(stage.Name), stage.Queue(), 1, s.shares.Copies[stage.Queue()])
	}
	s.feed("deadletter", pipeline.DeadLetters, 10, s.shares.Copies[pipeline.DeadLetters])
}

func (s *system) addFunction(f Function) {
	id := title(f.Name)
	group := awslogs.NewLogGroup(s.stack, jsii.String("Log"+id), &awslogs.LogGroupProps{
		LogGroupName:  jsii.String("/aws/lambda/" + s.names.of(f.Name)),
		Retention:     retentionOf(s.props.Kind),
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	role := awsiam.NewRole(s.stack, jsii.String("Role"+id), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	var layers []awslambda.ILayerVersion
	for _, l := range f.Layers {
		layers = append(layers, s.layer(l))
	}
	var reserved *float64
	if n := s.shares.Reserved[f.Name]; n > 0 {
		reserved = jsii.Number(n)
	}
	fn := awslambda.NewFunction(s.stack, jsii.String("Function"+id), &awslambda.FunctionProps{
		FunctionName: jsii.String(s.names.of(f.Name)),
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
		// X-Ray needs no code of ours: the gateway, Lambda, SQS and S3 pass the trace on, and the
		// SDK adds its header to what a function sends.
		Tracing: awslambda.Tracing_ACTIVE,
		// The end of a run starts its client's next one, so a long queue is one chain of
		// messages. Lambda would take it for a loop and break it at the 17th run.
		RecursiveLoop:                awslambda.RecursiveLoop_ALLOW,
		ReservedConcurrentExecutions: reserved,
	})
	s.functions[f.Name] = fn
	group.GrantWrite(role)
	s.allow(role, f)
	s.output("Function"+id, fn.FunctionName(), "")
}

// allow grants a role exactly what its function needs. Wildcards are used only for objects below a
// prefix.
func (s *system) allow(role awsiam.Role, f Function) {
	for _, t := range schema.Tables {
		if actions := f.Tables[t.Name]; len(actions) > 0 {
			resources := s.tableARNs(t, actions)
			role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
				Actions: jsii.Strings(actions...), Resources: &resources,
			}))
		}
	}
	s.allowObjects(role, f.Reads, "s3:GetObject")
	s.allowObjects(role, f.Writes, "s3:PutObject")
	s.allowObjects(role, f.Deletes, "s3:DeleteObject")
	if f.Lists {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("s3:ListBucket"), Resources: &[]*string{s.bucketARN()},
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
	s.allowJobs(role, f.Jobs)
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
	s.functions[function].AddEventSource(awslambdaeventsources.NewSqsEventSource(s.queues[queue], &awslambdaeventsources.SqsEventSourceProps{
		BatchSize:               jsii.Number(batch),
		ReportBatchItemFailures: jsii.Bool(true),
		MaxConcurrency:          jsii.Number(copies),
	}))
}

func (s *system) architecture() awslambda.Architecture {
	if s.props.Arch == "amd64" {
		return awslambda.Architecture_X86_64()
	}
	return awslambda.Architecture_ARM_64()
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
