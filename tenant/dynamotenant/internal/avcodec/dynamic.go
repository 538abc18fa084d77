package avcodec

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// encodeDynamic encodes what an any holds as the tree of its JSON, since that
// is all that comes back.
func encodeDynamic(_ *encoder, v reflect.Value, depth int) (types.AttributeValue, error) {
	return encodeAny(v.Interface(), depth)
}

func encodeAny(value any, depth int) (types.AttributeValue, error) {
	switch value := value.(type) {
	case nil:
		return null, nil
	case string:
		return dynamicString(validText(value)), nil
	case bool:
		if value {
			return trueValue, nil
		}
		return falseValue, nil
	case int:
		return &types.AttributeValueMemberN{Value: strconv.Itoa(value)}, nil
	case int64:
		return &types.AttributeValueMemberN{Value: strconv.FormatInt(value, 10)}, nil
	case float64:
		if isStorable(value) {
			return &types.AttributeValueMemberN{Value: strconv.FormatFloat(value, 'f', -1, 64)}, nil
		}
	case []any:
		if value != nil && depth <= maxDepth {
			return encodeAnys(value, depth)
		}
	case map[string]any:
		if value != nil && depth <= maxDepth {
			return encodeAnyMap(value, depth)
		}
	}
	return encodeAnyJSON(value, depth)
}

func encodeAnyJSON(value any, depth int) (types.AttributeValue, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return parse(text, depth, anyNumber)
}

func encodeAnys(values []any, depth int) (types.AttributeValue, error) {
	elems := make([]types.AttributeValue, len(values))
	for i, value := range values {
		encoded, err := encodeAny(value, depth+1)
		if err != nil {
			return nil, withinElem(i, err)
		}
		elems[i] = encoded
	}
	return &types.AttributeValueMemberL{Value: elems}, nil
}

func encodeAnyMap(values map[string]any, depth int) (types.AttributeValue, error) {
	item := make(map[string]types.AttributeValue, len(values))
	for name, value := range values {
		if !isName(name) {
			return encodeAnyJSON(values, depth)
		}
		encoded, err := encodeAny(value, depth+1)
		if err != nil {
			return nil, withinField(name, err)
		}
		item[name] = encoded
	}
	return &types.AttributeValueMemberM{Value: item}, nil
}

func decodeDynamic(encoded types.AttributeValue, v reflect.Value, depth int) error {
	value, err := decodeAny(encoded, depth)
	if err != nil {
		return err
	}
	if value == nil {
		v.SetZero()
		return nil
	}
	v.Set(reflect.ValueOf(value))
	return nil
}

func decodeAny(encoded types.AttributeValue, depth int) (any, error) {
	if isNull(encoded) {
		return nil, nil //nolint:nilnil // the value of NULL
	}
	if elems, ok := elemsOf(encoded); ok {
		return decodeAnys(elems, depth)
	}
	switch encoded := encoded.(type) {
	case *types.AttributeValueMemberS:
		plain, text := undynamicString(encoded.Value)
		if text == nil {
			return plain, nil
		}
		var value any
		err := json.Unmarshal(text, &value)
		return value, err
	case *types.AttributeValueMemberN:
		f, err := strconv.ParseFloat(encoded.Value, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, fmt.Errorf("the N %.50q is no float64", encoded.Value)
		}
		return f, nil
	case *types.AttributeValueMemberBOOL:
		return encoded.Value, nil
	case *types.AttributeValueMemberB:
		return base64.StdEncoding.EncodeToString(encoded.Value), nil
	case *types.AttributeValueMemberM:
		return decodeAnyMap(encoded.Value, depth)
	}
	return nil, errors.New("an attribute value of unknown kind: " + formOf(encoded))
}

func decodeAnys(elems []types.AttributeValue, depth int) (any, error) {
	if depth > maxDecodeDepth {
		return nil, errTooDeep
	}
	values := make([]any, len(elems))
	for i, elem := range elems {
		value, err := decodeAny(elem, depth+1)
		if err != nil {
			return nil, withinElem(i, err)
		}
		values[i] = value
	}
	return values, nil
}

func decodeAnyMap(item map[string]types.AttributeValue, depth int) (any, error) {
	if depth > maxDecodeDepth {
		return nil, errTooDeep
	}
	values := make(map[string]any, len(item))
	for name, member := range item {
		value, err := decodeAny(member, depth+1)
		if err != nil {
			return nil, withinField(name, err)
		}
		values[name] = value
	}
	return values, nil
}
