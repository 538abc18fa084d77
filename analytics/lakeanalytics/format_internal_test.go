package lakeanalytics

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/device"
)

type memoryObject struct{ *bytes.Reader }

func (memoryObject) Close() error { return nil }

func object(data []byte) analytics.Object { return memoryObject{bytes.NewReader(data)} }

func written(t testing.TB, table *analytics.Table, rows ...analytics.Row) []byte {
	var file bytes.Buffer
	w, err := newFileWriter(&file, table)
	require.NoError(t, err)
	for i := range rows {
		require.NoError(t, w.Write(&storedRow{rows[i], uint64(i)}))
	}
	require.NoError(t, w.Close())
	return file.Bytes()
}

func read(t testing.TB, table *analytics.Table, file []byte) (rows []analytics.Row) {
	for row, err := range rowsOf(object(file), table, 0) {
		require.NoError(t, err)
		require.EqualValues(t, len(rows), row.sequence)
		rows = append(rows, row.Row)
	}
	return rows
}

var (
	channel   = &analytics.Table{TableID: analytics.TableID{Kind: analytics.ChannelTable, Name: "c"}}
	jsonStore = &analytics.Table{TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: "s"}, Format: pipeline.FormatJSON}
	at        = time.Date(2026, 1, 10, 7, 0, 0, 123456789, time.UTC)
	pump      = device.MustParseID("pump-1")
)

func parquetStore(columns ...string) *analytics.Table {
	table := &analytics.Table{TableID: jsonStore.TableID, Format: pipeline.FormatParquet}
	for i := 0; i < len(columns); i += 2 {
		table.Columns = append(table.Columns, pipeline.Column{Name: columns[i], Type: columns[i+1]})
	}
	return table
}

func TestChannelRowsComeBackByteByByte(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{`{"a":1.50 , "b":[ ]}`, "{\n}", `"text"`, "", "\x00\xff", ` {}`, `{} `, `12`, `null`, `{"a":"é\u00e9"}`, "aGk="} {
		row := analytics.Row{ID: "m\"1\x00", Thing: pump, At: at, Payload: []byte(payload)}
		rows := read(t, channel, written(t, channel, row))
		require.Len(t, rows, 1)
		if payload == "" {
			row.Payload = rows[0].Payload
			require.Empty(t, rows[0].Payload)
		}
		require.Equal(t, row, rows[0], payload)
	}
}

func TestStoreRows(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]string{
		`{"a":1}`: `{"a":1}`, "{\n\"a\" : 1 }": `{"a":1}`, `{}`: `{}`, ` { } `: `{}`, `{"__at":1,"a":2,"\u005f_thing":"x"}`: `{"a":2}`, `{"__x":1}`: `{}`,
	} {
		row := analytics.Row{Thing: pump, At: at, Payload: []byte(payload)}
		rows := read(t, jsonStore, written(t, jsonStore, row, row))
		row.Payload = []byte(want)
		require.Equal(t, []analytics.Row{row, row}, rows)
	}
}

func TestParquetTypes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ kind, value, want string }{
		{"tinyint", "127", "127"},
		{"tinyint", "128", ""},
		{"smallint", "-32768", "-32768"},
		{"int", `"12"`, "12"},
		{"int", "1.2e1", "12"},
		{"int", "1.5", ""},
		{"bigint", "9223372036854775807", "9223372036854775807"},
		{"bigint", "-9223372036854775808", "-9223372036854775808"},
		{"bigint", "9223372036854775808", ""},
		{"boolean", "true", "true"},
		{"boolean", `"false"`, "false"},
		{"boolean", "1", ""},
		{"double", "0.1", "0.1"},
		{"double", "-0", "-0"},
		{"double", "1e400", ""},
		{"double", "123456789012345678901234567890", "1.2345678901234568e+29"},
		{"float", "0.1", "0.1"},
		{"string", `"a\n\u00e9"`, `"a\u000aé"`},
		{"string", `1.50`, `"1.50"`},
		{"string", `{"a": [1]}`, `"{\"a\":[1]}"`},
		{"char(2)", `"ab"`, `"ab"`},
		{"char(2)", `"abc"`, ""},
		{"varchar(2)", `"éé"`, `"éé"`},
		{"timestamp", `"2026-01-10T07:00:00.123456Z"`, `"2026-01-10T07:00:00.123456Z"`},
		{"timestamp", `"2026-01-10 07:00:00"`, `"2026-01-10T07:00:00Z"`},
		{"timestamp", `"2026-01-10T07:00:00+01:30"`, `"2026-01-10T05:30:00Z"`},
		{"timestamp", `1768028400`, `"2026-01-10T07:00:00Z"`},
		{"timestamp", `1768028400123`, `"2026-01-10T07:00:00.123Z"`},
		{"timestamp", `1768028400.5`, `"2026-01-10T07:00:00.5Z"`},
		{"timestamp", `"yesterday"`, ""},
		{"date", `"2026-01-10"`, `"2026-01-10"`},
		{"date", `"2026-01-10T01:00:00Z"`, ""},
		{"binary", `"AP8="`, `"AP8="`},
		{"binary", `"?"`, ""},
		{"decimal(5,2)", "123.45", "123.45"},
		{"decimal(5,2)", "-0.5", "-0.50"},
		{"decimal(5,2)", "1234", ""},
		{"decimal(5,2)", "1.005", ""},
		{"decimal(18,0)", "123456789012345678", "123456789012345678"},
		{"decimal(38,3)", "-12345678901234567890123456789012345.678", "-12345678901234567890123456789012345.678"},
		{"decimal(38,3)", "1e34", "10000000000000000000000000000000000.000"},
		{"decimal(38,3)", "1e35", ""},
		{"decimal(38,0)", "1.5e1", "15"},
		{"decimal(38,2)", "0.01", "0.01"},
		{"decimal(38,2)", "100e-4", "0.01"},
		{"array<int>", "[1,null,\"3\",{}]", "[1,null,3,null]"},
		{"array<int>", "[]", "[]"},
		{"array<array<int>>", "[[],[1],null]", "[[],[1],null]"},
		{"map<string,int>", `{"a":1,"b":null,"a":2}`, `{"b":null,"a":2}`},
		{"map<int,double>", `{"1":1.5,"x":2}`, `{"1":1.5}`},
		{"map<string,int>", `{}`, `{}`},
		{"struct<a:int,b:struct<c:string,d:array<string>>>", `{"B":{"c":1,"d":["x"]},"e":1}`, `{"b":{"c":"1","d":["x"]}}`},
		{"struct<a:int>", `[]`, ""},
		{"array<struct<a:map<string,array<int>>,b:int>>", `[{"a":{"x":[1,2],"y":[]}},{},{"b":1}]`, `[{"a":{"x":[1,2],"y":[]}},{},{"b":1}]`},
	} {
		table := parquetStore("Before", "int", "V", test.kind, "after", "string")
		row := analytics.Row{Thing: pump, At: at, Payload: []byte(`{"before":1,"v":` + test.value + `,"AFTER":"x","other":2}`)}
		none := analytics.Row{At: at, Payload: []byte(`{}`)}
		rows := read(t, table, written(t, table, row, none, row))
		want := `{"before":1,"v":` + test.want + `,"after":"x"}`
		if test.want == "" {
			want = `{"before":1,"after":"x"}`
		}
		require.Len(t, rows, 3)
		require.Equal(t, want, string(rows[0].Payload), "%s: %s", test.kind, test.value)
		require.Equal(t, none, rows[1])
		require.Equal(t, rows[0], rows[2])
		require.Equal(t, pump, rows[0].Thing)
		require.Equal(t, at, rows[0].At)
	}
}
