package duckanalytics_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

// TestJSON: what is no JSON has no members, and the JSON in maps and arrays stays
// as it is.
func TestJSON(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, newLake())
	for expression, want := range map[string]string{
		`json_extract('{a', '$.a')`: "NULL", `json_extract_scalar('a=1', '$.a')`: "NULL", `json_array_length('[1')`: "NULL", `json_array_get('x', 0)`: "NULL", `json_size('x', '$')`: "NULL", `json_extract('', '$.a')`: "NULL",
		`json_extract(NULL, '$.a')`: "NULL", `json_extract_scalar(json_parse('{"a": 1.5}'), '$.a')`: "1.5", `json_extract_scalar(json_extract('{"a": {"b": "x"}}', '$.a'), '$.b')`: "x", `json_extract(a, '$.b') FROM (VALUES ('{"b": [1, 2]}')) AS v(a)`: "[1,2]",
		`json_array_length('{}')`: "NULL", `json_array_length('3')`: "NULL", `json_array_length('[]')`: "0", `json_array_length(json_parse('[1, 2]'))`: "2", `json_size('{"a": 1}', '$')`: "1", `json_size('{"a": 1}', '$.a')`: "0", `json_size('{"a": 1}', '$.b')`: "NULL",
		`json_format(json_parse('{"a": 1, "b": [1, 2]}'))`:                                       `{"a":1,"b":[1,2]}`,
		`CAST(json_parse('{"a":"x","b":1,"c":[1, 2]}') AS map(varchar, json))`:                   `{a="x", b=1, c=[1,2]}`,
		`CAST(json_parse('[1, "x"]') AS array(json))`:                                            `[1, "x"]`,
		`CAST(json_parse('{"a":"x","b":1}') AS map(varchar, json))['b']`:                         "1",
		`ROW(json_parse('[1, 2]'), CAST(ROW(1.5) AS ROW("JSON" double)))`:                        `{field0=[1,2], field1={json=1.5}}`,
		`count(*) FROM (VALUES ('{"a":1}'), ('x')) AS v(a) WHERE json_extract(a, '$.a') IS NULL`: "1",
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			requireValue(t, engine, expression, want)
		})
	}
	_, err := ask(t, engine, acme, `SELECT json_parse('{a')`)
	require.ErrorIs(t, err, analytics.ErrSQL)
}
