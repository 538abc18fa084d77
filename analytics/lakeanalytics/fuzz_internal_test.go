package lakeanalytics

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

var fuzzStore = parquetStore(
	"i", "int", "t", "tinyint", "b", "bigint", "o", "boolean", "d", "double", "f", "float", "s", "string", "ts", "timestamp", "y", "date", "n", "binary",
	"m", "decimal(9,2)", "l", "decimal(38,10)", "c", "varchar(5)", "a", "array<array<int>>", "p", "map<string,struct<x:double,y:array<string>>>", "z", "struct<q:int,r:struct<w:string>>",
)

var fuzzPayloads = []string{
	`{}`, `{"i":1,"t":2,"b":3,"o":true,"d":1.5,"f":2.5,"s":"x","ts":1768028400,"y":"2026-01-10","n":"AP8=","m":12.34,"l":-1e5,"c":"abc"}`,
	`{"a":[[1,2],[],null,[null]],"p":{"k":{"x":1,"y":["a",null]},"k2":null},"z":{"q":"7","R":{"W":true}}}`,
	`{"i":null,"I":5,"d":"1e2","s":{"nested":[1, 2]},"p":{},"a":[]}`,
}

// What is written is read, and written again makes the same.
func FuzzStoreRoundTrip(f *testing.F) {
	for _, payload := range fuzzPayloads {
		f.Add(payload, int64(1768028400123456789), uint8(3))
	}
	f.Fuzz(func(t *testing.T, payload string, ns int64, copies uint8) {
		for _, table := range []*analytics.Table{fuzzStore, jsonStore, channel} {
			row := storedRow{Row: analytics.Row{Thing: pump, At: time.Unix(0, ns).UTC(), Payload: []byte(payload)}}
			file, ok := tryWrite(t, table, row, int(copies)+1)
			if !ok {
				require.NotEqual(t, channel, table)
				require.False(t, json.Valid([]byte(payload)) && utf8.ValidString(payload) && payload[0] == '{' && len(payload) < maxDepth)
				continue
			}
			rows := read(t, table, file)
			require.Len(t, rows, int(copies)+1)
			again := read(t, table, written(t, table, rows...))
			require.Equal(t, rows, again)
			require.Equal(t, row.At, rows[0].At)
			require.Equal(t, pump, rows[0].Thing)
			if table == channel {
				require.Equal(t, payload, string(rows[0].Payload))
			} else {
				require.True(t, json.Valid(rows[0].Payload), string(rows[0].Payload))
			}
		}
	})
}

func tryWrite(t *testing.T, table *analytics.Table, row storedRow, n int) ([]byte, bool) {
	var file buffer
	w, err := newFileWriter(&file, table)
	require.NoError(t, err)
	for i := range n {
		row.sequence = uint64(i)
		if err := w.Write(&row); err != nil {
			require.ErrorIs(t, err, analytics.ErrRow)
			return nil, false
		}
	}
	require.NoError(t, w.Close())
	return file, true
}

type buffer []byte

func (b *buffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// Damaged files are reported, and neither panic nor take memory.
func FuzzCorruptFiles(f *testing.F) {
	for _, table := range []*analytics.Table{fuzzStore, jsonStore, channel} {
		var rows []analytics.Row
		for i := range 40 {
			rows = append(rows, analytics.Row{ID: "id", Thing: pump, At: at, Payload: []byte(fuzzPayloads[i%len(fuzzPayloads)])})
		}
		f.Add(written(f, table, rows...))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, table := range []*analytics.Table{fuzzStore, jsonStore, channel} {
			for _, err := range rowsOf(object(file), table, 0) {
				if err != nil {
					require.ErrorIs(t, err, analytics.ErrCorrupt)
				}
			}
		}
	})
}

// Each byte that is changed is noticed, or changes nothing: pages and footers
// have checksums or are checked.
func TestDamagedBytesAreNoticed(t *testing.T) {
	t.Parallel()
	var rows []analytics.Row
	for i := range 40 {
		rows = append(rows, analytics.Row{Thing: pump, At: at, Payload: []byte(fuzzPayloads[i%len(fuzzPayloads)])})
	}
	file := written(t, fuzzStore, rows...)
	whole := read(t, fuzzStore, file)
	unnoticed := 0
	for i := range file {
		damaged := append([]byte(nil), file...)
		damaged[i] ^= 1 << (i % 8)
		var found []analytics.Row
		var failure error
		for row, err := range rowsOf(object(damaged), fuzzStore, 0) {
			if failure = err; err == nil {
				found = append(found, row.Row)
			}
		}
		if failure != nil {
			require.ErrorIs(t, failure, analytics.ErrCorrupt)
		} else if !equalRows(whole, found) {
			unnoticed++
		}
	}
	require.Less(t, unnoticed, len(file)/100, "of %d bytes", len(file))
}

func equalRows(a, b []analytics.Row) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].At != b[i].At || a[i].Thing != b[i].Thing || string(a[i].Payload) != string(b[i].Payload) {
			return false
		}
	}
	return true
}

var errDisk = errors.New("disk")

type brokenObject struct{ analytics.Object }

func (brokenObject) ReadAt([]byte, int64) (int, error) { return 0, errDisk }

func TestErrorsOfObjectsAreNotCorruption(t *testing.T) {
	t.Parallel()
	for _, table := range []*analytics.Table{fuzzStore, jsonStore, channel} {
		file := written(t, table, analytics.Row{At: at, Payload: []byte(`{}`)})
		for _, err := range rowsOf(brokenObject{object(file)}, table, 0) {
			require.ErrorIs(t, err, errDisk)
			require.NotErrorIs(t, err, analytics.ErrCorrupt)
		}
	}
}

// What a file says of its own lengths is not believed.
func TestHostileLengthsTakeNoMemory(t *testing.T) {
	for name, footer := range map[string]string{
		"row groups": "\x15\x04\x49\xfc\xff\xff\xff\xff\x07",
		"schema":     "\x15\x04\x19\xfc\xff\xff\xff\xff\x07",
		"text":       "\x15\x04\x58\xff\xff\xff\xff\x07",
		"map":        "\x1b\xff\xff\xff\xff\x07\x55",
		"depth":      strings.Repeat("\x1c", 100_000),
	} {
		file := []byte(magic + footer)
		file = binary.LittleEndian.AppendUint32(file, uint32(len(footer)))
		file = append(file, magic...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, err := range rowsOf(object(file), fuzzStore, 0) {
			require.ErrorIs(t, err, analytics.ErrCorrupt, name)
		}
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20), name)
	}
}
