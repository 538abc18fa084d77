package avcodec

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// What DynamoDB holds in an N: 38 digits, and 0 or a magnitude from 1E-130 to
// 9.99…E+125. It has no negative zero.
const (
	maxDigits = 38
	least     = 1e-130
	beyond    = 1e126
)

// isStorable reports whether an N holds f.
func isStorable(f float64) bool {
	if f == 0 {
		return !math.Signbit(f)
	}
	magnitude := math.Abs(f)
	return least <= magnitude && magnitude < beyond
}

// isCanonical reports whether DynamoDB gives back a number as it is spelled
// here: no exponent, no zeros that say nothing, no more digits than it holds.
func isCanonical(number string) bool {
	digits, negative := strings.CutPrefix(number, "-")
	whole, fraction, hasFraction := strings.Cut(digits, ".")
	switch {
	case len(whole)+len(fraction) > maxDigits || !allDigits(whole):
		return false
	case whole[0] == '0' && len(whole) > 1:
		return false
	case !hasFraction:
		return !negative || whole != "0"
	case !allDigits(fraction) || fraction[len(fraction)-1] == '0':
		return false
	}
	// Smaller ones may come back with an exponent.
	return whole != "0" || len(fraction)-len(strings.TrimLeft(fraction, "0")) < 6
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// isJSONNumber reports whether s is spelled by JSON's grammar.
func isJSONNumber(s string) bool {
	digits, _ := strings.CutPrefix(s, "-")
	digits, exponent, hasExponent := cutExponent(digits)
	whole, fraction, hasFraction := strings.Cut(digits, ".")
	switch {
	case !allDigits(whole) || whole[0] == '0' && len(whole) > 1:
		return false
	case hasFraction && !allDigits(fraction):
		return false
	case !hasExponent:
		return true
	}
	if exponent != "" && (exponent[0] == '+' || exponent[0] == '-') {
		exponent = exponent[1:]
	}
	return allDigits(exponent)
}

func cutExponent(s string) (before, exponent string, found bool) {
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

var (
	jsonNumberType = reflect.TypeFor[json.Number]()
	numeralType    = reflect.TypeFor[numeral]()
)

var errNoNumber = errors.New("not a number of JSON's grammar")

// jsonNumber returns the text that encoding/json writes for v.
func jsonNumber(v reflect.Value) (string, error) {
	text := v.String()
	if text == "" {
		return "0", nil
	}
	if !isJSONNumber(text) {
		return "", fmt.Errorf("%w: %.50q", errNoNumber, text)
	}
	return text, nil
}

func encodeJSONNumber(e *encoder, v reflect.Value, _ int) (types.AttributeValue, error) {
	text, err := jsonNumber(v)
	switch {
	case err != nil:
		return nil, err
	case isCanonical(text):
		return e.newNumber(text), nil
	}
	return marked([]byte(text)), nil
}

func encodeNumberAsString(e *encoder, v reflect.Value, _ int) (types.AttributeValue, error) {
	text, err := jsonNumber(v)
	if err != nil {
		return nil, err
	}
	return e.newString(text), nil
}

func decodeJSONNumber(encoded types.AttributeValue, v reflect.Value, _ int) error {
	var text string
	switch encoded := encoded.(type) {
	case *types.AttributeValueMemberN:
		text = encoded.Value
	case *types.AttributeValueMemberS:
		text = strings.TrimPrefix(encoded.Value, string(mark))
	default:
		return decodeOther(encoded, v, "N")
	}
	if !isJSONNumber(text) {
		return fmt.Errorf("%w: %.50q", errNoNumber, text)
	}
	v.SetString(text)
	return nil
}

// numeral is a text that stands for a number, as attributevalue.Number does.
// For JSON it is a string like any other.
type numeral interface {
	Float64() (float64, error)
	Int64() (int64, error)
	String() string
}

func encodeNumeral(e *encoder, v reflect.Value, depth int) (types.AttributeValue, error) {
	if text := v.String(); isCanonical(text) {
		return &types.AttributeValueMemberN{Value: text}, nil
	}
	return encodeString(e, v, depth)
}

func decodeNumeral(encoded types.AttributeValue, v reflect.Value, depth int) error {
	return decodeString(encoded, v, depth)
}
