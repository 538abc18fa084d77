package lambdaanalytics_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/lambdaanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

// system is analytics in memory: each tenant has the channel telemetry, and a
// pipeline to the data store clean.
type system struct {
	definitions *analytics.Definitions
	ingest      *analytics.Ingest
	lake        *lakeanalytics.Lake
}

func newSystem(t testing.TB, ids ...tenant.ID) *system {
	t.Helper()
	keys := tenant.RandomCursorKeys()
	lake := lakeanalytics.New(memanalytics.NewObjects(), keys)
	definitions := analytics.NewDefinitions(memtenant.NewRepository(memtenant.New(keys), &analytics.DefinitionSchema), lake)
	for _, id := range ids {
		for _, text := range []string{`{"channelName": "telemetry"}`, `{"datastoreName": "clean"}`, string(definition("p", "telemetry", hot, strip))} {
			_, err := definitions.Put(context.Background(), id, []byte(text))
			require.NoError(t, err)
		}
	}
	return &system{definitions: definitions, ingest: analytics.NewIngest(definitions, lake), lake: lake}
}

func (s *system) rows(t *testing.T, id tenant.ID, kind analytics.TableKind, name string) (payloads []string) {
	t.Helper()
	page, err := s.lake.Rows(t.Context(), id, analytics.TableID{Kind: kind, Name: name}, analytics.RowQuery{Limit: tenant.MaxLimit})
	require.NoError(t, err)
	for _, row := range page.Items {
		payloads = append(payloads, string(row.Payload))
	}
	return payloads
}

// shaky fails every other time, after it has done what it was asked.
type shaky struct {
	analytics.Ingester
	calls atomic.Int64
}

func (s *shaky) Put(ctx context.Context, id tenant.ID, channel string, rows []analytics.Row) error {
	err := s.Ingester.Put(ctx, id, channel, rows)
	if err == nil && s.calls.Add(1)%2 == 1 {
		return fmt.Errorf("the answer was lost: %w", iotenant.ErrUnavailable)
	}
	return err
}

// TestRedelivery: whatever comes again, from whichever source, is stored once,
// in the channel and in the data store.
func TestRedelivery(t *testing.T) {
	t.Parallel()
	messages := [][]byte{
		selected(north, "a", `"celsius": 96, `), selected(north, "a", `"celsius": 7, "messageId": "cold", `), []byte("poison"),
		selected(south, "a", `"celsius": 97, "messageId": "m", `), selected(north, "b", `"celsius": 98, "messageId": "m", `),
		[]byte(`{"topic": "t/north/d/a/telemetry/nowhere"}`), selected(north, "a", `"celsius": 7, "messageId": "cold", `),
	}
	for name, event := range map[string]any{
		"kinesis": kinesis(messages...), "sqs": queue(nil, messages...), "fifo": queue(func(int) string { return "g" }, messages...), "firehose": firehose(messages...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, north, south)
			function := lambdaanalytics.NewIngest(&shaky{Ingester: s.ingest})
			failures := 0
			for range 4 {
				answer, err := invokeRaw(t, function, event)
				if err != nil {
					require.ErrorIs(t, err, lambdaanalytics.ErrAgain)
				}
				if err != nil || len(answer) > len(`{"batchItemFailures":[]}`) && name != "firehose" {
					failures++
				}
			}
			require.Positive(t, failures)
			require.Less(t, failures, 4)
			require.Equal(t, []string{string(messages[0]), string(messages[1]), string(messages[4])}, s.rows(t, north, analytics.ChannelTable, "telemetry"))
			require.Equal(t, []string{`{"celsius":96}`, `{"celsius":98,"messageId":"m"}`}, s.rows(t, north, analytics.DatastoreTable, "clean"))
			require.Equal(t, []string{`{"celsius":97,"messageId":"m"}`}, s.rows(t, south, analytics.DatastoreTable, "clean"))
		})
	}
}

// Two things of a tenant, and two tenants, may use the same ids: none hides what
// another one sends.
func TestAttackMessageID(t *testing.T) {
	t.Parallel()
	s := newSystem(t, north, south)
	function := lambdaanalytics.NewIngest(s.ingest)
	forged := selected(north, "b", `"celsius": 99, "messageId": "message-1", `) // the id of the record before
	require.Empty(t, invoke(t, function, queue(nil, selected(south, "a", `"celsius": 60, `), selected(north, "a", `"celsius": 61, `), forged)))
	require.Empty(t, invoke(t, function, queue(nil, selected(north, "a", `"celsius": 62, "messageId": "m", `), selected(north, "b", `"celsius": 63, "messageId": "m", `),
		selected(south, "a", `"celsius": 64, "messageId": "m", `))))
	require.Len(t, s.rows(t, north, analytics.DatastoreTable, "clean"), 4)
	require.Len(t, s.rows(t, south, analytics.DatastoreTable, "clean"), 2)
}

// A device decides neither by a payload nor by an event in it whose message it
// is.
func TestAttackTopicOfAnotherTenant(t *testing.T) {
	t.Parallel()
	s := newSystem(t, north, south)
	function := lambdaanalytics.NewIngest(s.ingest)
	const inner = `"body": "{\"celsius\": 99, \"topic\": \"t/south/d/a/telemetry\"}"`
	for n, members := range []string{
		`"Topic": "t/south/d/a/telemetry", `, `"tenant": "south", "thing": "south:a", `, `"TOPIC": "t/south/d/a/telemetry", "channel": "telemetry", `,
		`"Records": [{"eventSource": "aws:sqs", "messageId": "1", ` + inner + `}], `,
		`"records": [{"recordId": "1", "data": "eyJ0b3BpYyI6InQvc291dGgvZC9hL3RlbGVtZXRyeSJ9"}], "invocationId": "i", "deliveryStreamArn": "d", `,
	} {
		_, err := function.Invoke(t.Context(), selected(north, "a", members))
		require.NoError(t, err)
		require.Len(t, s.rows(t, north, analytics.ChannelTable, "telemetry"), n+1, members)
		require.Empty(t, s.rows(t, south, analytics.ChannelTable, "telemetry"), members)
	}
}

// TestTransformerOverDefinitions: the same pipelines, once as ingestion and once
// as a transformation.
func TestTransformerOverDefinitions(t *testing.T) {
	t.Parallel()
	s := newSystem(t, north)
	function := lambdaanalytics.NewTransformer(lambdaanalytics.DefinedPipelines(s.definitions))
	records := transformed(t, function, firehose(selected(north, "a", `"celsius": 96, `), selected(south, "a", `"celsius": 96, `)))
	require.Equal(t, `Ok {"celsius":96}`, results(records)[0])
	require.Equal(t, "ProcessingFailed", records[1].Result, "south has no pipeline")
	require.Empty(t, s.rows(t, north, analytics.DatastoreTable, "clean"))
}
