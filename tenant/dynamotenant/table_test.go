package dynamotenant_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

// described answers with descriptions, or errors.
type described struct {
	table        *types.TableDescription
	expiry       *types.TimeToLiveDescription
	tableErr     error
	timeToLiveOf error
}

func (d *described) DescribeTable(context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error) {
	return &dynamodb.DescribeTableOutput{Table: d.table}, d.tableErr
}

func (d *described) DescribeTimeToLive(context.Context, *dynamodb.DescribeTimeToLiveInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTimeToLiveOutput, error) {
	return &dynamodb.DescribeTimeToLiveOutput{TimeToLiveDescription: d.expiry}, d.timeToLiveOf
}

// right describes the table as it has to be.
func right() *described {
	want := dynamotenant.Table(table)
	d := &described{
		table:  &types.TableDescription{TableStatus: types.TableStatusActive, KeySchema: want.KeySchema, AttributeDefinitions: want.AttributeDefinitions},
		expiry: &types.TimeToLiveDescription{AttributeName: dynamotenant.TimeToLive(table).TimeToLiveSpecification.AttributeName, TimeToLiveStatus: types.TimeToLiveStatusEnabled},
	}
	for _, index := range want.GlobalSecondaryIndexes {
		d.table.GlobalSecondaryIndexes = append(d.table.GlobalSecondaryIndexes, types.GlobalSecondaryIndexDescription{
			IndexName: index.IndexName, KeySchema: index.KeySchema, Projection: index.Projection, IndexStatus: types.IndexStatusActive,
		})
	}
	return d
}

func TestCheckTableReportsEveryDifferenceAtOnce(t *testing.T) {
	t.Parallel()
	require.NoError(t, dynamotenant.CheckTable(t.Context(), right(), table))

	wrong := right()
	wrong.table.TableStatus = types.TableStatusCreating
	wrong.table.KeySchema = wrong.table.KeySchema[:1]
	wrong.table.AttributeDefinitions = wrong.table.AttributeDefinitions[1:]
	wrong.table.AttributeDefinitions[0].AttributeType = types.ScalarAttributeTypeN
	indexes := wrong.table.GlobalSecondaryIndexes
	indexes[0].KeySchema = indexes[1].KeySchema
	indexes[1].Projection = &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}
	indexes[2].IndexStatus = types.IndexStatusCreating
	wrong.table.GlobalSecondaryIndexes = indexes[:4]
	wrong.expiry.AttributeName = aws.String("ttl")
	err := dynamotenant.CheckTable(t.Context(), wrong, table)
	require.ErrorIs(t, err, dynamotenant.ErrTable)
	require.ErrorIs(t, err, iotenant.ErrInvalid)
	require.Equal(t, []string{
		"status CREATING, want ACTIVE",
		"key of table is (pk HASH), want (pk HASH)(sk RANGE)",
		"attribute pk is not declared",
		"attribute sk is of type N, want S",
		"key of index index-1 is (pk HASH)(i2 RANGE), want (pk HASH)(i1 RANGE)",
		"index index-2 doesn't hold whole items",
		"status of index index-3 is CREATING, want ACTIVE",
		"no index index-5",
		"time to live is by attribute ttl, want exp",
	}, strings.Split(strings.ReplaceAll(err.Error(), "dynamotenant: invalid table: ", ""), "\n"))

	wrong = right()
	wrong.expiry.TimeToLiveStatus = types.TimeToLiveStatusDisabled
	require.ErrorContains(t, dynamotenant.CheckTable(t.Context(), wrong, table), "time to live is not enabled")
	wrong.expiry = nil
	require.ErrorContains(t, dynamotenant.CheckTable(t.Context(), wrong, table), "time to live is not enabled")
	wrong.table = nil
	require.ErrorIs(t, dynamotenant.CheckTable(t.Context(), wrong, table), dynamotenant.ErrTable)
}

func TestCheckTableErrors(t *testing.T) {
	t.Parallel()
	d := right()
	d.tableErr = &types.ResourceNotFoundException{}
	require.ErrorIs(t, dynamotenant.CheckTable(t.Context(), d, table), iotenant.ErrNotFound)
	d.tableErr = &smithy.GenericAPIError{Code: "AccessDeniedException"}
	require.ErrorIs(t, dynamotenant.CheckTable(t.Context(), d, table), iotenant.ErrUnavailable)
	d = right()
	d.table.GlobalSecondaryIndexes = nil
	d.timeToLiveOf = &smithy.GenericAPIError{Code: "AccessDeniedException"}
	err := dynamotenant.CheckTable(t.Context(), d, table)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	require.ErrorIs(t, err, dynamotenant.ErrTable, "what is known is told")
}

func TestTableThatWasMadeIsRight(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB) string{"moto": emulator.Moto, "dynamodb": emulator.DynamoDB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, name := emulated(t, start(t))
			require.ErrorContains(t, dynamotenant.CheckTable(t.Context(), client, name), "time to live is not enabled")
			_, err := client.UpdateTimeToLive(t.Context(), dynamotenant.TimeToLive(name))
			require.NoError(t, err)
			require.NoError(t, dynamotenant.CheckTable(t.Context(), client, name))
			require.ErrorIs(t, dynamotenant.CheckTable(t.Context(), client, "no-such-table"), iotenant.ErrNotFound)
			_, err = dynamotenant.NewRepository(dynamotenant.New(client, "no-such-table", tenant.RandomCursorKeys()), &siteSchema).Get(t.Context(), acme, tenant.NewKey("north"))
			require.ErrorIs(t, err, iotenant.ErrUnavailable)
			require.NotErrorIs(t, err, iotenant.ErrNotFound)
		})
	}
}
