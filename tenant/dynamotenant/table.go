package dynamotenant

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// Table describes the table, paid by request. Whoever provisions it otherwise
// needs the same keys and indexes; the rest is free.
func Table(name string) *dynamodb.CreateTableInput {
	input := &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		KeySchema:            keySchema(sortName),
		AttributeDefinitions: []types.AttributeDefinition{textAttribute(partitionName), textAttribute(sortName)},
	}
	for i := range tenant.MaxIndexes {
		input.AttributeDefinitions = append(input.AttributeDefinitions, textAttribute(entryNames[i]))
		input.GlobalSecondaryIndexes = append(input.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: &indexNames[i], KeySchema: keySchema(entryNames[i]),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		})
	}
	return input
}

// TimeToLive describes the expiry of the table, to be set when the table is
// active.
func TimeToLive(name string) *dynamodb.UpdateTimeToLiveInput {
	return &dynamodb.UpdateTimeToLiveInput{
		TableName:               &name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(expiryName), Enabled: aws.Bool(true)},
	}
}

func keySchema(sortName string) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: aws.String(partitionName), KeyType: types.KeyTypeHash},
		{AttributeName: &sortName, KeyType: types.KeyTypeRange},
	}
}

func textAttribute(name string) types.AttributeDefinition {
	return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS}
}

// CheckTable compares a table with [Table] and [TimeToLive], and returns every
// difference at once as an error that is [ErrTable]. What those leave free is
// not compared. Other errors: kind iotenant.ErrNotFound if there is no such
// table, kind iotenant.ErrUnavailable, the error of ctx.
func CheckTable(ctx context.Context, api TableAPI, name string) error {
	output, err := api.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); ok {
		return &failure{text: "dynamotenant: table " + name + ": not found", kind: iotenant.ErrNotFound, cause: err}
	}
	if err != nil {
		return failed(ctx, "describe table", err)
	}
	differences := tableDifferences(output.Table, Table(name))
	expiry, err := api.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: &name})
	if err != nil {
		return errors.Join(append(differences, failed(ctx, "describe time to live", err))...)
	}
	return errors.Join(append(differences, expiryDifferences(expiry.TimeToLiveDescription)...)...)
}

func tableDifferences(table *types.TableDescription, want *dynamodb.CreateTableInput) (differences []error) {
	if table == nil {
		return []error{difference("no description")}
	}
	if table.TableStatus != types.TableStatusActive && table.TableStatus != types.TableStatusUpdating {
		differences = append(differences, difference("status %s, want ACTIVE", table.TableStatus))
	}
	differences = append(differences, keyDifferences("table", table.KeySchema, want.KeySchema)...)
	for _, attribute := range want.AttributeDefinitions {
		differences = append(differences, attributeDifferences(table.AttributeDefinitions, attribute)...)
	}
	for _, index := range want.GlobalSecondaryIndexes {
		differences = append(differences, indexDifferences(table.GlobalSecondaryIndexes, index)...)
	}
	return differences
}

func keyDifferences(of string, got, want []types.KeySchemaElement) []error {
	if describeKey(got) == describeKey(want) {
		return nil
	}
	return []error{difference("key of %s is %s, want %s", of, describeKey(got), describeKey(want))}
}

func describeKey(schema []types.KeySchemaElement) (description string) {
	for _, element := range schema {
		description += fmt.Sprintf("(%s %s)", aws.ToString(element.AttributeName), element.KeyType)
	}
	return description
}

func attributeDifferences(got []types.AttributeDefinition, want types.AttributeDefinition) []error {
	i := slices.IndexFunc(got, func(d types.AttributeDefinition) bool { return aws.ToString(d.AttributeName) == *want.AttributeName })
	switch {
	case i < 0:
		return []error{difference("attribute %s is not declared", *want.AttributeName)}
	case got[i].AttributeType != want.AttributeType:
		return []error{difference("attribute %s is of type %s, want %s", *want.AttributeName, got[i].AttributeType, want.AttributeType)}
	}
	return nil
}

func indexDifferences(got []types.GlobalSecondaryIndexDescription, want types.GlobalSecondaryIndex) []error {
	i := slices.IndexFunc(got, func(d types.GlobalSecondaryIndexDescription) bool {
		return aws.ToString(d.IndexName) == *want.IndexName
	})
	if i < 0 {
		return []error{difference("no index %s", *want.IndexName)}
	}
	differences := keyDifferences("index "+*want.IndexName, got[i].KeySchema, want.KeySchema)
	if projection := got[i].Projection; projection == nil || projection.ProjectionType != types.ProjectionTypeAll {
		differences = append(differences, difference("index %s doesn't hold whole items", *want.IndexName))
	}
	if status := got[i].IndexStatus; status != types.IndexStatusActive && status != types.IndexStatusUpdating {
		differences = append(differences, difference("status of index %s is %s, want ACTIVE", *want.IndexName, status))
	}
	return differences
}

func expiryDifferences(got *types.TimeToLiveDescription) []error {
	switch {
	case got == nil || got.TimeToLiveStatus != types.TimeToLiveStatusEnabled && got.TimeToLiveStatus != types.TimeToLiveStatusEnabling:
		return []error{difference("time to live is not enabled")}
	case aws.ToString(got.AttributeName) != expiryName:
		return []error{difference("time to live is by attribute %s, want %s", aws.ToString(got.AttributeName), expiryName)}
	}
	return nil
}

func difference(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrTable, fmt.Sprintf(format, args...))
}
