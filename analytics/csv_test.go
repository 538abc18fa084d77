package analytics_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

// result is a result of rows, and then of an error if there is one.
func result(columns []string, rows [][]analytics.Field, err error, closed *int) *analytics.Result {
	r := &analytics.Result{Rows: func(yield func([]analytics.Field, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}, Close: func() error {
		*closed++
		return nil
	}}
	for _, name := range columns {
		r.Columns = append(r.Columns, analytics.ResultColumn{Name: name})
	}
	return r
}

func TestWriteCSV(t *testing.T) {
	t.Parallel()
	closed := 0
	var out strings.Builder
	require.NoError(t, analytics.WriteCSV(&out, result([]string{"a", `b"c`}, [][]analytics.Field{
		{{Text: "x,y\nz"}, {Null: true}}, {{Text: ""}, {Text: `""`}},
	}, nil, &closed)))
	require.Equal(t, "\"a\",\"b\"\"c\"\n\"x,y\nz\",\n\"\",\"\"\"\"\"\"\n", out.String())
	require.Equal(t, 1, closed)
}

func TestWriteCSVFails(t *testing.T) {
	t.Parallel()
	closed := 0
	broken := errors.New("broken")
	rows := [][]analytics.Field{{{Text: strings.Repeat("x", 1<<17)}}}
	require.ErrorIs(t, analytics.WriteCSV(io.Discard, result([]string{"a"}, rows, broken, &closed)), broken)
	reader, writer := io.Pipe()
	require.NoError(t, reader.CloseWithError(broken))
	require.ErrorIs(t, analytics.WriteCSV(writer, result([]string{"a"}, rows, nil, &closed)), broken)
	require.Equal(t, 2, closed)
}
