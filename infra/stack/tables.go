package stack

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/jsii-runtime-go"
)

// Table names one of the four tables.
type Table string

// The tables. Their keys are those of package dynamo.
const (
	Runs    Table = "runs"
	Credits Table = "credits"
	Clients Table = "clients"
	Limits  Table = "limits"
)

// The attributes that the tables and their indexes are keyed by.
var (
	keyAttributes = map[Table]struct{ partition, sort string }{
		Runs:    {"id", ""},
		Credits: {"client", "entry"},
		Clients: {"pk", "sk"},
		Limits:  {"scope", ""},
	}
	runIndexes = []struct {
		name            string
		partition, sort string
	}{
		{"byClient", "client", "createdAt"},
		{"byDue", "shard", "due"},
	}
)

// ttlAttribute is when DynamoDB may delete an item of limits: Unix seconds.
const ttlAttribute = "ttl"

func (s *system) addTables() {
	for _, t := range []Table{Runs, Credits, Clients, Limits} {
		keys := keyAttributes[t]
		props := &awsdynamodb.TableProps{
			PartitionKey:       text(keys.partition),
			BillingMode:        awsdynamodb.BillingMode_PAY_PER_REQUEST,
			RemovalPolicy:      s.removal(),
			DeletionProtection: jsii.Bool(!s.props.Throwaway),
			Encryption:         awsdynamodb.TableEncryption_AWS_MANAGED,
			PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{
				PointInTimeRecoveryEnabled: jsii.Bool(t != Limits),
			},
		}
		if keys.sort != "" {
			props.SortKey = text(keys.sort)
		}
		if t == Limits {
			props.TimeToLiveAttribute = jsii.String(ttlAttribute)
		}
		table := awsdynamodb.NewTable(s.stack, jsii.String("Table"+title(string(t))), props)
		if t == Runs {
			for _, index := range runIndexes {
				table.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
					IndexName:      jsii.String(index.name),
					PartitionKey:   text(index.partition),
					SortKey:        text(index.sort),
					ProjectionType: awsdynamodb.ProjectionType_ALL,
				})
			}
		}
		s.tables[t] = table
		s.output("Table"+title(string(t)), table.TableName())
	}
}

func text(name string) *awsdynamodb.Attribute {
	return &awsdynamodb.Attribute{Name: jsii.String(name), Type: awsdynamodb.AttributeType_STRING}
}

// title makes a construct id of a name: run-list becomes RunList.
func title(name string) string {
	var out strings.Builder
	for _, word := range strings.Split(name, "-") {
		out.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return out.String()
}
