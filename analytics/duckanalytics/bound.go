package duckanalytics

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/iotenant/iotenant/analytics"
)

// What a call may make of small arguments. DuckDB does not count it to its
// memory, and does not listen while it makes it.
const (
	// maxElements are those of an array of sequence or repeat, as in Presto.
	maxElements = 10_000
	// maxPadding is the length, in characters, of a text of lpad or rpad.
	maxPadding = 1_000_000
	// maxDistance is the product of the lengths of texts to compare, as in Presto.
	maxDistance = 1_000_000
)

// raised are errors of macros: each is a text whose cast to a number fails. The
// cast is done when it is evaluated, as Presto does, and TRY catches it.
const (
	divisionByZero   = "Division by zero"
	tooManyElements  = "an array of more than 10000 elements"
	negativeCount    = "a negative count"
	stepOfZero       = "a step of 0"
	stepAway         = "a step away from the end of the sequence"
	tooLongPadding   = "a text padded to more than 1000000 characters, or to less than 0"
	tooLongToCompare = "texts too long to compare"
	outOfBounds      = "array subscript out of bounds"
	noSuchKey        = "key not present in map"
	noDigitOfBase    = "no number of that base"
	noDuration       = "no duration"
	noPercentile     = "a percentile not between 0 and 1"
	splitLimit       = "a limit of parts below 1"
)

var raised = []string{
	divisionByZero, tooManyElements, negativeCount, stepOfZero, stepAway, tooLongPadding, tooLongToCompare, outOfBounds, noSuchKey, noDigitOfBase, noDuration, noPercentile, splitLimit,
}

func raise(message, typeName string) string { return "CAST('" + message + "' AS " + typeName + ")" }

// boundMacros check the argument that decides about the size, inside of the
// call: what surrounds a call does not keep DuckDB from evaluating it early. An
// argument with a random number has another value at each place where it stands,
// so that the value that is used is bounded once more.
var boundMacros = map[string]string{
	"presto_repeat": `(e, n) AS list_transform(range(` + bounded(`CASE WHEN n < 0 THEN `+raise(negativeCount, "BIGINT")+` ELSE n END`) + `), lambda one: e)`,
	"presto_sequence": `(a, b, step) AS list_transform(range(` + bounded(`CASE WHEN step = 0 THEN `+raise(stepOfZero, "BIGINT")+`
		WHEN b <> a AND (b > a) <> (step > 0) THEN `+raise(stepAway, "BIGINT")+`
		ELSE (CAST(b AS HUGEINT) - CAST(a AS HUGEINT)) // CAST(step AS HUGEINT) + 1 END`) + `), lambda one: CAST(CAST(a AS HUGEINT) + one * CAST(step AS HUGEINT) AS BIGINT))`,
	// A month has 30 days here, which is too many at times and too few at others.
	"presto_sequence_of_times": `(a, b, step) AS list_filter(list_transform(range(CAST(2 + 1.02e0 * ` + bounded(`CASE WHEN epoch(step) = 0 THEN `+raise(stepOfZero, "BIGINT")+`
		WHEN b <> a AND (b > a) <> (epoch(step) > 0) THEN `+raise(stepAway, "BIGINT")+`
		ELSE CAST(floor((epoch(b) - epoch(a)) / epoch(step)) AS BIGINT) + 1 END`) + ` AS BIGINT)), lambda one: a + one * step), lambda one: CASE WHEN b > a THEN one <= b ELSE one >= b END)`,
	"presto_lpad": `(s, n, p) AS lpad(s, ` + padding + `, p)`,
	"presto_rpad": `(s, n, p) AS rpad(s, ` + padding + `, p)`,
	"presto_levenshtein": `(a, b) AS levenshtein(CASE WHEN length(a) * (length(b) - 1) > ` + strconv.Itoa(maxDistance) + `
		THEN CAST(` + raise(tooLongToCompare, "BIGINT") + ` AS VARCHAR) ELSE a END, b)`,
}

// bounded is a count that can't be used if it is too large.
func bounded(count string) string {
	return atMost(maxElements, count, `(`+count+`) > `+strconv.Itoa(maxElements), tooManyElements, "BIGINT")
}

var padding = atMost(maxPadding, "n", "n < 0 OR n > "+strconv.Itoa(maxPadding), tooLongPadding, "INTEGER")

func atMost(most int, count, wrong, message, typeName string) string {
	return `CAST(CASE WHEN (` + count + `) IS NULL THEN NULL ELSE least(` + strconv.Itoa(most) + `, CASE WHEN ` + wrong + ` THEN ` + raise(message, "BIGINT") + ` ELSE (` + count + `) END) END AS ` + typeName + `)`
}

// boundFunctions are those of boundMacros.
var boundFunctions = map[string]functionRule{
	"repeat":               {to: "presto_repeat", maxArgs: -1},
	"sequence":             {rewrite: sequence, minArgs: 2, maxArgs: 3},
	"lpad":                 {rewrite: pad("lpad"), minArgs: 3, maxArgs: 3},
	"rpad":                 {rewrite: pad("rpad"), minArgs: 3, maxArgs: 3},
	"levenshtein_distance": {to: "presto_levenshtein", maxArgs: -1},
}

// macros are functions of Presto in terms of DuckDB, by name. A database gets
// those that its statement needs.
var macros = merged(plainMacros, boundMacros, aggregateMacros, derivedMacros, subscriptMacros)

func merged(all ...map[string]string) map[string]string {
	to := make(map[string]string)
	for _, some := range all {
		maps.Copy(to, some)
	}
	return to
}

// pad leaves a small size that is known as it is.
func pad(name string) func(*rewriter, []any) (node, error) {
	return func(r *rewriter, args []any) (node, error) {
		if size, ok := constantInteger(args[1]); ok && size >= 0 && size <= maxPadding {
			return call(name, args...), nil
		}
		return r.macro(macroPrefix+name, args...), nil
	}
}

// constantInteger returns a whole number that is written as such.
func constantInteger(v any) (int64, bool) {
	n, _ := v.(node)
	if textOf(n, "class") != "CONSTANT" || classOfType(textOf(nodeOf(nodeOf(n, "value"), "type"), "id")) != classInteger {
		return 0, false
	}
	number, _ := nodeOf(n, "value")["value"].(json.Number)
	value, err := number.Int64()
	return value, err == nil
}

// sequence goes by 1, or a day, to what is less or more.
func sequence(r *rewriter, args []any) (node, error) {
	first := r.classify(args[0])
	if first != classDate && first != classTimestamp && first != classTimestampTZ && !(len(args) == 3 && r.classify(args[2]) == classInterval) {
		step, err := r.step(args, integer(1), operate("-", integer(1)))
		if err != nil {
			return nil, err
		}
		return r.macro("presto_sequence", args[0], args[1], step), nil
	}
	if len(args) == 2 && first != classDate {
		return nil, fmt.Errorf("%w: a sequence of times needs a step", analytics.ErrSQL)
	}
	step, err := r.step(args, call("to_days", integer(1)), call("to_days", operate("-", integer(1))))
	if err != nil {
		return nil, err
	}
	times := r.macro("presto_sequence_of_times", args[0], args[1], step)
	if first != classDate {
		return times, nil
	}
	const one = "presto_one"
	return call("list_transform", times, lambda(one, cast(column(one), "DATE"))), nil
}

// step is the third argument, or one of two.
func (r *rewriter) step(args []any, up, down node) (any, error) {
	if len(args) == 3 {
		return args[2], nil
	}
	first, err := r.copied(args[0])
	if err != nil {
		return nil, err
	}
	second, err := r.copied(args[1])
	if err != nil {
		return nil, err
	}
	return when(comparison("COMPARE_GREATERTHAN", first, second), down, up), nil
}

// told finds the error of a macro in a message of DuckDB.
func told(message string) (string, bool) {
	for _, text := range raised {
		if strings.Contains(message, "'"+text+"'") {
			return text, true
		}
	}
	return "", false
}
