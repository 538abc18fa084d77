package fileanalytics_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
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
