package fileanalytics_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disktest"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

var (
	acme = tenant.MustParseID("acme")
	pump = device.MustParseID("pump")
)

func openOn(memory *disktest.Disk, optFns ...func(*fileanalytics.Options)) (*fileanalytics.Store, error) {
	return fileanalytics.Open("/data", tenant.RandomCursorKeys(), append(optFns, fileanalytics.OnDisk(memory))...)
}

// filled returns a disk with the messages of three devices of acme, in the
// journal or, with checkpoints, in segments, and the devices.
func filled(t *testing.T, messages int, checkpoints bool) (*disktest.Disk, []*sender) {
	t.Helper()
	memory := disktest.New()
	store, err := openOn(memory)
	require.NoError(t, err)
	var senders []*sender
	for i := range 3 {
		senders = append(senders, &sender{id: acme, thing: device.MustParseID(fmt.Sprint("thing-", i))})
	}
	for n := 10; n <= messages; n += 10 {
		for _, s := range senders {
			require.NoError(t, s.send(t.Context(), store, n))
		}
		if checkpoints {
			require.NoError(t, store.Checkpoint(t.Context()))
		}
	}
	require.NoError(t, store.Close())
	return memory, senders
}

func named(memory *disktest.Disk, suffix string) (names []string) {
	for _, name := range memory.Names() {
		if strings.HasSuffix(name, suffix) {
			names = append(names, name)
		}
	}
	return names
}

func TestOpenTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	store := openIn(t, dir)
	_, err := fileanalytics.Open(dir, tenant.RandomCursorKeys())
	require.ErrorIs(t, err, fileanalytics.ErrInUse)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	require.NoError(t, store.Close())
	openIn(t, dir)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	_, err := fileanalytics.Open(t.TempDir(), tenant.CursorKeys{})
	require.ErrorIs(t, err, iotenant.ErrInvalid)
	_, err = fileanalytics.Open(t.TempDir(), tenant.RandomCursorKeys(), func(o *fileanalytics.Options) { o.JournalSize = 1 })
	require.ErrorIs(t, err, iotenant.ErrInvalid)
	_, err = fileanalytics.Open(t.TempDir(), tenant.RandomCursorKeys(), func(o *fileanalytics.Options) { o.RetentionDays = -1 })
	require.ErrorIs(t, err, iotenant.ErrInvalid)
	_, err = fileanalytics.Open("/dev/null/x", tenant.RandomCursorKeys())
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
}

func TestClosed(t *testing.T) {
	t.Parallel()
	store, err := openOn(disktest.New())
	require.NoError(t, err)
	require.NoError(t, store.Close())
	require.NoError(t, store.Close())
	_, err = store.Append(t.Context(), acme, []analytics.Message{{Thing: pump, At: noon}})
	require.ErrorIs(t, err, analytics.ErrClosed)
	_, err = store.Messages(t.Context(), acme, analytics.Query{})
	require.ErrorIs(t, err, analytics.ErrClosed)
	_, err = store.Points(t.Context(), acme, analytics.Query{})
	require.ErrorIs(t, err, analytics.ErrClosed)
	_, err = store.Last(t.Context(), acme, "", pump)
	require.ErrorIs(t, err, analytics.ErrClosed)
	require.ErrorIs(t, store.Sweep(t.Context()), analytics.ErrClosed)
	require.ErrorIs(t, store.Run(t.Context()), analytics.ErrClosed)
}

// TestWindowSurvivesRestart sends again what was sent before a restart, from
// the journal, from segments, and without the state file.
func TestWindowSurvivesRestart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		checkpoints bool
		spoil       func(*disktest.Disk)
	}{
		"journal":         {false, func(*disktest.Disk) {}},
		"segments":        {true, func(*disktest.Disk) {}},
		"no state":        {true, func(d *disktest.Disk) { require.NoError(t, d.Remove("/data/tenants/t-acme/state")) }},
		"damaged state":   {true, func(d *disktest.Disk) { d.Change("/data/tenants/t-acme/state", flip(30)) }},
		"truncated state": {true, func(d *disktest.Disk) { d.Change("/data/tenants/t-acme/state", cut(30)) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			memory, senders := filled(t, 100, c.checkpoints)
			c.spoil(memory)
			store, err := openOn(memory)
			require.NoError(t, err)
			for _, s := range senders {
				s.check(t, store)
				last, err := store.Last(t.Context(), acme, "", s.thing)
				require.NoError(t, err)
				s.acked = 0
				require.NoError(t, s.send(t.Context(), store, 110))
				s.check(t, store)
				again, err := store.Last(t.Context(), acme, "", s.thing)
				require.NoError(t, err)
				require.NotEqual(t, last, again)
			}
		})
	}
}

func flip(at int) func([]byte) []byte {
	return func(data []byte) []byte { data[at] ^= 0x10; return data }
}

func cut(to int) func([]byte) []byte { return func(data []byte) []byte { return data[:to] } }

// TestDamagedJournal changes bytes of a journal from its beginning on, one at a
// time, those of the first frames all. A store that
// opens has everything but what is in the last frame; if not, it says so.
func TestDamagedJournal(t *testing.T) {
	t.Parallel()
	memory, senders := filled(t, 10, false)
	journal := named(memory, ".log")
	require.Len(t, journal, 1)
	var size int
	memory.Change(journal[0], func(data []byte) []byte { size = len(data); return data })
	lastFrame := 0
	for at := 0; at < size; at += 1 + at/200 {
		memory.Change(journal[0], flip(at))
		store, err := openOn(memory)
		if err != nil {
			require.ErrorIs(t, err, analytics.ErrCorrupt, "byte %d", at)
			require.ErrorContains(t, err, "journal/0000000000000001.log")
			memory.Change(journal[0], flip(at))
			continue
		}
		// Only the last frame may be taken for a torn end, and it is removed.
		lastFrame = at
		require.NoError(t, store.Close())
		var left int
		memory.Change(journal[0], func(data []byte) []byte { left = len(data); return data })
		require.LessOrEqual(t, left, at)
		break
	}
	require.Positive(t, lastFrame)
	store, err := openOn(memory)
	require.NoError(t, err)
	found := 0
	for _, err := range analytics.AllMessages(t.Context(), store, acme, analytics.Query{}) {
		require.NoError(t, err)
		found++
	}
	require.GreaterOrEqual(t, found, 3*10-3)
	for _, s := range senders {
		s.acked = 0
		require.NoError(t, s.send(t.Context(), store, 10))
		s.check(t, store)
	}
}

// TestDamagedSegment changes bytes of a segment. Every query that comes across
// the damage says so, and finds nothing else than what was appended.
func TestDamagedSegment(t *testing.T) {
	t.Parallel()
	memory, senders := filled(t, 30, true)
	segments := named(memory, ".seg")
	require.NotEmpty(t, segments)
	random := rand.New(rand.NewPCG(1, 1))
	for _, name := range segments {
		var size int
		memory.Change(name, func(data []byte) []byte { size = len(data); return data })
		for range 30 {
			at := random.IntN(size)
			memory.Change(name, flip(at))
			store, err := openOn(memory)
			require.NoError(t, err)
			failed := 0
			for _, s := range senders {
				page, err := store.Messages(t.Context(), acme, analytics.Query{Things: []device.ID{s.thing}, Limit: 1000})
				if err != nil {
					require.ErrorIs(t, err, analytics.ErrCorrupt)
					require.ErrorContains(t, err, filepath.Base(name))
					failed++
					continue
				}
				require.Len(t, page.Items, s.acked, "byte %d of %s", at, name)
				s.check(t, store)
			}
			require.Positive(t, failed, "byte %d of %s", at, name)
			require.NoError(t, store.Close())
			memory.Change(name, flip(at))
		}
	}
}

func TestMissingFiles(t *testing.T) {
	t.Parallel()
	memory, _ := filled(t, 30, true)
	require.NoError(t, memory.Remove(named(memory, ".seg")[0]))
	store, err := openOn(memory)
	require.NoError(t, err)
	_, err = store.Messages(t.Context(), acme, analytics.Query{})
	require.ErrorIs(t, err, analytics.ErrCorrupt)
	require.NoError(t, store.Close())

	memory, _ = filled(t, 30, true)
	memory.Change(named(memory, ".seg")[0], cut(200))
	store, err = openOn(memory)
	require.NoError(t, err)
	_, err = store.Messages(t.Context(), acme, analytics.Query{})
	require.ErrorIs(t, err, analytics.ErrCorrupt)
	require.NoError(t, store.Close())

	memory, _ = filled(t, 30, true)
	require.NoError(t, memory.Remove(named(memory, ".log")[0]))
	_, err = openOn(memory)
	require.ErrorIs(t, err, analytics.ErrCorrupt)
}

// TestAppendOnFullDisk checks that an append for which there is room does not
// fail for want of room for the zeros behind it.
func TestAppendOnFullDisk(t *testing.T) {
	t.Parallel()
	memory := disktest.New()
	store, err := openOn(memory)
	require.NoError(t, err)
	s := &sender{id: acme, thing: pump}
	writes := 0
	memory.Fail(func(asked disktest.Operation, _ string) error {
		if asked != disktest.Write {
			return nil
		}
		if writes++; writes%2 == 0 {
			return errors.New("disk full")
		}
		return nil
	})
	require.NoError(t, s.send(t.Context(), store, 5))
	require.Greater(t, writes, 1)
	s.check(t, store)
	require.NoError(t, store.Close())
	store, err = openOn(memory)
	require.NoError(t, err)
	s.check(t, store)
}

// TestAppendAfterDiskError checks that a failed fsync acknowledges nothing, and
// that the store works again when the disk does.
func TestAppendAfterDiskError(t *testing.T) {
	t.Parallel()
	errDisk := errors.New("disk on fire")
	for _, op := range []disktest.Operation{disktest.Write, disktest.Sync} {
		memory := disktest.New()
		store, err := openOn(memory)
		require.NoError(t, err)
		s := &sender{id: acme, thing: pump}
		require.NoError(t, s.send(t.Context(), store, 5))
		memory.Fail(func(asked disktest.Operation, _ string) error {
			if asked == op {
				return errDisk
			}
			return nil
		})
		err = s.send(t.Context(), store, 6)
		require.ErrorIs(t, err, errDisk)
		require.ErrorIs(t, err, iotenant.ErrUnavailable)
		require.Equal(t, 5, s.acked)
		page, err := store.Messages(t.Context(), acme, analytics.Query{})
		require.NoError(t, err)
		require.Len(t, page.Items, 5)
		memory.Fail(nil)
		require.NoError(t, s.send(t.Context(), store, 9))
		s.check(t, store)
		require.NoError(t, store.Close())
		store, err = openOn(memory)
		require.NoError(t, err)
		s.check(t, store)
	}
}
