package stack

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"

	"parley/shared/engine/store/dynamo/schema"
)

// tableARNs returns the ARNs of a table and, for queries, of all its indexes.
func (s *system) tableARNs(t schema.Table, actions access) []*string {
	out := []*string{s.arn("dynamodb", "table/"+s.names.table(t))}
	if len(t.Indexes) > 0 && actions.queries() {
		out = append(out, s.arn("dynamodb", "table/"+s.names.table(t)+"/index/*"))
	}
	return out
}

func (s *system) addTables() {
	for _, t := range schema.Tables {
		props := &awsdynamodb.TableProps{
			PartitionKey:       attribute(t.Partition),
			SortKey:            attribute(t.Sort),
			BillingMode:        awsdynamodb.BillingMode_PAY_PER_REQUEST,
			TableName:          jsii.String(s.names.table(t)),
			RemovalPolicy:      s.removal(),
			DeletionProtection: jsii.Bool(t.Durable && s.props.protected()),
			Encryption:         awsdynamodb.TableEncryption_AWS_MANAGED,
			PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
				PointInTimeRecoveryEnabled: jsii.Bool(t.Durable),
			},
		}
		if t.TTL != "" {
			props.TimeToLiveAttribute = jsii.String(t.TTL)
		}
		table := awsdynamodb.NewTable(s.state, jsii.String("Table"+title(t.Name)), props)
		for _, index := range t.Indexes {
			global := &awsdynamodb.GlobalSecondaryIndexProps{
				IndexName:      jsii.String(index.Name),
				PartitionKey:   attribute(index.Partition),
				SortKey:        attribute(index.Sort),
				ProjectionType: awsdynamodb.ProjectionType_KEYS_ONLY,
			}
			if len(index.Include) > 0 {
				global.ProjectionType = awsdynamodb.ProjectionType_INCLUDE
				global.NonKeyAttributes = jsii.Strings(index.Include...)
			}
			table.AddGlobalSecondaryIndex(global)
		}
		s.output("Table"+title(t.Name), jsii.String(s.names.table(t)), "")
	}
}

// attribute returns a key of a table or index; nil if there is no such key.
func attribute(k schema.Key) *awsdynamodb.Attribute {
	if k.Name == "" {
		return nil
	}
	kind := awsdynamodb.AttributeType_STRING
	if k.Type == schema.Number {
		kind = awsdynamodb.AttributeType_NUMBER
	}
	return &awsdynamodb.Attribute{Name: jsii.String(k.Name), Type: kind}
}

// title turns a name into a construct id: age-ingest becomes AgeIngest.
func title(name string) string {
	var out strings.Builder
	for word := range strings.SplitSeq(name, "-") {
		out.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return out.String()
}
