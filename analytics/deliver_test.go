package analytics_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

const role = `"roleArn":"arn:aws:iam::123456789012:role/r"`

func toBucket(entry, bucket, key string) string {
	return `{"entryName":"` + entry + `","destination":{"s3DestinationConfiguration":{"bucket":"` + bucket + `","key":"` + key + `",` + role + `}}}`
}

func toInput(input string) string {
	return `{"destination":{"iotEventsDestinationConfiguration":{"inputName":"` + input + `",` + role + `}}}`
}

// read returns what an object holds.
func read(t tb, objects analytics.Objects, id tenant.ID, name string) string {
	t.Helper()
	object, err := objects.Open(t.Context(), id, name)
	require.NoError(t, err)
	defer object.Close()
	text, err := io.ReadAll(io.NewSectionReader(object, 0, object.Size()))
	require.NoError(t, err)
	return string(text)
}

func TestDatasetDeliveries(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	p.engine.put(north, storedRow{at("10:00:00"), `say "hi" & <bye>`}, storedRow{at("10:00:00"), "two"}, storedRow{at("10:00:00"), "three"})
	p.definitions.put(north, define("d", quarterly+`,"contentDeliveryRules":[`+strings.Join([]string{
		toBucket("first", "mine", "d/!{iotanalytics:scheduleTime}/!{iotanalytics:versionId}.csv"), toInput("alarms"), toBucket("second", "other", "latest.csv"),
	}, ",")+`]`), at("10:00:00"))
	other, sent := memanalytics.NewObjects(), &sentMessages{}
	d := p.start(func(o *analytics.DatasetsOptions) {
		o.Buckets = analytics.ToBuckets(p.objects, func(o *analytics.ToBucketsOptions) { o.Buckets = map[string]analytics.Objects{"other": other} })
		o.Inputs = analytics.ToInputs(sent, func(o *analytics.ToInputsOptions) { o.Batch = 2 })
	})
	p.sweepAt(t, d, "10:15:20")
	content, err := d.Content(t.Context(), north, "d", "")
	require.NoError(t, err)
	require.Equal(t, []string{"first", "second"}, []string{content.Entries[0].Name, content.Entries[1].Name})
	for i, target := range []string{"mine", "alarms", "other"} {
		require.Equal(t, analytics.ContentDelivery{Entry: content.Deliveries[i].Entry, Target: target, State: analytics.DeliveryDelivered, Attempts: 1, DeliveredAt: at("10:15:20")}, content.Deliveries[i])
	}
	want := resultOf(t, d, north, "d", "")
	require.Equal(t, want, read(t, p.objects, north, "deliveries/mine/d/20260110T101500Z/"+content.Version+".csv"))
	require.Equal(t, want, read(t, other, north, "latest.csv"))
	require.Equal(t, 2, sent.calls)
	require.Equal(t, []string{`say "hi" & <bye>`, "three", "two"}, sent.rows())
	for _, payload := range sent.byID {
		require.Contains(t, []string{`{"what":"say \"hi\" & <bye>"}`, `{"what":"two"}`, `{"what":"three"}`}, payload)
	}
	p.sweepAt(t, d, "10:16:00")
	require.Equal(t, 2, sent.calls, "delivered is delivered")
}

// A delivery that fails is tried again, on its own; the content is there.
func TestDatasetDeliveryFails(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	p.engine.put(north, storedRow{at("10:00:00"), "row"})
	p.definitions.put(north, define("d", `,"contentDeliveryRules":[`+toInput("down")+","+toInput("panics")+","+toInput("refuses")+","+toBucket("", "mine", "x.csv")+`]`), at("10:00:00"))
	tries := map[string]int{}
	var ids []string
	d := p.start(func(o *analytics.DatasetsOptions) {
		o.Attempts, o.RetryAfter, o.RetryAtMost = 3, 10*time.Second, time.Minute
		o.Inputs = analytics.DelivererFunc(func(_ context.Context, _ tenant.ID, delivery analytics.Delivery) error {
			tries[delivery.Rule.Input]++
			ids = append(ids, delivery.ID)
			switch delivery.Rule.Input {
			case "down":
				if tries["down"] < 3 {
					return errors.New("connection refused")
				}
				return nil
			case "panics":
				panic("at the input")
			}
			return fmt.Errorf("no such input: %w", iotenant.ErrNotFound)
		})
	})
	version, err := d.CreateContent(t.Context(), north, "d", "")
	require.NoError(t, err)
	deliveries := func(clock string) (states []string) {
		p.sweepAt(t, d, clock)
		content, err := d.Content(t.Context(), north, "d", version)
		require.NoError(t, err)
		require.Equal(t, analytics.ContentSucceeded, content.State)
		for _, delivery := range content.Deliveries {
			states = append(states, fmt.Sprint(delivery.State, delivery.Attempts, " ", delivery.Reason))
		}
		return states
	}
	require.Equal(t, []string{"PENDING1 connection refused", "PENDING1 panic: at the input", "FAILED1 no such input: not found", "FAILED1 " + errNoDeliverer}, deliveries("10:00:00"))
	require.Equal(t, "PENDING1 connection refused", deliveries("10:00:09")[0])
	require.Equal(t, "PENDING2 connection refused", deliveries("10:00:10")[0])
	require.Equal(t, []string{"DELIVERED3 ", "FAILED3 panic: at the input", "FAILED1 no such input: not found", "FAILED1 " + errNoDeliverer}, deliveries("10:00:30"))
	deliveries("11:00:00")
	require.Equal(t, map[string]int{"down": 3, "panics": 3, "refuses": 1}, tries)
	for _, id := range ids {
		require.Equal(t, ids[0], id)
		require.True(t, strings.HasPrefix(id, version+"."))
	}
}

const errNoDeliverer = "analytics: no deliverer for this destination: unsupported"

// A delivery that has begun is left to its process until that is taken for ended.
func TestDatasetDeliveryCrash(t *testing.T) {
	t.Parallel()
	p := newMill("10:00:00")
	p.definitions.put(north, define("d", `,"contentDeliveryRules":[`+toInput("i")+`]`), at("10:00:00"))
	begun, tries := make(chan struct{}), 0
	crashing := p.start(func(o *analytics.DatasetsOptions) {
		o.Inputs = analytics.DelivererFunc(func(ctx context.Context, _ tenant.ID, _ analytics.Delivery) error {
			close(begun)
			<-ctx.Done()
			return ctx.Err()
		})
	})
	sound := p.start(func(o *analytics.DatasetsOptions) {
		o.Inputs = analytics.DelivererFunc(func(context.Context, tenant.ID, analytics.Delivery) error { tries++; return nil })
	})
	_, err := crashing.CreateContent(t.Context(), north, "d", "")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- crashing.Sweep(ctx, north) }()
	<-begun
	p.sweepAt(t, sound, "10:00:30")
	require.Zero(t, tries)
	p.sweepAt(t, sound, "10:02:00")
	require.Equal(t, 1, tries)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	p.sweepAt(t, sound, "10:10:00")
	require.Equal(t, 1, tries, "what the first process has to say comes too late")
	content, err := sound.Content(t.Context(), north, "d", "")
	require.NoError(t, err)
	require.Equal(t, analytics.DeliveryDelivered, content.Deliveries[0].State)
}

func TestToBucketsKeys(t *testing.T) {
	t.Parallel()
	objects := memanalytics.NewObjects()
	require.NoError(t, objects.Put(t.Context(), north, "csv", strings.NewReader("x")))
	delivery := analytics.Delivery{
		Version: "7d7d9ad1-7bd3-4ea1-a3c4-c1f4c1d8e34c", Created: at("10:30:05"), Scheduled: at("10:30:00"), Rule: pipeline.Delivery{Bucket: "b"},
		Open: func(ctx context.Context) (analytics.Object, error) { return objects.Open(ctx, north, "csv") },
	}
	for key, want := range map[string]string{
		"plain.csv": "b: plain.csv",
		"!{iotanalytics:scheduleTime}/!{iotanalytics:creationTime}-!{iotanalytics:versionId}.csv": "b: 1768041000000/1768041005000-7d7d9ad1-7bd3-4ea1-a3c4-c1f4c1d8e34c.csv",
	} {
		target := memanalytics.NewObjects()
		deliverer := analytics.ToBuckets(target, func(o *analytics.ToBucketsOptions) {
			o.Milliseconds = true
			o.Name = func(bucket, key string) string { return bucket + ": " + key }
		})
		delivery.Rule.Key = key
		require.NoError(t, deliverer.Deliver(t.Context(), north, delivery))
		require.Equal(t, "x", read(t, target, north, want))
	}
	for _, key := range []string{"!{iotanalytics:time}", "!{iotanalytics:versionId", "!{}"} {
		delivery.Rule.Key = key
		require.ErrorIs(t, analytics.ToBuckets(objects).Deliver(t.Context(), north, delivery), iotenant.ErrInvalid, key)
	}
	delivery.Rule.Key = "x"
	faulty := analyticstest.FaultyObjects(objects, func(analyticstest.Call) analyticstest.Fault { return analyticstest.Fault{Before: errTrouble} })
	require.ErrorIs(t, analytics.ToBuckets(faulty).Deliver(t.Context(), north, delivery), errTrouble)
	delivery.Open = func(context.Context) (analytics.Object, error) { return nil, errTrouble }
	require.ErrorIs(t, analytics.ToBuckets(objects).Deliver(t.Context(), north, delivery), errTrouble)
	require.ErrorIs(t, analytics.ToInputs(&sentMessages{}).Deliver(t.Context(), north, delivery), errTrouble)
}

// Whatever a result holds arrives.
func TestToInputsReadsWhatWriteCSVWrites(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 3).Draw(t, "columns")
		result := &analytics.Result{Close: func() error { return nil }}
		for i := range columns {
			result.Columns = append(result.Columns, analytics.ResultColumn{Name: string('a' + rune(i))})
		}
		values := rapid.SampledFrom([]string{"", "null", "x", `"`, `""`, ",", "\n", "\r\n", "\r", "é", `,"` + "\n"})
		rows := rapid.SliceOfN(rapid.SliceOfN(values, columns, columns), 0, 8).Draw(t, "rows")
		result.Rows = func(yield func([]analytics.Field, error) bool) {
			for _, row := range rows {
				var fields []analytics.Field
				for _, value := range row {
					fields = append(fields, analytics.Field{Text: value, Null: value == "null"})
				}
				if !yield(fields, nil) {
					return
				}
			}
		}
		var text strings.Builder
		require.NoError(t, analytics.WriteCSV(&text, result))
		objects, sent := memanalytics.NewObjects(), &sentMessages{}
		require.NoError(t, objects.Put(context.Background(), north, "csv", strings.NewReader(text.String())))
		delivery := analytics.Delivery{ID: "v", Rule: pipeline.Delivery{Input: "i"}, Open: func(ctx context.Context) (analytics.Object, error) { return objects.Open(ctx, north, "csv") }}
		require.NoError(t, analytics.ToInputs(sent).Deliver(context.Background(), north, delivery))
		require.Len(t, sent.byID, len(rows))
		for i, row := range rows {
			var got map[string]string
			require.NoError(t, json.Unmarshal([]byte(sent.byID[fmt.Sprint("northiv.", i+1)]), &got))
			for j, value := range row {
				require.Equal(t, strings.ReplaceAll(value, "null", ""), got[string('a'+rune(j))])
			}
		}
	})
}

func TestToInputsRows(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"": nil,
		"\"what\",\"who\",\"dt\"\n\"overflow\",\"sensor01\",\"2019-09-16 09:04:00.000\"\n": {`{"what":"overflow","who":"sensor01","dt":"2019-09-16 09:04:00.000"}`},
		"\"a\",\"a\"\n\"1\",\"2\"\n,\"3\"\n":                                               {`{"a":"2"}`, `{"a":"3"}`},
		"\"a\",\"b\"\n,\"\"\n":                                                             {`{"a":"","b":""}`},
		"\"a\"\n":                                                                          nil,
		"\"a\"\n\n\"1\"\n\n":                                                               {`{"a":""}`, `{"a":"1"}`, `{"a":""}`},
		"\"a\",\"b\"\n\"1\r\n2,\"\"3\"\"\",\"" + strings.Repeat("x", 9000) + "\"\n": {`{"a":"1\r\n2,\"3\"","b":"` + strings.Repeat("x", 9000) + `"}`},
	} {
		objects, sent := memanalytics.NewObjects(), &sentMessages{}
		require.NoError(t, objects.Put(t.Context(), north, "csv", strings.NewReader(text)))
		delivery := analytics.Delivery{ID: "v.1", Rule: pipeline.Delivery{Input: "i"}, Open: func(ctx context.Context) (analytics.Object, error) { return objects.Open(ctx, north, "csv") }}
		for range 2 {
			require.NoError(t, analytics.ToInputs(sent).Deliver(t.Context(), north, delivery))
		}
		require.Len(t, sent.byID, len(want), text)
		for i, payload := range want {
			require.Equal(t, payload, sent.byID[fmt.Sprint("northiv.1.", i+1)])
		}
	}
	for _, text := range []string{"\"a\n", "\"a\",\"b\"\n\"1\"\n", "a\n", "\"a\"b\n", "\"a\"", "\"a\"\n\"1\",", "\"a\"\n\"1\""} {
		objects := memanalytics.NewObjects()
		require.NoError(t, objects.Put(t.Context(), north, "csv", strings.NewReader(text)))
		delivery := analytics.Delivery{Open: func(ctx context.Context) (analytics.Object, error) { return objects.Open(ctx, north, "csv") }}
		require.ErrorIs(t, analytics.ToInputs(&sentMessages{}).Deliver(t.Context(), north, delivery), analytics.ErrCorrupt)
	}
}
