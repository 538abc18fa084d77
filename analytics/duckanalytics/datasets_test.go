package duckanalytics_test

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/duckanalytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

// received are the messages that an input got.
type received struct{ messages []string }

func (r *received) PutMessages(_ context.Context, id tenant.ID, input string, messages []analytics.InputMessage) error {
	for _, message := range messages {
		r.messages = append(r.messages, id.String()+" "+input+" "+string(message.Payload))
	}
	return nil
}

// TestDatasets: from the messages of devices to a content and its deliveries, with
// the definitions of the service.
func TestDatasets(t *testing.T) {
	t.Parallel()
	needDuckDB(t)
	for _, format := range []string{`{"datastoreName":"store"}`, `{"datastoreName":"store","fileFormatConfiguration":{"parquetConfiguration":{"schemaDefinition":{"columns":[
		{"name":"deviceid","type":"string"},{"name":"ts","type":"bigint"},{"name":"temp","type":"double"},{"name":"celsius","type":"double"}]}}}}`} {
		clock := time.Date(2026, 1, 10, 10, 20, 0, 0, time.UTC)
		now := func() time.Time { return clock }
		store := memtenant.New(tenant.RandomCursorKeys(), func(o *memtenant.Options) { o.Now = now })
		objects := memanalytics.NewObjects()
		lake := lakeanalytics.New(objects, tenant.RandomCursorKeys(), func(o *lakeanalytics.Options) { o.Now = now })
		engine := duckanalytics.NewInProcess(lake, objects)
		t.Cleanup(func() { require.NoError(t, engine.Close()) })
		definitions := analytics.NewDefinitions(memtenant.NewRepository(store, &analytics.DefinitionSchema), lake, func(o *analytics.DefinitionsOptions) { o.Now = now })
		ingest := analytics.NewIngest(definitions, lake, func(o *analytics.IngestOptions) { o.Now = now })
		for _, id := range []tenant.ID{acme, other} {
			for _, definition := range []string{
				`{"channelName":"raw"}`, format,
				`{"pipelineName":"p","pipelineActivities":[{"channel":{"name":"c","channelName":"raw","next":"m"}},
					{"math":{"name":"m","attribute":"celsius","math":"((temp - 32) * 5.0) / 9.0","next":"d"}},{"datastore":{"name":"d","datastoreName":"store"}}]}`,
				`{"datasetName":"hot","actions":[{"actionName":"a","queryAction":{"sqlQuery":"SELECT deviceId, avg(celsius) AS mean, count(*) AS n FROM store GROUP BY deviceId ORDER BY deviceId",
					"filters":[{"deltaTime":{"offsetSeconds":-180,"timeExpression":"from_unixtime(ts)"}}]}}],
				  "triggers":[{"schedule":{"expression":"cron(0/15 * * * ? *)"}}],
				  "contentDeliveryRules":[{"destination":{"iotEventsDestinationConfiguration":{"inputName":"hot","roleArn":"arn:aws:iam::123456789012:role/r"}}},
				    {"entryName":"file","destination":{"s3DestinationConfiguration":{"bucket":"out","key":"hot/!{iotanalytics:scheduleTime}.csv","roleArn":"arn:aws:iam::123456789012:role/r"}}}],
				  "lateDataRules":[{"ruleName":"late","ruleConfiguration":{"deltaTimeSessionWindowConfiguration":{"timeoutInMinutes":1}}}]}`,
			} {
				_, err := definitions.Put(t.Context(), id, []byte(definition))
				require.NoError(t, err)
			}
		}
		inputs, late := &received{}, []analytics.LateData(nil)
		datasets := analytics.NewDatasets(definitions, memtenant.NewRepository(store, &analytics.ContentSchema), memtenant.NewRepository(store, &analytics.DatasetStateSchema), objects, engine,
			func(o *analytics.DatasetsOptions) {
				o.Now, o.Snapshots, o.Inputs, o.Buckets = now, lake, analytics.ToInputs(inputs), analytics.ToBuckets(objects)
				o.Notify = func(_ context.Context, _ tenant.ID, l analytics.LateData) error { late = append(late, l); return nil }
			})
		send := func(id tenant.ID, device, clock string, temp int) {
			at, err := time.Parse(time.TimeOnly, clock)
			require.NoError(t, err)
			at = time.Date(2026, 1, 10, at.Hour(), at.Minute(), at.Second(), 0, time.UTC)
			payload, err := json.Marshal(map[string]any{"deviceid": device, "ts": at.Unix(), "temp": temp})
			require.NoError(t, err)
			require.NoError(t, ingest.Put(t.Context(), id, "raw", []analytics.Row{{ID: device + clock, At: now(), Payload: payload}}))
		}
		send(acme, "before", "10:11:59", 50)
		send(acme, "pump", "10:12:00", 50)
		send(acme, "pump", "10:26:59", 68)
		send(acme, "after", "10:27:00", 50)
		send(other, "foreign", "10:15:00", 500)

		clock = clock.Add(11 * time.Minute)
		require.NoError(t, datasets.Sweep(t.Context(), acme))
		content, err := datasets.Content(t.Context(), acme, "hot", "")
		require.NoError(t, err)
		require.EqualValues(t, 2, content.Seen)
		const want = "\"deviceid\",\"mean\",\"n\"\n\"pump\",\"15.0\",\"2\"\n"
		object, err := datasets.Open(t.Context(), acme, "hot", "", "")
		require.NoError(t, err)
		require.Equal(t, want, contentOf(t, object))
		object, err = objects.Open(t.Context(), acme, "deliveries/out/hot/20260110T103000Z.csv")
		require.NoError(t, err)
		require.Equal(t, want, contentOf(t, object))
		require.Equal(t, []string{`acme hot {"deviceid":"pump","mean":"15.0","n":"2"}`}, inputs.messages)

		clock = clock.Add(5 * time.Minute)
		send(acme, "pump", "10:20:00", 86)
		require.NoError(t, datasets.Sweep(t.Context(), acme))
		require.Equal(t, []analytics.LateData{{Dataset: "hot", Rule: "late", Versions: []string{content.Version}}}, late)
		_, err = datasets.CreateContent(t.Context(), acme, "hot", late[0].Versions[0])
		require.NoError(t, err)
		require.NoError(t, datasets.Sweep(t.Context(), acme))
		require.Equal(t, `acme hot {"deviceid":"pump","mean":"20.0","n":"3"}`, inputs.messages[1])

		clock = clock.Add(15 * time.Minute)
		require.NoError(t, datasets.Sweep(t.Context(), acme))
		require.NoError(t, datasets.Sweep(t.Context(), other))
		require.Equal(t, `acme hot {"deviceid":"after","mean":"10.0","n":"1"}`, inputs.messages[2])
		require.False(t, slices.ContainsFunc(inputs.messages[:3], func(m string) bool { return m[:5] != "acme " }))
	}
}

func contentOf(t *testing.T, object analytics.Object) string {
	t.Helper()
	defer object.Close()
	text, err := io.ReadAll(io.NewSectionReader(object, 0, object.Size()))
	require.NoError(t, err)
	return string(text)
}
