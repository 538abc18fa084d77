package bolttenant

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

type note struct{ Name, Text string }

var noteSchema = tenant.Schema[note]{
	Entity: "note",
	Key:    func(n *note) tenant.Key { return tenant.NewKey(n.Name) },
}

var acme = tenant.MustParseID("acme")

func openNotes(t *testing.T, optFns ...func(*Options)) (*Store, *Repository[note]) {
	t.Helper()
	store, err := Open(filepath.Join(t.TempDir(), "store.db"), tenant.RandomCursorKeys(), optFns...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store, NewRepository(store, &noteSchema)
}

// commits returns how many commits there were.
func (s *Store) commits(t *testing.T) int {
	t.Helper()
	tx, err := s.read()
	require.NoError(t, err)
	defer tx.Rollback()
	return tx.ID()
}

func putNotes(n, size int) (writes []tenant.Write[note]) {
	for i := range n {
		writes = append(writes, tenant.PutWrite(note{fmt.Sprint(i), strings.Repeat("x", size)}))
	}
	return writes
}

func putNoteOps(n int) (ops []tenant.Op) {
	for i := range n {
		ops = append(ops, tenant.PutOp(&noteSchema, note{Name: fmt.Sprint(i)}, tenant.Always()))
	}
	return ops
}

func TestBatchesAndTransactionsTakeFewCommits(t *testing.T) {
	t.Parallel()
	store, notes := openNotes(t)
	for _, test := range []struct {
		name  string
		want  int
		write func() error
	}{
		{"a batch of many items", 1, func() error {
			_, err := notes.BatchWrite(t.Context(), acme, putNotes(tenant.MaxBatch, 10))
			return err
		}},
		{"a batch of 19 MiB", 3, func() error {
			_, err := notes.BatchWrite(t.Context(), acme, putNotes(50, 380<<10))
			return err
		}},
		{"a batch of which all is refused", 0, func() error {
			_, err := notes.BatchWrite(t.Context(), acme, []tenant.Write[note]{tenant.PutWrite(note{})})
			require.ErrorIs(t, err, tenant.ErrKey)
			return nil
		}},
		{"an empty batch", 0, func() error {
			_, err := notes.BatchWrite(t.Context(), acme, nil)
			return err
		}},
		{"a transaction", 1, func() error {
			_, err := store.Transact(t.Context(), acme, putNoteOps(tenant.MaxOps)...)
			return err
		}},
		{"a transaction that only checks", 0, func() error {
			_, err := store.Transact(t.Context(), acme, tenant.CheckOp(&noteSchema, tenant.NewKey("1"), tenant.IfPresent()))
			return err
		}},
		{"a transaction that is refused", 0, func() error {
			_, err := store.Transact(t.Context(), acme, append(putNoteOps(3), tenant.DeleteOp(&noteSchema, tenant.NewKey("none"), tenant.IfPresent()))...)
			require.ErrorIs(t, err, tenant.ErrNotFound)
			return nil
		}},
	} {
		before := store.commits(t)
		require.NoError(t, test.write(), test.name)
		require.Equal(t, test.want, store.commits(t)-before, test.name)
	}
}

func TestWritersShareACommitWithBatchesAndTransactions(t *testing.T) {
	t.Parallel()
	store, notes := openNotes(t)
	b := block(t, store)
	before := store.commits(t)
	outcomes := []<-chan error{
		b.queued(func() error {
			_, err := notes.BatchWrite(t.Context(), acme, putNotes(10, 10))
			return err
		}),
		b.queued(func() error {
			_, err := store.Transact(t.Context(), acme, putNoteOps(20)[10:]...)
			return err
		}),
		b.queued(func() error {
			_, err := notes.Put(t.Context(), acme, note{Name: "single"}, tenant.IfAbsent())
			return err
		}),
		b.queued(func() error {
			_, err := store.Transact(t.Context(), acme, tenant.PutOp(&noteSchema, note{Name: "single"}, tenant.IfAbsent()), tenant.PutOp(&noteSchema, note{Name: "not"}, tenant.Always()))
			return err
		}),
	}
	close(b.release)
	require.NoError(t, <-b.leader)
	for _, outcome := range outcomes[:3] {
		require.NoError(t, <-outcome)
	}
	require.ErrorIs(t, <-outcomes[3], tenant.ErrExists, "a transaction sees what is written before it in the same commit")
	require.Equal(t, 1, store.commits(t)-before)
	page, err := notes.Query(t.Context(), acme, tenant.Query{})
	require.NoError(t, err)
	require.Len(t, page.Items, 21)
}

func TestBatchWhoseContextEndsBetweenCommits(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, notes := openNotes(t, func(o *Options) {
		o.Now = func() time.Time { // in the first commit
			cancel()
			return time.Now()
		}
	})
	writes := append([]tenant.Write[note]{tenant.PutWrite(note{})}, putNotes(50, 380<<10)...)
	versions, err := notes.BatchWrite(ctx, acme, writes)
	var partial *tenant.BatchError
	require.ErrorAs(t, err, &partial)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, partial.Errs[0], tenant.ErrKey)
	done := 0
	for i := range writes[1:] {
		key := tenant.NewKey(fmt.Sprint(i))
		item, err := notes.Get(t.Context(), acme, key)
		if partial.Errs[i+1] == nil {
			require.NoError(t, err)
			require.Equal(t, versions[i+1], item.Version)
			done++
		} else {
			require.ErrorIs(t, partial.Errs[i+1], context.Canceled)
			require.ErrorIs(t, err, tenant.ErrNotFound)
			require.Zero(t, versions[i+1])
		}
	}
	require.Equal(t, 22, done, "what fits into 8 MiB, and the item with which it is reached")
}

func TestClosedStoreFailsEachEntry(t *testing.T) {
	t.Parallel()
	store, notes := openNotes(t)
	require.NoError(t, store.Close())
	_, err := notes.BatchWrite(t.Context(), acme, putNotes(3, 1))
	var partial *tenant.BatchError
	require.ErrorAs(t, err, &partial)
	for _, err := range partial.Errs {
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
	}
	_, err = notes.BatchGet(t.Context(), acme, []tenant.Key{tenant.NewKey("0")})
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	_, err = store.Transact(t.Context(), acme, putNoteOps(1)...)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
}

func TestDamagedItemFailsAlone(t *testing.T) {
	t.Parallel()
	store, notes := openNotes(t)
	_, err := notes.BatchWrite(t.Context(), acme, putNotes(3, 1))
	require.NoError(t, err)
	require.NoError(t, store.committer.do(t.Context(), load{}, func(tx *transaction) error {
		tx.save(tx.items, append(appendItemPrefix(nil, acme, "note"), '1'), []byte("rubbish"))
		return nil
	}))
	isAlone := func(errs []error) {
		t.Helper()
		require.NoError(t, errors.Join(errs[0], errs[2]))
		require.ErrorIs(t, errs[1], errDamaged)
	}
	items, err := notes.BatchGet(t.Context(), acme, []tenant.Key{tenant.NewKey("0"), tenant.NewKey("1"), tenant.NewKey("2")})
	var partial *tenant.BatchError
	require.ErrorAs(t, err, &partial)
	isAlone(partial.Errs)
	require.Equal(t, "2", items[2].Value.Name)

	versions, err := notes.BatchWrite(t.Context(), acme, putNotes(3, 1))
	require.ErrorAs(t, err, &partial)
	isAlone(partial.Errs)
	require.NotZero(t, versions[2])

	_, err = store.Transact(t.Context(), acme, putNoteOps(3)...)
	var refused *tenant.TransactionError
	require.ErrorAs(t, err, &refused)
	isAlone(refused.Errs)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	item, err := notes.Get(t.Context(), acme, tenant.NewKey("2"))
	require.NoError(t, err)
	require.Equal(t, versions[2], item.Version)
}
