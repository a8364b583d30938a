package stack

import (
	"strings"

	"github.com/aws/jsii-runtime-go"

	"parley/shared/engine/config"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/store/dynamo/schema"
	"parley/shared/speech"
	"parley/shared/speech/installed"
)

// environment returns a function's environment variables: the names of the tables, the bucket, the
// queues and the engines. Every function gets the same ones; its role limits what it may do with
// them. Only the warm function also gets the names of the functions that it probes.
func (s *system) environment(f Function) *map[string]*string {
	env := map[string]*string{
		config.RunsTable:    jsii.String(s.names.table(schema.Runs)),
		config.CreditsTable: jsii.String(s.names.table(schema.Credits)),
		config.ClientsTable: jsii.String(s.names.table(schema.Clients)),
		config.LimitsTable:  jsii.String(s.names.table(schema.Limits)),
		config.Bucket:       s.bucketName(),
		config.DeadLetters:  s.queues[pipeline.DeadLetters].QueueUrl(),
		installed.Variable:  jsii.String(s.props.Parts),
	}
	for _, stage := range speech.Service.Fed() {
		env[config.Queue(stage.Name)] = s.queues[stage.Queue()].QueueUrl()
	}
	for _, stage := range f.Invokes {
		env[config.Function(stage)] = jsii.String(s.names.of(string(stage)))
	}
	// The gateway's own address would make the functions depend on the gateway, which depends on
	// them. Without a domain they take it from the request.
	if s.props.Domain.Name != "" {
		env[config.BaseURL] = jsii.String("https://" + s.props.Domain.Name)
	}
	if s.props.elsewhere() {
		env[installed.RecogniserVariable] = jsii.String(s.props.Recogniser)
	}
	if s.props.Endpoint != "" {
		env["AWS_ENDPOINT_URL"] = jsii.String(s.props.Endpoint)
	}
	if len(s.props.Origins) > 0 {
		env[config.Origins] = jsii.String(strings.Join(s.props.Origins, ","))
	}
	return &env
}
