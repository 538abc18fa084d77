package lakeanalytics_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

const (
	oldFolder = "test/channel/mine/__dt=2020-02-29 00:00:00/"
	oldFile   = oldFolder + "1582940490000_1582940520000_123456789012_mine_0_2118.0.json.gz"
)

var (
	importTenant = tenant.MustParseID("acme")
	importTable  = analytics.TableID{Kind: analytics.ChannelTable, Name: "mine"}
)

func zipped(text string) *fstest.MapFile {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text)) // to a buffer
	_ = w.Close()
	return &fstest.MapFile{Data: b.Bytes()}
}

func importLake(t *testing.T) *lakeanalytics.Lake {
	t.Helper()
	lake := lakeanalytics.New(memanalytics.NewObjects(), tenant.RandomCursorKeys())
	require.NoError(t, lake.Declare(t.Context(), importTenant, analytics.Table{TableID: importTable}))
	return lake
}

func rowsOf(t *testing.T, lake analytics.Lake) []analytics.Row {
	t.Helper()
	page, err := lake.Rows(t.Context(), importTenant, importTable, analytics.RowQuery{Limit: tenant.MaxLimit})
	require.NoError(t, err)
	return page.Items
}

func TestImportChannel(t *testing.T) {
	t.Parallel()
	lake := importLake(t)
	files := fstest.MapFS{
		oldFile: zipped(`{"messageId":"m-1","payload":{"temp": 21.50},"receivedAt":1582940500123}` + "\n\n" +
			`{"messageId":"m-2","payload":"AQI=","receivedAt":1582940500124}` + "\r\n" + `{"temp":22,"payload":"mine"}` + "\n" + "no JSON"),
		"channel/mine/__dt=2020-03-01/x.jsonl":      {Data: []byte(`{"temp":23,"thing":"pump-7"}`)},
		"channel/mine/__dt=2020-03-01/_SUCCESS":     {Data: []byte("-")},
		"channel/mine/__dt=2020-03-01/more.parquet": {Data: []byte("-")},
	}
	done, err := lakeanalytics.ImportChannel(t.Context(), lake, importTenant, "mine", files, func(o *lakeanalytics.ImportOptions) {
		o.Thing = func(payload []byte) device.ID {
			if strings.Contains(string(payload), "pump-7") {
				return device.MustParseID("pump-7")
			}
			return device.ID{}
		}
	})
	require.NoError(t, err)
	require.Equal(t, lakeanalytics.Imported{Files: 2, Rows: 5, Last: oldFile}, done)
	rows := rowsOf(t, lake)
	var got []string
	for _, row := range rows {
		got = append(got, fmt.Sprintf("%s %s %s", row.At.Format("2006-01-02 15:04:05.000"), row.Thing, row.Payload))
	}
	require.Equal(t, []string{
		`2020-02-29 01:41:30.000  {"temp":22,"payload":"mine"}`, "2020-02-29 01:41:30.000  no JSON",
		`2020-02-29 01:41:40.123  {"temp": 21.50}`, "2020-02-29 01:41:40.124  \x01\x02", `2020-03-01 00:00:00.000 pump-7 {"temp":23,"thing":"pump-7"}`,
	}, got)

	done, err = lakeanalytics.ImportChannel(t.Context(), lake, importTenant, "mine", files)
	require.NoError(t, err)
	require.Equal(t, lakeanalytics.Imported{Files: 2, Duplicates: 5, Last: oldFile}, done)
	done, err = lakeanalytics.ImportChannel(t.Context(), lake, importTenant, "mine", files, func(o *lakeanalytics.ImportOptions) { o.After = "channel/mine/__dt=2020-03-01/x.jsonl" })
	require.NoError(t, err)
	require.Equal(t, lakeanalytics.Imported{Files: 1, Duplicates: 4, Last: oldFile}, done)
}

// What this package wrote can be imported as well.
func TestImportWhatWasWritten(t *testing.T) {
	t.Parallel()
	objects := memanalytics.NewObjects()
	from := lakeanalytics.New(objects, tenant.RandomCursorKeys())
	require.NoError(t, from.Declare(t.Context(), importTenant, analytics.Table{TableID: importTable}))
	var rows []analytics.Row
	for i, payload := range []string{`{"a":1}`, "\xff", `"text"`, " {}"} {
		rows = append(rows, analytics.Row{ID: fmt.Sprint(i), Thing: device.MustParseID("pump"), At: time.Unix(int64(i), 123456789).UTC(), Payload: []byte(payload)})
	}
	_, err := from.Append(t.Context(), importTenant, importTable, rows)
	require.NoError(t, err)
	snapshot, err := from.Snapshot(t.Context(), importTenant, importTable)
	require.NoError(t, err)
	files := fstest.MapFS{}
	for _, file := range snapshot.Files {
		object, err := objects.Open(t.Context(), importTenant, file.Name)
		require.NoError(t, err)
		data := make([]byte, object.Size())
		_, err = object.ReadAt(data, 0)
		require.NoError(t, err)
		files[file.Name] = &fstest.MapFile{Data: data}
	}
	into := importLake(t)
	_, err = lakeanalytics.ImportChannel(t.Context(), into, importTenant, "mine", files)
	require.NoError(t, err)
	require.Equal(t, rowsOf(t, from), rowsOf(t, into))
}

func TestImportChannelRefuses(t *testing.T) {
	t.Parallel()
	good := zipped(`{"messageId":"m-1","payload":{},"receivedAt":1582940500123}`)
	for name, test := range map[string]struct {
		files   fstest.MapFS
		channel string
		want    error
		text    string
	}{
		"no channel":  {fstest.MapFS{oldFile: good}, "other", analytics.ErrNoTable, "up to line 1"},
		"no gzip":     {fstest.MapFS{oldFile: {Data: []byte("text")}}, "mine", analytics.ErrCorrupt, oldFile + ": line 0"},
		"torn":        {fstest.MapFS{oldFile: {Data: good.Data[:len(good.Data)-6]}}, "mine", analytics.ErrCorrupt, "line"},
		"no time":     {fstest.MapFS{"a/x.json": {Data: []byte("\n{}")}}, "mine", analytics.ErrCorrupt, "a/x.json: line 2: "},
		"long line":   {fstest.MapFS{"1582940490000_x.json": {Data: bytes.Repeat([]byte("x"), 3<<20)}}, "mine", analytics.ErrCorrupt, "line 1"},
		"large row":   {fstest.MapFS{"1582940490000_x.json": {Data: bytes.Repeat([]byte("x"), analytics.MaxRow+1)}}, "mine", analytics.ErrRow, "line 1"},
		"wrong day":   {fstest.MapFS{"__dt=2020/x.json": {Data: []byte("{}")}}, "mine", analytics.ErrCorrupt, "no time in its name"},
		"unreachable": {fstest.MapFS{oldFile: good}, "mine", fs.ErrPermission, oldFile},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := fs.FS(test.files)
			if name == "unreachable" {
				files = closedFS{test.files}
			}
			done, err := lakeanalytics.ImportChannel(t.Context(), importLake(t), importTenant, test.channel, files)
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, test.text)
			require.Zero(t, done.Files)
			if errors.Is(test.want, fs.ErrPermission) {
				require.NotErrorIs(t, err, analytics.ErrCorrupt)
			}
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := lakeanalytics.ImportChannel(ended, importLake(t), importTenant, "mine", fstest.MapFS{oldFile: good})
	require.ErrorIs(t, err, context.Canceled)
	_, err = lakeanalytics.ImportChannel(t.Context(), importLake(t), tenant.ID{}, "mine", fstest.MapFS{oldFile: good})
	require.ErrorIs(t, err, iotenant.ErrInvalid)
}

// closedFS lists its files, and opens none.
type closedFS struct{ fstest.MapFS }

func (c closedFS) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, ".gz") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return c.MapFS.Open(name)
}

// The archive of a channel goes to the same channel of a tenant here, and through
// its pipelines by a reprocessing.
func ExampleImportChannel() {
	ctx, id := context.Background(), tenant.MustParseID("acme")
	lake := lakeanalytics.New(memanalytics.NewObjects(), tenant.RandomCursorKeys())
	raw := analytics.TableID{Kind: analytics.ChannelTable, Name: "raw"}
	if err := lake.Declare(ctx, id, analytics.Table{TableID: raw}); err != nil {
		fmt.Println(err)
	}
	bucket := fstest.MapFS{ // os.DirFS of what "aws s3 sync" copied
		"channel/raw/__dt=2020-02-29 00:00:00/1582940490000_1582940520000_123456789012_raw_0_2118.0.json": {Data: []byte(`{"temp":21.5}`)},
	}
	done, err := lakeanalytics.ImportChannel(ctx, lake, id, "raw", bucket)
	fmt.Println(done.Files, done.Rows, err)
	page, err := lake.Rows(ctx, id, raw, analytics.RowQuery{})
	for _, row := range page.Items {
		fmt.Printf("%s %s\n", row.At.Format(time.DateTime), row.Payload)
	}
	fmt.Println(err)
	// Output:
	// 1 1 <nil>
	// 2020-02-29 01:41:30 {"temp":21.5}
	// <nil>
}
