package fileanalytics

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/fileanalytics/internal/disktest"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// The fuzz tests look inside: the decoders are not to be reached from outside
// without a checksum over what is fuzzed.

func FuzzRecord(f *testing.F) {
	m := analytics.Message{Thing: device.MustParseID("pump"), Datastore: "clean", Channel: "a/b", ID: "m", At: time.Unix(1, 2), Payload: []byte(`{"t": 1}`)}
	encoded := appendRecord(nil, &m, 5, 1)
	seal(encoded, 7)
	f.Add(encoded, true)
	f.Add(encoded[:20], false)
	f.Fuzz(func(t *testing.T, data []byte, fix bool) {
		if n, err := cutRecord(data); err == nil && fix {
			binary.LittleEndian.PutUint32(data[4:], checksum(data[recordHeader:n]))
		}
		decoded, n, err := decodeRecord(data)
		if err != nil {
			return
		}
		require.LessOrEqual(t, n, len(data))
		from, err := decoded.stream.key().origin()
		if err != nil {
			require.ErrorIs(t, err, analytics.ErrCorrupt)
			return
		}
		found := decoded.message(from)
		again := appendRecord(nil, &found, decoded.time, int(decoded.points))
		seal(again, decoded.arrival)
		redecoded, _, err := decodeRecord(again)
		require.NoError(t, err)
		require.Equal(t, decoded, redecoded)
	})
}

func FuzzJournal(f *testing.F) {
	f.Add(journalBytes(f), true)
	f.Add([]byte(journalMagic), false)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, data []byte, last bool) {
		content, err := readJournal(data, 1, last)
		if err != nil {
			require.ErrorIs(t, err, analytics.ErrCorrupt)
			return
		}
		require.LessOrEqual(t, content.size, int64(len(data)))
		if !last && content.size > 0 {
			require.Equal(t, int64(len(data)), content.size)
		}
		for i, entry := range content.entries {
			require.Equal(t, content.first+uint64(i), entry.record.arrival)
			require.False(t, entry.tenant.IsZero())
		}
	})
}

// journalBytes returns a journal of a store.
func journalBytes(tb testing.TB) (data []byte) {
	tb.Helper()
	memory, store := storeInMemory(tb)
	for i := range 4 {
		_, err := store.Append(tb.Context(), tenant.MustParseID("acme"), []analytics.Message{
			{Thing: device.MustParseID("pump"), ID: strings.Repeat("m", i), At: time.Unix(int64(i), 0), Payload: []byte(`{"t": 1}`)},
			{Thing: device.MustParseID("fan"), At: time.Unix(int64(i), 0)},
		})
		require.NoError(tb, err)
	}
	require.NoError(tb, store.Close())
	memory.Change("/data/journal/"+journalName(1), func(content []byte) []byte { data = bytes.Clone(content); return content })
	return data
}

func storeInMemory(tb testing.TB) (*disktest.Disk, *Store) {
	tb.Helper()
	memory := disktest.New()
	store, err := Open("/data", tenant.RandomCursorKeys(), OnDisk(memory))
	require.NoError(tb, err)
	return memory, store
}

// FuzzRecovery opens a store whose journal was changed and cut at will, and
// reads all of it.
func FuzzRecovery(f *testing.F) {
	f.Add(uint16(100), byte(0), uint16(0))
	f.Add(uint16(40), byte(1), uint16(7))
	f.Add(uint16(200), byte(255), uint16(300))
	whole := journalBytes(f)
	f.Fuzz(func(t *testing.T, at uint16, flip byte, cut uint16) {
		data := bytes.Clone(whole)
		data[int(at)%len(data)] ^= flip
		data = data[:len(data)-int(cut)%len(data)]
		memory, store := storeInMemory(t)
		require.NoError(t, store.Close())
		memory.Change("/data/journal/"+journalName(1), func([]byte) []byte { return data })
		store, err := Open("/data", tenant.RandomCursorKeys(), OnDisk(memory))
		if err != nil {
			require.ErrorIs(t, err, analytics.ErrCorrupt)
			return
		}
		n := 0
		for _, err := range analytics.AllMessages(t.Context(), store, tenant.MustParseID("acme"), analytics.Query{}) {
			require.NoError(t, err)
			n++
		}
		require.Zero(t, n%2, "half an append")
		require.NoError(t, store.Close())
	})
}

func FuzzState(f *testing.F) {
	var total atomic.Int64
	a := &archive{id: tenant.MustParseID("acme"), through: 9}
	a.reset()
	a.segments = []segment{{day: 3, size: 7, bounds: noBounds()}}
	s := a.stream(streamKey{"", "pump"})
	s.ids.add(7, &total)
	s.last[metricKey{"c", "t"}] = &lastValue{5, 2, 1.5}
	f.Add(a.encodeState()[12:])
	f.Add([]byte("\x04acme"))
	f.Fuzz(func(t *testing.T, body []byte) {
		data := append([]byte(stateMagic), 0, 0, 0, 0)
		data = append(data, body...)
		binary.LittleEndian.PutUint32(data[8:], checksum(body))
		var total atomic.Int64
		decoded := &archive{id: tenant.MustParseID("acme")}
		decoded.reset()
		if err := decoded.decodeState(data, &total); err != nil {
			require.ErrorIs(t, err, analytics.ErrCorrupt)
			return
		}
		again := &archive{id: decoded.id}
		again.reset()
		require.NoError(t, again.decodeState(decoded.encodeState(), &total))
		require.Equal(t, decoded.through, again.through)
		require.Len(t, again.streams, len(decoded.streams))
	})
}

// FuzzSegment reads a segment with any bytes in it.
func FuzzSegment(f *testing.F) {
	p := &part{journal: 1, lists: map[streamKey]*list{}}
	encoded := appendRecord(nil, &analytics.Message{Thing: device.MustParseID("pump"), At: time.Unix(1, 0)}, 1e9, 0)
	seal(encoded, 1)
	p.lists[streamKey{"", "pump"}] = &list{entries: []listEntry{{arrival: 1, at: 1e9, time: 1e9, raw: encoded}}}
	runs := newRuns(tenant.MustParseID("acme"), p)
	f.Add(runs.encode(runs.days[0]), true)
	f.Add([]byte(runMagic), true)
	f.Fuzz(func(t *testing.T, data []byte, fix bool) {
		if fix && len(data) >= runHeader {
			if n := int(binary.LittleEndian.Uint32(data[24:])); n >= 0 && runHeader+n <= len(data) {
				binary.LittleEndian.PutUint32(data[28:], checksum(data[runHeader:runHeader+n]))
			}
			binary.LittleEndian.PutUint32(data[runHeader-4:], checksum(data[:runHeader-4]))
		}
		memory, store := storeInMemory(t)
		id := tenant.MustParseID("acme")
		require.NoError(t, memory.MkdirAll("/data/tenants/t-acme"))
		_, err := memory.Create("/data/tenants/t-acme/1970-01-01.seg")
		require.NoError(t, err)
		memory.Change("/data/tenants/t-acme/1970-01-01.seg", func([]byte) []byte { return data })
		a := &archive{id: id, loaded: true}
		a.reset()
		everything := bounds{maxArrival: 1 << 62, maxAt: 1 << 62, maxTime: 1 << 62}
		a.segments = []segment{{day: 0, size: int64(len(data)), bounds: everything}}
		store.archives[id] = a
		for m, err := range analytics.AllMessages(t.Context(), store, id, analytics.Query{}) {
			if err != nil {
				require.ErrorIs(t, err, analytics.ErrCorrupt)
				break
			}
			require.False(t, m.Thing.IsZero())
		}
	})
}

// FuzzLayout: no tenant id leaves its folder or meets another's, and no name
// is read as an id that it was not made of.
func FuzzLayout(f *testing.F) {
	for _, seed := range [][2]string{{"acme", "acme-b"}, {"../x", "con"}, {"t-a", "a"}, {"ACME", "acme"}, {"_platform", "nul"}, {"a/b", "a\x00b"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if id, ok := parseTenantDirName(a); ok {
			require.Equal(t, a, tenantDirName(id))
		}
		if d, ok := parseSegmentName(a); ok {
			require.Equal(t, a, segmentName(d))
		}
		if n, ok := parseJournalName(a); ok {
			require.Equal(t, a, journalName(n))
		}
		idA, errA := tenant.ParseID(a)
		idB, errB := tenant.ParseID(b)
		if errA != nil || errB != nil {
			return
		}
		files := layout{"/data"}
		dirA, dirB := files.tenantDir(idA), files.tenantDir(idB)
		require.Equal(t, "/data/tenants", filepath.Dir(dirA))
		parsed, ok := parseTenantDirName(filepath.Base(dirA))
		require.True(t, ok)
		require.Equal(t, idA, parsed)
		require.Equal(t, a == b, strings.EqualFold(dirA, dirB))
		require.False(t, a != b && strings.HasPrefix(dirA+"/", dirB+"/"))
	})
}

// TestAttackForgedFrame puts what looks like frames and records into payloads:
// after a crash in the middle of such a message nothing comes of it.
func TestAttackForgedFrame(t *testing.T) {
	t.Parallel()
	id, memory := tenant.MustParseID("acme"), disktest.New()
	forged := journalBytes(t)[journalHeader:]
	for seed := range uint64(30) {
		store, err := Open("/data", tenant.RandomCursorKeys(), OnDisk(memory))
		require.NoError(t, err)
		memory.PowerOffAfter(3)
		for {
			message := analytics.Message{Thing: device.MustParseID("pump"), At: time.Unix(1, 0), Payload: bytes.Repeat(forged, 20)}
			if _, err := store.Append(t.Context(), id, []analytics.Message{message}); err != nil {
				break
			}
		}
		_ = store.Close() // the power is off
		memory = memory.Restart(rand.New(rand.NewPCG(seed, 3)))
	}
	store, err := Open("/data", tenant.RandomCursorKeys(), OnDisk(memory))
	require.NoError(t, err)
	for m, err := range analytics.AllMessages(t.Context(), store, id, analytics.Query{}) {
		require.NoError(t, err)
		require.Equal(t, "pump", m.Thing.String())
	}
}

// TestAttackForeignSegment moves a segment into the folder of another tenant:
// it is refused, not read.
func TestAttackForeignSegment(t *testing.T) {
	t.Parallel()
	memory, store := storeInMemory(t)
	for _, name := range []string{"victim", "thief1"} {
		_, err := store.Append(t.Context(), tenant.MustParseID(name), []analytics.Message{{Thing: device.MustParseID("pump"), At: time.Unix(1, 0), Payload: []byte(name)}})
		require.NoError(t, err)
	}
	require.NoError(t, store.Checkpoint(t.Context()))
	require.NoError(t, store.Close())
	for _, file := range []string{"1970-01-01.seg", "state"} {
		var theirs []byte
		memory.Change("/data/tenants/t-victim/"+file, func(data []byte) []byte { theirs = bytes.Clone(data); return data })
		memory.Change("/data/tenants/t-thief1/"+file, func([]byte) []byte { return theirs })
		store, err := Open("/data", tenant.RandomCursorKeys(), OnDisk(memory))
		require.NoError(t, err)
		_, err = store.Messages(t.Context(), tenant.MustParseID("thief1"), analytics.Query{})
		require.ErrorIs(t, err, analytics.ErrCorrupt)
		require.NotContains(t, err.Error(), "victim")
		require.NoError(t, store.Close())
	}
}
