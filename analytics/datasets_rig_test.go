package analytics_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

// at is a time on the day of these tests.
func at(clock string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05", "2026-01-10 "+clock)
	if err != nil {
		panic(err)
	}
	return t
}

// handClock is a clock that is set by hand.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// storedRow is a row of the table "s" of an engine.
type storedRow struct {
	at   time.Time
	text string
}

// tableEngine is an engine whose tenants have one data store, s, with rows. It
// knows SELECT * FROM s and counts; other statements are wrong.
type tableEngine struct {
	mu   sync.Mutex
	rows map[tenant.ID][]storedRow
	// before is asked before each statement that is no count.
	before     func(ctx context.Context, id tenant.ID, statement analytics.Statement) error
	statements []analytics.Statement
	working    int
	most       int // statements at the same time
}

func (e *tableEngine) put(id tenant.ID, rows ...storedRow) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rows == nil {
		e.rows = map[tenant.ID][]storedRow{}
	}
	e.rows[id] = append(e.rows[id], rows...)
}

// Snapshot makes the engine tell of changes.
func (e *tableEngine) Snapshot(_ context.Context, id tenant.ID, table analytics.TableID) (analytics.Snapshot, error) {
	if table != (analytics.TableID{Kind: analytics.DatastoreTable, Name: "s"}) {
		return analytics.Snapshot{}, analytics.ErrNoTable
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return analytics.Snapshot{Version: uint64(len(e.rows[id]))}, nil
}

func (e *tableEngine) Query(ctx context.Context, id tenant.ID, statement analytics.Statement) (*analytics.Result, error) {
	e.mu.Lock()
	e.working++
	e.most = max(e.most, e.working)
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.working--
	}()
	counting := strings.HasPrefix(statement.SQL, "SELECT count(*)")
	if e.before != nil && !counting {
		if err := e.before(ctx, id, statement); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	var texts []string
	for _, row := range e.rows[id] {
		delta := statement.Delta
		if delta == nil || !row.at.Before(delta.From) && row.at.Before(delta.To) {
			texts = append(texts, row.text)
		}
	}
	switch {
	case counting:
		texts = []string{fmt.Sprint(len(texts))}
	case statement.SQL != "SELECT * FROM s":
		return nil, fmt.Errorf("%w: line 1: what?", analytics.ErrSQL)
	default:
		e.statements = append(e.statements, statement)
	}
	return &analytics.Result{Columns: []analytics.ResultColumn{{Name: "what", Type: "varchar"}}, Rows: rowsOf(texts), Close: func() error { return nil }}, nil
}

func rowsOf(texts []string) iter.Seq2[[]analytics.Field, error] {
	return func(yield func([]analytics.Field, error) bool) {
		for _, text := range texts {
			if !yield([]analytics.Field{{Text: text}}, nil) {
				return
			}
		}
	}
}

// definedDatasets are definitions in memory.
type definedDatasets struct {
	mu  sync.Mutex
	all map[tenant.ID][]analytics.DatasetDefinition
}

func (d *definedDatasets) put(id tenant.ID, definition string, at time.Time) {
	dataset, err := pipeline.LoadDataset([]byte(definition))
	if err != nil {
		panic(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	next := analytics.DatasetDefinition{Dataset: *dataset, Created: at, Updated: at}
	if i := slices.IndexFunc(d.all[id], func(other analytics.DatasetDefinition) bool { return other.Name == next.Name }); i >= 0 {
		next.Created = d.all[id][i].Created
		d.all[id][i] = next
		return
	}
	if d.all == nil {
		d.all = map[tenant.ID][]analytics.DatasetDefinition{}
	}
	d.all[id] = append(d.all[id], next)
}

func (d *definedDatasets) delete(id tenant.ID, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all[id] = slices.DeleteFunc(d.all[id], func(other analytics.DatasetDefinition) bool { return other.Name == name })
}

func (d *definedDatasets) Dataset(_ context.Context, id tenant.ID, name string) (analytics.DatasetDefinition, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, definition := range d.all[id] {
		if strings.EqualFold(definition.Name, name) {
			return definition, nil
		}
	}
	return analytics.DatasetDefinition{}, analytics.ErrNoDefinition
}

func (d *definedDatasets) Datasets(_ context.Context, id tenant.ID) iter.Seq2[analytics.DatasetDefinition, error] {
	d.mu.Lock()
	all := slices.Clone(d.all[id])
	d.mu.Unlock()
	return func(yield func(analytics.DatasetDefinition, error) bool) {
		for _, definition := range all {
			if !yield(definition, nil) {
				return
			}
		}
	}
}

// mill is what outlives a process that makes contents, and what it uses.
type mill struct {
	clock       *handClock
	store       *memtenant.Store
	objects     *memanalytics.Objects
	engine      *tableEngine
	definitions *definedDatasets
}

func newMill(clock string) *mill {
	p := &mill{clock: &handClock{now: at(clock)}, engine: &tableEngine{}, definitions: &definedDatasets{}}
	p.store = memtenant.New(tenant.RandomCursorKeys(), func(o *memtenant.Options) { o.Now = p.clock.Now })
	p.objects = memanalytics.NewObjects(func(o *memanalytics.ObjectsOptions) {
		o.Now = p.clock.Now
		o.Link = func(id tenant.ID, name string, valid time.Duration) (string, error) {
			return "https://" + id.String() + ".example/" + name + "?valid=" + valid.String(), nil
		}
	})
	return p
}

// millFaults are those of the parts of a process.
type millFaults struct {
	contents, states func(tenanttest.Call) tenanttest.Fault
	objects          analytics.Objects
	engine           analytics.Engine
}

func (p *mill) start(optFns ...func(*analytics.DatasetsOptions)) *analytics.Datasets {
	return p.startFaulty(millFaults{}, optFns...)
}

func (p *mill) startFaulty(f millFaults, optFns ...func(*analytics.DatasetsOptions)) *analytics.Datasets {
	contents := tenant.Repository[analytics.Content](memtenant.NewRepository(p.store, &analytics.ContentSchema))
	states := tenant.Repository[analytics.DatasetState](memtenant.NewRepository(p.store, &analytics.DatasetStateSchema))
	if f.contents != nil {
		contents = tenanttest.Faulty(contents, f.contents)
	}
	if f.states != nil {
		states = tenanttest.Faulty(states, f.states)
	}
	if f.objects == nil {
		f.objects = p.objects
	}
	if f.engine == nil {
		f.engine = p.engine
	}
	optFns = append([]func(*analytics.DatasetsOptions){func(o *analytics.DatasetsOptions) { o.Now = p.clock.Now }}, optFns...)
	return analytics.NewDatasets(p.definitions, contents, states, f.objects, f.engine, optFns...)
}

// sweepAt sweeps north at a time.
func (p *mill) sweepAt(t tb, d *analytics.Datasets, clock string) {
	t.Helper()
	p.clock.Set(at(clock))
	require.NoError(t, d.Sweep(t.Context(), north))
}

// listed returns all contents of a data set of north, the oldest first.
func listed(t tb, d *analytics.Datasets, dataset string) []analytics.Content {
	t.Helper()
	page, err := d.Contents(t.Context(), north, dataset, analytics.ContentQuery{Limit: tenant.MaxLimit})
	require.NoError(t, err)
	require.Empty(t, page.Next)
	slices.Reverse(page.Items)
	return page.Items
}

// resultOf returns the CSV of a content.
func resultOf(t tb, d *analytics.Datasets, id tenant.ID, dataset, version string) string {
	t.Helper()
	object, err := d.Open(t.Context(), id, dataset, version, "")
	require.NoError(t, err)
	defer object.Close()
	text, err := io.ReadAll(io.NewSectionReader(object, 0, object.Size()))
	require.NoError(t, err)
	return string(text)
}

// define is the definition of a data set over the table s.
func define(name, rest string) string {
	return `{"datasetName":"` + name + `","actions":[{"actionName":"a","queryAction":{"sqlQuery":"SELECT * FROM s"}}]` + rest + `}`
}

// defineDelta is one with windows, whose offset is three minutes.
func defineDelta(name, rest string) string {
	return `{"datasetName":"` + name + `","actions":[{"actionName":"a","queryAction":{"sqlQuery":"SELECT * FROM s",
		"filters":[{"deltaTime":{"offsetSeconds":-180,"timeExpression":"t"}}]}}]` + rest + `}`
}

const quarterly = `,"triggers":[{"schedule":{"expression":"cron(0/15 * * * ? *)"}}],"versioningConfiguration":{"unlimited":true}`

// window is a window as text.
func window(c *analytics.Content) string {
	from := "…"
	if !c.From.IsZero() {
		from = c.From.Format("15:04:05")
	}
	return from + " " + c.To.Format("15:04:05")
}

var errDown = fmt.Errorf("the worker at /var/run/worker-7 of south is down: %w", iotenant.ErrUnavailable)

// mustBe is require.ErrorIs for goroutines that are not the test's.
func mustBe(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
}
