package duckanalytics_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/duckanalytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
	"github.com/iotenant/iotenant/tenant"
)

// TestParquetOfTheLake has DuckDB read columns of all types as the lake writes
// them.
func TestParquetOfTheLake(t *testing.T) {
	t.Parallel()
	needDuckDB(t)
	objects := memanalytics.NewObjects()
	lake := lakeanalytics.New(objects, tenant.RandomCursorKeys())
	var columns []pipeline.Column
	for column := range strings.FieldsSeq("a:tinyint b:smallint c:int d:bigint e:boolean f:double g:float h:string i:timestamp j:date " +
		"k:decimal(10,2) l:decimal(38,4) m:char(3) n:varchar(5) o:array<int> p:map<string,double> q:struct<x:int,y:array<struct<z:string>>> r:binary") {
		name, of, _ := strings.Cut(column, ":")
		columns = append(columns, pipeline.Column{Name: name, Type: of})
	}
	table := analytics.Table{TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: "all_types"}, Format: pipeline.FormatParquet, Columns: columns}
	require.NoError(t, lake.Declare(t.Context(), acme, table))
	for _, payload := range []string{
		`{"a":-128,"b":-32768,"c":-2147483648,"d":-9223372036854775808,"e":true,"f":1e300,"g":0.5,"h":"a \"text\"","i":"2026-01-10T07:08:09.123Z","j":"2026-01-10",` +
			`"k":12345678.9,"l":"1234567890123456789012345678901234.5678","m":"abc","n":"xy","o":[1,null,3],"p":{"u":1.5},"q":{"x":1,"y":[{"z":"deep"},{"z":null}]},"r":"aGk="}`,
		`{"a":127,"e":false,"o":[],"p":{},"q":{"y":[]},"k":-0.01,"l":-1,"i":"1969-12-31 23:59:59"}`,
		`{}`,
	} {
		_, err := lake.Append(t.Context(), acme, table.TableID, []analytics.Row{{At: now, Payload: []byte(payload)}})
		require.NoError(t, err)
	}
	engine := duckanalytics.NewInProcess(lake, objects, func(o *workeranalytics.Options) { o.Dir = t.TempDir() })
	defer engine.Close()
	got, err := ask(t, engine, acme, "SELECT * FROM all_types ORDER BY a NULLS LAST")
	require.NoError(t, err)
	require.Equal(t, strings.Join([]string{
		`"a","b","c","d","e","f","g","h","i","j","k","l","m","n","o","p","q","r","__dt"`,
		`"-128","-32768","-2147483648","-9223372036854775808","true","1.0E300","0.5","a ""text""","2026-01-10 07:08:09.123","2026-01-10","12345678.90",` +
			`"1234567890123456789012345678901234.5678","abc","xy","[1, null, 3]","{u=1.5}","{x=1, y=[{z=deep}, {z=null}]}","68 69","2026-01-10 00:00:00.000"`,
		`"127",,,,"false",,,,"1969-12-31 23:59:59.000",,"-0.01","-1.0000",,,"[]","{}","{x=null, y=[]}",,"2026-01-10 00:00:00.000"`,
		`,,,,,,,,,,,,,,,,,,"2026-01-10 00:00:00.000"`, "",
	}, "\n"), got)
	require.NoError(t, lake.Sweep(t.Context(), acme))
	merged, err := ask(t, engine, acme, "SELECT * FROM all_types ORDER BY a NULLS LAST")
	require.NoError(t, err)
	require.Equal(t, got, merged)
}
