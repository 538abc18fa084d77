package avcodec

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func encodeString(e *encoder, v reflect.Value, _ int) (types.AttributeValue, error) {
	return e.newString(validText(v.String())), nil
}

// decodeString takes an N as well, since attributevalue does.
func decodeString(encoded types.AttributeValue, v reflect.Value, _ int) error {
	if s, ok := encoded.(*types.AttributeValueMemberS); ok {
		v.SetString(s.Value)
		return nil
	}
	if n, ok := encoded.(*types.AttributeValueMemberN); ok {
		v.SetString(n.Value)
		return nil
	}
	return decodeOther(encoded, v, "S")
}

func boolPlan(o options) plan {
	if !o.asString || !o.jsonText {
		return plan{encode: encodeBool, decode: decodeBool}
	}
	return plan{
		encode: func(e *encoder, v reflect.Value, _ int) (types.AttributeValue, error) {
			return e.newString(strconv.FormatBool(v.Bool())), nil
		},
		decode: func(encoded types.AttributeValue, v reflect.Value, depth int) error {
			s, ok := encoded.(*types.AttributeValueMemberS)
			if !ok || s.Value != "true" && s.Value != "false" {
				return decodeBool(encoded, v, depth)
			}
			v.SetBool(s.Value == "true")
			return nil
		},
		scalar: stringValue,
	}
}

func encodeBool(_ *encoder, v reflect.Value, _ int) (types.AttributeValue, error) {
	if v.Bool() {
		return trueValue, nil
	}
	return falseValue, nil
}

func decodeBool(encoded types.AttributeValue, v reflect.Value, _ int) error {
	b, ok := encoded.(*types.AttributeValueMemberBOOL)
	if !ok {
		return decodeOther(encoded, v, "BOOL")
	}
	v.SetBool(b.Value)
	return nil
}

// numberPlan is for a number with this encoding, this text, and this parser of
// an N.
func numberPlan(o options, encode encodeFunc, appendText func([]byte, reflect.Value) ([]byte, error), decode decodeFunc) plan {
	if !o.asString {
		return plan{encode: encode, decode: decode, scalar: numberValue}
	}
	return plan{
		encode: func(e *encoder, v reflect.Value, _ int) (types.AttributeValue, error) {
			start := len(e.text)
			text, err := appendText(e.text, v)
			if err != nil {
				return nil, err
			}
			e.text = text
			return e.lateString(start), nil
		},
		decode: func(encoded types.AttributeValue, v reflect.Value, depth int) error {
			if s, ok := encoded.(*types.AttributeValueMemberS); ok {
				encoded = &types.AttributeValueMemberN{Value: s.Value}
			}
			return decode(encoded, v, depth)
		},
		scalar: stringValue,
	}
}

func encodeInt(e *encoder, v reflect.Value, _ int) (types.AttributeValue, error) {
	start := len(e.text)
	e.text = strconv.AppendInt(e.text, v.Int(), 10)
	return e.lateNumber(start), nil
}

func appendInt(dst []byte, v reflect.Value) ([]byte, error) {
	return strconv.AppendInt(dst, v.Int(), 10), nil
}

func decodeInt(encoded types.AttributeValue, v reflect.Value, _ int) error {
	n, ok := encoded.(*types.AttributeValueMemberN)
	if !ok {
		return decodeOther(encoded, v, "N")
	}
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil || v.OverflowInt(i) {
		return unfit(v, n.Value)
	}
	v.SetInt(i)
	return nil
}

func encodeUint(e *encoder, v reflect.Value, _ int) (types.AttributeValue, error) {
	start := len(e.text)
	e.text = strconv.AppendUint(e.text, v.Uint(), 10)
	return e.lateNumber(start), nil
}

func appendUint(dst []byte, v reflect.Value) ([]byte, error) {
	return strconv.AppendUint(dst, v.Uint(), 10), nil
}

func decodeUint(encoded types.AttributeValue, v reflect.Value, _ int) error {
	n, ok := encoded.(*types.AttributeValueMemberN)
	if !ok {
		return decodeOther(encoded, v, "N")
	}
	u, err := strconv.ParseUint(n.Value, 10, 64)
	if err != nil || v.OverflowUint(u) {
		return unfit(v, n.Value)
	}
	v.SetUint(u)
	return nil
}

// floatBits is the size of a float.
type floatBits int

func (bits floatBits) encode(e *encoder, v reflect.Value, _ int) (types.AttributeValue, error) {
	f := v.Float()
	if !isStorable(f) {
		return escape(v) // refuses what is not finite
	}
	start := len(e.text)
	e.text = strconv.AppendFloat(e.text, f, 'f', -1, int(bits))
	return e.lateNumber(start), nil
}

func (bits floatBits) appendText(dst []byte, v reflect.Value) ([]byte, error) {
	f := v.Float()
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, fmt.Errorf("%v has no encoding", f)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, int(bits)), nil
}

func (bits floatBits) decode(encoded types.AttributeValue, v reflect.Value, _ int) error {
	n, ok := encoded.(*types.AttributeValueMemberN)
	if !ok {
		return decodeOther(encoded, v, "N")
	}
	f, err := strconv.ParseFloat(n.Value, int(bits))
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return unfit(v, n.Value)
	}
	v.SetFloat(f)
	return nil
}

func unfit(v reflect.Value, number string) error {
	return fmt.Errorf("the N %.50q is no %s", number, v.Type())
}

func encodeTime(e *encoder, v reflect.Value, _ int) (types.AttributeValue, error) {
	start := len(e.text)
	text, err := addressable(v).Addr().Interface().(*time.Time).AppendText(e.text)
	if err != nil {
		return nil, err
	}
	e.text = text
	return e.lateString(start), nil
}

// decodeTime takes an N as well: it is what attributevalue.UnixTime writes.
func decodeTime(encoded types.AttributeValue, v reflect.Value, depth int) error {
	s, ok := encoded.(*types.AttributeValueMemberS)
	if !ok {
		return decodeUnixTime(encoded, v, depth)
	}
	return v.Addr().Interface().(*time.Time).UnmarshalText([]byte(s.Value))
}

func encodeUnixTime(e *encoder, v reflect.Value, _ int) (types.AttributeValue, error) {
	at := v.Convert(timeType).Interface().(time.Time)
	return e.newNumber(strconv.FormatInt(at.Unix(), 10)), nil
}

// decodeUnixTime takes the text of a time as well.
func decodeUnixTime(encoded types.AttributeValue, v reflect.Value, _ int) error {
	var at time.Time
	switch encoded := encoded.(type) {
	case *types.AttributeValueMemberN:
		seconds, err := strconv.ParseInt(encoded.Value, 10, 64)
		if err != nil {
			return unfit(v, encoded.Value)
		}
		at = time.Unix(seconds, 0)
	case *types.AttributeValueMemberS:
		if err := at.UnmarshalText([]byte(encoded.Value)); err != nil {
			return err
		}
	default:
		return decodeOther(encoded, v, "S or N")
	}
	v.Set(reflect.ValueOf(at).Convert(v.Type()))
	return nil
}
