package bolttenant_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
)

func quick(o *bolttenant.Options) { o.LockTimeout = 50 * time.Millisecond }

// patient is for tests that open a file again and again: a process that other
// tests start holds its lock for a moment too.
func patient(o *bolttenant.Options) { o.LockTimeout = 20 * time.Second }

// closedStore returns the path of a store with some items.
func closedStore(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	store, err := bolttenant.Open(path, tenant.RandomCursorKeys())
	require.NoError(t, err)
	blobs := bolttenant.NewRepository(store, &blobSchema)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		_, err := blobs.Put(t.Context(), acme, blob{name, make([]byte, 10_000)}, tenant.IfAbsent())
		require.NoError(t, err)
	}
	require.NoError(t, store.Close())
	return path
}

func TestOpenRefusesAFileInUse(t *testing.T) {
	t.Parallel()
	path := closedStore(t)
	store := open(t, path)
	_, err := bolttenant.Open(path, tenant.RandomCursorKeys(), quick)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	require.ErrorContains(t, err, "another process or store has it open")
	require.NoError(t, store.Close())
	open(t, path)
}

func TestOpenRefusesWhatIsNoStore(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(t *testing.T, path string){
		"empty":   func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, nil, 0o600)) },
		"text":    func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, []byte("hello"), 0o600)) },
		"zeros":   func(t *testing.T, path string) { require.NoError(t, os.WriteFile(path, make([]byte, 1<<16), 0o600)) },
		"folder":  func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) },
		"foreign": foreign("other"),
		"format":  foreign("iotenant", "items", "expiry"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "store.db")
			build(t, path)
			_, err := bolttenant.Open(path, tenant.RandomCursorKeys(), patient)
			require.ErrorIs(t, err, iotenant.ErrInvalid)
			require.ErrorContains(t, err, path)
		})
	}
}

// foreign returns a function that makes a bbolt database with some buckets.
func foreign(buckets ...string) func(t *testing.T, path string) {
	return func(t *testing.T, path string) {
		t.Helper()
		db, err := bbolt.Open(path, 0o600, nil)
		require.NoError(t, err)
		require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
			for _, name := range buckets {
				if _, err := tx.CreateBucket([]byte(name)); err != nil {
					return err
				}
			}
			return nil
		}))
		require.NoError(t, db.Close())
	}
}

func TestOpenRefusesAFileThatWasCutShort(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(closedStore(t))
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "store.db")
	for size := 1; size < 12*4096; size += 1777 {
		require.NoError(t, os.WriteFile(path, whole[:size], 0o600))
		_, err := bolttenant.Open(path, tenant.RandomCursorKeys(), patient)
		require.ErrorIs(t, err, iotenant.ErrInvalid, "cut at %d", size)
	}
}

func TestOpenRefusesDamage(t *testing.T) {
	t.Parallel()
	path := closedStore(t)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	refused := 0
	for page := 2; page*4096 < len(whole); page++ {
		damaged := append([]byte(nil), whole...)
		copy(damaged[page*4096:], make([]byte, 64))
		path := filepath.Join(t.TempDir(), "store.db")
		require.NoError(t, os.WriteFile(path, damaged, 0o600))
		store, err := bolttenant.Open(path, tenant.RandomCursorKeys(), patient)
		if err == nil { // the damage is where Open doesn't look
			require.NoError(t, store.Close())
			continue
		}
		require.ErrorIs(t, err, iotenant.ErrInvalid, "page %d", page)
		refused++
	}
	require.Positive(t, refused)
}

func TestOpenSurvivesOneDamagedMetaPage(t *testing.T) {
	t.Parallel()
	path := closedStore(t)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for page := range 2 {
		damaged := append([]byte(nil), whole...)
		damaged[page*4096+40] ^= 1
		require.NoError(t, os.WriteFile(path, damaged, 0o600))
		store, err := bolttenant.Open(path, tenant.RandomCursorKeys(), patient)
		require.NoError(t, err, "page %d", page)
		require.NoError(t, store.Close())
	}
}

func TestOpenSaysWhatItCannotDo(t *testing.T) {
	t.Parallel()
	_, err := bolttenant.Open(filepath.Join(t.TempDir(), "none", "store.db"), tenant.RandomCursorKeys())
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	_, err = bolttenant.Open(filepath.Join(t.TempDir(), "store.db"), tenant.CursorKeys{})
	require.ErrorIs(t, err, iotenant.ErrInvalid)
}

func TestOpenLeavesOneFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	open(t, filepath.Join(folder, "store.db"))
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func TestClosedStoreRefusesCalls(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "store.db"))
	sites := bolttenant.NewRepository(store, &siteSchema)
	require.NoError(t, store.Close())
	require.NoError(t, store.Close())
	_, err := sites.Get(t.Context(), acme, tenant.NewKey("north"))
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	_, err = sites.Put(t.Context(), acme, site{Name: "north", City: "Oslo"}, tenant.Always())
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	require.ErrorIs(t, sites.Delete(t.Context(), acme, tenant.NewKey("north"), tenant.Always()), iotenant.ErrUnavailable)
	_, err = sites.Query(t.Context(), acme, tenant.Query{})
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	_, err = store.Sweep(t.Context())
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
}

func TestRunSweepsUntilItsContextEnds(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "store.db"), func(o *bolttenant.Options) { o.SweepEvery = time.Millisecond })
	sites := bolttenant.NewRepository(store, &siteSchema)
	_, err := sites.Put(t.Context(), acme, site{Name: "north", City: "Oslo", Expires: time.Unix(1, 0)}, tenant.IfAbsent())
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	require.NoError(t, store.Run(ctx))
	removed, err := store.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, removed, "Run has not swept")
}

func TestNewRepositoryPanicsOnABadSchema(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "store.db"))
	require.Panics(t, func() { bolttenant.NewRepository(store, &tenant.Schema[site]{}) })
	require.Panics(t, func() { bolttenant.NewRepository[site](store, nil) })
}

func TestBinaryItems(t *testing.T) {
	t.Parallel()
	blobs := bolttenant.NewRepository(open(t, filepath.Join(t.TempDir(), "store.db")), &blobSchema)
	data := []byte{0, 1, 2}
	_, err := blobs.Put(t.Context(), acme, blob{"a", data}, tenant.IfAbsent())
	require.NoError(t, err)
	data[0] = 9
	item, err := blobs.Get(t.Context(), acme, tenant.NewKey("a"))
	require.NoError(t, err)
	require.Equal(t, []byte{0, 1, 2}, item.Value.data)
}

func TestAnotherTypeStoredIsAnError(t *testing.T) {
	t.Parallel()
	store := open(t, filepath.Join(t.TempDir(), "store.db"))
	numbers := bolttenant.NewRepository(store, &tenant.Schema[int]{Entity: "site", Key: func(*int) tenant.Key { return tenant.NewKey("north") }})
	_, err := numbers.Put(t.Context(), acme, 7, tenant.IfAbsent())
	require.NoError(t, err)
	_, err = bolttenant.NewRepository(store, &siteSchema).Get(t.Context(), acme, tenant.NewKey("north"))
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	require.ErrorContains(t, err, "stored site can't be decoded")
}
