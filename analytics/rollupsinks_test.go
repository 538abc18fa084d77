package analytics_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

func ExampleNewRollups() {
	ctx, id := context.Background(), tenant.MustParseID("acme")
	store := memtenant.New(tenant.RandomCursorKeys())
	minutes := analytics.Rollup{
		Name:  "minutes",
		Shape: analytics.Tumbling(analytics.Interval{Every: time.Minute}),
		Into: func(_ context.Context, _ tenant.ID, windows []analytics.ClosedWindow) error { // or IntoDatastore
			for _, w := range windows {
				fmt.Println(w.Thing, w.Metric, w.Start.Format("15:04"), "mean", w.Mean, "of", w.Count)
			}
			return nil
		},
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, batch := range [][]analytics.Message{
		{reading("pump", at, `{"t": 20}`), reading("pump", at.Add(30*time.Second), `{"t": 22}`)},
		{reading("pump", at.Add(61*time.Second), `{"t": 23}`)},
	} {
		// Each batch comes to a process that has just begun, and knows nothing.
		rollups, err := analytics.NewRollups(memtenant.NewRepository(store, &analytics.RollupSchema), []analytics.Rollup{minutes})
		if err != nil {
			fmt.Println(err)
			return
		}
		if _, err := rollups.Add(ctx, id, batch); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// pump t 12:00 mean 21 of 2
}

// minuteColumns are a data store of roll-ups.
const minuteColumns = `{"datastoreName": "minutes", "fileFormatConfiguration": {"parquetConfiguration": {"schemaDefinition": {"columns": [
	{"name": "thing", "type": "string"}, {"name": "metric", "type": "string"}, {"name": "timestamp", "type": "timestamp"},
	{"name": "count", "type": "bigint"}, {"name": "mean", "type": "double"}]}}}}`

// TestRollupsIntoDatastore keeps roll-ups in a lake and asks for them without
// SQL.
func TestRollupsIntoDatastore(t *testing.T) {
	t.Parallel()
	lake := lakeanalytics.New(memanalytics.NewObjects(), tenant.RandomCursorKeys())
	store := memtenant.New(tenant.RandomCursorKeys())
	definitions := analytics.NewDefinitions(memtenant.NewRepository(store, &analytics.DefinitionSchema), lake)
	_, err := definitions.Put(t.Context(), acme, []byte(minuteColumns))
	require.NoError(t, err)
	ingest := analytics.NewIngest(definitions, lake)
	r := newRollupRig(analytics.Rollup{Shape: minutely})
	into := analytics.IntoDatastore(ingest, "minutes")
	lost := 1
	r.definition.Into = func(ctx context.Context, id tenant.ID, windows []analytics.ClosedWindow) error {
		err := into(ctx, id, windows)
		if lost--; err == nil && lost == 0 {
			return errTrouble // nobody hears that it has them
		}
		return err
	}
	rollups := r.start(t)
	roll(t, rollups, sent("a", 0, 1), sent("b", 0.5, 3), sent("c", 1, 5))
	roll(t, rollups, sent("d", 2, 7))
	roll(t, rollups, sent("e", 3, 0))
	_, err = rollups.Add(t.Context(), north, []analytics.Message{sent("a", 0, 1), sent("b", 2, 1)})
	require.NoError(t, err, "a tenant without the data store needs no roll-ups")

	var got []string
	query := analytics.ColumnQuery{ColumnScan: analytics.ColumnScan{Datastore: "minutes", Time: "timestamp", By: []string{"thing"}, Values: []string{"mean", "count"}}}
	for bucket, err := range analytics.AggregateColumns(t.Context(), lake, acme, query) {
		require.NoError(t, err)
		got = append(got, fmt.Sprint(bucket.Group, " ", bucket.Metric, " ", bucket.Count, " ", bucket.Sum))
	}
	require.Equal(t, []string{"pump count 3 4", "pump mean 3 14"}, got)
}

func TestRollupsIntoChannel(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, acme, rawChannel, hotStore, straight("line", "raw", "hot"))
	r := newRollupRig(analytics.Rollup{Shape: minutely})
	r.definition.Into = analytics.IntoChannel(p, "raw")
	rollups := r.start(t)
	old := reading("pump", noon, `{"t": 1, "timestamp": 0}`)
	roll(t, rollups, old, sent("a", 0, 1), sent("b", 1, 1))
	page, err := p.lake.Rows(t.Context(), acme, analytics.TableID{Kind: analytics.DatastoreTable, Name: "hot"}, analytics.RowQuery{})
	require.NoError(t, err)
	require.Len(t, page.Items, 2)
	require.Equal(t, time.Unix(0, 0).UTC(), page.Items[0].At)
	require.Equal(t, noon, page.Items[1].At)
	require.Equal(t, "pump", page.Items[1].Thing.String())
	_, err = rollups.Add(t.Context(), north, []analytics.Message{sent("a", 0, 1), sent("b", 2, 1)})
	require.NoError(t, err, "nor has north such a channel")
}

// recordedInputs records what is put into inputs, and fails when it is told to.
type recordedInputs struct {
	errs  []error
	calls []int
	ids   map[string]string
}

func (r *recordedInputs) PutMessages(_ context.Context, id tenant.ID, input string, messages []analytics.InputMessage) error {
	r.calls = append(r.calls, len(messages))
	if len(r.errs) > 0 {
		err := r.errs[0]
		if r.errs = r.errs[1:]; err != nil {
			return err
		}
	}
	for _, m := range messages {
		r.ids[m.ID] = fmt.Sprint(id, " ", input, " ", string(m.Payload))
	}
	return nil
}

func TestRollupsIntoInput(t *testing.T) {
	t.Parallel()
	inputs := &recordedInputs{ids: map[string]string{}}
	r := newRollupRig(analytics.Rollup{Shape: minutely})
	r.definition.Into = analytics.IntoAll(r.sink.take, analytics.IntoInput(inputs, "minutes"))
	rollups := r.start(t)
	var batch []analytics.Message
	for n := range 151 {
		batch = append(batch, sent(fmt.Sprint(n), float64(n), 1))
	}
	inputs.errs = []error{nil, errTrouble}
	roll(t, rollups, batch...)
	require.Equal(t, []int{100, 50}, inputs.calls)
	r.clock.advance(time.Minute)
	require.NoError(t, rollups.Sweep(t.Context(), acme))
	require.Len(t, inputs.ids, 150)
	require.Len(t, r.sink.of(acme), 150)
	require.Equal(t, 300, r.sink.given, "one sink failed: both are given them again")
	for _, w := range r.sink.windows[acme] {
		text, err := w.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, "acme minutes "+string(text), inputs.ids[w.ID])
	}

	inputs.errs = []error{analytics.ErrMessage}
	roll(t, rollups, sent("x", 151, 1), sent("y", 152, 1))
	require.NoError(t, rollups.Sweep(t.Context(), acme), "one sink refused them for good")
	require.Len(t, r.sink.of(acme), 152)
	require.Len(t, inputs.ids, 150)
}

// BenchmarkRollups adds a batch of 100 messages with three metrics, of as many
// things, each of which has a minute open, in memory; each tenth closes it.
func BenchmarkRollups(b *testing.B) {
	for _, things := range []int{1, 10, 100} {
		b.Run(fmt.Sprint("things=", things), func(b *testing.B) {
			r := newRollupRig(analytics.Rollup{Shape: minutely})
			r.definition.Into = func(context.Context, tenant.ID, []analytics.ClosedWindow) error { return nil }
			rollups := r.start(b)
			batch := make([]analytics.Message, 100)
			n := 0
			b.ReportAllocs()
			for b.Loop() {
				for i := range batch {
					batch[i] = reading(fmt.Sprint("thing-", i%things), noon.Add(time.Duration(n)*6*time.Second/time.Duration(len(batch)/things)), `{"t":%d,"u":2.5,"v":3.25}`, i)
					batch[i].ID = fmt.Sprint(n, ".", i)
					if i%things == things-1 {
						n++
					}
				}
				if _, err := rollups.Add(b.Context(), acme, batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(batch)*b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
