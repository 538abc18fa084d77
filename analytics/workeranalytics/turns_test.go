package workeranalytics_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
)

func TestTenantsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *workeranalytics.Options) { o.Processes = 1 })
		s.flood(t.Context(), acme, 4)
		s.flood(t.Context(), other, 2)
		s.flood(t.Context(), third, 1)
		for _, want := range []string{"acme 0", "acme-b 0", "acme-c 0", "acme 1", "acme-b 1", "acme 2", "acme 3"} {
			require.Equal(t, []string{want}, s.now())
			s.end(want, well)
		}
		require.Empty(t, s.now())
		require.Equal(t, 1, s.started)
	})
}

func TestPerTenant(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		processes, perTenant int
		want                 []string
	}{
		"by default one process is left": {3, 0, []string{"acme 0", "acme 1", "acme-b 0"}},
		"of two processes":               {2, 0, []string{"acme 0", "acme-b 0"}},
		"of the default":                 {0, 0, []string{"acme 0", "acme-b 0"}},
		"of one there is one to have":    {1, 0, []string{"acme 0"}},
		"less":                           {3, 1, []string{"acme 0", "acme-b 0"}},
		"all":                            {3, 3, []string{"acme 0", "acme 1", "acme 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, func(o *workeranalytics.Options) { o.Processes, o.PerTenant = test.processes, test.perTenant })
				s.flood(t.Context(), acme, 4)
				s.flood(t.Context(), other, 1)
				require.Equal(t, test.want, s.now())
			})
		})
	}
}

// The clock of a statement begins when it has a worker.
func TestWaitingIsNotTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *workeranalytics.Options) { o.Processes, o.Timeout, o.Wait = 1, 4*time.Second, time.Minute })
		slow := s.ask(t.Context(), acme, "slow")
		next := s.ask(t.Context(), other, "next")
		time.Sleep(3 * time.Second)
		require.True(t, slow.waits())
		time.Sleep(time.Second)
		synctest.Wait()
		require.False(t, slow.waits())
		require.ErrorIs(t, slow.err, analytics.ErrSQLLimit)
		require.ErrorContains(t, slow.err, "out of time")

		time.Sleep(3 * time.Second)
		require.Equal(t, []string{"next"}, s.now())
		s.end("next", well)
		require.False(t, next.waits())
		require.NoError(t, next.err)
	})
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *workeranalytics.Options) { o.Processes = 1 })
		s.ask(t.Context(), acme, "slow")
		waiting := s.ask(t.Context(), other, "waiting")
		time.Sleep(time.Minute - time.Nanosecond)
		synctest.Wait()
		require.True(t, waiting.waits())
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.False(t, waiting.waits())
		require.ErrorIs(t, waiting.err, analytics.ErrSQLBusy)
		require.ErrorIs(t, waiting.err, iotenant.ErrUnavailable)
		require.NotErrorIs(t, waiting.err, analytics.ErrSQLLimit)
		require.NotContains(t, waiting.err.Error(), acme.String())
		require.Equal(t, []string{"slow"}, s.now(), "it goes on")
	})
}

func TestQueueIsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *workeranalytics.Options) { o.Processes, o.Queue = 1, 3 })
		calls := s.flood(t.Context(), acme, 5)
		require.True(t, calls[3].waits())
		require.False(t, calls[4].waits(), "it is beyond the queue")
		require.ErrorIs(t, calls[4].err, analytics.ErrSQLBusy)
		require.Equal(t, iotenant.ErrUnavailable, iotenant.KindOf(calls[4].err))
		theirs := s.ask(t.Context(), other, "theirs")
		require.True(t, theirs.waits(), "the queue is of one tenant")
		s.end("acme 0", well)
		require.Equal(t, []string{"theirs"}, s.now())
		require.False(t, s.ask(t.Context(), acme, "more").waits())
		s.end("theirs", well)
		require.True(t, s.ask(t.Context(), acme, "more").waits(), "there is a place in the queue again")
	})
}

func TestQueueDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		calls := s.flood(t.Context(), acme, 66)
		require.True(t, calls[64].waits())
		require.False(t, calls[65].waits())
	})
}

// A call that ends while it waits leaves no trace.
func TestCancelWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *workeranalytics.Options) { o.Processes, o.Queue = 1, 2 })
		s.ask(t.Context(), acme, "first")
		ctx, cancel := context.WithCancel(t.Context())
		late, never := context.WithTimeout(t.Context(), time.Second)
		defer never()
		cancelled, expired := s.ask(ctx, acme, "cancelled"), s.ask(late, other, "expired")
		s.ask(t.Context(), acme, "last")
		cancel()
		time.Sleep(time.Second)
		synctest.Wait()
		require.False(t, cancelled.waits())
		require.Equal(t, context.Canceled, cancelled.err)
		require.False(t, expired.waits())
		require.Equal(t, context.DeadlineExceeded, expired.err)

		_, err := s.engine.Query(ctx, third, statement("too late"))
		require.Equal(t, context.Canceled, err)
		require.True(t, s.ask(t.Context(), acme, "after").waits(), "its place in the queue is free")
		s.end("first", well)
		s.end("last", well)
		s.end("after", well)
		require.Equal(t, 1, s.started)
	})
}

func TestCloseWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *workeranalytics.Options) { o.Processes = 1 })
		calls := append(s.flood(t.Context(), acme, 3), s.flood(t.Context(), other, 2)...)
		require.NoError(t, s.engine.Close())
		synctest.Wait()
		for i, c := range calls {
			require.False(t, c.waits())
			if i == 0 { // it ran
				require.ErrorIs(t, c.err, iotenant.ErrUnavailable)
				continue
			}
			require.Equal(t, analytics.ErrClosed, c.err)
		}
	})
}
