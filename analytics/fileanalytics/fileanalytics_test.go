package fileanalytics_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disktest"
	"github.com/iotenant/iotenant/tenant"
)

func open(t *testing.T) analytics.Store { return openIn(t, t.TempDir()) }

func openIn(t *testing.T, dir string, optFns ...func(*fileanalytics.Options)) *fileanalytics.Store {
	t.Helper()
	store, err := fileanalytics.Open(dir, tenant.RandomCursorKeys(), optFns...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

func TestStore(t *testing.T) {
	t.Parallel()
	analyticstest.TestStore(t, open)
}

// settled moves all messages to segments after the first appends and then after
// every tenth, so that queries meet messages in segments and in memory.
type settled struct {
	*fileanalytics.Store
	appends atomic.Int64
}

func (s *settled) Append(ctx context.Context, id tenant.ID, messages []analytics.Message) ([]analytics.Outcome, error) {
	outcomes, err := s.Store.Append(ctx, id, messages)
	if n := s.appends.Add(1); err == nil && (n < 5 || n%10 == 0) {
		err = s.Checkpoint(ctx)
	}
	return outcomes, err
}

func openSettled(t *testing.T) analytics.Store { return &settled{Store: openIn(t, t.TempDir())} }

func TestStoreOfSegments(t *testing.T) {
	t.Parallel()
	analyticstest.TestStore(t, openSettled)
}

func TestStoreModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		analyticstest.TestStoreModel(t, openSettled, seed, 150)
	}
}

// reopened closes and opens the store again after every few appends.
type reopened struct {
	analytics.Store
	appends int
	again   func() analytics.Store
}

func (r *reopened) Append(ctx context.Context, id tenant.ID, messages []analytics.Message) ([]analytics.Outcome, error) {
	if r.appends++; r.appends%7 == 0 {
		r.Store = r.again()
	}
	return r.Store.Append(ctx, id, messages)
}

func TestStoreModelWithRestarts(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		analyticstest.TestStoreModel(t, func(t *testing.T) analytics.Store {
			memory, random := disktest.New(), rand.New(rand.NewPCG(seed, seed))
			store, err := openOn(memory)
			require.NoError(t, err)
			return &reopened{Store: store, again: func() analytics.Store {
				if random.IntN(2) == 0 {
					require.NoError(t, store.Checkpoint(t.Context()))
				}
				if random.IntN(5) == 0 && slices.Contains(memory.Names(), "/data/tenants/t-acme/state") {
					require.NoError(t, memory.Remove("/data/tenants/t-acme/state"))
				}
				memory = memory.Restart(random)
				store, err = openOn(memory)
				require.NoError(t, err)
				return store
			}}
		}, seed, 800)
	}
}
