package dynamoalerts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/alerts/dynamoalerts"
	"github.com/iotenant/iotenant/internal/emulator"
	"github.com/iotenant/iotenant/tenant"
)

// memoryTables notes what is written.
type memoryTables struct {
	mu      sync.Mutex
	puts    []*dynamodb.PutItemInput
	updates []*dynamodb.UpdateItemInput
	deletes []*dynamodb.DeleteItemInput
	err     error
	hang    bool
}

func (m *memoryTables) answer(ctx context.Context) error {
	if m.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return m.err
}

func (m *memoryTables) PutItem(ctx context.Context, input *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.answer(ctx); err != nil {
		return nil, err
	}
	m.puts = append(m.puts, input)
	return &dynamodb.PutItemOutput{}, nil
}

func (m *memoryTables) UpdateItem(_ context.Context, input *dynamodb.UpdateItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	m.updates = append(m.updates, input)
	return &dynamodb.UpdateItemOutput{}, m.err
}

func (m *memoryTables) DeleteItem(_ context.Context, input *dynamodb.DeleteItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	m.deletes = append(m.deletes, input)
	return &dynamodb.DeleteItemOutput{}, m.err
}

// keyed writes each alert under its own id.
type keyed struct{ alerts.Notifier }

func (k keyed) Notify(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
	text, err := json.Marshal(alert.ID)
	if err != nil {
		return err
	}
	alert.Kind = detector.ActionDynamoDB
	alert.Settings = map[string]json.RawMessage{"hashKeyField": json.RawMessage(`"id"`), "hashKeyValue": text}
	return k.Notifier.Notify(ctx, id, alert)
}

func TestWriter(t *testing.T) {
	t.Parallel()
	alertstest.TestNotifier(t, func(*testing.T) alertstest.Harness {
		m := &memoryTables{}
		return alertstest.Harness{
			Notifier: keyed{dynamoalerts.New(m, alerts.ToOwnTargets(""))},
			Received: func(id tenant.ID) (ids []string) {
				for _, put := range m.puts {
					if *put.TableName == alerts.ResourceName(id, "boilers") {
						ids = append(ids, put.Item["id"].(*types.AttributeValueMemberS).Value)
					}
				}
				return ids
			},
			Refuse: func(permanent bool) {
				m.err = &smithy.GenericAPIError{Code: "ThrottlingException"}
				if permanent {
					m.err = &smithy.GenericAPIError{Code: "ValidationException"}
				}
			},
			Hang: func() { m.hang = true },
		}
	})
}

func newTables(t *testing.T) *dynamodb.Client {
	t.Helper()
	client := dynamodb.NewFromConfig(emulator.AWS(emulator.Moto(t)), func(o *dynamodb.Options) { o.DisableValidateResponseChecksum = true })
	for _, id := range []tenant.ID{alertstest.TenantA, alertstest.TenantB} {
		_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
			TableName: aws.String(alerts.ResourceName(id, "boilers")), BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
			KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		})
		require.NoError(t, err)
		t.Cleanup(func() { // the server outlives the test
			_, err := client.DeleteTable(context.WithoutCancel(t.Context()), &dynamodb.DeleteTableInput{TableName: aws.String(alerts.ResourceName(id, "boilers"))})
			require.NoError(t, err)
		})
	}
	return client
}

func items(t *testing.T, client *dynamodb.Client, id tenant.ID) []map[string]types.AttributeValue {
	t.Helper()
	output, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(alerts.ResourceName(id, "boilers"))})
	require.NoError(t, err)
	return output.Items
}

func TestWriterAtMoto(t *testing.T) {
	t.Parallel()
	client := newTables(t)
	alertstest.TestNotifier(t, func(t *testing.T) alertstest.Harness {
		t.Helper()
		for _, id := range []tenant.ID{alertstest.TenantA, alertstest.TenantB} {
			for _, item := range items(t, client, id) {
				_, err := client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
					TableName: aws.String(alerts.ResourceName(id, "boilers")), Key: map[string]types.AttributeValue{"id": item["id"]},
				})
				require.NoError(t, err)
			}
		}
		return alertstest.Harness{
			Notifier: keyed{dynamoalerts.New(client, alerts.ToOwnTargets(""))},
			Received: func(id tenant.ID) (ids []string) {
				for _, item := range items(t, client, id) {
					ids = append(ids, item["id"].(*types.AttributeValueMemberS).Value)
				}
				return ids
			},
		}
	})

	alert := alertstest.SampleAlert(1)
	alert.Kind, alert.Payload = detector.ActionDynamoDBv2, `{"id": "v2", "n": 12345678901234567890, "list": [1, "a", true, null], "o": {"x": 1.5}}`
	require.NoError(t, dynamoalerts.New(client, alerts.ToOwnTargets("")).Notify(t.Context(), alertstest.TenantB, alert))
	got, err := client.GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: aws.String(alerts.ResourceName(alertstest.TenantB, "boilers")),
		Key:       map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: "v2"}},
	})
	require.NoError(t, err)
	require.Equal(t, "12345678901234567890", got.Item["n"].(*types.AttributeValueMemberN).Value)
	require.Len(t, got.Item["list"].(*types.AttributeValueMemberL).Value, 4)
}

func action(settings string) alerts.Alert {
	alert := alertstest.SampleAlert(1)
	alert.Kind, alert.Settings = detector.ActionDynamoDB, nil
	if err := json.Unmarshal([]byte(settings), &alert.Settings); err != nil {
		panic(err)
	}
	return alert
}

func TestOperations(t *testing.T) {
	t.Parallel()
	m := &memoryTables{}
	writer, ctx := dynamoalerts.New(m, alerts.ToOwnTargets("")), t.Context()
	const key = `"hashKeyField": "id", "hashKeyValue": "7", "hashKeyType": "NUMBER", "rangeKeyField": "at", "rangeKeyValue": 12.5`
	require.NoError(t, writer.Notify(ctx, alertstest.TenantA, action(`{`+key+`, "operation": "INSERT", "payloadField": "body"}`)))
	require.Equal(t, map[string]types.AttributeValue{
		"id":   &types.AttributeValueMemberN{Value: "7"},
		"at":   &types.AttributeValueMemberS{Value: "12.5"},
		"body": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"temperature": &types.AttributeValueMemberS{Value: "93 °C"}}},
	}, m.puts[0].Item)

	text := action(`{` + key + `}`)
	text.Payload, text.PayloadType = "just text", detector.PayloadString
	require.NoError(t, writer.Notify(ctx, alertstest.TenantA, text))
	require.Equal(t, &types.AttributeValueMemberB{Value: []byte("just text")}, m.puts[1].Item["payload_raw"])

	require.NoError(t, writer.Notify(ctx, alertstest.TenantA, action(`{`+key+`, "operation": "UPDATE"}`)))
	require.Equal(t, "payload", m.updates[0].ExpressionAttributeNames["#p"])
	require.Len(t, m.updates[0].Key, 2)
	require.NoError(t, writer.Notify(ctx, alertstest.TenantA, action(`{`+key+`, "operation": "DELETE"}`)))
	require.Len(t, m.deletes[0].Key, 2)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	m := &memoryTables{}
	writer := dynamoalerts.New(m, alerts.ToOwnTargets(""))
	for name, settings := range map[string]string{
		"no key":        `{}`,
		"no value":      `{"hashKeyField": "id"}`,
		"key type":      `{"hashKeyField": "id", "hashKeyValue": "1", "hashKeyType": "BINARY"}`,
		"range type":    `{"hashKeyField": "id", "hashKeyValue": "1", "rangeKeyField": "r", "rangeKeyType": "X"}`,
		"operation":     `{"hashKeyField": "id", "hashKeyValue": "1", "operation": "MERGE"}`,
		"damaged value": `{"hashKeyField": "id", "hashKeyValue": "\ud800"}`,
	} {
		err := writer.Notify(t.Context(), alertstest.TenantA, action(settings))
		if name == "damaged value" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, dynamoalerts.ErrRefused, name)
	}
	for _, payload := range []string{"", "[1]", "1", `{"a": 1} 2`, `{"a"`} {
		alert := alertstest.SampleAlert(1)
		alert.Kind, alert.Payload = detector.ActionDynamoDBv2, payload
		require.ErrorIs(t, writer.Notify(t.Context(), alertstest.TenantA, alert), dynamoalerts.ErrRefused, payload)
	}
}

func TestAttackTableOfAnotherTenant(t *testing.T) {
	t.Parallel()
	m := &memoryTables{}
	alert := alertstest.SampleAlert(1)
	alert.Kind, alert.Target = detector.ActionDynamoDBv2, alerts.ResourceName(alertstest.TenantB, "boilers")
	err := dynamoalerts.New(m, alerts.OwnTargets).Notify(t.Context(), alertstest.TenantA, alert)
	require.ErrorIs(t, err, alerts.ErrTarget)
	require.Empty(t, m.puts)
}

func ExampleNew() {
	client := &memoryTables{} // dynamodb.NewFromConfig(config), in a program
	writer := dynamoalerts.New(client, alerts.ToOwnTargets(""))
	alert := alertstest.SampleAlert(1)
	alert.Kind = detector.ActionDynamoDBv2
	err := writer.Notify(context.Background(), tenant.MustParseID("acme"), alert)
	fmt.Println(*client.puts[0].TableName, err)
	// Output: acme_boilers <nil>
}
