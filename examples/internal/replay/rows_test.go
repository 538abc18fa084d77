package replay_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/examples/internal/replay"
)

func TestRows(t *testing.T) {
	t.Parallel()
	var rows []replay.Row
	for row, err := range replay.Rows(strings.NewReader("timestamp,value\n2013-12-02 21:15:00,73.96732207\n2013-12-02T21:20:00Z,-1e3\n")) {
		require.NoError(t, err)
		rows = append(rows, row)
	}
	require.Equal(t, []replay.Row{
		{Number: 1, Timestamp: time.Date(2013, 12, 2, 21, 15, 0, 0, time.UTC), Value: 73.96732207},
		{Number: 2, Timestamp: time.Date(2013, 12, 2, 21, 20, 0, 0, time.UTC), Value: -1000},
	}, rows)
}

func TestRowsNameWhatIsWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                               "header",
		"value,timestamp\n":              "header",
		"timestamp,value\nyesterday,1\n": `row 1: timestamp "yesterday"`,
		"timestamp,value\n2013-12-02 21:15:00,warm\n": `row 1: value "warm"`,
		"timestamp,value\n2013-12-02 21:15:00,1,2\n":  "row 1: ",
	} {
		var last error
		for _, err := range replay.Rows(strings.NewReader(text)) {
			last = err
		}
		require.ErrorContains(t, last, want, text)
	}
}
