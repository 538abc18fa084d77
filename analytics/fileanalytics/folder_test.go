package fileanalytics_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disk"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disktest"
)

func openFolder(t *testing.T) analytics.Objects {
	t.Helper()
	return fileanalytics.NewFolder(t.TempDir())
}

func TestFolder(t *testing.T) {
	t.Parallel()
	analyticstest.TestObjects(t, openFolder)
}

func TestFolderModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		analyticstest.TestObjectsModel(t, openFolder, seed, 400)
	}
}

func TestFolderModelInMemory(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		analyticstest.TestObjectsModel(t, func(*testing.T) analytics.Objects { return onMemory(disktest.New())[0] }, seed, 3000)
	}
}

// intercepted is a file layer that does something before some of its
// operations.
type intercepted struct {
	disk.FS
	link    func(from, to string) error
	stat    func(name string)
	syncDir func(name string)
	lock    func() error
}

func (i intercepted) Link(from, to string) error {
	if i.link != nil {
		return i.link(from, to)
	}
	return i.FS.Link(from, to)
}

func (i intercepted) Stat(name string) (disk.Info, error) {
	info, err := i.FS.Stat(name)
	if i.stat != nil {
		i.stat(name)
	}
	return info, err
}

func (i intercepted) SyncDir(name string) error {
	if i.syncDir != nil {
		i.syncDir(name)
	}
	return i.FS.SyncDir(name)
}

func (i intercepted) Lock(name string) (func() error, error) {
	if i.lock != nil {
		if err := i.lock(); err != nil {
			return nil, err
		}
	}
	return i.FS.Lock(name)
}

func unlinked(string, string) error { return disk.ErrNoLinks }

// TestFolderWithoutLinks lets writers meet between the look at a name and its
// taking.
func TestFolderWithoutLinks(t *testing.T) {
	t.Parallel()
	meet := func(string) {
		for range 20 {
			runtime.Gosched()
		}
	}
	analyticstest.TestObjects(t, func(*testing.T) analytics.Objects {
		return fileanalytics.NewFolder("/data", fileanalytics.FolderOnDisk(intercepted{FS: disktest.New(), link: unlinked, stat: meet}))
	})
}

func TestFolderWaitsForTheTurn(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var asked atomic.Int64
	memory := disktest.New()
	folder := fileanalytics.NewFolder("/data", fileanalytics.FolderOnDisk(intercepted{FS: memory, link: unlinked, lock: func() error {
		switch n := asked.Add(1); {
		case n == 3 || n == 6:
			return nil
		case n == 5:
			cancel()
		}
		return disk.ErrLocked
	}}))
	require.NoError(t, folder.Create(ctx, acme, "x", strings.NewReader("x")))
	require.ErrorIs(t, folder.Create(ctx, acme, "y", strings.NewReader("y")), context.Canceled)
	require.NoError(t, folder.Put(t.Context(), acme, "z", strings.NewReader("z")), "the turn was passed on")
	require.Equal(t, []string{"/data/objects/t-acme/@x", "/data/objects/t-acme/@z"}, memory.Names())
}

// TestFolderSweepInTheMiddleOfPut sweeps when an object has its name, and its new
// directory is not yet durable.
func TestFolderSweepInTheMiddleOfPut(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		memory := disktest.New()
		swept := false
		folder := fileanalytics.NewFolder("/data", fileanalytics.FolderOnDisk(intercepted{FS: memory, syncDir: func(name string) {
			if !swept && strings.HasSuffix(name, "deep/er") {
				swept = true
				require.NoError(t, onMemory(memory)[1].Sweep(t.Context()))
			}
		}}))
		require.NoError(t, folder.Put(t.Context(), acme, "deep/er/x", strings.NewReader("content")))
		require.True(t, swept)
		memory = memory.Restart(rand.New(rand.NewPCG(seed, seed)))
		require.Equal(t, "content", read(t, onMemory(memory)[0], acme, "deep/er/x"), "seed %d", seed)
	}
}

// TestFolderOfAnotherProcess finds directories that another process has made,
// and not yet durably.
func TestFolderOfAnotherProcess(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		memory := disktest.New()
		require.NoError(t, memory.MkdirAll("/data"))
		require.NoError(t, memory.Mkdir("/data/objects"))
		require.NoError(t, memory.Mkdir("/data/uploads"))
		require.NoError(t, onMemory(memory)[0].Put(t.Context(), acme, "x", strings.NewReader("content")))
		memory = memory.Restart(rand.New(rand.NewPCG(seed, seed)))
		require.Equal(t, "content", read(t, onMemory(memory)[0], acme, "x"), "seed %d", seed)
	}
}

func TestFolderHasFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	folder := fileanalytics.NewFolder(dir)
	require.NoError(t, folder.Put(t.Context(), acme, "__dt=2026-01-10/Part.parquet", strings.NewReader("content")))
	object, err := folder.Open(t.Context(), acme, "__dt=2026-01-10/Part.parquet")
	require.NoError(t, err)
	defer object.Close()
	file, ok := object.(interface{ Path() string })
	require.True(t, ok)
	require.Equal(t, filepath.Join(dir, "objects", "t-acme", "__dt=2026-01-10", "@%50art.parquet"), file.Path())
	faulty := analyticstest.FaultyObjects(folder, func(analyticstest.Call) analyticstest.Fault { return analyticstest.Fault{} })
	again, err := faulty.Open(t.Context(), acme, "__dt=2026-01-10/Part.parquet")
	require.NoError(t, err)
	defer again.Close()
	require.Equal(t, file.Path(), again.(interface{ Path() string }).Path(), "also behind faults")
	content, err := os.ReadFile(file.Path())
	require.NoError(t, err)
	require.Equal(t, "content", string(content))
}

// TestFolderIgnoresStrangers has files of others in the folder, such as a file
// manager leaves.
func TestFolderIgnoresStrangers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	folder := fileanalytics.NewFolder(dir)
	require.NoError(t, folder.Put(t.Context(), acme, "a/x", strings.NewReader("x")))
	inside := filepath.Join(dir, "objects", "t-acme")
	for _, name := range []string{".DS_Store", "Thumbs.db", "@%61", "@A", "@b&c", "@é", "a/@%78", "a/desktop.ini", "file", "../t-acme~", "../.DS_Store"} {
		require.NoError(t, os.WriteFile(filepath.Join(inside, name), []byte("strange"), 0o600))
	}
	list, err := folder.List(t.Context(), acme, "", "", 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "a/x", list[0].Name)
	_, err = folder.Open(t.Context(), acme, "file/x")
	require.ErrorIs(t, err, analytics.ErrNoObject)
	require.NoError(t, folder.Delete(t.Context(), acme, "file/x"))
	require.ErrorIs(t, folder.Put(t.Context(), acme, "file/x", strings.NewReader("x")), iotenant.ErrUnavailable)
	require.NoError(t, folder.Sweep(t.Context()))
	require.NoError(t, folder.Delete(t.Context(), acme, "a/x"))
	require.FileExists(t, filepath.Join(inside, "a", "desktop.ini"))
}

// TestFolderBesideStore keeps objects and messages in one folder.
func TestFolderBesideStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	folder, store := fileanalytics.NewFolder(dir), openIn(t, dir, func(o *fileanalytics.Options) { o.RetentionDays = 1 })
	require.NoError(t, folder.Put(t.Context(), acme, "tenants/t-acme/state", strings.NewReader("object")))
	_, err := store.Append(t.Context(), acme, []analytics.Message{{Thing: pump, ID: "m", At: noon, Payload: []byte(`{"t": 1}`)}})
	require.NoError(t, err)
	require.NoError(t, folder.Sweep(t.Context()))
	last, err := store.Last(t.Context(), acme, "", pump)
	require.NoError(t, err)
	require.Len(t, last, 1)
	require.NoError(t, store.Sweep(t.Context()))
	require.Equal(t, "object", read(t, folder, acme, "tenants/t-acme/state"))
}
