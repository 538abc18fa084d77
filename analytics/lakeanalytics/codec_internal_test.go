package lakeanalytics

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/tenant"
)

var logOwner = owner{tenant.MustParseID("acme"), analytics.TableID{Kind: analytics.DatastoreTable, Name: "clean"}}

func fullEntry() *entry {
	site := "a/b"
	dimensions := []analytics.Dimension{{Name: "__partition_site", Value: &site}, {Name: "__partition_line"}}
	in := folder(18_000, dimensions)
	return &entry{
		version: 7, nonce: nonce{1}, at: 1_600_000_000_000,
		declared: &declaration{table: analytics.Table{
			TableID: logOwner.table, RetentionDays: 3, Format: pipeline.FormatParquet,
			Columns:    []pipeline.Column{{Name: "n", Type: "int"}},
			Partitions: []pipeline.Partition{{Attribute: "site"}, {Attribute: "ts", Timestamp: true, TimestampFormat: "yyyy"}},
		}, nonce: nonce{2}},
		leaving: true,
		appended: []file{
			{name: in + "1_2_w_1.parquet", day: 18_000, dimensions: dimensions, rows: 5, bytes: 900, first: 10, last: 20, base: 0},
			{name: in + "1_2_w_2.parquet", day: 18_000, dimensions: dimensions, rows: 1, bytes: 800, first: 10, last: 10, base: 9},
		},
		added:     []file{{name: folder(18_001, nil) + "3_4_w_3.parquet", day: 18_001, rows: 1, bytes: 1, first: 30, last: 40, base: math.MaxUint64}},
		removed:   []removal{{"x", 5}},
		forgotten: []string{"y", "z"},
		ids:       []digest{{1}, {2}},
		sequences: 6,
		replaced:  []nonce{{3}},
		nonces:    []nonce{{4}, {5}},
	}
}

func TestEntriesComeBack(t *testing.T) {
	t.Parallel()
	for _, e := range []*entry{{version: 1}, fullEntry(), {version: 9, checkpoint: true, deleted: true}} {
		got, err := decodeEntry(e.encode(logOwner), logOwner, e.version, e.checkpoint)
		require.NoError(t, err)
		require.Equal(t, e, got)
	}
}

// TestEveryDamageIsNoticed flips each bit, and cuts at each place.
func TestEveryDamageIsNoticed(t *testing.T) {
	t.Parallel()
	data := fullEntry().encode(logOwner)
	for i := range data {
		_, err := decodeEntry(data[:i], logOwner, 7, false)
		require.ErrorIs(t, err, analytics.ErrCorrupt)
		for bit := range 8 {
			damaged := slices.Clone(data)
			damaged[i] ^= 1 << bit
			_, err := decodeEntry(damaged, logOwner, 7, false)
			require.ErrorIs(t, err, analytics.ErrCorrupt)
		}
	}
}

func TestEntriesOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	data := fullEntry().encode(logOwner)
	other := logOwner
	other.tenant = tenant.MustParseID("acme-b")
	_, err := decodeEntry(data, other, 7, false)
	require.ErrorIs(t, err, analytics.ErrCorrupt)
	require.NotContains(t, strings.ReplaceAll(err.Error(), "acme-b", ""), "acme")
	other = logOwner
	other.table.Name = "raw"
	_, err = decodeEntry(data, other, 7, false)
	require.ErrorIs(t, err, analytics.ErrCorrupt)
	_, err = decodeEntry(data, logOwner, 8, false)
	require.ErrorIs(t, err, analytics.ErrCorrupt)
	_, err = decodeEntry(data, logOwner, 7, true)
	require.ErrorIs(t, err, analytics.ErrCorrupt)
}

// FuzzEntry decodes what has a right checksum: it fails, or is what would be
// written again.
func FuzzEntry(f *testing.F) {
	data := fullEntry().encode(logOwner)
	f.Add(data[len(entryMagic) : len(data)-4])
	f.Add((&entry{version: 1}).encode(logOwner)[len(entryMagic):])
	f.Fuzz(func(t *testing.T, body []byte) {
		r := reader{rest: body}
		r.text()
		r.text()
		r.text()
		e := r.entry()
		if r.bad || len(r.rest) > 0 {
			return
		}
		again, err := decodeEntry(e.encode(logOwner), logOwner, e.version, e.checkpoint)
		require.NoError(t, err)
		require.Equal(t, len(e.added)+len(e.appended), len(again.added)+len(again.appended))
		require.Equal(t, e.ids, again.ids)
		newState().apply(again, 16) // whatever it says
	})
}

// TestWindow compares a window with a list.
func TestWindow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var w window
		var list []digest
		limit := rapid.IntRange(1, 40).Draw(t, "limit")
		for range rapid.IntRange(0, 60).Draw(t, "commits") {
			var ids []digest
			for _, n := range rapid.SliceOfN(rapid.IntRange(0, 200), 0, 30).Draw(t, "ids") {
				// Few home slots, so that they collide.
				if d := (digest{byte(n % 3), 0, 0, 0, 0, 0, 0, 0, byte(n)}); !slices.Contains(list, d) && !slices.Contains(ids, d) {
					ids = append(ids, d)
				}
			}
			w.add(ids, limit)
			list = append(list, ids...)
			list = list[max(0, len(list)-max(limit, len(ids))):]
			if got := slices.Collect(w.oldestFirst()); !slices.Equal(got, list) {
				t.Fatalf("%v, want %v", got, list)
			}
		}
		for n := range 201 {
			d := digest{byte(n % 3), 0, 0, 0, 0, 0, 0, 0, byte(n)}
			if w.has(d) != slices.Contains(list, d) {
				t.Fatalf("has %v: %v", d, w.has(d))
			}
		}
	})
}

// TestACheckpointIsTheState makes a state of commits, and of their checkpoint.
func TestACheckpointIsTheState(t *testing.T) {
	t.Parallel()
	commits := []*entry{
		fullEntry(),
		{version: 8, nonce: nonce{8}, removed: []removal{{fullEntry().appended[0].name, 6}}, forgotten: []string{"x"}},
		{version: 9, nonce: nonce{9}, appended: []file{{name: folder(18_000, nil) + "1_2_w_4.parquet", day: 18_000, last: 1}}, ids: []digest{{7}}, sequences: 1},
	}
	s := newState()
	for _, e := range commits {
		s.apply(e, 16)
	}
	e, err := decodeEntry(s.entry(5).encode(logOwner), logOwner, 9, true)
	require.NoError(t, err)
	again := newState()
	again.apply(e, 16)
	require.Equal(t, s.snapshot(), again.snapshot())
	require.Equal(t, s.removed, again.removed)
	require.Equal(t, s.sequence, again.sequence)
	require.Equal(t, s.nonces, again.nonces)
	require.Equal(t, s.declared, again.declared)
	require.Equal(t, slices.Collect(s.ids.oldestFirst()), slices.Collect(again.ids.oldestFirst()))
	require.EqualValues(t, 6, again.names[commits[2].appended[0].name].base)
}

func FuzzNames(f *testing.F) {
	f.Add("raw", "Raw", uint64(1), "a/../b", "site", int64(5), int64(7))
	f.Add("a", "a_log", uint64(math.MaxUint64), "", "__dt", int64(0), int64(1<<60))
	f.Fuzz(func(t *testing.T, name, other string, version uint64, value, dimension string, first, last int64) {
		a, b := analytics.TableID{Kind: analytics.ChannelTable, Name: name}, analytics.TableID{Kind: analytics.ChannelTable, Name: other}
		if checkTableID(a) != nil || checkTableID(b) != nil || version == 0 || first < 0 || last < first || !isName(dimension) || len(dimension) > 100 {
			t.Skip()
		}
		l, m := layoutOf(a), layoutOf(b)
		data := l.prefix + folder(int32(version%100_000), []analytics.Dimension{{Name: dimension, Value: &value}}) + fileName(first, last, "0123456789abcdef", version, ".json.gz")
		for _, text := range []string{l.commit(version), l.checkpoint(version), l.latest(), data} {
			require.NoError(t, analytics.CheckObjectName(text))
			of, ok := tableOf(text)
			require.True(t, ok)
			require.Equal(t, strings.ToLower(name), of.Name)
			// No table's objects are in the range of another.
			require.Equal(t, strings.EqualFold(name, other), strings.HasPrefix(text, m.prefix))
			require.Less(t, text, afterTable(a))
			require.Equal(t, text >= m.prefix && text < afterTable(b), strings.HasPrefix(text, m.prefix))
		}
		require.True(t, isFile(data[len(l.prefix):]))
		got, checkpoint, ok := l.parseLog(l.commit(version))
		require.True(t, ok && !checkpoint && got == version)
		got, checkpoint, ok = l.parseLog(l.checkpoint(version))
		require.True(t, ok && checkpoint && got == version)
		_, _, ok = l.parseLog(l.latest())
		require.False(t, ok)
		require.Less(t, l.commit(version), l.checkpoint(version))
		if version < math.MaxUint64 {
			require.Less(t, l.checkpoint(version), l.commit(version+1))
		}
		require.Less(t, fmt.Sprint(l.log()), l.commit(version))
	})
}
