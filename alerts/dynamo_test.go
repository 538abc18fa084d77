package alerts_test

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

// dynamo counts the calls of DynamoDB. It keeps items by their key and checks
// no condition: one runtime at a time uses it.
type dynamo struct {
	dynamotenant.API // nil: the runtime is to make no other calls

	mu    sync.Mutex
	items map[string]map[string]types.AttributeValue
	calls map[string]int
}

func newDynamo() *dynamo {
	return &dynamo{items: map[string]map[string]types.AttributeValue{}, calls: map[string]int{}}
}

func dynamoKey(item map[string]types.AttributeValue) string {
	return item["pk"].(*types.AttributeValueMemberS).Value + "\x00" + item["sk"].(*types.AttributeValueMemberS).Value
}

func (d *dynamo) GetItem(_ context.Context, input *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls["GetItem"]++
	return &dynamodb.GetItemOutput{Item: d.items[dynamoKey(input.Key)]}, nil
}

func (d *dynamo) PutItem(_ context.Context, input *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls["PutItem"]++
	d.items[dynamoKey(input.Item)] = input.Item
	return &dynamodb.PutItemOutput{}, nil
}

// Query finds models, of which there is one.
func (d *dynamo) Query(_ context.Context, input *dynamodb.QueryInput, _ ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls["Query"]++
	output := &dynamodb.QueryOutput{}
	for _, item := range d.items {
		if item["pk"].(*types.AttributeValueMemberS).Value == input.ExpressionAttributeValues[":pk"].(*types.AttributeValueMemberS).Value {
			output.Items = append(output.Items, item)
		}
	}
	return output, nil
}

// counted returns the calls since the last time.
func (d *dynamo) counted() map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	calls := maps.Clone(d.calls)
	clear(d.calls)
	return calls
}

func bootDynamo(api *dynamo) (*alerts.Runtime, *alerts.Models) {
	store := dynamotenant.New(api, "iotenant", tenant.RandomCursorKeys())
	detectors := dynamotenant.NewRepository(store, &alerts.DetectorSchema)
	models := alerts.NewModels(dynamotenant.NewRepository(store, &alerts.ModelSchema), detectors)
	return alerts.NewRuntime(models, detectors, dynamotenant.NewRepository(store, &alerts.AlertSchema), &alertstest.Recorder{}), models
}

// A batch costs one read and one write for each detector in it, however many
// messages they get, and no read for those that this process knows.
func TestDynamoDBCallsPerBatch(t *testing.T) {
	t.Parallel()
	for _, devices := range []int{100, 10, 1} {
		api := newDynamo()
		_, models := bootDynamo(api)
		_, err := models.Put(t.Context(), north, []byte(boiler))
		require.NoError(t, err)
		put := func(r *alerts.Runtime, round string) map[string]int {
			batch := make([]alerts.Message, 100)
			for i := range batch {
				batch[i] = reading(fmt.Sprintf("b%d", i%devices), 20, fmt.Sprintf("%s-%d", round, i))
			}
			require.NoError(t, r.Put(t.Context(), north, batch...))
			return api.counted()
		}
		for process := range 2 { // the second finds the detectors of the first
			runtime, _ := bootDynamo(api)
			api.counted()
			require.Equal(t, map[string]int{"GetItem": devices, "PutItem": devices, "Query": 1}, put(runtime, fmt.Sprintf("%d-first", process))) // Query reads the models
			require.Equal(t, map[string]int{"PutItem": devices}, put(runtime, fmt.Sprintf("%d-again", process)))
		}
	}
}
