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
	for row, err := range replay.Rows(strings.NewReader("\ufefftimestamp,value\n2013-12-02 21:15:00,73.96732207\n2013-12-02T21:20:00Z,-1e3\n")) {
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
		"":                               `want the header "timestamp,value", the file is empty`,
		"value,timestamp\n":              `want the header "timestamp,value", found "value,timestamp"`,
		"value\n":                        `want the header "timestamp,value": record on line 1`,
		"timestamp,value\nyesterday,1\n": `row 1: timestamp "yesterday"`,
		"timestamp,value\n2013-12-02 21:15:00,NaN\n":  `row 1: value "NaN" is not a finite number`,
		"timestamp,value\n2013-12-02 21:15:00,-Inf\n": `row 1: value "-Inf" is not a finite number`,
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
