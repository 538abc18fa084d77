package avcodec_test

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/guregu/dynamo/v2"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/internal/bench"
	"github.com/iotenant/iotenant/tenant/dynamotenant/internal/avcodec"
)

// machine is a device's item of 12 fields. The three tags say the same.
type machine struct {
	ID       string            `json:"id" dynamodbav:"id" dynamo:"id"`
	Name     string            `json:"name" dynamodbav:"name" dynamo:"name"`
	Type     string            `json:"type" dynamodbav:"type" dynamo:"type"`
	Site     string            `json:"site" dynamodbav:"site" dynamo:"site"`
	Firmware string            `json:"firmware" dynamodbav:"firmware" dynamo:"firmware"`
	Status   string            `json:"status" dynamodbav:"status" dynamo:"status"`
	Created  time.Time         `json:"created" dynamodbav:"created" dynamo:"created"`
	Seen     time.Time         `json:"seen" dynamodbav:"seen" dynamo:"seen"`
	Revision int64             `json:"revision" dynamodbav:"revision" dynamo:"revision"`
	Reading  float64           `json:"reading" dynamodbav:"reading" dynamo:"reading"`
	Active   bool              `json:"active" dynamodbav:"active" dynamo:"active"`
	Tags     map[string]string `json:"tags" dynamodbav:"tags" dynamo:"tags"`
}

func newMachine() machine {
	return machine{
		ID: "dev-000017", Name: "Compressor 17", Type: "compressor", Site: "hall-3", Firmware: "2.14.1", Status: "online",
		Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Seen: time.Date(2026, 11, 22, 10, 11, 12, 345_000_000, time.UTC),
		Revision: 90_317, Reading: 21.53, Active: true,
		Tags: map[string]string{"line": "4", "owner": "maintenance", "vendor": "north"},
	}
}

// encodeByHand is the shortest conversion within the SDK's types.
func encodeByHand(m *machine) map[string]types.AttributeValue {
	tags := make(map[string]types.AttributeValue, len(m.Tags))
	for key, value := range m.Tags {
		tags[key] = &types.AttributeValueMemberS{Value: value}
	}
	return map[string]types.AttributeValue{
		"id":       &types.AttributeValueMemberS{Value: m.ID},
		"name":     &types.AttributeValueMemberS{Value: m.Name},
		"type":     &types.AttributeValueMemberS{Value: m.Type},
		"site":     &types.AttributeValueMemberS{Value: m.Site},
		"firmware": &types.AttributeValueMemberS{Value: m.Firmware},
		"status":   &types.AttributeValueMemberS{Value: m.Status},
		"created":  &types.AttributeValueMemberS{Value: m.Created.Format(time.RFC3339Nano)},
		"seen":     &types.AttributeValueMemberS{Value: m.Seen.Format(time.RFC3339Nano)},
		"revision": &types.AttributeValueMemberN{Value: strconv.FormatInt(m.Revision, 10)},
		"reading":  &types.AttributeValueMemberN{Value: strconv.FormatFloat(m.Reading, 'f', -1, 64)},
		"active":   &types.AttributeValueMemberBOOL{Value: m.Active},
		"tags":     &types.AttributeValueMemberM{Value: tags},
	}
}

// decodeByHand checks as little as can be.
func decodeByHand(item map[string]types.AttributeValue, m *machine) (err error) {
	text := func(name string) string {
		s, _ := item[name].(*types.AttributeValueMemberS)
		return s.Value
	}
	m.ID, m.Name, m.Type = text("id"), text("name"), text("type")
	m.Site, m.Firmware, m.Status = text("site"), text("firmware"), text("status")
	if m.Created, err = time.Parse(time.RFC3339Nano, text("created")); err != nil {
		return err
	}
	if m.Seen, err = time.Parse(time.RFC3339Nano, text("seen")); err != nil {
		return err
	}
	if m.Revision, err = strconv.ParseInt(item["revision"].(*types.AttributeValueMemberN).Value, 10, 64); err != nil {
		return err
	}
	if m.Reading, err = strconv.ParseFloat(item["reading"].(*types.AttributeValueMemberN).Value, 64); err != nil {
		return err
	}
	m.Active = item["active"].(*types.AttributeValueMemberBOOL).Value
	tags := item["tags"].(*types.AttributeValueMemberM).Value
	m.Tags = make(map[string]string, len(tags))
	for key, value := range tags {
		m.Tags[key] = value.(*types.AttributeValueMemberS).Value
	}
	return nil
}

// received returns item as it comes from the network: with names and texts of
// its own, not the constants that are looked up in it.
func received(item map[string]types.AttributeValue) map[string]types.AttributeValue {
	fresh := make(map[string]types.AttributeValue, len(item))
	for name, value := range item {
		if m, ok := value.(*types.AttributeValueMemberM); ok {
			value = &types.AttributeValueMemberM{Value: received(m.Value)}
		}
		fresh[strings.Clone(name)] = value
	}
	return fresh
}

const (
	benchRounds = 15
	benchOps    = 50_000
)

var encodedItem any // what is measured must not be optimized away

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func repeat(f func()) func(int) {
	return func(n int) {
		for range n {
			f()
		}
	}
}

// measure compares subject with each limit by CPU time, and reports what both
// allocate.
func measure(b *testing.B, subject func(), limits map[string]func()) {
	b.Helper()
	for name, limit := range limits {
		b.Run(name, func(b *testing.B) {
			bench.Ratio(b, benchRounds, repeat(subject), repeat(limit), benchOps)
			b.ReportMetric(testing.AllocsPerRun(1000, subject), "allocs")
			b.ReportMetric(testing.AllocsPerRun(1000, limit), "limit-allocs")
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	value, codec := newMachine(), avcodec.New[machine]()
	measure(b, func() {
		encoded, err := codec.Encode(&value)
		check(err)
		encodedItem = encoded
	}, map[string]func(){
		"attributevalue": func() {
			encoded, err := attributevalue.MarshalMap(&value)
			check(err)
			encodedItem = encoded
		},
		"guregu": func() {
			encoded, err := dynamo.MarshalItem(&value)
			check(err)
			encodedItem = encoded
		},
		"handwritten": func() { encodedItem = encodeByHand(&value) },
	})
}

// BenchmarkDecode decodes into the items of a page, as a query does.
func BenchmarkDecode(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	want, codec := newMachine(), avcodec.New[machine]()
	item := received(encodeByHand(&want))
	encoded := &types.AttributeValueMemberM{Value: item}
	into := func(decode func(*machine) error) func() {
		page, next := make([]machine, 100), 0
		return func() {
			next = (next + 1) % len(page)
			page[next] = machine{}
			check(decode(&page[next]))
		}
	}
	measure(b, into(func(m *machine) error { return codec.Decode(encoded, m) }), map[string]func(){
		"attributevalue": into(func(m *machine) error { return attributevalue.UnmarshalMap(item, m) }),
		"guregu":         into(func(m *machine) error { return dynamo.UnmarshalItem(item, m) }),
		"handwritten":    into(func(m *machine) error { return decodeByHand(item, m) }),
	})
}

// TestPeersAgree makes the benchmarks compare the same work.
func TestPeersAgree(t *testing.T) {
	t.Parallel()
	value := newMachine()
	want := encodeByHand(&value)
	encoded, err := avcodec.New[machine]().Encode(&value)
	require.NoError(t, err)
	require.Equal(t, &types.AttributeValueMemberM{Value: want}, encoded)
	byAttributevalue, err := attributevalue.MarshalMap(&value)
	require.NoError(t, err)
	require.Equal(t, want, byAttributevalue)
	byGuregu, err := dynamo.MarshalItem(&value)
	require.NoError(t, err)
	require.Equal(t, want, byGuregu)

	var back [4]machine
	require.NoError(t, avcodec.New[machine]().Decode(encoded, &back[0]))
	require.NoError(t, attributevalue.UnmarshalMap(want, &back[1]))
	require.NoError(t, dynamo.UnmarshalItem(want, &back[2]))
	require.NoError(t, decodeByHand(want, &back[3]))
	for _, m := range back {
		require.Equal(t, value, m)
	}
}
