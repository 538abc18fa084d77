package exprlang_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/internal/exprlang"
)

var dialect = exprlang.Dialect{
	Binary: []exprlang.Operator{
		{Text: "||", Precedence: 1}, {Text: "&&", Precedence: 2}, {Text: "==", Precedence: 6}, {Text: "!=", Precedence: 6},
		{Text: "<=", Precedence: 7}, {Text: ">=", Precedence: 7}, {Text: "|", Precedence: 3}, {Text: "^", Precedence: 4}, {Text: "&", Precedence: 5},
		{Text: "<", Precedence: 7}, {Text: ">", Precedence: 7}, {Text: "+", Precedence: 8}, {Text: "-", Precedence: 8}, {Text: "*", Precedence: 9}, {Text: "/", Precedence: 9},
	},
	Unary:     []string{"!", "~", "-"},
	Templates: true,
}

// show writes a tree in prefix form, all texts quoted.
func show(node exprlang.Node) string {
	switch n := node.(type) {
	case *exprlang.Number:
		return n.Text
	case *exprlang.String:
		return fmt.Sprintf("%q", n.Text)
	case *exprlang.Template:
		return "<" + showAll(n.Parts) + ">"
	case *exprlang.Path:
		return n.String()
	case *exprlang.Call:
		return n.Name + "(" + showAll(n.Arguments) + ")"
	case *exprlang.Unary:
		return "(" + n.Operator + " " + show(n.X) + ")"
	case *exprlang.Binary:
		return "(" + n.Operator + " " + show(n.X) + " " + show(n.Y) + ")"
	case *exprlang.Array:
		return "[" + showAll(n.Elements) + "]"
	case *exprlang.Object:
		var members []string
		for i, name := range n.Names {
			members = append(members, fmt.Sprintf("%q:%s", name, show(n.Values[i])))
		}
		return "{" + strings.Join(members, " ") + "}"
	case *exprlang.Case:
		text := "(case " + show(n.X)
		for i := range n.When {
			text += " " + show(n.When[i]) + " " + show(n.Then[i])
		}
		if n.Else != nil {
			text += " else " + show(n.Else)
		}
		return text + ")"
	}
	return "?"
}

func showAll(nodes []exprlang.Node) string {
	var texts []string
	for _, node := range nodes {
		texts = append(texts, show(node))
	}
	return strings.Join(texts, " ")
}

func TestParse(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`1`:                            `1`,
		` 12.50 `:                      `12.50`,
		`1e3`:                          `1e3`,
		`1.5E-7`:                       `1.5E-7`,
		`-5`:                           `-5`,
		`- 5`:                          `(- 5)`,
		`--5`:                          `(- -5)`,
		`1-5`:                          `(- 1 5)`,
		`a>-13`:                        `(> a -13)`,
		`-9223372036854775808`:         `-9223372036854775808`,
		`1+2*3`:                        `(+ 1 (* 2 3))`,
		`(1+2)*3`:                      `(* (+ 1 2) 3)`,
		`1-2-3`:                        `(- (- 1 2) 3)`,
		`8/4/2`:                        `(/ (/ 8 4) 2)`,
		`a||b&&c`:                      `(|| a (&& b c))`,
		`a && b || c && d`:             `(|| (&& a b) (&& c d))`,
		`a|b^c&d`:                      `(| a (^ b (& c d)))`,
		`a & b == c`:                   `(& a (== b c))`,
		`a == b < c`:                   `(== a (< b c))`,
		`a < b + c`:                    `(< a (+ b c))`,
		`a | b && c`:                   `(&& (| a b) c)`,
		`a||b|c`:                       `(|| a (| b c))`,
		`!a == b`:                      `(== (! a) b)`,
		`!!a`:                          `(! (! a))`,
		`~a & b`:                       `(& (~ a) b)`,
		`-a * b`:                       `(* (- a) b)`,
		`'x'`:                          `"x"`,
		`"x"`:                          `"x"`,
		`''`:                           `""`,
		`'it\'s'`:                      `"it's"`,
		`"a\"b\\c\n\r\t\/\q"`:          `"a\"b\\c\n\r\t/q"`,
		`'\u0041\u00e9'`:               `"Aé"`,
		`'\ud83d\ude00'`:               `"😀"`,
		`'\ud83d\u0041'`:               `"` + "\ufffd" + `A"`,
		`'\ud83d'`:                     `"` + "\ufffd" + `"`,
		"'a\nb'":                       `"a\nb"`,
		"a\n&&\r\n\tb":                 `(&& a b)`,
		`'${a}'`:                       `<a>`,
		`'x ${a} y ${b+1}'`:            `<"x " a " y " (+ b 1)>`,
		`'${'Sensor ' + f(S, $v.id)}'`: `<(+ "Sensor " f(S $v.id))>`,
		`'${'${'${a}'}'}'`:             `<<<a>>>`,
		`'${"}"}'`:                     `<"}">`,
		`'{"t":${t}}'`:                 `<"{\"t\":" t "}">`,
		`"${a}"`:                       `"${a}"`,
		`'\${a}'`:                      `"${a}"`,
		`'$ {a} $'`:                    `"$ {a} $"`,
		`$input.P.sensor.pressure`:     `$input.P.sensor.pressure`,
		"$input.P.`motor pressure`":    "$input.P.`motor pressure`",
		"$input.`_v`.x_1":              "$input._v.x_1",
		`$input.a.b[0][12].c`:          `$input.a.b[0][12].c`,
		`$input.a.b[ 3 ]`:              `$input.a.b[3]`,
		`$input.a.1b`:                  `$input.a.1b`,
		`a-b`:                          `(- a b)`,
		`f()`:                          `f()`,
		`f ( 1 , g(2) )`:               `f(1 g(2))`,
		`convert (String, x)`:          `convert(String x)`,
		`timeout("t")`:                 `timeout("t")`,
	} {
		node, err := dialect.Parse(source)
		require.NoError(t, err, source)
		require.Equal(t, want, show(node), source)
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		``:               `line 1, column 1: unexpected end, want an operand`,
		`1 +`:            `line 1, column 4: unexpected end, want an operand`,
		`a b`:            `line 1, column 3: unexpected 'b', want an operator or the end`,
		`(a`:             `line 1, column 3: unexpected end, want ')'`,
		`a)`:             `line 1, column 2: unexpected ')', want an operator or the end`,
		`a = b`:          `line 1, column 3: unexpected '=', want an operator or the end`,
		`a % b`:          `line 1, column 3: unexpected '%', want an operator or the end`,
		`1abc`:           `line 1, column 2: unexpected 'a', want the end of the number`,
		`1.`:             `line 1, column 2: unexpected '.', want the end of the number`,
		`1.5.2`:          `line 1, column 4: unexpected '.', want the end of the number`,
		`1e`:             `line 1, column 3: unexpected end, want the digits of an exponent`,
		`.5`:             `line 1, column 1: unexpected '.', want an operand`,
		`'abc`:           `line 1, column 1: string does not end, want '`,
		`"abc\`:          `line 1, column 5: string does not end`,
		`'\u12'`:         `line 1, column 2: escape is cut short, want four hexadecimal digits after \u`,
		`'\u12zz'`:       `line 1, column 2: escape is wrong, want four hexadecimal digits after \u`,
		`'${a'`:          `line 1, column 5: unexpected '\'', want '}'`,
		`'${}'`:          `line 1, column 4: unexpected '}', want an operand`,
		`f(1`:            `line 1, column 4: unexpected end, want ',' or ')'`,
		`f(1,)`:          `line 1, column 5: unexpected ')', want an operand`,
		`f(1 2)`:         `line 1, column 5: unexpected '2', want ',' or ')'`,
		`$`:              `line 1, column 2: unexpected end, want a name`,
		`a.`:             `line 1, column 3: unexpected end, want a name`,
		"a.`":            `line 1, column 3: name in backticks does not end`,
		"a.``":           `line 1, column 3: name in backticks is empty`,
		`a[x]`:           `line 1, column 3: unexpected 'x', want an array index`,
		`a[-1]`:          `line 1, column 3: unexpected '-', want an array index`,
		`a[99999999999]`: `line 1, column 3: array index is too large`,
		"a &&\n é ?":     `line 2, column 2: unexpected 'é', want an operand`,
		"a\xff":          `line 1, column 1: expression is not UTF-8`,
	} {
		_, err := dialect.Parse(source)
		require.EqualError(t, err, want, source)
		var syntax *exprlang.Error
		require.ErrorAs(t, err, &syntax)
		require.Equal(t, source, syntax.Source)
	}
}

func TestCaret(t *testing.T) {
	t.Parallel()
	_, err := dialect.Parse("$input.A.x > 1 &&\n\té $ 3\n|| true")
	var syntax *exprlang.Error
	require.ErrorAs(t, err, &syntax)
	line, column := syntax.Position()
	require.Equal(t, [2]int{2, 2}, [2]int{line, column})
	require.Equal(t, "\té $ 3\n\t^", syntax.Caret())

	_, err = dialect.Parse(strings.Repeat("a + ", 100) + "?" + strings.Repeat(" + a", 100))
	require.ErrorAs(t, err, &syntax)
	lines := strings.Split(syntax.Caret(), "\n")
	require.Len(t, lines, 2)
	require.Less(t, len(lines[0]), 140)
	require.Equal(t, byte('?'), lines[0][strings.IndexByte(lines[1], '^')])
}

func TestParseTemplate(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		``:              `""`,
		`arn:aws`:       `"arn:aws"`,
		`it's "x" \n`:   `"it's \"x\" \\n"`,
		`a/${b}/c`:      `<"a/" b "/c">`,
		`${'x' + "y}"}`: `<(+ "x" "y}")>`,
	} {
		node, err := dialect.ParseTemplate(source)
		require.NoError(t, err, source)
		require.Equal(t, want, show(node), source)
	}
	_, err := dialect.ParseTemplate(`a/${b`)
	require.EqualError(t, err, `line 1, column 6: unexpected end, want '}'`)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{
		"parentheses": strings.Repeat("(", exprlang.MaxDepth+1) + "1" + strings.Repeat(")", exprlang.MaxDepth+1),
		"operators":   strings.Repeat("!", exprlang.MaxDepth+1) + "true",
		"templates":   strings.Repeat("'${", exprlang.MaxDepth+1),
		"calls":       strings.Repeat("f(", exprlang.MaxDepth+1),
	} {
		_, err := dialect.Parse(source)
		require.ErrorContains(t, err, "nests deeper than 200 levels", name)
	}
	_, err := dialect.Parse(strings.Repeat(" ", exprlang.MaxLength) + "1")
	require.ErrorContains(t, err, "65537 bytes long, want at most 65536")
	_, err = dialect.Parse("1" + strings.Repeat("+1", exprlang.MaxLength/2-1))
	require.NoError(t, err, "a long chain is no nesting")
}

// What is shown parses to the same tree again; nothing panics or hangs.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`$input.P.sensorData.pressure > 70 && $variable.count >= 3 || timeout("t")`, "'a ${'b' + convert (String, $variable.`x y`)} c'",
		`!(~1 & 2 ^ 3 | 4) == -5.5e1`, `"\ud83d\ude00\n"`, `f(g(), h('}'), [`, `'${'${'`, "a\n..b[0", `$input.a.b[0].c[1]`,
	} {
		f.Add(seed)
	}
	f.Add("CASE a WHEN [1, {\"b\": 'it''s'}] THEN NOT c IS NOT NULL ELSE d BETWEEN 1 AND 2 END")
	f.Fuzz(func(t *testing.T, source string) {
		if node, err := sql.Parse(source); err == nil {
			exprlang.Walk(node, func(n exprlang.Node) { require.LessOrEqual(t, n.Offset(), len(source)) })
		}
		node, err := dialect.Parse(source)
		if err != nil {
			var syntax *exprlang.Error
			require.ErrorAs(t, err, &syntax)
			require.NotEmpty(t, syntax.Caret())
			return
		}
		exprlang.Walk(node, func(n exprlang.Node) {
			require.LessOrEqual(t, n.Offset(), len(source))
			if path, ok := n.(*exprlang.Path); ok {
				again, err := dialect.Parse(path.String())
				require.NoError(t, err)
				require.Equal(t, path.Segments, again.(*exprlang.Path).Segments)
			}
		})
	})
}
