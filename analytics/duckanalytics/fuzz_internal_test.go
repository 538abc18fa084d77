package duckanalytics

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
)

// FuzzTranslate wants strings and comments to stay as they are.
func FuzzTranslate(f *testing.F) {
	for _, sql := range []string{
		"SELECT `a`, '`' FROM \"x`\" -- `c`\n/* `d` /* */ */", "SELECT CAST(x AS array(array(int))), X'00', if(a, b), 'array(int)'", "GROUP BY ALL x", "GROUP BY ALL", "array(", "if(,)", "interval -'1 02:03:04.5' /* x */ day to second", "FROM s TABLESAMPLE BERNOULLI (50 -- x\n)", "`a``b\"`", "'",
		"SELECT max(a) day, 'x'value, interval '1' year to month hour, window FROM s only JOIN (VALUES 1, 2) limit ON at = desc", "VALUES 1 -- x", "SELECT all FROM s TABLESAMPLE BERNOULLI (5) ORDER BY all desc", "CASE WHEN (1 END", "a::b", "FROM s",
	} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		before, err := tokens(sql)
		if err != nil {
			require.ErrorIs(t, err, analytics.ErrSQL)
			return
		}
		var joined strings.Builder
		for _, token := range before {
			joined.WriteString(token.text)
		}
		require.Equal(t, sql, joined.String())
		translated, err := translate(sql)
		if err != nil {
			require.ErrorIs(t, err, analytics.ErrSQL)
			return
		}
		after, err := tokens(translated)
		require.NoError(t, err)
		if !slices.ContainsFunc(before, func(t token) bool { return t.is("interval") }) {
			require.Equal(t, untouched(before), untouched(after))
		}
		for _, token := range after {
			require.NotEqual(t, tokenBacktick, token.kind)
		}
	})
}

// untouched are the strings and comments.
func untouched(all []token) (texts []string) {
	for _, token := range all {
		if token.kind == tokenString || token.kind == tokenSpace && strings.ContainsAny(token.text, "-/") {
			texts = append(texts, token.text)
		}
	}
	return texts
}

// FuzzTypes parses types of DuckDB and of AWS Glue.
func FuzzTypes(f *testing.F) {
	for _, name := range []string{`STRUCT("a" INTEGER, "b ""x" VARCHAR[])[]`, "MAP(VARCHAR, DECIMAL(10,2))", "array<struct<a:int,b:map<string,decimal(3,1)>>>", "varchar(10)", "STRUCT(", "[]"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if parsed, err := parseType(name); err == nil {
			require.NotEmpty(t, parsed.presto)
		}
		if to, err := typeOfGlue(name); err == nil {
			require.NotContains(t, to, ";")
			_, err := parseType(to)
			// A name may hold what is no type, but only in its quotes.
			if err != nil {
				require.Contains(t, to, `"`)
			}
		}
	})
}

// FuzzInfer infers types of any JSON.
func FuzzInfer(f *testing.F) {
	f.Add(`{"a":1,"b":{"c":[1,2.5,"x"]}}`, `{"a":"x","A":null}`)
	f.Add(`{"a":[[[]]]}`, `{"a":{}}`)
	f.Add(`{"a":[{"B":1}],"A":{"x":{"Y":1}}}`, `{"a":[{"b":{"c":1,"C":2}}],"A":{"X":{"y\"":1}}}`)
	f.Fuzz(func(t *testing.T, first, second string) {
		found := &jsonType{kind: jsonObject}
		if found.observe([]byte(first)) != nil || found.observe([]byte(second)) != nil {
			return
		}
		seen := map[string]bool{}
		for _, c := range found.columns() {
			require.False(t, seen[c.name], c.name)
			seen[c.name] = true
			require.NotEmpty(t, c.duck())
			require.False(t, strings.HasPrefix(c.name, "__"))
			require.NotEmpty(t, c.read("json", 0))
		}
	})
}
