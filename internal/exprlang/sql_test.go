package exprlang_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/internal/exprlang"
)

var sql = exprlang.Dialect{
	Binary: []exprlang.Operator{
		{Text: "AND", Precedence: 2}, {Text: "OR", Precedence: 1}, {Text: "<>", Precedence: 4}, {Text: "<", Precedence: 4}, {Text: "=", Precedence: 4},
		{Text: "+", Precedence: 5}, {Text: "-", Precedence: 5}, {Text: "*", Precedence: 6},
	},
	Unary:         []string{"-"},
	Prefix:        []exprlang.Operator{{Text: "NOT", Precedence: 3}},
	DoubledQuotes: true,
	Literals:      true,
	Case:          true,
	Predicates:    4,
}

func TestSQL(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`a AND b or c`:                     `(OR (AND a b) c)`,
		`a and not b = c`:                  `(AND a (NOT (= b c)))`,
		`NOT NOT a`:                        `(NOT (NOT a))`,
		`android = notes`:                  `(= android notes)`,
		`a AND(b)OR c`:                     `(OR (AND a b) c)`,
		`'it''s' = ""`:                     `(= "it's" "")`,
		`'' = "say ""x"""`:                 `(= "" "say \"x\"")`,
		`[1, a, []] = {"k": {'l': b + 1}}`: `(= [1 a []] {"k":{"l":(+ b 1)}})`,
		`CASE a WHEN 1 THEN b WHEN 2 THEN c ELSE d END + 1`: `(+ (case a 1 b 2 c else d) 1)`,
		`case a when 1 then case b when 2 then c end end`:   `(case a 1 (case b 2 c))`,
		`a IS NULL`:                                 `IS NULL(a)`,
		`a + 1 is not null AND b`:                   `(AND (NOT IS NULL((+ a 1))) b)`,
		`a IN (1, 'x') OR b NOT IN (c)`:             `(OR IN(a 1 "x") (NOT IN(b c)))`,
		`a BETWEEN 1 AND b + 2 AND c`:               `(AND BETWEEN(a 1 (+ b 2)) c)`,
		`NOT a LIKE 'x%' AND b NOT BETWEEN 1 AND 2`: `(AND (NOT LIKE(a "x%")) (NOT BETWEEN(b 1 2)))`,
	} {
		node, err := sql.Parse(source)
		require.NoError(t, err, source)
		require.Equal(t, want, show(node), source)
	}
}

func TestSQLErrors(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`a ANDb`:                 `line 1, column 3: unexpected 'A', want an operator or the end`,
		`a IS 1`:                 `line 1, column 6: unexpected '1', want NULL`,
		`a NOT = 1`:              `line 1, column 7: unexpected '=', want IN, LIKE or BETWEEN`,
		`a IN 1`:                 `line 1, column 6: unexpected '1', want '('`,
		`a BETWEEN 1 OR 2`:       `line 1, column 13: unexpected 'O', want AND`,
		`CASE WHEN a THEN 1 END`: `line 1, column 6: unexpected 'W', want a value to compare with`,
		`CASE a END`:             `line 1, column 8: unexpected 'E', want WHEN`,
		`CASE a WHEN 1 END`:      `line 1, column 15: unexpected 'E', want THEN`,
		`CASE a WHEN 1 THEN 2`:   `line 1, column 21: unexpected end, want END`,
		`[1 2]`:                  `line 1, column 4: unexpected '2', want ',' or ']'`,
		`{"a": 1,}`:              `line 1, column 9: unexpected '}', want a member name in quotes`,
		`{"a" 1}`:                `line 1, column 6: unexpected '1', want ':'`,
		`{"a": 1 "b"}`:           `line 1, column 9: unexpected '"', want ',' or '}'`,
	} {
		_, err := sql.Parse(source)
		require.EqualError(t, err, want, source)
	}
}
