package lakeanalytics_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticstest"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/tenant"
)

func TestAttackLake(t *testing.T) {
	t.Parallel()
	analyticstest.TestLakeIsolation(t, over(inMemory))
}

// TestAttackForeignLog puts the log of one tenant in the place of another's, as
// whoever can write to the backend might by mistake: nothing of it is served,
// nor told.
func TestAttackForeignLog(t *testing.T) {
	t.Parallel()
	objects, keys := memanalytics.NewObjects(), tenant.RandomCursorKeys()
	lake := lakeanalytics.New(objects, keys, func(o *lakeanalytics.Options) { o.Checkpoint = 2 })
	victim, attacker := tenant.MustParseID("victim-co"), tenant.MustParseID("mallory")
	raw := analytics.TableID{Kind: analytics.ChannelTable, Name: "raw"}
	require.NoError(t, lake.Declare(t.Context(), victim, analytics.Table{TableID: raw}))
	for range 3 {
		_, err := lake.Append(t.Context(), victim, raw, []analytics.Row{{At: noon, Payload: []byte("secret")}})
		require.NoError(t, err)
	}
	copyObjects(t, objects, victim, attacker)

	for _, l := range []*lakeanalytics.Lake{lake, lakeanalytics.New(objects, keys)} {
		page, err := l.Rows(t.Context(), attacker, raw, analytics.RowQuery{})
		require.ErrorIs(t, err, analytics.ErrCorrupt)
		require.Empty(t, page.Items)
		require.NotContains(t, err.Error(), victim.String())
		_, err = l.Snapshot(t.Context(), attacker, raw)
		require.ErrorIs(t, err, analytics.ErrCorrupt)
		err = l.Sweep(t.Context(), attacker)
		require.ErrorIs(t, err, analytics.ErrCorrupt)
		require.NotContains(t, err.Error(), victim.String())
	}
}

// copyObjects copies all objects of a tenant to another.
func copyObjects(t *testing.T, objects analytics.Objects, from, to tenant.ID) {
	t.Helper()
	infos, err := objects.List(t.Context(), from, "", "", analytics.MaxObjectList)
	require.NoError(t, err)
	for _, info := range infos {
		object, err := objects.Open(t.Context(), from, info.Name)
		require.NoError(t, err)
		data, err := io.ReadAll(io.NewSectionReader(object, 0, object.Size()))
		require.NoError(t, err)
		require.NoError(t, object.Close())
		require.NoError(t, objects.Put(t.Context(), to, info.Name, bytes.NewReader(data)))
	}
}

// TestAttackImport has files that name another tenant wherever they can: they
// come to the tenant of the call, or nowhere.
func TestAttackImport(t *testing.T) {
	t.Parallel()
	lake := lakeanalytics.New(memanalytics.NewObjects(), tenant.RandomCursorKeys())
	victim, attacker := tenant.MustParseID("victim-co"), tenant.MustParseID("mallory")
	raw := analytics.TableID{Kind: analytics.ChannelTable, Name: "raw"}
	require.NoError(t, lake.Declare(t.Context(), victim, analytics.Table{TableID: raw}))
	require.NoError(t, lake.Declare(t.Context(), attacker, analytics.Table{TableID: raw}))
	files := fstest.MapFS{"victim-co/channel/raw/__dt=2026-01-01/1582940490000_x.json": {Data: []byte(`{"tenant":"victim-co","messageId":"victim-co:1","payload":{},"receivedAt":1}`)}}
	for _, channel := range []string{"../victim-co/raw", "victim-co/raw", "victim-co:raw", "../../victim-co/channel/raw"} {
		_, err := lakeanalytics.ImportChannel(t.Context(), lake, attacker, channel, files)
		require.ErrorIs(t, err, analytics.ErrNoTable)
	}
	done, err := lakeanalytics.ImportChannel(t.Context(), lake, attacker, "raw", files)
	require.NoError(t, err)
	require.Equal(t, 1, done.Rows)
	page, err := lake.Rows(t.Context(), victim, raw, analytics.RowQuery{})
	require.NoError(t, err)
	require.Empty(t, page.Items)
}

// TestAttackNames tries names of tables that lead elsewhere.
func TestAttackNames(t *testing.T) {
	t.Parallel()
	lake := lakeanalytics.New(memanalytics.NewObjects(), tenant.RandomCursorKeys())
	id := tenant.MustParseID("mallory")
	for _, name := range []string{"../victim-co/channel/raw", "raw/_log", "..", "", "a\x00", strings.Repeat("a", 200)} {
		for _, kind := range []analytics.TableKind{analytics.ChannelTable, "channel/../../victim-co", ""} {
			table := analytics.TableID{Kind: kind, Name: name}
			require.ErrorIs(t, lake.Declare(t.Context(), id, analytics.Table{TableID: table}), analytics.ErrTable)
			_, err := lake.Rows(t.Context(), id, table, analytics.RowQuery{})
			require.ErrorIs(t, err, analytics.ErrNoTable)
		}
	}
}
