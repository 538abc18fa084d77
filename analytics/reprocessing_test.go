package analytics_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

// archive puts n messages into the channel raw of a tenant, one an hour before
// noon, the last first; at first no pipeline reads it.
func (p *plant) archive(t tb, id tenant.ID, n int) {
	t.Helper()
	p.define(t, id, rawChannel, hotStore)
	var batch []analytics.Row
	for i := range n {
		batch = append(batch, analytics.Row{ID: fmt.Sprint(i), At: noon.Add(-time.Duration(i) * time.Hour), Payload: fmt.Appendf(nil, `{"i":%d}`, i)})
	}
	require.NoError(t, p.Put(t.Context(), id, "raw", batch))
}

// numbers returns the numbers in rows of archive, in order.
func numbers(payloads []string) (all []int) {
	for _, payload := range payloads {
		var i int
		_, _ = fmt.Sscanf(payload, `{"i":%d`, &i)
		all = append(all, i)
	}
	slices.Sort(all)
	return all
}

// upTo returns 0 to n-1.
func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func (p *plant) reprocessed(t tb, id tenant.ID, request analytics.ReprocessingRequest) analytics.Reprocessing {
	t.Helper()
	started, err := p.reprocessings.Start(t.Context(), id, request)
	require.NoError(t, err)
	require.NoError(t, p.reprocessings.Sweep(t.Context(), id))
	ended, err := p.reprocessings.Get(t.Context(), id, request.Pipeline, started.ID)
	require.NoError(t, err)
	return ended
}

func TestReprocessEverything(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.archive(t, north, 1200) // more than two pages
	p.define(t, north, straight("line", "raw", "hot"))
	ended := p.reprocessed(t, north, analytics.ReprocessingRequest{Pipeline: "LINE"})
	require.Equal(t, analytics.ReprocessingSucceeded, ended.Status)
	require.Equal(t, "line", ended.Pipeline)
	require.EqualValues(t, 1200, ended.Read)
	require.EqualValues(t, 1200, ended.Stored)
	require.Equal(t, upTo(1200), numbers(p.lake.store(north, "hot")))
	page, err := p.lake.Rows(t.Context(), north, analytics.TableID{Kind: analytics.DatastoreTable, Name: "hot"}, analytics.RowQuery{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, noon.Add(-1199*time.Hour), page.Items[0].At, "rows stay on the day of their messages")

	ended = p.reprocessed(t, north, analytics.ReprocessingRequest{Pipeline: "line"})
	require.Equal(t, analytics.ReprocessingSucceeded, ended.Status)
	require.Len(t, p.lake.store(north, "hot"), 2400, "as in the service, it is appended")
}

func TestReprocessATime(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.archive(t, north, 50)
	p.define(t, north, straight("line", "raw", "hot"))
	p.reprocessed(t, north, analytics.ReprocessingRequest{Pipeline: "line", From: noon.Add(-9 * time.Hour), To: noon.Add(-5 * time.Hour)})
	require.Equal(t, []int{6, 7, 8, 9}, numbers(p.lake.store(north, "hot")))
}

func TestReprocessFiles(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.archive(t, north, 50) // 13 of today, 24 of yesterday, 13 of the day before
	p.define(t, north, straight("line", "raw", "hot"))
	p.reprocessed(t, north, analytics.ReprocessingRequest{Pipeline: "line", Paths: []string{"channel/raw/2026-03-01", "channel/raw/2026-02-27"}})
	require.Equal(t, append(upTo(13), 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49), numbers(p.lake.store(north, "hot")))
}

func TestReprocessReplacesWholeDays(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel, hotStore, straight("line", "raw", "hot"))
	p.archive(t, north, 60) // 13 of today, 24 of yesterday, 23 of the day before
	p.define(t, north, strings.Replace(straight("line", "raw", "hot"), `"next":"d"}}`, `"next":"f"}},{"filter":{"name":"f","filter":"i % 2 = 0","next":"d"}}`, 1))
	started, err := p.reprocessings.Start(t.Context(), north, analytics.ReprocessingRequest{Pipeline: "line", Mode: analytics.ReprocessReplace})
	require.NoError(t, err)
	require.Equal(t, analytics.Span{From: time.Date(2026, 2, 27, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}, started.Days)
	require.Equal(t, upTo(60), numbers(p.lake.store(north, "hot")), "nothing changes before the end")
	require.NoError(t, p.reprocessings.Sweep(t.Context(), north))
	var want []int
	for i := range 60 {
		if i < 13 || i%2 == 0 {
			want = append(want, i)
		}
	}
	require.Equal(t, want, numbers(p.lake.store(north, "hot")))
	require.Equal(t, []string{"hot", "raw"}, p.lake.tableNames(north))

	yesterday := p.reprocessed(t, north, analytics.ReprocessingRequest{
		Pipeline: "line", Mode: analytics.ReprocessReplace, From: noon.Add(-20 * time.Hour), To: noon.Add(-19 * time.Hour),
	})
	require.Equal(t, analytics.ReprocessingSucceeded, yesterday.Status)
	require.EqualValues(t, 24, yesterday.Read, "times are those of whole days")
}

func TestReprocessingRefused(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.archive(t, north, 3)
	p.define(t, north, straight("line", "raw", "hot"), `{"datastoreName":"alone"}`, straight("lonely", "raw", "alone"))
	p.define(t, north, straight("second", "raw", "hot"))
	replace := analytics.ReprocessReplace
	for name, request := range map[string]analytics.ReprocessingRequest{
		"mode":           {Pipeline: "line", Mode: "other"},
		"end":            {Pipeline: "line", From: noon, To: noon},
		"time":           {Pipeline: "line", From: noon.AddDate(500, 0, 0)},
		"paths":          {Pipeline: "line", Paths: []string{"channel/raw/2020-01-01"}},
		"both":           {Pipeline: "line", Paths: []string{"channel/raw/2026-03-01"}, To: noon},
		"many":           {Pipeline: "line", Paths: make([]string, 101)},
		"replaced paths": {Pipeline: "lonely", Mode: replace, Paths: []string{"channel/raw/2026-03-01"}},
		"two writers":    {Pipeline: "line", Mode: replace},
		"no ended day":   {Pipeline: "lonely", Mode: replace},
	} {
		_, err := p.reprocessings.Start(t.Context(), north, request)
		require.ErrorIs(t, err, analytics.ErrReprocessing, name)
	}
	_, err := p.reprocessings.Start(t.Context(), north, analytics.ReprocessingRequest{Pipeline: "nosuch"})
	require.ErrorIs(t, err, analytics.ErrNoDefinition)
	_, err = p.reprocessings.Start(t.Context(), tenant.ID{}, analytics.ReprocessingRequest{Pipeline: "line"})
	require.ErrorIs(t, err, tenant.ErrID)
	require.ErrorIs(t, p.reprocessings.Sweep(t.Context(), tenant.ID{}), tenant.ErrID)
	require.ErrorIs(t, p.reprocessings.Run(t.Context()), iotenant.ErrInvalid)
	for _, name := range []string{"", "nosuch", "a\x00b"} {
		_, err = p.reprocessings.Get(t.Context(), north, "line", name)
		require.ErrorIs(t, err, analytics.ErrNoReprocessing)
		require.ErrorIs(t, p.reprocessings.Cancel(t.Context(), north, "line", name), analytics.ErrNoReprocessing)
	}

	_, err = p.reprocessings.Start(t.Context(), north, analytics.ReprocessingRequest{Pipeline: "line"})
	require.NoError(t, err)
	_, err = p.reprocessings.Start(t.Context(), north, analytics.ReprocessingRequest{Pipeline: "line"})
	require.ErrorIs(t, err, analytics.ErrReprocessingRuns)
	_, err = p.reprocessings.Start(t.Context(), north, analytics.ReprocessingRequest{Pipeline: "second"})
	require.NoError(t, err, "another pipeline may run")
}

func TestReprocessingsPerDay(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.archive(t, north, 1)
	p.define(t, north, straight("line", "raw", "hot"))
	p.reprocessings = p.reprocess(p.Ingest, func(o *analytics.ReprocessingsOptions) { o.PerDay = 2 })
	request := analytics.ReprocessingRequest{Pipeline: "line"}
	p.reprocessed(t, north, request)
	p.clock.advance(time.Hour)
	p.reprocessed(t, north, request)
	_, err := p.reprocessings.Start(t.Context(), north, request)
	require.ErrorIs(t, err, analytics.ErrQuota)
	p.clock.advance(23 * time.Hour)
	p.reprocessed(t, north, request)
	n := 0
	for r, err := range p.reprocessings.All(t.Context(), north, "Line") {
		require.NoError(t, err)
		require.Equal(t, analytics.ReprocessingSucceeded, r.Status)
		n++
	}
	require.Equal(t, 3, n)
}

func TestCancelReprocessing(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.archive(t, north, 1500)
	p.define(t, north, straight("line", "raw", "hot"))
	cancelled := func(mode analytics.ReprocessingMode) analytics.Reprocessing {
		started, err := p.reprocessings.Start(t.Context(), north, analytics.ReprocessingRequest{Pipeline: "line", Mode: mode})
		require.NoError(t, err)
		pages := 0
		p.lake.fail(func(operation string, _ analytics.TableID) fault {
			if operation == "Rows" {
				pages++
			}
			if pages == 2 {
				return fault{before: errFault}
			}
			return fault{}
		})
		require.ErrorIs(t, p.reprocessings.Sweep(t.Context(), north), errFault)
		p.lake.fail(nil)
		require.NoError(t, p.reprocessings.Cancel(t.Context(), north, "line", started.ID))
		require.NoError(t, p.reprocessings.Cancel(t.Context(), north, "line", started.ID), "again")
		require.NoError(t, p.reprocessings.Sweep(t.Context(), north))
		ended, err := p.reprocessings.Get(t.Context(), north, "line", started.ID)
		require.NoError(t, err)
		require.Equal(t, analytics.ReprocessingCancelled, ended.Status)
		return ended
	}
	cancelled(analytics.ReprocessReplace)
	require.Empty(t, p.lake.store(north, "hot"), "nothing was replaced")
	require.Equal(t, []string{"hot", "raw"}, p.lake.tableNames(north), "and nothing is left")
	cancelled(analytics.ReprocessAppend)
	require.Len(t, p.lake.store(north, "hot"), 500, "what was done stays")
}

func TestReprocessingFails(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.archive(t, north, 3)
	p.define(t, north, straight("line", "raw", "hot"))
	request := analytics.ReprocessingRequest{Pipeline: "line"}
	for err, text := range map[error]string{analytics.ErrCorrupt: "corrupt", tenant.ErrCursor: "cursor", analytics.ErrNoTable: "not found"} {
		p.lake.fail(func(operation string, _ analytics.TableID) fault {
			if operation == "Rows" {
				return fault{before: err}
			}
			return fault{}
		})
		ended := p.reprocessed(t, north, request)
		require.Equal(t, analytics.ReprocessingFailed, ended.Status)
		require.Contains(t, ended.Reason, text)
	}
	p.lake.fail(nil)
	require.Equal(t, analytics.ReprocessingSucceeded, p.reprocessed(t, north, request).Status)
}

// A function that fails on messages does not end it.
func TestReprocessingCountsFailures(t *testing.T) {
	t.Parallel()
	p := newSite().start(functions{"fn": func(context.Context, tenant.ID, []byte) ([]byte, error) { return nil, errFault }}.options)
	p.archive(t, north, 25)
	p.define(t, north, lambdaLine("line", "raw", "fn", "hot"))
	ended := p.reprocessed(t, north, analytics.ReprocessingRequest{Pipeline: "line"})
	require.Equal(t, analytics.ReprocessingSucceeded, ended.Status)
	require.EqualValues(t, 25, ended.Failed)
}

// It goes on with the definition that the pipeline had when it was started.
func TestReprocessingKeepsItsDefinition(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.archive(t, north, 3)
	p.define(t, north, straight("line", "raw", "hot"))
	_, err := p.reprocessings.Start(t.Context(), north, analytics.ReprocessingRequest{Pipeline: "line"})
	require.NoError(t, err)
	require.NoError(t, p.definitions.Delete(t.Context(), north, pipeline.ResourcePipeline, "line"))
	require.NoError(t, p.reprocessings.Sweep(t.Context(), north))
	require.Equal(t, upTo(3), numbers(p.lake.store(north, "hot")))
}

// Messages without id, which other writers of a lake may leave, are known by
// their place.
func TestReprocessingOfMessagesWithoutID(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.define(t, north, rawChannel, hotStore, straight("line", "raw", "hot"))
	same := analytics.Row{At: noon, Payload: []byte(`{"i":0}`)}
	named := analytics.Row{ID: "@0.0", At: noon, Payload: []byte(`{"i":1}`)}
	_, err := p.lake.Append(t.Context(), north, analytics.TableID{Kind: analytics.ChannelTable, Name: "raw"}, []analytics.Row{same, same, named})
	require.NoError(t, err)
	p.clock.advance(time.Second)
	p.reprocessed(t, north, analytics.ReprocessingRequest{Pipeline: "line"})
	require.Equal(t, []int{0, 0, 1}, numbers(p.lake.store(north, "hot")))
}

// One that a process works on is left alone until its lease ends.
func TestReprocessingOfAnotherProcess(t *testing.T) {
	t.Parallel()
	s := newSite()
	one, other := s.start(), s.start()
	one.archive(t, north, 600)
	one.define(t, north, straight("line", "raw", "hot"))
	started, err := one.reprocessings.Start(t.Context(), north, analytics.ReprocessingRequest{Pipeline: "line"})
	require.NoError(t, err)
	ctx, crash := context.WithCancel(t.Context())
	s.lake.fail(func(operation string, table analytics.TableID) fault {
		if operation == "Append" && table.Kind == analytics.DatastoreTable {
			crash()
		}
		return fault{}
	})
	require.ErrorIs(t, one.reprocessings.Sweep(ctx, north), context.Canceled)
	s.lake.fail(nil)
	require.NoError(t, other.reprocessings.Sweep(t.Context(), north))
	running, err := other.reprocessings.Get(t.Context(), north, "line", started.ID)
	require.NoError(t, err)
	require.Equal(t, analytics.ReprocessingRunning, running.Status)
	s.clock.advance(2 * time.Minute)
	require.NoError(t, other.reprocessings.Sweep(t.Context(), north))
	require.Equal(t, upTo(600), numbers(s.lake.store(north, "hot")), "nothing is there twice")
}

func TestSweepWorksForAWhile(t *testing.T) {
	t.Parallel()
	p := newSite().start()
	p.archive(t, north, 100)
	p.define(t, north, straight("line", "raw", "hot"), `{"datastoreName":"cold"}`, straight("other", "raw", "cold"))
	p.reprocessings = p.reprocess(p.Ingest, func(o *analytics.ReprocessingsOptions) { o.PageSize, o.SweepFor = 10, 30*time.Second })
	for _, name := range []string{"line", "other"} {
		_, err := p.reprocessings.Start(t.Context(), north, analytics.ReprocessingRequest{Pipeline: name})
		require.NoError(t, err)
	}
	p.lake.fail(func(operation string, _ analytics.TableID) fault {
		if operation == "Append" {
			p.clock.advance(time.Second)
		}
		return fault{}
	})
	sweeps := 0
	for len(p.lake.store(north, "hot")) < 100 || len(p.lake.store(north, "cold")) < 100 {
		require.NoError(t, p.reprocessings.Sweep(t.Context(), north))
		sweeps++
		require.Less(t, sweeps, 20)
		if sweeps == 1 {
			require.NotEmpty(t, p.lake.store(north, "hot"), "in turn")
			require.NotEmpty(t, p.lake.store(north, "cold"))
		}
	}
	require.Equal(t, upTo(100), numbers(p.lake.store(north, "hot")))
	require.Equal(t, upTo(100), numbers(p.lake.store(north, "cold")))
}

func tenantList(ids ...tenant.ID) func(context.Context) iter.Seq2[tenant.ID, error] {
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

func TestRunReprocessings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		p := s.start()
		for _, id := range []tenant.ID{north, south} {
			p.archive(t, id, 700)
			p.define(t, id, straight("line", "raw", "hot"))
		}
		p.reprocessings = p.reprocess(p.Ingest, func(o *analytics.ReprocessingsOptions) { o.Tenants, o.Workers = tenantList(north, south), 1 })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.reprocessings.Run(ctx) }()
		synctest.Wait()
		failures := 1
		s.lake.fail(func(operation string, _ analytics.TableID) fault {
			if operation == "Append" && failures > 0 {
				failures--
				return fault{after: errFault}
			}
			return fault{}
		})
		for _, id := range []tenant.ID{north, south} {
			_, err := p.reprocessings.Start(t.Context(), id, analytics.ReprocessingRequest{Pipeline: "line"})
			require.NoError(t, err)
		}
		time.Sleep(2*time.Minute + time.Second)
		synctest.Wait()
		cancel()
		require.NoError(t, <-ended)
		for _, id := range []tenant.ID{north, south} {
			require.Equal(t, upTo(700), numbers(s.lake.store(id, "hot")))
		}
	})
}

// A Run in the same process begins at once, also with what is started while it
// works for the tenant.
func TestRunIsToldOfStarts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite()
		p := s.start()
		p.archive(t, north, 700)
		p.define(t, north, straight("line", "raw", "hot"), straight("other", "raw", "hot"))
		p.reprocessings = p.reprocess(p.Ingest, func(o *analytics.ReprocessingsOptions) { o.Tenants = tenantList(north) })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.reprocessings.Run(ctx) }()
		synctest.Wait()
		began := time.Now()
		for _, name := range []string{"line", "other"} {
			started, err := p.reprocessings.Start(t.Context(), north, analytics.ReprocessingRequest{Pipeline: name})
			require.NoError(t, err)
			synctest.Wait()
			done, err := p.reprocessings.Get(t.Context(), north, name, started.ID)
			require.NoError(t, err)
			require.Equal(t, analytics.ReprocessingSucceeded, done.Status)
		}
		require.Zero(t, time.Since(began), "nobody waited for the next look")
		cancel()
		require.NoError(t, <-ended)
	})
}

// However often the process or what it stands on fails, and whatever answers are
// lost, in the end every message is in the data store once.
func TestPropertyReprocessingSurvives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		mode := rapid.SampledFrom([]analytics.ReprocessingMode{analytics.ReprocessAppend, analytics.ReprocessReplace}).Draw(t, "mode")
		n := rapid.IntRange(14, 60).Draw(t, "messages")
		s := newSite()
		p := s.start()
		p.archive(t, north, n)
		p.define(t, north, straight("line", "raw", "hot"))
		started, err := p.reprocessings.Start(t.Context(), north, analytics.ReprocessingRequest{Pipeline: "line", Mode: mode})
		require.NoError(t, err)
		faults := rapid.SliceOfN(rapid.IntRange(0, 7), 0, 40).Draw(t, "faults")
		next := func() (f fault) {
			if len(faults) == 0 {
				return fault{}
			}
			drawn := faults[0]
			faults = faults[1:]
			switch drawn {
			case 0:
				return fault{before: errFault}
			case 1:
				return fault{after: errFault}
			}
			return fault{}
		}
		s.lake.fail(func(string, analytics.TableID) fault { return next() })
		repository := tenanttest.Faulty(memtenant.NewRepository(s.store, &analytics.ReprocessingSchema), func(tenanttest.Call) tenanttest.Fault {
			f := next()
			return tenanttest.Fault{Before: f.before, After: f.after}
		})
		for range 50 { // processes
			reprocessings := analytics.NewReprocessings(repository, p.Ingest, func(o *analytics.ReprocessingsOptions) { o.PageSize, o.Now = 7, s.clock.Now })
			if err := reprocessings.Sweep(t.Context(), north); err != nil && !errors.Is(err, iotenant.ErrUnavailable) {
				t.Fatalf("%v", err)
			}
			s.clock.advance(3 * time.Minute)
		}
		ended, err := p.reprocessings.Get(t.Context(), north, "line", started.ID)
		require.NoError(t, err)
		require.Equal(t, analytics.ReprocessingSucceeded, ended.Status, ended.Reason)
		want := upTo(n)
		if mode == analytics.ReprocessReplace {
			want = want[13:] // those of today are not replaced, and were never stored
		}
		require.Equal(t, want, numbers(s.lake.store(north, "hot")))
		require.Equal(t, []string{"hot", "raw"}, s.lake.tableNames(north))
	})
}
