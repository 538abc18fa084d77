package pipeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/analytics/pipeline"
)

// drawNumber draws short and long decimals, near the limits of the fast
// arithmetic too.
func drawNumber(t *rapid.T, label string) string {
	digits := rapid.OneOf(rapid.StringMatching(`[0-9]{1,4}`), rapid.StringMatching(`[0-9]{1,34}`), rapid.SampledFrom([]string{
		"0", "1", "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "9999999999999999999999999999999999",
	})).Draw(t, label)
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		digits = "0"
	}
	if point := rapid.IntRange(0, len(digits)).Draw(t, "point"); point > 0 && point < len(digits) {
		digits = digits[:point] + "." + digits[point:]
	} else if rapid.Bool().Draw(t, "small") {
		digits = "0.00" + digits
	}
	return rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign") + digits
}

// The fast arithmetic gives what the library gives.
func TestArithmeticIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawNumber(t, "a"), drawNumber(t, "b")
		operator := rapid.SampledFrom([]byte("+-*/%d")).Draw(t, "operator")
		if operator == 'd' {
			a, _, _ = strings.Cut(a, ".")
			b, _, _ = strings.Cut(b, ".")
		}
		require.Equal(t, pipeline.ComputeSlowly(operator, a, b), pipeline.Compute(operator, a, b), "%s %c %s", a, operator, b)
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		require.Equal(t, x.Cmp(y), pipeline.Compare(a, b), "%s %s", a, b)
	})
}

// Of operands of any length, the result alone is rounded.
func TestLongOperands(t *testing.T) {
	t.Parallel()
	p, err := pipeline.Load(definition(
		`{"math":{"name":"a0","math":"a + b","attribute":"sum","next":"a1"}}`, `{"math":{"name":"a1","math":"a - text","attribute":"difference","next":"a2"}}`,
		`{"math":{"name":"a2","math":"a * text","attribute":"product","next":"d"}}`,
	))
	require.NoError(t, err)
	context := apd.Context{Precision: 34, MaxExponent: 999, MinExponent: -999, Rounding: apd.RoundHalfEven}
	long := rapid.StringMatching(`-?[1-9][0-9]{30,60}(\.[0-9]{1,40})?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := long.Draw(t, "a"), rapid.OneOf(long, rapid.StringMatching(`[1-9][0-9]{0,10}`)).Draw(t, "b")
		x, _, err := apd.NewFromString(a)
		require.NoError(t, err)
		y, _, err := apd.NewFromString(b)
		require.NoError(t, err)
		var batch pipeline.Batch
		require.NoError(t, p.Run(t.Context(), nil, &batch, [][]byte{[]byte(`{"a":` + a + `,"b":` + b + `,"text":"` + b + `"}`)}))
		require.Equal(t, 1, batch.Len())
		for name, operate := range map[string]func(z, x, y *apd.Decimal) (apd.Condition, error){
			"difference": context.Sub, "product": context.Mul, "sum": context.Add,
		} {
			var want apd.Decimal
			_, err := operate(&want, x, y)
			require.NoError(t, err)
			got, _, err := apd.NewFromString(string(batch.At(0).Lookup(name)))
			require.NoError(t, err)
			require.Zero(t, want.Cmp(got), "%s of %s and %s: %s, want %s", name, a, b, got, &want)
		}
	})
}

// What has at most 34 digits is written as the number that was read.
func TestNumbersKeepTheirValue(t *testing.T) {
	t.Parallel()
	p, err := pipeline.LoadActivity([]byte(`{"math":{"name":"m","math":"x","attribute":"y"}}`))
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		text := drawNumber(t, "x")
		if exponent := rapid.IntRange(-900, 900).Draw(t, "exponent"); exponent%3 == 0 {
			text += fmt.Sprintf("e%d", exponent)
		}
		var b pipeline.Batch
		require.NoError(t, p.Run(context.Background(), nil, &b, [][]byte{[]byte(`{"x":` + text + `}`)}))
		got := string(b.At(0).Lookup("y"))
		require.True(t, json.Valid([]byte(got)), got)
		if len(strings.Trim(strings.SplitN(text, "e", 2)[0], "-0.")) > 34 {
			return
		}
		want, _ := new(big.Rat).SetString(text)
		have, _ := new(big.Rat).SetString(got)
		require.Zero(t, want.Cmp(have), "%s %s", text, got)
	})
}

// steps are activities that can be chained in any order.
var steps = []string{
	`{"filter":{"name":%q,"filter":"a > 1 OR b <> NULL","next":%q}}`,
	`{"filter":{"name":%q,"filter":"NOT (c = 'x')","next":%q}}`,
	`{"math":{"name":%q,"math":"a * 1.5 + b","attribute":"a","next":%q}}`,
	`{"math":{"name":%q,"math":"b / a","attribute":"d","next":%q}}`,
	`{"addAttributes":{"name":%q,"attributes":{"n.m":"e","a":"f"},"next":%q}}`,
	`{"removeAttributes":{"name":%q,"attributes":["b","n.m"],"next":%q}}`,
	`{"selectAttributes":{"name":%q,"attributes":["a","n.m","c","n"],"next":%q}}`,
	`{"deviceRegistryEnrich":{"name":%q,"attribute":"reg","thingName":"c",` + role + `,"next":%q}}`,
	`{"lambda":{"name":%q,"lambdaName":"tag","batchSize":2,"next":%q}}`,
}

// Chaining activities is the same as giving the messages to one after the
// other.
func TestChainingIsComposition(t *testing.T) {
	t.Parallel()
	env := &pipeline.Environment{
		Functions: functions(func(_ string, event []byte) ([]byte, error) {
			return []byte(strings.ReplaceAll(string(event), `"c":"x"`, `"c":"z","tag":1`)), nil
		}),
		Registry: things(func(thing string) ([]byte, error) { return []byte(`{"thingName":"` + thing + `"}`), nil }),
	}
	rapid.Check(t, func(t *rapid.T) {
		var chained, single []string
		chosen := rapid.SliceOfN(rapid.SampledFrom(steps), 1, 8).Draw(t, "steps")
		for i, step := range chosen {
			next := "d"
			if i+1 < len(chosen) {
				next = fmt.Sprintf("a%d", i+1)
			}
			chained = append(chained, fmt.Sprintf(step, fmt.Sprintf("a%d", i), next))
			single = append(single, fmt.Sprintf(step, "one", "none"))
		}
		var messages [][]byte
		for range rapid.IntRange(1, 6).Draw(t, "messages") {
			messages = append(messages, drawMessage(t))
		}
		p, err := pipeline.Load(definition(chained...))
		require.NoError(t, err)
		var b pipeline.Batch
		require.NoError(t, p.Run(context.Background(), env, &b, messages))
		var got []string
		for i := range b.Len() {
			got = append(got, string(b.At(i).AppendJSON(nil)))
		}
		require.Equal(t, compose(t, env, single, messages), got)
	})
}

// What comes out of a message does not depend on the messages before it, of
// whatever shape they were.
func TestMessagesAreIndependent(t *testing.T) {
	t.Parallel()
	names := []string{`a`, `b`, `c`, `A`, `n`, `N`, `\u0061`, `x\"`, `x"`, `x\\`, `e`, `f`, `é`, `n.m`, `attribute_of_more_bytes_than_two_words`}
	values := []string{`1`, ` 2.5`, `"x"`, `null `, `{"m":1}`, `{"M":2,"o":[]}`}
	rapid.Check(t, func(t *rapid.T) {
		var activities []string
		chosen := rapid.SliceOfN(rapid.SampledFrom(steps[2:7]), 1, 5).Draw(t, "steps")
		for i, step := range chosen {
			next := "d"
			if i+1 < len(chosen) {
				next = fmt.Sprintf("a%d", i+1)
			}
			activities = append(activities, fmt.Sprintf(step, fmt.Sprintf("a%d", i), next))
		}
		var messages [][]byte
		for range rapid.IntRange(1, 30).Draw(t, "messages") {
			var members []string
			for range rapid.IntRange(0, 6).Draw(t, "members") {
				members = append(members, `"`+rapid.SampledFrom(names).Draw(t, "name")+`":`+rapid.SampledFrom(values).Draw(t, "value"))
			}
			messages = append(messages, []byte("{"+strings.Join(members, ",")+"}"))
		}
		p, err := pipeline.Load(definition(activities...))
		require.NoError(t, err)
		var used pipeline.Batch
		require.NoError(t, p.Run(context.Background(), nil, &used, messages))
		var alone []string
		for i, message := range messages {
			var fresh pipeline.Batch
			require.NoError(t, p.Run(context.Background(), nil, &fresh, [][]byte{message}))
			for range fresh.Len() {
				alone = append(alone, fmt.Sprintf("%d %s", i, fresh.At(0).AppendJSON(nil)))
			}
		}
		require.Equal(t, alone, outputs(&used))
	})
}

func compose(t *rapid.T, env *pipeline.Environment, activities []string, messages [][]byte) (out []string) {
	for _, text := range activities {
		p, err := pipeline.LoadActivity([]byte(text))
		require.NoError(t, err)
		var b pipeline.Batch
		require.NoError(t, p.Run(context.Background(), env, &b, messages))
		messages = nil
		for i := range b.Len() {
			messages = append(messages, b.At(i).AppendJSON(nil))
		}
	}
	for _, message := range messages {
		if string(message) != "{}" {
			out = append(out, string(message))
		}
	}
	return out
}

func drawMessage(t *rapid.T) []byte {
	values := []string{`1`, `2.50`, `-3`, `"x"`, `"7"`, `null`, `true`, `[1]`}
	var members []string
	for _, name := range []string{"a", "b", "c", "n"} {
		if !rapid.Bool().Draw(t, name) {
			continue
		}
		value := rapid.SampledFrom(values).Draw(t, "value")
		if name == "n" {
			value = `{"m":` + value + `,"o":1}`
		}
		members = append(members, fmt.Sprintf("%q:%s", name, value))
	}
	return []byte("{" + strings.Join(members, ",") + "}")
}

// FuzzExpression looks for panics, for results that are no JSON, and for
// expressions that give another result in a batch that was used before.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{
		"((temp - 32) * 5.0) / 9.0", "a.b[0] <> NULL OR NOT x = 'it''s'", "CASE a WHEN 1 THEN power(2, 0.5) ELSE -b % 3 END", "{\"a\": [1, 'b', NULL]} = c",
		"trunc(1.25, 34) + '1E5' * 2", "1E900 * 1E-900 / 3", "`a b`.c + 1",
	} {
		f.Add(seed, `{"temp":68,"a":{"b":[1]},"x":"y","b":2.5,"c":{"a":[1,"b",null]}}`)
	}
	f.Fuzz(func(t *testing.T, source, payload string) {
		text, err := json.Marshal(map[string]any{"math": map[string]any{"name": "m", "math": source, "attribute": "result"}})
		require.NoError(t, err)
		p, err := pipeline.LoadActivity(text, func(o *pipeline.Options) { o.Semantics.Extensions = true })
		if err != nil {
			require.ErrorIs(t, err, pipeline.ErrDefinition)
			return
		}
		var b pipeline.Batch
		var first string
		for i := range 2 {
			require.NoError(t, p.Run(context.Background(), nil, &b, [][]byte{[]byte(payload)}))
			var got string
			if b.Len() > 0 {
				got = string(b.At(0).AppendJSON(nil))
				require.True(t, json.Valid([]byte(got)), got)
			}
			if i == 0 {
				first = got
			}
			require.Equal(t, first, got)
		}
	})
}

// FuzzPayload sends anything through activities of all kinds that need nothing
// from outside.
func FuzzPayload(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"a":2,"A":3,"n":{"m":{"k":[1,{"b-c":2}]}}}`, `{"n":{"m":{}}}`, "\xff", `{"\u0061":1,"n":[[]]}`, `{"__x":{"y y":[{}]}}`, `{"a":1e999999}`, ` { "n" : { "M" : 1 , "m" : 2 } } `, `{"x\"":1}`, "{\x00",
	} {
		f.Add([]byte(seed))
	}
	p, err := pipeline.Load(definition(
		`{"addAttributes":{"name":"a0","attributes":{"n.m.k[1]":"k","a":"z"},"next":"a1"}}`,
		`{"math":{"name":"a1","math":"a + 1","attribute":"sum","next":"a2"}}`,
		`{"removeAttributes":{"name":"a2","attributes":["n.m","gone"],"next":"d"}}`,
	))
	require.NoError(f, err)
	var used pipeline.Batch
	f.Fuzz(func(t *testing.T, payload []byte) {
		var fresh pipeline.Batch
		require.NoError(t, p.Run(context.Background(), nil, &fresh, [][]byte{payload}))
		require.NoError(t, p.Run(context.Background(), nil, &used, [][]byte{payload}))
		require.Equal(t, outputs(&fresh), outputs(&used), "what a batch did before changes nothing")
		for i := range fresh.Len() {
			message := fresh.At(i).AppendJSON(nil)
			require.True(t, json.Valid(message), "%s", message)
			for j := range fresh.At(i).Len() {
				name, _ := fresh.At(i).Attribute(j)
				require.NoError(t, pipeline.CheckFieldName(string(name)))
			}
		}
	})
}

func FuzzFieldName(f *testing.F) {
	for _, seed := range []string{"temp_01", "__x", "1", "a-b", "_", "é", ""} {
		f.Add(seed)
	}
	p, err := pipeline.Load(definition(`{"filter":{"name":"a0","filter":"true","next":"d"}}`))
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, name string) {
		payload, err := json.Marshal(map[string]int{name: 1})
		require.NoError(t, err)
		var b pipeline.Batch
		require.NoError(t, p.Run(context.Background(), nil, &b, [][]byte{payload}))
		require.Equal(t, pipeline.CheckFieldName(name) == nil, b.Len() == 1)
		_, findings := pipeline.Check([]byte(`{"pipelineName":` + strings.Trim(string(payload[1:len(payload)-3]), " ") + `,"pipelineActivities":[]}`))
		require.NotEmpty(t, findings)
	})
}

// Objects with many members, also ones that repeat, mean what encoding/json
// makes of them.
func TestManyMembers(t *testing.T) {
	t.Parallel()
	p, err := pipeline.LoadActivity([]byte(`{"filter":{"name":"f","filter":"true"}}`))
	require.NoError(t, err)
	var b pipeline.Batch
	rapid.Check(t, func(t *rapid.T) {
		var members []string
		for i := range rapid.IntRange(0, 150).Draw(t, "members") {
			members = append(members, fmt.Sprintf(`"m%d":%d`, rapid.IntRange(0, 100).Draw(t, "name"), i))
		}
		payload := "{" + strings.Join(members, ",") + "}"
		require.NoError(t, p.Run(context.Background(), nil, &b, [][]byte{[]byte(payload)}))
		require.Equal(t, 1, b.Len())
		got := string(b.At(0).AppendJSON(nil))
		require.JSONEq(t, payload, got)
		require.Equal(t, b.At(0).Len(), strings.Count(got, ":"), "each name is there once")
	})
}
