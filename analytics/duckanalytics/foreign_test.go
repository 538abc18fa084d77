package duckanalytics_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

// TestForeignGrammar is refused, as Presto does: only DuckDB has it.
func TestForeignGrammar(t *testing.T) {
	t.Parallel()
	engine := inProcess(t, words(t))
	for sql, want := range map[string]string{
		"from s":                                                  "FROM without SELECT",
		" /* */ from s select temp":                               "FROM without SELECT",
		"select temp from (from s)":                               "FROM without SELECT",
		"select temp from s union from s":                         "FROM without SELECT",
		"select temp from s union all from s":                     "FROM without SELECT",
		"select temp from s where temp in (from s)":               "FROM without SELECT",
		"with x as (select 1) from x":                             "FROM without SELECT",
		"select temp::int from s":                                 `unexpected ":"`,
		"select x: temp from s":                                   `unexpected ":"`,
		"select array[1, 2][1:2]":                                 `unexpected ":"`,
		"select {'a': 1}":                                         `unexpected "{"`,
		"select [1, 2]":                                           "[ without ARRAY before it",
		"select array[[1]]":                                       "[ without ARRAY before it",
		"select temp in [1, 2] from s":                            "[ without ARRAY before it",
		"select count() from s":                                   "the function count without an argument, want count(*)",
		"select \"count\" ( ) from s":                             "the function count without an argument, want count(*)",
		"select temp as 'x' from s":                               "the alias 'x' is a text, names stand in double quotes",
		"select temp from s 'x'":                                  "the alias 'x' is a text, names stand in double quotes",
		"select temp from s as 'x'":                               "the alias 'x' is a text, names stand in double quotes",
		"select temp, from s":                                     "nothing stands between , and from",
		"select max(temp,) from s":                                "nothing stands between , and )",
		"select array[1,]":                                        "nothing stands between , and ]",
		"select temp) from s":                                     "unexpected )",
		"select temp from s order by (temp]":                      "unexpected ]",
		"select temp 2 from s":                                    "syntax error",
		"select temp between symmetric 3 and 1 from s":            "syntax error",
		"select temp null from s":                                 "syntax error",
		"select temp end from s":                                  "syntax error",
		"select temp from s group by":                             "syntax error",
		"select device, sum(temp) from s group by all":            "GROUP BY ALL is not open to a data set",
		"select device, sum(temp) from s group by all order by 1": "GROUP BY ALL is not open to a data set",
		"select temp from (select device, sum(temp) temp from s group by all)": "GROUP BY ALL is not open to a data set",
		"select temp from s order by all":                                      "ORDER BY ALL is not open to a data set",
		"select temp from s order by all desc":                                 "ORDER BY ALL is not open to a data set",
		"select temp from s order by *":                                        "ORDER BY ALL is not open to a data set",
		"select array_agg(temp order by all) from s":                           "ORDER BY ALL is not open to a data set",
		"select distinct on (temp) temp from s":                                "DISTINCT ON is not open to a data set",
		"select distinct /* */ on (temp, device) * from s":                     "DISTINCT ON is not open to a data set",
		"select temp from s qualify row_number() over () = 1":                  "QUALIFY is not open to a data set",
		"select temp from s using sample 10%":                                  "USING SAMPLE is not open to a data set",
		"select temp from s using sample reservoir(1)":                         "USING SAMPLE is not open to a data set",
		"select list_value(1, 2)":                                              "the function list_value is not open to a data set",
		"select \"list_value\"(1, 2)":                                          "the function list_value is not open to a data set",
		"select \"main\".list_value(1, 2)":                                     "the function list_value is not open to a data set",
		"select struct_pack(temp) from s":                                      "the function struct_pack is not open to a data set",
		"select cast(temp as hugeint) from s":                                  "the type hugeint is not open to a data set",
		"select cast(array[1] as array(uint8))":                                "the type utinyint is not open to a data set",
		"select cast(row(1) as row(a uinteger))":                               "the type uinteger is not open to a data set",
		"select try_cast('x' as uuid)":                                         "the type uuid is not open to a data set",
		"select temp at time from s":                                           "syntax error",
		"select temp,":                                                         "nothing stands behind the last ,",
		"values 1, ":                                                           "nothing stands behind the last ,",
		"select temp from s tablesample 10%":                                   "TABLESAMPLE but BERNOULLI and SYSTEM is not open to a data set",
		"select temp from s tablesample reservoir (5)":                         "TABLESAMPLE but BERNOULLI and SYSTEM is not open to a data set",
		"drop table s":                                                         "only one statement is allowed, a SELECT",
		"select 1; select 2":                                                   "only one statement is allowed, a SELECT",
		"select 1; drop table s":                                               "only one statement is allowed, a SELECT",
	} {
		_, err := ask(t, engine, acme, sql)
		require.ErrorIs(t, err, analytics.ErrSQL, sql)
		require.ErrorContains(t, err, want, sql)
	}
}

// TestOwnGrammar is what looks like that, and is Presto.
func TestOwnGrammar(t *testing.T) {
	t.Parallel()
	wantAnswers(t, inProcess(t, words(t)), []answerTest{
		{"select temp from s group by all temp order by temp desc limit all", "'temp';'3';'1'"},
		{"select distinct (temp) from s order by temp", "'temp';'1';'3'"},
		{"select array[1, 2][1], array[array[1]], ARRAY [], 99999999999999999999", "'_col0','_col1','_col2','_col3';'1','[[1]]','[]','99999999999999999999'"},
		{"select count(*), count( * ), row_number() over (), sum(temp) from s", "'_col0','_col1','_col2','_col3';'2','2','1','4'"},
		{"select 'a::b', \"default\" as \"from: x\" from s where device = 'a' -- {x}", "'_col0','from: x';'a::b','2'"},
		{"select row(1, 'a'), extract(day from __dt), substr(device, 1) is distinct from 'a' from s limit 1", "'_col0','_col1','_col2';'{field0=1, field1=a}','10','false'"},
	})
}
