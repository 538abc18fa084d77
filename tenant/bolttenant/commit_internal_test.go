package bolttenant

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// blocked is a committer whose leader is held in its transaction, so that all
// other writes queue.
type blocked struct {
	*committer
	release chan struct{}
	leader  chan error
}

func newBlocked(t *testing.T) *blocked {
	t.Helper()
	store, _ := openNotes(t)
	return block(t, store)
}

// block holds the committer of a store in a transaction that changes nothing.
func block(t *testing.T, store *Store) *blocked {
	t.Helper()
	b := &blocked{committer: &store.committer, release: make(chan struct{}), leader: make(chan error, 1)}
	leading := make(chan struct{})
	go func() {
		b.leader <- b.do(context.Background(), load{}, func(*transaction) error {
			close(leading)
			<-b.release
			return nil
		})
	}()
	<-leading
	return b
}

// start starts a write and waits until it is queued.
func (b *blocked) start(ctx context.Context, apply func(*transaction) error) <-chan error {
	return b.queued(func() error { return b.do(ctx, load{}, apply) })
}

// queued calls write and waits until its write is queued.
func (b *blocked) queued(write func() error) <-chan error {
	b.mu.Lock()
	want := len(b.queue) + 1
	b.mu.Unlock()
	outcome := make(chan error, 1)
	go func() { outcome <- write() }()
	for {
		b.mu.Lock()
		queued := len(b.queue)
		b.mu.Unlock()
		if queued == want {
			return outcome
		}
	}
}

func save(key string) func(*transaction) error {
	return func(tx *transaction) error {
		tx.save(tx.items, []byte(key), []byte("v"))
		return nil
	}
}

func TestQueuedWritesShareOneCommitAndHaveTheirOwnOutcome(t *testing.T) {
	t.Parallel()
	b := newBlocked(t)
	refused := errors.New("refused")
	good := b.start(t.Context(), save("a"))
	bad := b.start(t.Context(), func(*transaction) error { return refused })
	close(b.release)
	require.NoError(t, <-b.leader)
	require.NoError(t, <-good)
	require.Equal(t, refused, <-bad)
}

func TestQueuedWriteWhoseContextEndsIsNotExecuted(t *testing.T) {
	t.Parallel()
	b := newBlocked(t)
	ctx, cancel := context.WithCancel(t.Context())
	executed := false
	abandoned := b.start(ctx, func(*transaction) error {
		executed = true
		return nil
	})
	next := b.start(t.Context(), save("a"))
	cancel()
	require.ErrorIs(t, <-abandoned, context.Canceled)
	close(b.release)
	require.NoError(t, <-next)
	require.NoError(t, <-b.leader)
	require.False(t, executed)
}

func TestLeadPassesOnWhenTheNextLeaderGivesUp(t *testing.T) {
	t.Parallel()
	for range 200 {
		b := newBlocked(t)
		ctx, cancel := context.WithCancel(t.Context())
		first := b.start(ctx, save("a"))
		second := b.start(t.Context(), save("b"))
		go cancel()
		close(b.release)
		if err := <-first; err != nil {
			require.ErrorIs(t, err, context.Canceled)
		}
		require.NoError(t, <-second)
		require.NoError(t, <-b.leader)
	}
}

func TestFailedCommitFailsAllOfItsWrites(t *testing.T) {
	t.Parallel()
	b := newBlocked(t)
	first := b.start(t.Context(), save("a"))
	failing := b.start(t.Context(), func(tx *transaction) error {
		tx.save(tx.items, nil, nil) // no key: bbolt refuses
		return nil
	})
	close(b.release)
	for _, outcome := range []<-chan error{first, failing} {
		err := <-outcome
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
	}
	require.NoError(t, <-b.leader)
	require.NoError(t, b.do(t.Context(), load{}, func(tx *transaction) error {
		require.Nil(t, tx.items.Get([]byte("a")), "a failed commit left something")
		return nil
	}))
}

func TestPanicFailsTheBatchAndNotTheStore(t *testing.T) {
	t.Parallel()
	b := newBlocked(t)
	first := make(chan any, 1)
	go func() {
		defer func() { first <- recover() }()
		_ = b.do(context.Background(), load{}, func(*transaction) error { panic("boom") })
	}()
	for queued := 0; queued == 0; {
		b.mu.Lock()
		queued = len(b.queue)
		b.mu.Unlock()
	}
	second := b.start(t.Context(), save("a"))
	close(b.release)
	require.Equal(t, "boom", <-first)
	require.ErrorIs(t, <-second, iotenant.ErrUnavailable)
	require.NoError(t, b.do(t.Context(), load{}, save("b")))
}

func TestGroupsAreBounded(t *testing.T) {
	t.Parallel()
	c := &committer{}
	enqueue := func(n int, load load) {
		for range n {
			c.enqueue(&write{ctx: context.Background(), load: load, wake: make(chan signal, 1)})
		}
	}
	enqueue(maxCommitItems+1, load{items: 1, bytes: 1})
	require.Len(t, c.take(), maxCommitItems)
	require.Len(t, c.take(), 1)
	enqueue(3, load{items: maxCommitItems / 2})
	require.Len(t, c.take(), 2)
	enqueue(2, load{bytes: maxCommitBytes / 2})
	require.Len(t, c.take(), 3)
	enqueue(1, load{bytes: 2 * maxCommitBytes})
	enqueue(1, load{bytes: 1})
	require.Len(t, c.take(), 1, "the write with which the bound is reached is the last")
	require.Len(t, c.take(), 1)
	require.Empty(t, c.queue)
}

func TestNothingToCommitWritesNothing(t *testing.T) {
	t.Parallel()
	store, err := Open(filepath.Join(t.TempDir(), "store.db"), tenant.RandomCursorKeys())
	require.NoError(t, err)
	defer store.Close()
	id := func() int {
		tx, err := store.read()
		require.NoError(t, err)
		defer tx.Rollback()
		return tx.ID()
	}
	before := id()
	require.NoError(t, store.committer.do(t.Context(), load{}, func(*transaction) error { return nil }))
	require.Equal(t, before, id())
	require.NoError(t, store.committer.do(t.Context(), load{}, save("a")))
	require.Greater(t, id(), before)
}

func TestManyWritersAllSucceed(t *testing.T) {
	t.Parallel()
	store, err := Open(filepath.Join(t.TempDir(), "store.db"), tenant.RandomCursorKeys())
	require.NoError(t, err)
	defer store.Close()
	var writers sync.WaitGroup
	for i := range 200 {
		writers.Go(func() {
			for j := range 5 {
				if err := store.committer.do(context.Background(), load{}, save(string(rune('a'+i))+string(rune('a'+j)))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	require.Empty(t, store.committer.queue)
	require.False(t, store.committer.led)
}

func TestTakeLeavesOutWritesWhoseContextEnded(t *testing.T) {
	t.Parallel()
	c := &committer{}
	ctx, cancel := context.WithCancel(t.Context())
	dead := &write{ctx: ctx, wake: make(chan signal, 1)}
	alive := &write{ctx: t.Context(), wake: make(chan signal, 1)}
	c.enqueue(dead)
	c.enqueue(alive)
	cancel()
	require.Equal(t, []*write{alive}, c.take())
	require.Equal(t, settled, <-dead.wake)
	require.ErrorIs(t, dead.err, context.Canceled)
}
