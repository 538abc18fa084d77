package analytics_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

var (
	north = tenant.MustParseID("north")
	south = tenant.MustParseID("south")
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// Definitions that most tests use: hot messages of a channel get a member, all
// others are dropped.
const (
	rawChannel = `{"channelName":"raw"}`
	hotStore   = `{"datastoreName":"hot"}`
	hotLine    = `{"pipelineName":"line","pipelineActivities":[
	  {"channel":{"name":"c","channelName":"raw","next":"f"}},
	  {"filter":{"name":"f","filter":"t > 90","next":"m"}},
	  {"math":{"name":"m","attribute":"f","math":"t * 1.8 + 32","next":"d"}},
	  {"datastore":{"name":"d","datastoreName":"hot"}}]}`
)

// line returns the definition of a pipeline with a lambda activity.
func lambdaLine(name, channel, function, datastore string) string {
	return fmt.Sprintf(`{"pipelineName":%q,"pipelineActivities":[{"channel":{"name":"c","channelName":%q,"next":"l"}},
	  {"lambda":{"name":"l","lambdaName":%q,"batchSize":10,"next":"d"}},{"datastore":{"name":"d","datastoreName":%q}}]}`,
		name, channel, function, datastore)
}

// straight returns the definition of a pipeline that stores what comes.
func straight(name, channel, datastore string) string {
	return fmt.Sprintf(`{"pipelineName":%q,"pipelineActivities":[{"channel":{"name":"c","channelName":%q,"next":"d"}},
	  {"datastore":{"name":"d","datastoreName":%q}}]}`, name, channel, datastore)
}

// clock is set by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// site is what outlives a process: repositories and a lake.
type site struct {
	clock *clock
	store *memtenant.Store
	lake  *fakeLake
}

func newSite() *site {
	s := &site{clock: &clock{now: noon}, lake: newFakeLake()}
	s.store = memtenant.New(tenant.RandomCursorKeys(), func(o *memtenant.Options) { o.Now = s.clock.Now })
	return s
}

// plant is a process at a site.
type plant struct {
	*analytics.Ingest
	*site
	definitions   *analytics.Definitions
	reprocessings *analytics.Reprocessings
}

func (s *site) start(optFns ...func(*analytics.IngestOptions)) *plant {
	definitions := analytics.NewDefinitions(memtenant.NewRepository(s.store, &analytics.DefinitionSchema), s.lake,
		func(o *analytics.DefinitionsOptions) { o.Now = s.clock.Now })
	optFns = append([]func(*analytics.IngestOptions){func(o *analytics.IngestOptions) { o.Now = s.clock.Now }}, optFns...)
	ingest := analytics.NewIngest(definitions, s.lake, optFns...)
	return &plant{Ingest: ingest, site: s, definitions: definitions, reprocessings: s.reprocess(ingest)}
}

func (s *site) reprocess(ingest *analytics.Ingest, optFns ...func(*analytics.ReprocessingsOptions)) *analytics.Reprocessings {
	optFns = append([]func(*analytics.ReprocessingsOptions){func(o *analytics.ReprocessingsOptions) { o.Now = s.clock.Now }}, optFns...)
	return analytics.NewReprocessings(memtenant.NewRepository(s.store, &analytics.ReprocessingSchema), ingest, optFns...)
}

// tb is what testing and rapid have in common.
type tb interface {
	require.TestingT
	Helper()
	Context() context.Context
}

func (p *plant) define(t tb, id tenant.ID, definitions ...string) {
	t.Helper()
	for _, definition := range definitions {
		_, err := p.definitions.Put(t.Context(), id, []byte(definition))
		require.NoError(t, err, definition)
	}
}

// message is a message at noon and some seconds.
func message(id string, second int, payload string) analytics.Row {
	return analytics.Row{ID: id, At: noon.Add(time.Duration(second) * time.Second), Payload: []byte(payload)}
}

// functions are those of all tenants, by name.
type functions map[string]func(ctx context.Context, id tenant.ID, event []byte) ([]byte, error)

func (f functions) Invoke(ctx context.Context, id tenant.ID, name string, event []byte) ([]byte, error) {
	return f[name](ctx, id, event)
}

func (f functions) options(o *analytics.IngestOptions) {
	o.Environment = analytics.NewEnvironments(func(o *analytics.EnvironmentsOptions) { o.Functions = f }).Of
}

func echo(_ context.Context, _ tenant.ID, event []byte) ([]byte, error) { return event, nil }
