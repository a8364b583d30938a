package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"parley/shared/engine/store/dynamo/schema"
)

// Maker lists the methods of *dynamodb.Client that CreateTables and DeleteTables call.
type Maker interface {
	CreateTable(context.Context, *dynamodb.CreateTableInput, ...func(*dynamodb.Options)) (*dynamodb.CreateTableOutput, error)
	DeleteTable(context.Context, *dynamodb.DeleteTableInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteTableOutput, error)
}

// CreateTables creates the four tables of package schema, with prefix before each name. It is for
// an emulated DynamoDB, where a table exists at once: the stack creates the tables of a deployed
// system.
func CreateTables(ctx context.Context, api Maker, prefix string) (Names, error) {
	for _, t := range schema.Tables {
		in := &dynamodb.CreateTableInput{TableName: aws.String(prefix + t.Name), BillingMode: types.BillingModePayPerRequest,
			KeySchema: keySchema(t.Partition, t.Sort)}
		keys := []schema.Key{t.Partition, t.Sort}
		for _, index := range t.Indexes {
			keys = append(keys, index.Partition, index.Sort)
			projection := &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}
			if len(index.Include) > 0 {
				projection = &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: index.Include}
			}
			in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{IndexName: aws.String(index.Name),
				KeySchema: keySchema(index.Partition, index.Sort), Projection: projection})
		}
		var named []string
		for _, k := range keys {
			if k.Name != "" && !slices.Contains(named, k.Name) {
				named = append(named, k.Name)
				in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: aws.String(k.Name), AttributeType: types.ScalarAttributeType(k.Type)})
			}
		}
		// after a lost answer, the SDK's second attempt fails so
		var there *types.ResourceInUseException
		if _, err := api.CreateTable(ctx, in); err != nil && !errors.As(err, &there) {
			return Names{}, fmt.Errorf("dynamo: create %s: %w", *in.TableName, err)
		}
	}
	return NamesWith(prefix), nil
}

// NamesWith returns the names of the tables that CreateTables creates.
func NamesWith(prefix string) Names {
	return Names{Runs: prefix + schema.Runs.Name, Credits: prefix + schema.Credits.Name, Clients: prefix + schema.Clients.Name, Limits: prefix + schema.Limits.Name}
}

// DeleteTables deletes the tables that CreateTables created.
func DeleteTables(ctx context.Context, api Maker, names Names) error {
	var all []error
	for _, name := range []string{names.Runs, names.Credits, names.Clients, names.Limits} {
		if _, err := api.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			all = append(all, fmt.Errorf("dynamo: delete %s: %w", name, err))
		}
	}
	return errors.Join(all...)
}

func keySchema(partition, sort schema.Key) []types.KeySchemaElement {
	all := []types.KeySchemaElement{{AttributeName: aws.String(partition.Name), KeyType: types.KeyTypeHash}}
	if sort.Name != "" {
		all = append(all, types.KeySchemaElement{AttributeName: aws.String(sort.Name), KeyType: types.KeyTypeRange})
	}
	return all
}
