package analytics_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

const daily = `{"datasetName":"daily","actions":[{"actionName":"a","queryAction":{"sqlQuery":"SELECT * FROM hot"}}],
  "triggers":[{"schedule":{"expression":"rate(1 day)"}}]}`

func TestDefinitionsOfEachKind(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	for definition, want := range map[string]pipeline.Resource{rawChannel: pipeline.ResourceChannel, hotStore: pipeline.ResourceDatastore} {
		stored, err := p.definitions.Put(t.Context(), north, []byte(definition))
		require.NoError(t, err)
		require.Equal(t, want, stored.Kind)
		require.Equal(t, 1, stored.Version)
		require.Equal(t, noon, stored.CreatedAt)
	}
	p.define(t, north, hotLine, daily)
	require.Equal(t, []string{"hot", "raw"}, p.lake.tableNames(north), "channels and data stores are tables")

	again, err := p.definitions.Put(t.Context(), north, []byte(hotLine))
	require.NoError(t, err)
	require.Equal(t, 1, again.Version, "putting what is there changes nothing")

	p.clock.advance(time.Minute)
	changed, err := p.definitions.Put(t.Context(), north, []byte(strings.Replace(hotLine, "t > 90", "t > 80", 1)))
	require.NoError(t, err)
	require.Equal(t, 2, changed.Version)
	require.Equal(t, noon, changed.CreatedAt)
	require.Equal(t, noon.Add(time.Minute), changed.UpdatedAt)

	got, err := p.definitions.Get(t.Context(), north, pipeline.ResourcePipeline, "LINE")
	require.NoError(t, err)
	require.Equal(t, changed, got, "names differ in more than case, or not at all")

	dataset, err := p.definitions.Dataset(t.Context(), north, "Daily")
	require.NoError(t, err)
	require.Equal(t, "SELECT * FROM hot", dataset.SQL)
	require.Equal(t, noon, dataset.Created)
	n := 0
	for dataset, err := range p.definitions.Datasets(t.Context(), north) {
		require.NoError(t, err)
		require.Equal(t, "daily", dataset.Name)
		n++
	}
	require.Equal(t, 1, n)
}

func TestDefinitionsInTheFormsOfOtherTools(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north,
		`{"channel":{"name":"raw","status":"ACTIVE","arn":"a"}}`,
		`{"DatastoreName":"hot","RetentionPeriod":{"NumberOfDays":3}}`,
	)
	bare := `[{"Channel":{"Name":"c","ChannelName":"RAW","Next":"d"},"Datastore":{"Name":"d","DatastoreName":"Hot"}}]`
	_, err := p.definitions.Put(t.Context(), north, []byte(bare))
	require.ErrorIs(t, err, analytics.ErrDefinition)
	require.ErrorContains(t, err, "name")
	stored, err := p.definitions.Put(t.Context(), north, []byte(bare), func(o *analytics.DefineOptions) { o.Name = "line" })
	require.NoError(t, err)
	require.Equal(t, "line", stored.Name)
	require.NoError(t, p.Put(t.Context(), north, "raw", []analytics.Row{message("1", 0, `{"a":1}`)}))
	require.Equal(t, []string{`{"a":1}`}, p.lake.store(north, "hot"), "the name is kept beside the definition")

	_, err = p.definitions.Put(t.Context(), north, []byte(rawChannel), func(o *analytics.DefineOptions) { o.Name = "other" })
	require.ErrorIs(t, err, analytics.ErrDefinition)
}

func TestDefinitionsRefused(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel)
	for _, c := range []struct{ definition, text string }{
		{``, "not JSON"},
		{`{"a":1}`, "want the definition of"},
		{`{"channelName":"a-b"}`, "name: want"},
		{`{"channelName":"` + strings.Repeat("a", 129) + `"}`, "name: want"},
		{`{"channelName":"raw","retentionPeriod":{}}`, "want unlimited or numberOfDays"},
		{straight("p", "nosuch", "hot"), `there is no channel "nosuch"`},
		{straight("p", "raw", "hot"), `there is no datastore "hot"`},
		{`{"datasetName":"d","actions":[{"actionName":"a","queryAction":{"sqlQuery":"DELETE"}}]}`, "want a SELECT"},
	} {
		_, err := p.definitions.Put(t.Context(), north, []byte(c.definition))
		require.ErrorIs(t, err, analytics.ErrDefinition, c.definition)
		require.ErrorContains(t, err, c.text, c.definition)
		require.Equal(t, iotenant.ErrInvalid, iotenant.KindOf(err))
	}
	var findings *pipeline.DefinitionError
	_, err := p.definitions.Put(t.Context(), north, []byte(`{"channelName":1}`))
	require.ErrorAs(t, err, &findings)
	_, err = p.definitions.Put(t.Context(), north, []byte(rawChannel), func(o *analytics.DefineOptions) { o.New = true })
	require.ErrorIs(t, err, analytics.ErrDefined)
	for _, id := range []tenant.ID{{}, tenant.Platform()} {
		_, err := p.definitions.Put(t.Context(), id, []byte(rawChannel))
		require.ErrorIs(t, err, tenant.ErrID)
		_, err = p.definitions.Get(t.Context(), id, pipeline.ResourceChannel, "raw")
		require.ErrorIs(t, err, tenant.ErrID)
		require.ErrorIs(t, p.definitions.Delete(t.Context(), id, pipeline.ResourceChannel, "raw"), tenant.ErrID)
	}
	for _, name := range []string{"", "a/b", "nosuch", "__x"} {
		_, err := p.definitions.Get(t.Context(), north, pipeline.ResourceChannel, name)
		require.ErrorIs(t, err, analytics.ErrNoDefinition)
		require.ErrorIs(t, p.definitions.Delete(t.Context(), north, pipeline.ResourceChannel, name), analytics.ErrNoDefinition)
	}
}

func TestDefinitionsThatCannotChange(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, hotStore, `{"datastoreName":"hot","retentionPeriod":{"numberOfDays":9}}`)
	_, err := p.definitions.Put(t.Context(), north,
		[]byte(`{"datastoreName":"hot","datastorePartitions":{"partitions":[{"attributePartition":{"attributeName":"site"}}]}}`))
	require.ErrorIs(t, err, analytics.ErrTable)
	got, err := p.definitions.Get(t.Context(), north, pipeline.ResourceDatastore, "hot")
	require.NoError(t, err)
	require.Equal(t, 2, got.Version)
}

func TestDefinitionsList(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	for i := range 7 {
		p.define(t, north, fmt.Sprintf(`{"channelName":"C%d"}`, i), fmt.Sprintf(`{"datastoreName":"s%d"}`, i))
	}
	require.NoError(t, p.definitions.Delete(t.Context(), north, pipeline.ResourceChannel, "c3"))
	var names []string
	var cursor tenant.Cursor
	for {
		page, err := p.definitions.List(t.Context(), north, pipeline.ResourceChannel, 2, cursor)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Items), 2)
		for _, d := range page.Items {
			names = append(names, d.Name)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	require.Equal(t, []string{"C0", "C1", "C2", "C4", "C5", "C6"}, names)
	_, err := p.definitions.List(t.Context(), north, pipeline.ResourceChannel, 0, "forged")
	require.ErrorIs(t, err, tenant.ErrCursor)
}

func TestDefinitionsQuotas(t *testing.T) {
	t.Parallel()
	s := newSite()
	definitions := analytics.NewDefinitions(memtenant.NewRepository(s.store, &analytics.DefinitionSchema), s.lake,
		func(o *analytics.DefinitionsOptions) { o.Quotas = analytics.Quotas{Channels: 2, Datastores: -1} })
	put := func(definition string) error {
		_, err := definitions.Put(t.Context(), north, []byte(definition))
		return err
	}
	require.NoError(t, put(`{"channelName":"a"}`))
	require.NoError(t, put(`{"channelName":"b"}`))
	require.ErrorIs(t, put(`{"channelName":"c"}`), analytics.ErrQuota)
	require.NotContains(t, s.lake.tableNames(north), "c")
	require.NoError(t, put(`{"channelName":"B","retentionPeriod":{"numberOfDays":1}}`), "what is there can be changed")
	for i := range 30 {
		require.NoError(t, put(fmt.Sprintf(`{"datastoreName":"s%d"}`, i)))
	}
	require.NoError(t, definitions.Delete(t.Context(), north, pipeline.ResourceChannel, "a"))
	require.NoError(t, put(`{"channelName":"c"}`))
	require.ErrorIs(t, put(`{"channelName":"a"}`), analytics.ErrQuota)
	_, err := definitions.Put(t.Context(), south, []byte(`{"channelName":"a"}`))
	require.NoError(t, err, "another tenant has its own")
}

func TestDefinitionsDelete(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel, hotStore, hotLine)
	require.ErrorIs(t, p.definitions.Delete(t.Context(), north, pipeline.ResourceChannel, "RAW"), analytics.ErrInUse)
	require.ErrorIs(t, p.definitions.Delete(t.Context(), north, pipeline.ResourceDatastore, "hot"), analytics.ErrInUse)
	require.NoError(t, p.Put(t.Context(), north, "raw", []analytics.Row{message("1", 0, `{"t":100}`)}))

	require.NoError(t, p.definitions.Delete(t.Context(), north, pipeline.ResourcePipeline, "line"))
	require.NoError(t, p.definitions.Delete(t.Context(), north, pipeline.ResourceChannel, "raw"))
	require.ErrorIs(t, p.Put(t.Context(), north, "raw", []analytics.Row{message("2", 0, `{}`)}), analytics.ErrNoTable)
	require.Len(t, p.lake.channel(north, "raw"), 1, "data is deleted when it is asked for only")
	p.define(t, north, rawChannel)
	require.Len(t, p.lake.channel(north, "raw"), 1)
	stored, err := p.definitions.Get(t.Context(), north, pipeline.ResourceChannel, "raw")
	require.NoError(t, err)
	require.Equal(t, 3, stored.Version)

	data := func(o *analytics.DeleteOptions) { o.Data = true }
	require.NoError(t, p.definitions.Delete(t.Context(), north, pipeline.ResourceChannel, "raw", data))
	require.Equal(t, []string{"hot"}, p.lake.tableNames(north))
	require.NoError(t, p.definitions.Delete(t.Context(), north, pipeline.ResourceChannel, "raw", data), "it may be repeated")
}

func TestDefinitionsDeleteThings(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	pump, valve := device.MustParseID("pump"), device.MustParseID("valve")
	for _, id := range []tenant.ID{north, south} {
		p.define(t, id, rawChannel, hotStore, hotLine)
		for i, thing := range []device.ID{pump, valve, {}} {
			row := message(strconv.Itoa(i), i, `{"t":100}`)
			row.Thing = thing
			require.NoError(t, p.Put(t.Context(), id, "raw", []analytics.Row{row}))
		}
	}
	require.NoError(t, p.definitions.Delete(t.Context(), north, pipeline.ResourcePipeline, "line"))
	require.NoError(t, p.definitions.Delete(t.Context(), north, pipeline.ResourceDatastore, "hot"))
	p.lake.fail(func(operation string, table analytics.TableID) fault {
		if operation == "Delete" && table.Name == "hot" {
			return fault{before: errFault}
		}
		return fault{}
	})
	require.ErrorIs(t, p.definitions.DeleteThings(t.Context(), north, pump), errFault)
	p.lake.fail(nil)
	require.NoError(t, p.definitions.DeleteThings(t.Context(), north, pump))
	require.Len(t, p.lake.channel(north, "raw"), 2)
	require.Len(t, p.lake.store(north, "hot"), 2, "what is left of a data store without definition")
	require.Len(t, p.lake.channel(south, "raw"), 3, "another tenant's pump")
	require.Len(t, p.lake.store(south, "hot"), 3)

	require.NoError(t, p.definitions.Delete(t.Context(), north, pipeline.ResourceChannel, "raw", func(o *analytics.DeleteOptions) { o.Data = true }))
	require.NoError(t, p.definitions.DeleteThings(t.Context(), north, pump, valve), "there is no table any more")
	require.Len(t, p.lake.store(north, "hot"), 1)
	require.ErrorIs(t, p.definitions.DeleteThings(t.Context(), north), analytics.ErrQuery)
	require.ErrorIs(t, p.definitions.DeleteThings(t.Context(), tenant.ID{}, pump), tenant.ErrID)
}

// What was to be deleted does not come back, whenever the lake fails.
func TestDefinitionsDeleteDataThatFails(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel)
	require.NoError(t, p.Put(t.Context(), north, "raw", []analytics.Row{message("1", 0, `{"t":100}`)}))
	p.lake.fail(func(operation string, _ analytics.TableID) fault {
		if operation == "Delete" {
			return fault{before: errFault}
		}
		return fault{}
	})
	err := p.definitions.Delete(t.Context(), north, pipeline.ResourceChannel, "raw", func(o *analytics.DeleteOptions) { o.Data = true })
	require.ErrorIs(t, err, errFault)
	_, err = p.definitions.Put(t.Context(), north, []byte(rawChannel))
	require.ErrorIs(t, err, errFault)
	p.lake.fail(nil)
	p.define(t, north, rawChannel)
	require.Empty(t, p.lake.channel(north, "raw"))
}

func TestDefinitionsPutAtTheSameTime(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel)
	versions := make([]int, 10)
	var group sync.WaitGroup
	for i := range versions {
		group.Go(func() {
			stored, err := p.definitions.Put(t.Context(), north, fmt.Appendf(nil, `{"channelName":"raw","retentionPeriod":{"numberOfDays":%d}}`, i+1))
			if err == nil {
				versions[i] = stored.Version
			}
		})
	}
	group.Wait()
	require.ElementsMatch(t, []int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, versions)
}

// Another process follows within RefreshAfter, and at once to a channel that it
// does not know.
func TestDefinitionsOfAnotherProcess(t *testing.T) {
	t.Parallel()
	s := newSite()
	one, other := s.start(), s.start()
	require.ErrorIs(t, other.Put(t.Context(), north, "raw", []analytics.Row{message("1", 0, `{}`)}), analytics.ErrNoTable)
	one.define(t, north, rawChannel, hotStore, hotLine)
	s.clock.advance(time.Second)
	require.NoError(t, other.Put(t.Context(), north, "raw", []analytics.Row{message("1", 0, `{"t":95}`)}))

	one.define(t, north, strings.Replace(hotLine, "t > 90", "t > 99", 1))
	require.NoError(t, other.Put(t.Context(), north, "raw", []analytics.Row{message("2", 0, `{"t":95}`)}))
	s.clock.advance(5 * time.Second)
	require.NoError(t, other.Put(t.Context(), north, "raw", []analytics.Row{message("3", 0, `{"t":95}`)}))
	require.Len(t, s.lake.store(north, "hot"), 2)
	require.NoError(t, one.Put(t.Context(), north, "raw", []analytics.Row{message("4", 0, `{"t":95}`)}))
	require.Len(t, s.lake.store(north, "hot"), 2, "the process that put it needs no time")
}

func TestDefinitionsWhenTheRepositoryFails(t *testing.T) {
	t.Parallel()
	for _, operation := range []tenanttest.Operation{tenanttest.OpGet, tenanttest.OpPut} {
		s := newSite()
		repository := tenanttest.Faulty(memtenant.NewRepository(s.store, &analytics.DefinitionSchema),
			tenanttest.Script(operation, tenanttest.Fault{Before: tenanttest.ErrFault}))
		definitions := analytics.NewDefinitions(repository, s.lake)
		_, err := definitions.Put(t.Context(), north, []byte(rawChannel))
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		_, err = definitions.Put(t.Context(), north, []byte(rawChannel))
		require.NoError(t, err)
	}
	s := newSite()
	s.start().define(t, north, rawChannel)
	repository := tenanttest.Faulty(memtenant.NewRepository(s.store, &analytics.DefinitionSchema),
		tenanttest.Script(tenanttest.OpQuery, tenanttest.Fault{Before: tenanttest.ErrFault}))
	ingest := analytics.NewIngest(analytics.NewDefinitions(repository, s.lake), s.lake)
	err := ingest.Put(t.Context(), north, "raw", []analytics.Row{message("1", 0, `{}`)})
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	require.NoError(t, ingest.Put(t.Context(), north, "raw", []analytics.Row{message("1", 0, `{}`)}))
}
