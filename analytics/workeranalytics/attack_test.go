package workeranalytics_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
)

// TestAttackFairness has a tenant ask for more than there are processes, all of
// it slow: its neighbour is next.
func TestAttackFairness(t *testing.T) {
	t.Parallel()
	t.Run("of one process", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, func(o *workeranalytics.Options) { o.Processes, o.Timeout = 1, 4*time.Second })
			s.flood(t.Context(), acme, 60)
			theirs := s.ask(t.Context(), other, "theirs")
			time.Sleep(4 * time.Second)
			synctest.Wait()
			require.Equal(t, []string{"theirs"}, s.now())
			s.end("theirs", well)
			require.NoError(t, <-theirs.ended)
		})
	})
	t.Run("of several", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, func(o *workeranalytics.Options) { o.Processes = 2 })
			s.flood(t.Context(), acme, 60)
			for range 3 {
				theirs := s.ask(t.Context(), other, "theirs")
				require.Equal(t, []string{"acme 0", "theirs"}, s.now(), "it begins at once")
				s.end("theirs", well)
				require.NoError(t, <-theirs.ended)
			}
		})
	})
}

// TestAttackTimeout has a neighbour's statements take all the time that there
// is: a statement that waits for them has all of it as well, and is never said to
// have taken too long.
func TestAttackTimeout(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		timeout time.Duration
		want    error
	}{
		"less than it may wait": {4 * time.Second, nil},
		"more":                  {2 * time.Minute, analytics.ErrSQLBusy},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t, func(o *workeranalytics.Options) { o.Processes, o.Timeout, o.Wait = 1, test.timeout, time.Minute })
				s.flood(t.Context(), acme, 4)
				theirs := s.ask(t.Context(), other, "theirs")
				time.Sleep(test.timeout + test.timeout/2)
				synctest.Wait()
				if test.want == nil {
					s.end("theirs", well)
				}
				require.False(t, theirs.waits())
				require.ErrorIs(t, theirs.err, test.want)
				require.NotErrorIs(t, theirs.err, analytics.ErrSQLLimit)
			})
		})
	}
}
