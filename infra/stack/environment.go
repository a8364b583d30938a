package stack

import (
	"strings"

	"github.com/aws/jsii-runtime-go"

	"parley/shared/pipeline"
)

// Variables that every function finds in its environment. Those of the queues are VarQueue and the stage's name in
// capitals: PARLEY_QUEUE_INGEST.
const (
	VarTable  = "PARLEY_TABLE_" // and the table's name in capitals
	VarBucket = "PARLEY_BUCKET"
	VarQueue  = "PARLEY_QUEUE_"
	VarParts  = "PARLEY_PARTS"
)

// environment names to a function the tables, bucket, queues and engines. Every function gets the same names: what it
// may do with them is its role's matter.
func (s *system) environment(Function) *map[string]*string {
	env := map[string]*string{
		VarBucket: s.bucket.Ref(),
		VarParts:  jsii.String(s.props.Parts),
	}
	for name, table := range s.tables {
		env[VarTable+upper(string(name))] = table.TableName()
	}
	for _, stage := range pipeline.Table {
		env[VarQueue+upper(string(stage.Name))] = s.queues[stage.Queue()].QueueUrl()
	}
	return &env
}

func upper(s string) string { return strings.ToUpper(strings.ReplaceAll(s, "-", "_")) }

func lower(s string) string { return strings.ToLower(s) }
