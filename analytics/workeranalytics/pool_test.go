package workeranalytics_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
)

// While a worker starts, others are given back and taken.
func TestStartHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *workeranalytics.Options) { o.Processes = 2 })
		s.ask(t.Context(), acme, "first")
		started := make(chan struct{})
		s.starting = func(ctx context.Context) error {
			select {
			case <-started:
			case <-ctx.Done():
			}
			return nil
		}
		starting := s.ask(t.Context(), other, "starting")
		s.end("first", well)
		s.ask(t.Context(), acme, "second")
		require.Equal(t, []string{"second"}, s.now())
		close(started)
		synctest.Wait()
		require.Equal(t, []string{"second", "starting"}, s.now())
		require.True(t, starting.waits())
	})
}

func TestCloseDuringStart(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*stage){
		"of a worker that waits for something": func(s *stage) { s.starting = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() } },
		"of a worker that comes all the same":  func(s *stage) { s.starting = func(ctx context.Context) error { <-ctx.Done(); return nil } },
		"of a worker that says nothing":        func(s *stage) { s.deaf = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				prepare(s)
				starting := s.ask(t.Context(), acme, "starting")
				waiting := s.ask(t.Context(), acme, "waiting")
				require.True(t, starting.waits())
				require.NoError(t, s.engine.Close())
				synctest.Wait()
				require.False(t, starting.waits())
				require.Equal(t, analytics.ErrClosed, starting.err)
				require.False(t, waiting.waits())
				require.Equal(t, analytics.ErrClosed, waiting.err)
			})
		})
	}
}

// A start ends with its caller, and with its own time.
func TestStartEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *workeranalytics.Options) { o.Processes, o.Wait = 1, time.Hour })
		s.deaf = true
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.Equal(t, context.DeadlineExceeded, s.read(ctx, acme, "x"))
		begun := time.Now()
		err := s.read(t.Context(), acme, "x")
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		require.ErrorContains(t, err, "no worker started within 1h0m0s")
		require.Equal(t, time.Hour, time.Since(begun))
		s.deaf = false
		s.ask(t.Context(), acme, "works")
		require.Equal(t, []string{"works"}, s.now())
	})
}

// What a worker dies of at its start is not a limit of the statement.
func TestWorkerDiesAtStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *workeranalytics.Options) { o.Processes = 1 })
		s.deaf = true
		dying, waiting := s.ask(t.Context(), acme, "dying"), s.ask(t.Context(), other, "waiting")
		s.deaf = false
		s.ends[0](limit)
		synctest.Wait()
		require.False(t, dying.waits())
		require.Equal(t, iotenant.ErrUnavailable, iotenant.KindOf(dying.err), dying.err)
		require.Equal(t, []string{"waiting"}, s.now())
		require.True(t, waiting.waits())
	})
}

// Whoever waits gets its turn however those before it end.
func TestTurnsSurviveFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *workeranalytics.Options) { o.Processes = 1 })
		broken := errors.New("broken")
		ours, theirs := s.flood(t.Context(), acme, 3), s.flood(t.Context(), other, 3)
		s.end("acme 0", dying)
		require.ErrorIs(t, <-ours[0].ended, iotenant.ErrUnavailable)
		s.end("acme-b 0", limit)
		require.ErrorIs(t, <-theirs[0].ended, analytics.ErrSQLLimit)
		s.end("acme 1", well)
		require.NoError(t, <-ours[1].ended)
		s.starting = func(context.Context) error { return broken }
		s.end("acme-b 1", dying)
		require.ErrorIs(t, <-theirs[1].ended, iotenant.ErrUnavailable)
		require.ErrorIs(t, <-ours[2].ended, broken)
		require.ErrorIs(t, <-theirs[2].ended, broken)
		s.starting = func(context.Context) error { panic(broken) }
		require.PanicsWithValue(t, broken, func() { _, _ = s.engine.Query(t.Context(), acme, statement("x")) })
		s.starting = nil
		require.Panics(t, func() { _, _ = s.engine.Query(t.Context(), acme, statement("a table")) })
		s.ask(t.Context(), acme, "works")
		require.Equal(t, []string{"works"}, s.now())
	})
}

// A worker that died while it had nothing to do fails nobody's statement.
func TestIdleWorkerDies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.ask(t.Context(), acme, "first")
		s.end("first", well)
		s.ends[0](limit)
		synctest.Wait()
		require.Zero(t, s.alive)
		next := s.ask(t.Context(), other, "next")
		require.Equal(t, []string{"next"}, s.now())
		require.Equal(t, 2, s.started)
		s.end("next", well)
		require.NoError(t, <-next.ended)

		// The one in its place is watched and ended as any other.
		s.ends[1](dying)
		ctx, cancel := context.WithCancel(t.Context())
		cancelled := s.ask(ctx, other, "cancelled")
		require.Equal(t, []string{"cancelled"}, s.now())
		cancel()
		require.Equal(t, context.Canceled, <-cancelled.ended)
		synctest.Wait()
		require.Zero(t, s.alive)
	})
}

// A caller that does not read holds its process until the time is over.
func TestRowsThatNobodyReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, func(o *workeranalytics.Options) { o.Processes, o.Timeout, o.Wait = 1, 10*time.Second, time.Minute })
		results := make(chan *analytics.Result, 1)
		go func() {
			result, err := s.engine.Query(t.Context(), acme, statement("unread"))
			if err != nil {
				t.Error(err)
			}
			results <- result
		}()
		synctest.Wait()
		s.end("unread", well)
		result := <-results
		next := s.ask(t.Context(), other, "next")
		require.Empty(t, s.now())
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, []string{"next"}, s.now())

		var last error
		for _, err := range result.Rows {
			last = err
		}
		require.ErrorIs(t, last, analytics.ErrSQLLimit)
		require.NoError(t, result.Close())
		require.Equal(t, []string{"next"}, s.now(), "it gave up its place once")
		s.ask(t.Context(), third, "waiting")
		require.Equal(t, []string{"next"}, s.now())
		s.end("next", well)
		require.NoError(t, <-next.ended)
	})
}
