package lakeanalytics_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/tenant"
)

func TestSmoke(t *testing.T) {
	objects := memanalytics.NewObjects()
	keys := tenant.RandomCursorKeys()
	a, b := lakeanalytics.New(objects, keys), lakeanalytics.New(objects, keys)
	id := tenant.MustParseID("acme")
	ch := analytics.TableID{Kind: analytics.ChannelTable, Name: "Raw"}
	require.NoError(t, a.Declare(t.Context(), id, analytics.Table{TableID: ch}))
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range 200 {
		l := []*lakeanalytics.Lake{a, b}[i%2]
		_, err := l.Append(t.Context(), id, ch, []analytics.Row{{ID: fmt.Sprint(i / 2), At: noon.Add(time.Duration(i) * time.Minute), Payload: []byte("x")}})
		require.NoError(t, err)
	}
	c := lakeanalytics.New(objects, keys)
	q := analytics.RowQuery{Limit: 7}
	n := 0
	for {
		page, err := c.Rows(t.Context(), id, ch, q)
		require.NoError(t, err)
		n += len(page.Items)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	require.Equal(t, 100, n)
	s, err := c.Snapshot(t.Context(), id, ch)
	require.NoError(t, err)
	require.Len(t, s.Files, 100)
}
