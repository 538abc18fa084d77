package detector_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts/detector"
)

// expressionInput is what $input.I reads in the tables below.
const expressionInput = `{"i":7,"neg":-7,"big":9223372036854775807,"min":-9223372036854775808,"d":2.5,"one":1.0,"exp":1e3,"s":"text","t":true,"f":false,
	"n":null,"o":{"x":1},"a":[10,[20,{"b":"deep"}]],"five":"5","num":"3.25","empty":"","huge":123456789012345678901234567890,"toohuge":1e400,
	"motor pressure":9,"sensorData":{"temperature":10.01}}`

// compute evaluates an expression by a setVariable. It returns the value and,
// if there is none, why.
func compute(t *testing.T, expression string, optFns ...func(*detector.Options)) (detector.Value, string) {
	t.Helper()
	definition, err := json.Marshal(map[string]any{"initialStateName": "a", "states": []any{map[string]any{"stateName": "a", "onInput": map[string]any{"events": []any{
		map[string]any{"eventName": "e", "condition": "currentInput('I')", "actions": []any{
			map[string]any{"setVariable": map[string]any{"variableName": "ivar", "value": "5"}},
			map[string]any{"setVariable": map[string]any{"variableName": "svar", "value": "'var'"}},
			map[string]any{"setVariable": map[string]any{"variableName": "result", "value": expression}},
		}}}}}}})
	require.NoError(t, err)
	model, err := detector.Load(definition, optFns...)
	require.NoError(t, err, expression)
	var message detector.Message
	var result detector.Result
	require.NoError(t, model.Read(&message, "I", []byte(expressionInput)))
	state := model.NewState()
	require.NoError(t, model.Evaluate(state, &detector.Trigger{At: time.Unix(0, 0), Message: &message}, &result))
	if len(result.Errors) > 0 {
		return detector.Value{}, strings.TrimPrefix(result.Errors[0].Message, `variable "result" is not set: `)
	}
	return state.Variable("result"), ""
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		// literals
		`123`: `123`, `123.12`: `123.12`, `'x'`: `"x"`, `"x"`: `"x"`, `true`: `true`, `false`: `false`, `20.0`: `20.0`, `1e3`: `1000.0`,
		`-9223372036854775808`: `-9223372036854775808`, `1e21`: `1E+21`, `1e20`: `100000000000000000000.0`, `0.0000001`: `0.0000001`, `0.00000001`: `1E-08`, `-0.0`: `-0.0`,
		// numbers of JSON
		`$input.I.i`: `7`, `$input.I.one`: `1.0`, `$input.I.exp`: `1000.0`, `$input.I.big`: `9223372036854775807`, `$input.I.min`: `-9223372036854775808`,
		`$input.I.huge`: `1.2345678901234568E+29`,
		// arithmetic
		`1 + 2`: `3`, `1 + 2.0`: `3.0`, `7 / 2`: `3`, `-7 / 2`: `-3`, `7 / 2.0`: `3.5`, `7.0 / 2`: `3.5`, `6.0 / 2`: `3.0`, `2 * 3.5`: `7.0`, `1 - 2 - 3`: `-4`,
		`10.01 * 9 / 5 + 32`: `50.018`, `$input.I.sensorData.temperature * 9 / 5 + 32`: `50.018`, `-$input.I.i`: `-7`, `- $input.I.d`: `-2.5`, `0.1 + 0.2`: `0.30000000000000004`,
		`$input.I.min / 1`: `-9223372036854775808`, `$input.I.big - 1 + 1`: `9223372036854775807`, `2 + 3 * 4`: `14`, `(2 + 3) * 4`: `20`, `12 / 4 / 3`: `1`,
		// bits
		`13 | 5`: `13`, `13 & 5`: `5`, `13 ^ 5`: `8`, `~13`: `-14`, `bitor(13, 5)`: `13`, `bitand(13, 5)`: `5`, `bitxor(13, 5)`: `8`, `bitnot(13)`: `-14`, `1 | 6 & 3 ^ 8`: `11`,
		// comparison
		`1 == 1.0`: `true`, `1 != 1.0`: `false`, `1 < 1.5`: `true`, `2 >= 2.0`: `true`, `'a' < 'b'`: `true`, `'a' > 'b'`: `false`, `'a' == 'a'`: `true`, `true == true`: `true`, `true != false`: `true`,
		`$input.I.big == 9223372036854775807.0`: `false`, `$input.I.big < 9223372036854775807.0`: `true`, `9007199254740993 == 9007199254740992.0`: `false`, `9007199254740993 > 9007199254740992.0`: `true`,
		`$input.I.i > 5`: `true`, `5 < $input.I.i`: `true`, `5 > $input.I.i`: `false`, `$input.I.i >= 7`: `true`, `$input.I.i <= 6`: `false`, `$input.I.i != 7`: `false`, `7 == $input.I.i`: `true`, `$input.I.d > 2`: `true`,
		`$input.I.d < 2.6`: `true`, `$input.I.i > 6.9`: `true`, `$variable.ivar >= 5`: `true`, `$variable.ivar < 4.5`: `false`, `$input.I.i > -13`: `true`, `$input.I.i>-13`: `true`,
		// types that don't compare
		`1 == 'a'`: `false`, `1 != 'a'`: `true`, `true == 1`: `false`, `'true' == true`: `false`, `$input.I.s == 5`: `false`, `$input.I.s != 5`: `true`, `$input.I.o == $input.I.o`: `false`,
		// null and undefined
		`$input.I.n == $input.I.n`: `true`, `$input.I.n != $input.I.n`: `false`, `$input.I.n == 0`: `false`, `$input.I.n != 0`: `true`, `$input.I.n == ''`: `false`,
		`$input.I.u == $input.I.u`: `false`, `$input.I.u != $input.I.u`: `true`, `$input.I.u == 1`: `false`, `$input.I.u != 1`: `true`, `$variable.u != 'dry'`: `true`, `$input.I.n == $input.I.u`: `false`,
		`isNull($input.I.n)`: `true`, `isNull($input.I.u)`: `false`, `isNull(0)`: `false`, `isUndefined($input.I.u)`: `true`, `isUndefined($input.I.n)`: `false`, `isUndefined($input.J.x)`: `true`,
		`isUndefined($input.I.o)`: `false`, `isUndefined($input.I.a)`: `false`, `isUndefined($input.I.a[2])`: `true`, `isUndefined($input.I.a[0])`: `false`, `isUndefined(1 / 0)`: `true`, `isUndefined($input.I.u + 1)`: `true`,
		`isUndefined($input.I.toohuge)`: `true`, `isNull(1 / 0)`: `false`, `isUndefined($input.I.i.x)`: `true`, `isUndefined($input.I.s[0])`: `true`,
		// Boolean operators
		`true && false`: `false`, `true || false`: `true`, `!true`: `false`, `$input.I.u || true`: `true`, `true || $input.I.u`: `true`, `$input.I.u > 1 || $input.I.i > 1`: `true`, `false || $input.I.u`: `false`,
		`$input.I.u && true`: `false`, `true && $input.I.u`: `false`, `!($input.I.u && true)`: `true`, `false && 1 / 0 == 1`: `false`, `true || 1 / 0 == 1`: `true`, `$input.I.t && !$input.I.f`: `true`,
		`1 < 2 == true`: `true`, `true == 1 < 2`: `true`,
		// Strings
		`'a' + "b"`: `"ab"`, `'a' + 'b' + 'c' + 'd'`: `"abcd"`, `$variable.svar + $input.I.s + $variable.svar`: `"vartextvar"`, `('a' + 'b') + ('c' + 'd')`: `"abcd"`, `'' + ''`: `""`,
		`startsWith($input.I.s, 'te')`: `true`, `startsWith('a', 'ab')`: `false`, `endsWith($input.I.s, "xt")`: `true`, `contains('abc', 'b')`: `true`, `contains('abc', '')`: `true`, `contains('abc', 'x')`: `false`,
		// convert
		`convert(String, true)`: `"true"`, `convert(String, 2.50)`: `"2.5"`, `convert(String, 20.0)`: `"20.0"`, `convert(String, 7)`: `"7"`, `convert(String, 'x')`: `"x"`, `convert (String, $input.I.i)`: `"7"`,
		`convert(Boolean, 'true')`: `true`, `convert(Boolean, 'FALSE')`: `false`, `convert(Boolean, true)`: `true`, `convert(Decimal, '3.25')`: `3.25`, `convert(Decimal, $input.I.five)`: `5.0`, `convert(Decimal, 7)`: `7.0`,
		`convert(Decimal, '-1e2')`: `-100.0`, `convert("Decimal", '1')`: `1.0`, `convert('Str' + 'ing', 1)`: `"1"`, `convert(Decimal, $input.I.num) > 3`: `true`,
		// templates
		`'${1}'`: `"1"`, `'a${1 + 1}b${'c'}'`: `"a2bc"`, `'${'Sensor ' + convert(String, $input.I.i)}'`: `"Sensor 7"`, `'${$input.I.sensorData.temperature * 9 / 5 + 32} in Fahrenheit'`: `"50.018 in Fahrenheit"`,
		`'${20.0} ${true} ${'x'}'`: `"20.0 true x"`, `"${1}"`: `"${1}"`, `'${'a' + '${'b' + 'c'}'}${'d'}'`: `"abcd"`, `'${'${'x' + $input.I.s}' + '${$input.I.i}'}!'`: `"xtext7!"`, `'it\'s ${1}'`: `"it's 1"`,
		// paths
		"$input.I.`motor pressure`": `9`, `$input.I.a[1][0]`: `20`, `$input.I.a[1][1].b`: `"deep"`, `$input.I.o.x`: `1`,
		// functions of the trigger
		`triggerType("Message")`: `true`, `triggerType('mEssAge')`: `true`, `triggerType("Timer")`: `false`, `triggerType('Mess' + 'age')`: `true`, `currentInput("I")`: `true`, `currentInput('J')`: `false`, `currentInput('' + 'I')`: `true`,
		`timeout("never")`: `false`, `timeout('nev' + 'er')`: `false`,
	} {
		value, problem := compute(t, expression)
		require.Empty(t, problem, expression)
		text, err := value.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, want, string(text), expression)
	}
}

func TestExpressionsWithoutValue(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`$input.I.u`:                        `$input.I.u is undefined`,
		"$input.I.`x y`.z[3]":               "$input.I.`x y`.z[3] is undefined",
		`$variable.u`:                       `$variable.u is undefined`,
		`$input.I.toohuge`:                  `$input.I.toohuge is undefined`,
		`$input.I.o`:                        `the value is object or array`,
		`$input.I.a`:                        `the value is object or array`,
		`$input.I.n`:                        `the value is null`,
		`$input.I.u + 1`:                    `$input.I.u is undefined`,
		`1 + $input.I.u`:                    `$input.I.u is undefined`,
		`-$input.I.u`:                       `$input.I.u is undefined`,
		`~$input.I.u`:                       `$input.I.u is undefined`,
		`!$input.I.u`:                       `$input.I.u is undefined`,
		`$input.I.u < 1`:                    `$input.I.u is undefined`,
		`$input.I.u | 1`:                    `$input.I.u is undefined`,
		`'a' + $input.I.u`:                  `$input.I.u is undefined`,
		`'${$input.I.u}'`:                   `$input.I.u is undefined`,
		`'${$input.I.n}'`:                   `${} does not take null`,
		`'${$input.I.o}'`:                   `${} does not take object or array`,
		`'${1 / 0}'`:                        `division by zero`,
		`"Sensor " + $input.I.i`:            `+ does not take String and Integer`,
		`$input.I.i + $input.I.t`:           `+ does not take Integer and Boolean`,
		`$input.I.s * 2`:                    `* does not take String and Integer`,
		`$input.I.n + 1`:                    `+ does not take null and Integer`,
		`-$input.I.s`:                       `- does not take String`,
		`~$input.I.d`:                       `~ does not take Decimal`,
		`$input.I.d | 1`:                    `| does not take Decimal and Integer`,
		`$input.I.i < $input.I.s`:           `< does not take Integer and String`,
		`$input.I.t >= $input.I.f`:          `>= does not take Boolean and Boolean`,
		`$input.I.n < 1`:                    `< does not take null and Integer`,
		`1 / 0`:                             `division by zero`,
		`1.0 / 0`:                           `division by zero`,
		`$input.I.big + 1`:                  `result of + is out of range`,
		`$input.I.min - 1`:                  `result of - is out of range`,
		`$input.I.big * 2`:                  `result of * is out of range`,
		`$input.I.min * -1`:                 `result of * is out of range`,
		`-1 * $input.I.min`:                 `result of * is out of range`,
		`$input.I.min / -1`:                 `result of / is out of range`,
		`-$input.I.min`:                     `result of - is out of range`,
		`1e308 * 10`:                        `result of * is out of range`,
		`!$input.I.i`:                       `want a Boolean for a condition, got Integer`,
		`$input.I.i || true`:                `want a Boolean for a condition, got Integer`,
		`true && $input.I.s`:                `want a Boolean for a condition, got String`,
		`1 / 0 == 1 || true`:                `division by zero`,
		`startsWith($input.I.i, 'a')`:       `startsWith() of what is no String is undefined`,
		`contains('a', $input.I.n)`:         `contains() of what is no String is undefined`,
		`endsWith(1 / 0, 'a')`:              `division by zero`,
		`endsWith('a', 1 / 0)`:              `division by zero`,
		`bitor(1.0, 2)`:                     `bitor() of what is no Integer is undefined`,
		`bitnot('a')`:                       `bitnot() of what is no Integer is undefined`,
		`bitand($input.I.u, 1)`:             `bitand() of what is no Integer is undefined`,
		`convert(Decimal, 'abc')`:           `can't convert this String to Decimal`,
		`convert(Decimal, '0x10')`:          `can't convert this String to Decimal`,
		`convert(Decimal, 'Inf')`:           `can't convert this String to Decimal`,
		`convert(Decimal, '1e999')`:         `can't convert this String to Decimal`,
		`convert(Decimal, '')`:              `can't convert this String to Decimal`,
		`convert(Decimal, true)`:            `can't convert this Boolean to Decimal`,
		`convert(Boolean, 1)`:               `can't convert this Integer to Boolean`,
		`convert(Boolean, 'yes')`:           `can't convert this String to Boolean`,
		`convert(String, $input.I.n)`:       `can't convert this null to String`,
		`convert(String, $input.I.u)`:       `$input.I.u is undefined`,
		`convert($input.I.s, 1)`:            `can't convert this Integer to a type that is not String, Boolean or Decimal`,
		`timeout($input.I.i)`:               `timeout() of what is no String is undefined`,
		`currentInput($input.I.u)`:          `currentInput() of what is no String is undefined`,
		`convert(Decimal, 'x') > 1 || true`: `can't convert this String to Decimal`,
	} {
		value, problem := compute(t, expression)
		require.Equal(t, want, problem, expression)
		require.Equal(t, detector.Undefined, value.Kind(), expression)
	}
}

func TestStringsAreBounded(t *testing.T) {
	t.Parallel()
	grown := "'" + strings.Repeat("x", 1000) + "'"
	for range 9 {
		grown = "(" + grown + ")"
	}
	long := strings.Repeat(grown+" + ", 30)
	value, problem := compute(t, long+grown)
	require.Empty(t, problem)
	require.Len(t, value.Text(), 31000)

	model := mustLoad(t, `{"initialStateName":"a","states":[{"stateName":"a",
		"onEnter":{"events":[{"eventName":"i","actions":[{"setVariable":{"variableName":"v","value":"'0123456789'"}}]}]},
		"onInput":{"events":[{"eventName":"e","condition":"currentInput('I')","actions":[{"setVariable":{"variableName":"v","value":"$variable.v + $variable.v"}},
		{"setVariable":{"variableName":"w","value":"'${$variable.v}${$variable.v}'"}}]}]}}]}`)
	var message detector.Message
	var result detector.Result
	state := model.NewState()
	require.NoError(t, model.Read(&message, "I", []byte(`{}`)))
	for range 40 {
		require.NoError(t, model.Evaluate(state, &detector.Trigger{Message: &message}, &result))
	}
	require.LessOrEqual(t, len(state.Variable("v").Text()), 256<<10)
	require.Len(t, result.Errors, 2)
	require.Equal(t, `variable "v" is not set: String is too long`, result.Errors[0].Message)
}

func TestParseValue(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]detector.Value{
		`22`: detector.IntegerValue(22), `-3`: detector.IntegerValue(-3), `1.0`: detector.DecimalValue(1), `19.572`: detector.DecimalValue(19.572), `1e2`: detector.DecimalValue(100),
		`true`: detector.BooleanValue(true), ` false `: detector.BooleanValue(false), `"01"`: detector.StringValue("01"), `'x'`: detector.StringValue("x"), `"a\"b"`: detector.StringValue(`a"b`),
	} {
		value, err := detector.ParseValue(text)
		require.NoError(t, err, text)
		require.Equal(t, want, value, text)
	}
	for text, want := range map[string]string{
		``: "detector: invalid value: line 1, column 1: unexpected end, want an operand", `word`: "detector: invalid value: want a number, true, false, or a quoted string", `1 + 1`: "detector: invalid value: want a number, true, false, or a quoted string",
		`null`: "detector: invalid value: want a number, true, false, or a quoted string", `9223372036854775808`: "detector: invalid value: number is out of the range of Integer", `1e999`: "detector: invalid value: number is out of the range of Decimal",
	} {
		_, err := detector.ParseValue(text)
		require.ErrorIs(t, err, detector.ErrValue)
		require.EqualError(t, err, want)
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	require.Equal(t, int64(5), detector.IntegerValue(5).Int())
	require.InDelta(t, 5, detector.IntegerValue(5).Float(), 0)
	require.Zero(t, detector.DecimalValue(5).Int())
	require.True(t, detector.BooleanValue(true).Bool())
	require.Empty(t, detector.BooleanValue(true).Text())
	require.Equal(t, detector.Undefined, detector.DecimalValue(math.NaN()).Kind())
	require.Equal(t, detector.Undefined, detector.DecimalValue(math.Inf(1)).Kind())
	require.Equal(t, "undefined", detector.Value{}.String())
	require.Equal(t, "null", string(detector.Value{}.AppendJSON(nil)))
	require.Equal(t, `"\u0001\"\\\n\r\té\ufffd\u2028"`, strings.ReplaceAll(string(detector.StringValue("\x01\"\\\n\r\té\xff\u2028").AppendJSON(nil)), "\u2028", `\u2028`))
}
