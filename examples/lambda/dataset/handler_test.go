package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticsmock"
	"github.com/iotenant/iotenant/analytics/duckanalytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenantmock"
)

var north, south, west = tenant.MustParseID("north"), tenant.MustParseID("south"), tenant.MustParseID("west")

// invoke gives an event file to the function.
func invoke(t *testing.T, s services, eventFile string) (string, error) {
	t.Helper()
	event, err := os.ReadFile("testdata/" + eventFile)
	require.NoError(t, err)
	answer, err := newHandler(s).Invoke(t.Context(), event)
	return string(answer), err
}

// calls are data sets that record what they are asked.
type calls struct {
	asked []string
	err   error
}

func (c *calls) ask(what string, id tenant.ID, args ...string) error {
	c.asked = append(c.asked, strings.TrimSpace(what+" "+id.String()+" "+strings.Join(args, " ")))
	return c.err
}

func (c *calls) CreateContent(_ context.Context, id tenant.ID, dataset, version string) (string, error) {
	return "v-1", c.ask("create", id, dataset, version)
}
func (c *calls) Produce(_ context.Context, id tenant.ID, dataset string) error {
	return c.ask("produce", id, dataset)
}
func (c *calls) Content(_ context.Context, id tenant.ID, dataset, version string) (analytics.Content, error) {
	return analytics.Content{State: analytics.ContentSucceeded}, c.ask("content", id, dataset, version)
}
func (c *calls) Sweep(_ context.Context, id tenant.ID) error { return c.ask("sweep", id) }

// setup is the function with mocks only.
func setup(t *testing.T, ids ...tenant.ID) (*calls, *analyticsmock.MockLake, services) {
	t.Helper()
	mocks := gomock.NewController(t)
	datasets, lake, objects := &calls{}, analyticsmock.NewMockLake(mocks), analyticsmock.NewMockObjects(mocks)
	objects.EXPECT().List(gomock.Any(), gomock.Any(), "queries/", "", gomock.Any()).AnyTimes()
	return datasets, lake, services{datasets, lake, objects, all(ids...), slog.New(slog.DiscardHandler)}
}

func all(ids ...tenant.ID) func(context.Context) iter.Seq2[tenant.ID, error] {
	return func(context.Context) iter.Seq2[tenant.ID, error] {
		return func(yield func(tenant.ID, error) bool) {
			for _, id := range ids {
				if !yield(id, nil) {
					return
				}
			}
		}
	}
}

func TestOneDataset(t *testing.T) {
	t.Parallel()
	datasets, _, s := setup(t)

	answer, err := invoke(t, s, "dataset.json")

	require.NoError(t, err)
	require.JSONEq(t, `{"versionId": "v-1", "state": "SUCCEEDED"}`, answer)
	require.Equal(t, []string{"create north daily", "produce north daily", "content north daily v-1"}, datasets.asked)
}

func TestLateData(t *testing.T) {
	t.Parallel()
	datasets, _, s := setup(t)

	_, err := invoke(t, s, "late.json")

	require.NoError(t, err)
	require.Equal(t, "create north daily 11111111-2222-4333-8444-555555555555", datasets.asked[0])
}

func TestOneTenant(t *testing.T) {
	t.Parallel()
	datasets, lake, s := setup(t)
	lake.EXPECT().Sweep(gomock.Any(), north)

	_, err := invoke(t, s, "tenant.json")

	require.NoError(t, err)
	require.Equal(t, []string{"sweep north"}, datasets.asked)
}

func TestRegular(t *testing.T) {
	t.Parallel()
	datasets, lake, s := setup(t, north)
	datasets.err = iotenant.ErrUnavailable
	lake.EXPECT().Sweep(gomock.Any(), north)

	_, err := invoke(t, s, "regular.json")

	require.ErrorIs(t, err, iotenant.ErrUnavailable, "after all else was done")
}

func TestActive(t *testing.T) {
	t.Parallel()
	tenants := tenantmock.NewMockRepository[tenant.Tenant](gomock.NewController(t))
	var page tenant.Page[tenant.Tenant]
	for id, status := range map[tenant.ID]tenant.Status{north: tenant.StatusActive, south: tenant.StatusSuspended, west: tenant.StatusActive} {
		page.Items = append(page.Items, tenant.Item[tenant.Tenant]{Value: tenant.Tenant{ID: id, Status: status}, Version: 1})
	}
	tenants.EXPECT().Query(gomock.Any(), gomock.Any(), gomock.Any()).Return(page, nil)
	var active []tenant.ID
	for id, err := range tenant.NewDirectory(tenants).Active(t.Context()) {
		require.NoError(t, err)
		active = append(active, id)
	}
	require.ElementsMatch(t, []tenant.ID{north, west}, active)
}

// TestTwins makes contents by DuckDB over data stores in memory: one that is
// asked for, and those that a schedule has come to.
func TestTwins(t *testing.T) {
	t.Parallel()
	keys, objects, now := tenant.RandomCursorKeys(), memanalytics.NewObjects(), time.Now()
	store, lake := memtenant.New(keys), lakeanalytics.New(objects, keys)
	definitions := analytics.NewDefinitions(memtenant.NewRepository(store, &analytics.DefinitionSchema), lake)
	engine := duckanalytics.NewInProcess(lake, objects)
	defer engine.Close()
	probe, err := engine.Query(context.Background(), north, analytics.Statement{SQL: "SELECT 1 AS n", Now: now})
	if iotenant.KindOf(err) == iotenant.ErrUnsupported {
		t.Skip(err)
	}
	require.NoError(t, err)
	require.NoError(t, probe.Close())
	for id, celsius := range map[tenant.ID]int{north: 96, south: 21} {
		for _, definition := range []string{`{"datastoreName": "readings"}`, `{"datasetName": "daily",
			"actions": [{"actionName": "a", "queryAction": {"sqlQuery": "SELECT max(celsius) AS hottest FROM readings"}}],
			"triggers": [{"schedule": {"expression": "rate(1 day)"}}],
			"contentDeliveryRules": [{"destination": {"s3DestinationConfiguration": {"bucket": "b", "key": "daily.csv", "roleArn": "arn:aws:iam::123456789012:role/r"}}}]}`} {
			_, err := definitions.Put(t.Context(), id, []byte(definition))
			require.NoError(t, err)
		}
		_, err := lake.Append(t.Context(), id, analytics.TableID{Kind: analytics.DatastoreTable, Name: "readings"},
			[]analytics.Row{{ID: "1", At: now, Payload: fmt.Appendf(nil, `{"celsius": %d}`, celsius)}})
		require.NoError(t, err)
	}
	datasets := analytics.NewDatasets(definitions, memtenant.NewRepository(store, &analytics.ContentSchema), memtenant.NewRepository(store, &analytics.DatasetStateSchema),
		objects, engine, func(o *analytics.DatasetsOptions) {
			o.Now = func() time.Time { return now }
			o.Buckets = analytics.ToBuckets(objects)
		})
	s := services{datasets, lake, objects, all(north, south), slog.New(slog.DiscardHandler)}
	text := func(id tenant.ID, name string) string {
		object, err := objects.Open(t.Context(), id, name)
		require.NoError(t, err)
		defer object.Close()
		text, err := io.ReadAll(io.NewSectionReader(object, 0, object.Size()))
		require.NoError(t, err)
		return string(text)
	}

	answer, err := invoke(t, s, "dataset.json")
	require.NoError(t, err)
	var made struct{ VersionID, State, Reason string }
	require.NoError(t, json.Unmarshal([]byte(answer), &made))
	require.Equal(t, "SUCCEEDED", made.State, made.Reason)
	content, err := datasets.Content(t.Context(), north, "daily", made.VersionID)
	require.NoError(t, err)
	require.Equal(t, "\"hottest\"\n\"96\"\n", text(north, content.Files[0].Object))

	now = now.Add(25 * time.Hour)
	for range 2 {
		_, err = invoke(t, s, "regular.json")
		require.NoError(t, err)
	}
	require.Equal(t, "\"hottest\"\n\"21\"\n", text(south, "deliveries/b/daily.csv"))
	page, err := datasets.Contents(t.Context(), south, "daily", analytics.ContentQuery{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1, "a schedule time gives one content")
}

func TestCompose(t *testing.T) {
	t.Parallel()
	environment := map[string]string{"CURSOR_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "TABLE": "iotenant"}
	env := func(name string) string { return environment[name] }
	logger := slog.New(slog.DiscardHandler)
	_, err := compose(aws.Config{Region: "eu-west-1"}, env, logger, nil)
	require.EqualError(t, err, "environment variable BUCKET is not set")
	environment["BUCKET"] = "lake"
	s, err := compose(aws.Config{Region: "eu-west-1"}, env, logger, nil)
	require.NoError(t, err)
	require.NotNil(t, newHandler(s))
}
