package lakeanalytics

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

// lateRows are rows of which several members of gzip consist, two of each time.
func lateRows(n int) []analytics.Row {
	rows := make([]analytics.Row, n)
	for i := range rows {
		rows[i] = analytics.Row{ID: fmt.Sprint(i), At: at.Add(time.Duration(i/2) * time.Second), Payload: fmt.Appendf(nil, `{"n":%d,"filler":"%0300d"}`, i, i*i)}
	}
	return rows
}

func TestLateRowsAreReadWithoutTheEarly(t *testing.T) {
	t.Parallel()
	const n = 20_000
	rows := lateRows(n)
	for _, table := range []*analytics.Table{channel, jsonStore} {
		file := written(t, table, rows...)
		require.Len(t, read(t, table, file), n)
		for _, from := range []int{0, 1, 2, 5000, n / 2, n - 1} {
			first, total := "", 0
			for row, err := range rowsOf(object(file), table, rows[from].At.UnixNano()) {
				require.NoError(t, err)
				if total++; first == "" && !row.At.Before(rows[from].At) {
					first = string(row.Payload)
				}
			}
			require.Equal(t, string(rows[from/2*2].Payload), first)
			require.Less(t, total, n-from+8000, "from %d", from)
		}
		for row, err := range rowsOf(object(file), table, math.MaxInt64) {
			require.NoError(t, err)
			require.False(t, row.At.Before(rows[n/2].At), "rows of the first half are read for none")
		}
	}
}

func TestFilesOfLinesAreGzip(t *testing.T) {
	t.Parallel()
	file := written(t, channel, lateRows(20_000)...)
	unzipped, err := gzip.NewReader(bytes.NewReader(file))
	require.NoError(t, err)
	lines, err := io.ReadAll(unzipped)
	require.NoError(t, err)
	require.Equal(t, 20_000, bytes.Count(lines, []byte{'\n'}))
}

func TestAnIndexIsThinnedOut(t *testing.T) {
	t.Parallel()
	members := make([]member, 10_000)
	for i := range members {
		members[i] = member{int64(i) * 100_000, int64(i) * int64(time.Second)}
	}
	file := appendIndex(make([]byte, members[len(members)-1].offset+1), members)
	got, err := readIndex(object(file))
	require.NoError(t, err)
	require.Greater(t, len(got), 1000)
	require.Zero(t, got[0].offset)
	require.Contains(t, members, got[len(got)/2])
}

func FuzzLineIndex(f *testing.F) {
	f.Add(appendIndex(make([]byte, memberSize/4+1), []member{{0, 5}, {100, 7}}))
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) <= memberSize/4 {
			file = append(make([]byte, memberSize/4+1), file...)
		}
		members, err := readIndex(object(file))
		require.NoError(t, err)
		for i, m := range members {
			require.True(t, m.offset >= 0 && m.offset < int64(len(file)))
			require.True(t, i == 0 || members[i-1].offset < m.offset && members[i-1].at <= m.at)
		}
	})
}
