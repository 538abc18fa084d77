package dynamotenant_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/guregu/dynamo/v2"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/internal/bench"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

// machine is an item with 12 fields.
type machine struct {
	Name     string            `json:"name" dynamo:"name" dynamodbav:"name"`
	Site     string            `json:"site" dynamo:"site" dynamodbav:"site"`
	Model    string            `json:"model" dynamo:"model" dynamodbav:"model"`
	Serial   string            `json:"serial" dynamo:"serial" dynamodbav:"serial"`
	Firmware string            `json:"firmware" dynamo:"firmware" dynamodbav:"firmware"`
	Owner    string            `json:"owner" dynamo:"owner" dynamodbav:"owner"`
	Made     time.Time         `json:"made" dynamo:"made" dynamodbav:"made"`
	Reports  int64             `json:"reports" dynamo:"reports" dynamodbav:"reports"`
	Rate     float64           `json:"rate" dynamo:"rate" dynamodbav:"rate"`
	Online   bool              `json:"online" dynamo:"online" dynamodbav:"online"`
	Level    int               `json:"level" dynamo:"level" dynamodbav:"level"`
	Labels   map[string]string `json:"labels" dynamo:"labels" dynamodbav:"labels"`
}

var machineSchema = tenant.Schema[machine]{Entity: "machine", Key: func(m *machine) tenant.Key { return tenant.NewKey(m.Name) }}

var pump = machine{
	Name: "pump-17", Site: "north", Model: "P-200", Serial: "000117-A", Firmware: "1.4.2", Owner: "maintenance",
	Made: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Reports: 81_231, Rate: 0.25, Online: true, Level: 3,
	Labels: map[string]string{"hall": "4", "line": "b", "color": "blue"},
}

// canned answers each request with the same item.
type canned struct{ body []byte }

func (c *canned) Do(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(bytes.NewReader(c.body)), ContentLength: int64(len(c.body)),
	}, nil
}

func (c *canned) client() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://dynamodb.test"), HTTPClient: c,
		Credentials: credentials("AKID"), DisableValidateResponseChecksum: true,
	})
}

// cannedPump answers as a table that holds the pump: as this package stores it,
// or with its fields beside the keys, as others do.
func cannedPump(b *testing.B, flat bool) *canned {
	b.Helper()
	f := newFake()
	_, err := dynamotenant.NewRepository(newStore(f), &machineSchema).Put(b.Context(), acme, pump, tenant.Always())
	require.NoError(b, err)
	stored := f.items[fakeKey{"TENANT#acme#machine", pump.Name}]
	if flat {
		fields := fakeItem{"pk": stored["pk"], "sk": stored["sk"]}
		for name, value := range stored["v"]["M"].(map[string]any) {
			fields[name] = value.(map[string]any)
		}
		stored = fields
	}
	body, err := json.Marshal(map[string]any{"Item": stored})
	require.NoError(b, err)
	return &canned{body}
}

// BenchmarkGet compares with what others make of the same answer; none of them
// sends anything.
func BenchmarkGet(b *testing.B) {
	ctx, key := context.Background(), tenant.NewKey(pump.Name)
	repository := dynamotenant.NewRepository(dynamotenant.New(cannedPump(b, false).client(), table, tenant.RandomCursorKeys()), &machineSchema)
	get := func(n int) {
		for range n {
			item, err := repository.Get(ctx, acme, key)
			if err != nil || item.Value.Level != pump.Level {
				panic(err)
			}
		}
	}
	bare := func(client *dynamodb.Client, decode func(map[string]types.AttributeValue)) func(n int) {
		return func(n int) {
			for range n {
				output, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(table), Key: map[string]types.AttributeValue{
					"pk": &types.AttributeValueMemberS{Value: "TENANT#acme#machine"}, "sk": &types.AttributeValueMemberS{Value: pump.Name},
				}})
				if err != nil {
					panic(err)
				}
				decode(output.Item)
			}
		}
	}
	b.Run("sdk-undecoded", func(b *testing.B) {
		bench.Ratio(b, 15, get, bare(cannedPump(b, false).client(), func(map[string]types.AttributeValue) {}), 1500)
	})
	b.Run("sdk-attributevalue", func(b *testing.B) {
		bench.Ratio(b, 15, get, bare(cannedPump(b, true).client(), func(item map[string]types.AttributeValue) {
			var m machine
			if err := attributevalue.UnmarshalMap(item, &m); err != nil || m.Level != pump.Level {
				panic(err)
			}
		}), 1500)
	})
	b.Run("guregu", func(b *testing.B) {
		peer := dynamo.NewFromIface(cannedPump(b, true).client()).Table(table)
		bench.Ratio(b, 15, get, func(n int) {
			for range n {
				var m machine
				err := peer.Get("pk", "TENANT#acme#machine").Range("sk", dynamo.Equal, pump.Name).One(ctx, &m)
				if err != nil || m.Level != pump.Level {
					panic(err)
				}
			}
		}, 1500)
	})
}

// BenchmarkPut compares with a conditional put of an item that is encoded
// already.
func BenchmarkPut(b *testing.B) {
	ctx, client := context.Background(), (&canned{[]byte("{}")}).client()
	repository := dynamotenant.NewRepository(dynamotenant.New(client, table, tenant.RandomCursorKeys()), &machineSchema)
	encoded, err := attributevalue.MarshalMap(pump)
	require.NoError(b, err)
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	item := map[string]types.AttributeValue{
		"pk": text("TENANT#acme#machine"), "sk": text(pump.Name), "ver": &types.AttributeValueMemberN{Value: "12345678901234567890"},
		"v": &types.AttributeValueMemberM{Value: encoded},
	}
	b.Run("sdk-encoded", func(b *testing.B) {
		bench.Ratio(b, 15, func(n int) {
			for range n {
				if _, err := repository.Put(ctx, acme, pump, tenant.IfAbsent()); err != nil {
					panic(err)
				}
			}
		}, func(n int) {
			for range n {
				_, err := client.PutItem(ctx, &dynamodb.PutItemInput{
					TableName: aws.String(table), Item: item, ConditionExpression: aws.String("attribute_not_exists(pk) OR exp <= :now"),
					ExpressionAttributeValues:           map[string]types.AttributeValue{":now": &types.AttributeValueMemberN{Value: "1800000000"}},
					ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
				})
				if err != nil {
					panic(err)
				}
			}
		}, 1500)
	})
}
