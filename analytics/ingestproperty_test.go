package analytics_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

// weather decides which calls of objects fail, from a list.
type weather struct {
	mu     sync.Mutex
	faults []int
}

func (w *weather) decide(analyticstest.Call) analyticstest.Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.faults) == 0 {
		return analyticstest.Fault{}
	}
	drawn := w.faults[0]
	w.faults = w.faults[1:]
	switch drawn {
	case 0:
		return analyticstest.Fault{Before: analyticstest.ErrFault}
	case 1:
		return analyticstest.Fault{After: analyticstest.ErrFault}
	}
	return analyticstest.Fault{}
}

// payloadsOf returns the payloads of a table of a lake.
func payloadsOf(t tb, lake analytics.Lake, id tenant.ID, kind analytics.TableKind, name string) (payloads []string) {
	t.Helper()
	query := analytics.RowQuery{Limit: 100}
	for {
		page, err := lake.Rows(t.Context(), id, analytics.TableID{Kind: kind, Name: name}, query)
		require.NoError(t, err)
		for i := range page.Items {
			payloads = append(payloads, string(page.Items[i].Payload))
		}
		if query.Cursor = page.Next; query.Cursor == "" {
			return payloads
		}
	}
}

// Whatever fails between the messages and the files, and whoever sends what
// again: what was acknowledged is there, and everything that is there is there
// once.
func TestPropertyPutIsExactlyOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newSite()
		objects := memanalytics.NewObjects()
		w := &weather{}
		var plants []*analytics.Ingest
		for range 2 { // processes
			lake := lakeanalytics.New(analyticstest.FaultyObjects(objects, w.decide), tenant.RandomCursorKeys(), func(o *lakeanalytics.Options) { o.Now = s.clock.Now })
			definitions := analytics.NewDefinitions(memtenant.NewRepository(s.store, &analytics.DefinitionSchema), lake)
			for _, definition := range []string{rawChannel, hotStore, `{"datastoreName":"all"}`, hotLine, straight("one", "raw", "all"), straight("two", "raw", "all")} {
				_, err := definitions.Put(t.Context(), north, []byte(definition))
				require.NoError(t, err)
			}
			plants = append(plants, analytics.NewIngest(definitions, lake, functions{"fn": echo}.options))
		}
		w.mu.Lock()
		w.faults = rapid.SliceOfN(rapid.IntRange(0, 5), 0, 60).Draw(t, "faults")
		w.mu.Unlock()
		acknowledged := map[int]bool{}
		for range rapid.IntRange(1, 8).Draw(t, "puts") {
			ids := rapid.SliceOfNDistinct(rapid.IntRange(0, 20), 1, 8, rapid.ID).Draw(t, "ids")
			var batch []analytics.Row
			for _, i := range ids {
				batch = append(batch, message(fmt.Sprint(i), i, fmt.Sprintf(`{"i":%d,"t":%d}`, i, 80+i)))
			}
			err := plants[rapid.IntRange(0, 1).Draw(t, "process")].Put(t.Context(), north, "raw", batch)
			if err != nil {
				require.ErrorIs(t, err, iotenant.ErrUnavailable)
				continue
			}
			for _, i := range ids {
				acknowledged[i] = true
			}
		}
		w.mu.Lock()
		w.faults = nil
		w.mu.Unlock()
		lake := lakeanalytics.New(objects, tenant.RandomCursorKeys())
		raw := numbers(payloadsOf(t, lake, north, analytics.ChannelTable, "raw"))
		hot := numbers(payloadsOf(t, lake, north, analytics.DatastoreTable, "hot"))
		all := numbers(payloadsOf(t, lake, north, analytics.DatastoreTable, "all"))
		require.Len(t, slices.Compact(slices.Clone(raw)), len(raw), "raw messages")
		require.Len(t, slices.Compact(slices.Clone(hot)), len(hot), "of one pipeline")
		for _, i := range all {
			require.LessOrEqual(t, len(slices.DeleteFunc(slices.Clone(all), func(n int) bool { return n != i })), 2)
		}
		for i := range acknowledged {
			require.Contains(t, raw, i)
			require.Equal(t, i > 10, slices.Contains(hot, i))
			require.Len(t, slices.DeleteFunc(slices.Clone(all), func(n int) bool { return n != i }), 2, "of two pipelines: %d in %v", i, all)
		}
	})
}

// The same holds for what is processed again: over files that fail, by processes
// that take over from each other, every message is in the data store once.
func TestPropertyReprocessingOverFiles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		mode := rapid.SampledFrom([]analytics.ReprocessingMode{analytics.ReprocessAppend, analytics.ReprocessReplace}).Draw(t, "mode")
		s, objects, keys, w := newSite(), memanalytics.NewObjects(), tenant.RandomCursorKeys(), &weather{}
		process := func() (*analytics.Ingest, *analytics.Definitions, *analytics.Reprocessings) {
			lake := lakeanalytics.New(analyticstest.FaultyObjects(objects, w.decide), keys, func(o *lakeanalytics.Options) { o.Now = s.clock.Now })
			definitions := analytics.NewDefinitions(memtenant.NewRepository(s.store, &analytics.DefinitionSchema), lake)
			ingest := analytics.NewIngest(definitions, lake)
			return ingest, definitions, s.reprocess(ingest, func(o *analytics.ReprocessingsOptions) { o.PageSize = 7 })
		}
		ingest, definitions, reprocessings := process()
		for _, definition := range []string{rawChannel, hotStore} {
			_, err := definitions.Put(t.Context(), north, []byte(definition))
			require.NoError(t, err)
		}
		var batch []analytics.Row
		for i := range 30 {
			batch = append(batch, analytics.Row{ID: fmt.Sprint(i), At: noon.AddDate(0, 0, -1).Add(-time.Duration(i) * time.Hour), Payload: fmt.Appendf(nil, `{"i":%d}`, i)})
		}
		require.NoError(t, ingest.Put(t.Context(), north, "raw", batch))
		_, err := definitions.Put(t.Context(), north, []byte(straight("line", "raw", "hot")))
		require.NoError(t, err)
		started, err := reprocessings.Start(t.Context(), north, analytics.ReprocessingRequest{Pipeline: "line", Mode: mode})
		require.NoError(t, err)
		w.mu.Lock()
		w.faults = rapid.SliceOfN(rapid.IntRange(0, 9), 0, 60).Draw(t, "faults")
		w.mu.Unlock()
		ended := started
		for round := 0; ended.Status == analytics.ReprocessingRunning; round++ {
			require.Less(t, round, 100)
			_, _, other := process()
			if err := other.Sweep(t.Context(), north); err != nil {
				require.ErrorIs(t, err, iotenant.ErrUnavailable)
			}
			s.clock.advance(3 * time.Minute)
			ended, err = reprocessings.Get(t.Context(), north, "line", started.ID)
			require.NoError(t, err)
		}
		require.Equal(t, analytics.ReprocessingSucceeded, ended.Status, ended.Reason)
		lake := lakeanalytics.New(objects, keys)
		require.Equal(t, upTo(30), numbers(payloadsOf(t, lake, north, analytics.DatastoreTable, "hot")))
	})
}
