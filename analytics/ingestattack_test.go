package analytics_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// taken returns a process in which south has a channel with a message, a
// pipeline and a data store, and north has nothing.
func taken(t *testing.T) *plant {
	t.Helper()
	p := newSite().start()
	p.define(t, south, rawChannel, hotStore, straight("line", "raw", "hot"), daily)
	require.NoError(t, p.Put(t.Context(), south, "raw", []analytics.Row{message("1", 0, `{"secret":1}`)}))
	return p
}

// TestAttackDefinitions: what another tenant defined is not there.
func TestAttackDefinitions(t *testing.T) {
	t.Parallel()
	p := taken(t)
	for kind, name := range map[pipeline.Resource]string{
		pipeline.ResourceChannel: "raw", pipeline.ResourceDatastore: "hot", pipeline.ResourcePipeline: "line", pipeline.ResourceDataset: "daily",
	} {
		for _, named := range []string{name, "south/" + name, "../south/" + name, "south:" + name} {
			_, err := p.definitions.Get(t.Context(), north, kind, named)
			require.ErrorIs(t, err, analytics.ErrNoDefinition)
			require.ErrorIs(t, p.definitions.Delete(t.Context(), north, kind, named, func(o *analytics.DeleteOptions) { o.Data = true }), analytics.ErrNoDefinition)
		}
		for definition, err := range p.definitions.All(t.Context(), north, kind) {
			t.Errorf("listed: %v %v", definition, err)
		}
	}
	_, err := p.definitions.Put(t.Context(), north, []byte(straight("mine", "raw", "hot")))
	require.ErrorIs(t, err, analytics.ErrDefinition, "a pipeline reads channels of its tenant")

	for _, id := range []tenant.ID{{}, tenant.Platform()} {
		_, err := p.definitions.Put(t.Context(), id, []byte(rawChannel))
		require.ErrorIs(t, err, tenant.ErrID)
	}
	p.define(t, north, `{"channelName":"raw","retentionPeriod":{"numberOfDays":1}}`)
	before := p.lake.channel(south, "raw")
	require.NoError(t, p.definitions.DeleteThings(t.Context(), north, device.MustParseID("pump")))
	require.Equal(t, before, p.lake.channel(south, "raw"))
	theirs, err := p.definitions.Get(t.Context(), south, pipeline.ResourceChannel, "raw")
	require.NoError(t, err)
	require.JSONEq(t, rawChannel, string(theirs.Definition))
	page, err := p.definitions.List(t.Context(), south, pipeline.ResourceChannel, 1, "")
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
}

// TestAttackIngest: a message comes into channels, pipelines and data stores of
// its tenant, also if another one has some of the same names.
func TestAttackIngest(t *testing.T) {
	t.Parallel()
	p := taken(t)
	attack := []analytics.Row{message("1", 0, `{"attack":1}`), message("2", 0, `{"attack":2}`)}
	require.ErrorIs(t, p.Put(t.Context(), north, "raw", attack), analytics.ErrNoTable)
	p.define(t, north, rawChannel)
	require.NoError(t, p.Put(t.Context(), north, "raw", attack))
	p.define(t, north, hotStore, straight("line", "raw", "hot"))
	require.NoError(t, p.Put(t.Context(), north, "raw", attack))
	require.Equal(t, []string{`{"attack":1}`, `{"attack":2}`}, p.lake.store(north, "hot"))
	require.Equal(t, []string{`{"secret":1}`}, p.lake.store(south, "hot"))
	require.Equal(t, []string{`{"secret":1}`}, p.lake.channel(south, "raw"))
	p.define(t, north, `{"datastoreName":"own"}`, straight("own", "raw", "own"))
	for _, id := range []tenant.ID{north, south} {
		require.NoError(t, p.Put(t.Context(), id, "raw", []analytics.Row{message("3", 1, `{"a":3}`)}), "pipelines are those of the tenant")
	}
	require.Equal(t, []string{`{"a":3}`}, p.lake.store(north, "own"))
	require.Equal(t, []string{"hot", "raw"}, p.lake.tableNames(south))
	for _, id := range []tenant.ID{{}, tenant.Platform()} {
		require.ErrorIs(t, p.Put(t.Context(), id, "raw", attack), tenant.ErrID)
		_, _, err := p.RunActivity(t.Context(), id, []byte(`{"filter":{"name":"f","filter":"TRUE"}}`), [][]byte{[]byte(`{"a":1}`)})
		require.ErrorIs(t, err, tenant.ErrID)
	}
}

// TestAttackSample: nobody sees messages of another tenant.
func TestAttackSample(t *testing.T) {
	t.Parallel()
	p := taken(t)
	for _, channel := range []string{"raw", "south/raw", "../south/raw"} {
		_, err := p.Sample(t.Context(), north, channel, 10, time.Time{}, time.Time{})
		require.ErrorIs(t, err, analytics.ErrNoTable)
		require.NotContains(t, err.Error(), "secret")
	}
	p.define(t, north, rawChannel)
	payloads, err := p.Sample(t.Context(), north, "raw", 10, time.Time{}, time.Time{})
	require.NoError(t, err)
	require.Empty(t, payloads)
	for _, id := range []tenant.ID{{}, tenant.Platform()} {
		_, err := p.Sample(t.Context(), id, "raw", 10, time.Time{}, time.Time{})
		require.ErrorIs(t, err, tenant.ErrID)
	}
}

// TestAttackReprocessing: nobody starts, sees or cancels what another tenant
// processes again, nor reads its files.
func TestAttackReprocessing(t *testing.T) {
	t.Parallel()
	p := taken(t)
	theirs, err := p.reprocessings.Start(t.Context(), south, analytics.ReprocessingRequest{Pipeline: "line"})
	require.NoError(t, err)
	_, err = p.reprocessings.Start(t.Context(), north, analytics.ReprocessingRequest{Pipeline: "line"})
	require.ErrorIs(t, err, analytics.ErrNoDefinition)
	_, err = p.reprocessings.Get(t.Context(), north, "line", theirs.ID)
	require.ErrorIs(t, err, analytics.ErrNoReprocessing)
	require.ErrorIs(t, p.reprocessings.Cancel(t.Context(), north, "line", theirs.ID), analytics.ErrNoReprocessing)
	require.NoError(t, p.reprocessings.Sweep(t.Context(), north))
	require.Len(t, p.lake.store(south, "hot"), 1, "north's sweep is about what is north's")

	p.define(t, north, rawChannel, hotStore, straight("line", "raw", "hot"))
	_, err = p.reprocessings.Start(t.Context(), north, analytics.ReprocessingRequest{Pipeline: "line", Paths: []string{"channel/raw/2026-03-01"}})
	require.ErrorIs(t, err, analytics.ErrReprocessing, "the file is south's")
	mine, err := p.reprocessings.Start(t.Context(), north, analytics.ReprocessingRequest{Pipeline: "line"})
	require.NoError(t, err, "south's does not count")
	require.NoError(t, p.reprocessings.Sweep(t.Context(), north))
	require.Empty(t, p.lake.store(north, "hot"))
	ended, err := p.reprocessings.Get(t.Context(), north, "line", mine.ID)
	require.NoError(t, err)
	require.Zero(t, ended.Read)
	for _, id := range []tenant.ID{{}, tenant.Platform()} {
		_, err := p.reprocessings.Start(t.Context(), id, analytics.ReprocessingRequest{Pipeline: "line"})
		require.ErrorIs(t, err, tenant.ErrID)
		require.ErrorIs(t, p.reprocessings.Sweep(t.Context(), id), tenant.ErrID)
	}
}

// TestAttackEnvironment: a pipeline calls functions of its tenant, and enriches
// with its things, whatever names its messages hold; caches are apart.
func TestAttackEnvironment(t *testing.T) {
	t.Parallel()
	s := newSite()
	environments := analytics.NewEnvironments(func(o *analytics.EnvironmentsOptions) {
		o.Things, o.Shadows = s.registry(t), analytics.ThingShadowsFunc(shadowOf)
		o.Functions = functions{"fn": func(_ context.Context, id tenant.ID, _ []byte) ([]byte, error) {
			return fmt.Appendf(nil, `[{"function":%q}]`, id), nil
		}}
	})
	p := s.start(func(o *analytics.IngestOptions) { o.Environment = environments.Of })
	for _, id := range []tenant.ID{south, north, south, north} {
		p.define(t, id, rawChannel, hotStore, enriched, `{"datastoreName":"called"}`, lambdaLine("calls", "raw", "fn", "called"))
		require.NoError(t, p.Put(t.Context(), id, "raw", []analytics.Row{message("1", 0, `{"thing":"pump"}`), message("2", 1, `{"thing":"south:pump"}`)}))
		rows := p.lake.store(id, "hot")
		require.Len(t, rows, 2)
		require.Contains(t, rows[0], `"thingTypeName":"of-`+id.String()+`"`)
		require.Contains(t, rows[0], `"owner":"`+id.String()+`"`)
		require.JSONEq(t, `{"thing":"south:pump"}`, rows[1])
		require.Contains(t, p.lake.store(id, "called"), `{"function":"`+id.String()+`"}`)
	}
	for _, id := range []tenant.ID{{}, tenant.Platform()} {
		_, err := environments.Of(t.Context(), id)
		require.ErrorIs(t, err, tenant.ErrID)
	}
}

// TestAttackAnalyticsDataPlane: a request is of the tenant whose request it is.
func TestAttackAnalyticsDataPlane(t *testing.T) {
	t.Parallel()
	p := taken(t)
	p.define(t, south, `{"channelName":"second"}`)
	withContents := func(o *analytics.DataPlaneOptions) { o.Datasets = &contents{id: south, dataset: "daily"} }
	mine, foreign := p.dataPlane(t, north, withContents), p.dataPlane(t, south, withContents)
	_, _, answer := foreign.call(http.MethodGet, "/channels?maxResults=1", "")
	var listed struct{ NextToken string }
	require.NoError(t, json.Unmarshal([]byte(answer), &listed))
	require.NotEmpty(t, listed.NextToken)
	_, _, answer = foreign.call(http.MethodPost, "/pipelines/line/reprocessing", "")
	var started struct{ ReprocessingID string }
	require.NoError(t, json.Unmarshal([]byte(answer), &started))

	for _, target := range []string{
		"GET /channels/raw", "GET /channels/raw/sample", "GET /datastores/hot", "GET /pipelines/line", "GET /datasets/daily",
		"GET /datasets/daily/content", "GET /datasets/daily/contents", "POST /datasets/daily/content", "DELETE /datasets/daily/content",
		"PUT /channels/raw", "DELETE /channels/raw", "DELETE /pipelines/line", "POST /pipelines/line/reprocessing",
		"DELETE /pipelines/line/reprocessing/" + started.ReprocessingID, "GET /channels/..%2Fsouth%2Fraw",
	} {
		var method, path string
		_, err := fmt.Sscan(target, &method, &path)
		require.NoError(t, err)
		status, code, answer := mine.call(method, path, "")
		require.Equal(t, http.StatusNotFound, status, target)
		require.Equal(t, "ResourceNotFoundException", code, target)
		require.NotContains(t, answer, "secret")
	}
	status, _, _ := mine.call(http.MethodPost, "/messages/batch", `{"channelName":"raw","messages":[{"messageId":"a"}]}`)
	require.Equal(t, http.StatusNotFound, status)
	status, _, _ = mine.call(http.MethodGet, "/channels?nextToken="+listed.NextToken, "")
	require.Equal(t, http.StatusBadRequest, status, "a token of another tenant")
	require.Equal(t, []string{`{"secret":1}`}, p.lake.channel(south, "raw"))

	for _, id := range []tenant.ID{{}, tenant.Platform()} {
		status, code, _ := p.dataPlane(t, id).call(http.MethodGet, "/channels/raw", "")
		require.Equal(t, http.StatusForbidden, status)
		require.Equal(t, "AccessDeniedException", code)
	}
}
