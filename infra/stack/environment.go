package stack

import (
	"github.com/aws/jsii-runtime-go"

	"parley/shared/engine/config"
	"parley/shared/engine/store/dynamo/schema"
	"parley/shared/speech"
	"parley/shared/speech/installed"
)

// environment returns a function's environment variables: the names of the tables, the bucket, the
// queues and the engines. Every function gets the same ones; its role limits what it may do with
// them. Only the warm function also gets the names of the functions that it probes.
func (s *system) environment(f Function) *map[string]*string {
	env := map[string]*string{
		config.RunsTable:    s.tables[schema.Runs.Name].TableName(),
		config.CreditsTable: s.tables[schema.Credits.Name].TableName(),
		config.ClientsTable: s.tables[schema.Clients.Name].TableName(),
		config.LimitsTable:  s.tables[schema.Limits.Name].TableName(),
		config.Bucket:       s.bucket.Ref(),
		installed.Variable:  jsii.String(s.props.Parts),
	}
	for _, stage := range speech.Service.Fed() {
		env[config.Queue(stage.Name)] = s.queues[stage.Queue()].QueueUrl()
	}
	for _, stage := range f.Invokes {
		env[config.Function(stage)] = jsii.String(s.name(string(stage)))
	}
	return &env
}
