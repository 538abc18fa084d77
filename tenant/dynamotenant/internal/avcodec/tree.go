package avcodec

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// fromJSON returns the attribute value of compact JSON from encoding/json, in
// a form of which toJSON makes the same text again.
func fromJSON(text []byte, depth int) (types.AttributeValue, error) {
	encoded, err := parse(text, depth, exactNumber)
	if err != nil {
		return nil, err
	}
	if again, err := toJSON(encoded); err == nil && bytes.Equal(again, text) {
		return encoded, nil
	}
	return marked(text), nil
}

// parse returns the attribute value of compact, valid JSON.
func parse(text []byte, depth int, number func(string) types.AttributeValue) (types.AttributeValue, error) {
	p := &parser{text: text, number: number}
	encoded, err := p.value(depth)
	if err == nil && p.at != len(text) {
		err = errNotCompact
	}
	return encoded, err
}

var errNotCompact = errors.New("not the compact JSON that encoding/json writes")

// parser reads compact JSON that is known to be valid.
type parser struct {
	text   []byte
	at     int
	number func(string) types.AttributeValue
}

func (p *parser) value(depth int) (types.AttributeValue, error) {
	switch p.peek() {
	case '{':
		return p.object(depth)
	case '[':
		return p.array(depth)
	case '"':
		s, err := p.string()
		return dynamicString(s), err
	}
	switch word := p.word(); word {
	case "null":
		return null, nil
	case "true":
		return trueValue, nil
	case "false":
		return falseValue, nil
	case "":
		return nil, errNotCompact
	default:
		return p.number(word), nil
	}
}

// peek returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

// skip skips the next byte if it is c.
func (p *parser) skip(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.at++
	return true
}

func (p *parser) word() string {
	start := p.at
	for p.at < len(p.text) && strings.IndexByte(",]}:", p.text[p.at]) < 0 {
		p.at++
	}
	return string(p.text[start:p.at])
}

func (p *parser) string() (s string, err error) {
	start := p.at
	for p.at++; p.at < len(p.text) && p.text[p.at] != '"'; p.at++ {
		if p.text[p.at] == '\\' {
			p.at++
		}
	}
	p.at = min(p.at+1, len(p.text))
	err = json.Unmarshal(p.text[start:p.at], &s)
	return s, err
}

func (p *parser) object(depth int) (types.AttributeValue, error) {
	start, escaped := p.at, depth > maxDepth
	item := map[string]types.AttributeValue{}
	p.at++
	for !p.skip('}') {
		name, err := p.string()
		if err != nil {
			return nil, err
		}
		if !p.skip(':') {
			return nil, errNotCompact
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		item[name], escaped = value, escaped || !isName(name)
		if !p.skip(',') && p.peek() != '}' {
			return nil, errNotCompact
		}
	}
	if escaped {
		return marked(p.text[start:p.at]), nil
	}
	return &types.AttributeValueMemberM{Value: item}, nil
}

func (p *parser) array(depth int) (types.AttributeValue, error) {
	start, elems := p.at, []types.AttributeValue{}
	p.at++
	for !p.skip(']') {
		elem, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		elems = append(elems, elem)
		if !p.skip(',') && p.peek() != ']' {
			return nil, errNotCompact
		}
	}
	if depth > maxDepth {
		return marked(p.text[start:p.at]), nil
	}
	return &types.AttributeValueMemberL{Value: elems}, nil
}

// exactNumber keeps the spelling of a number.
func exactNumber(text string) types.AttributeValue {
	if isCanonical(text) {
		return &types.AttributeValueMemberN{Value: text}
	}
	return marked([]byte(text))
}

// anyNumber keeps the float64 that an any will be.
func anyNumber(text string) types.AttributeValue {
	if isCanonical(text) {
		return &types.AttributeValueMemberN{Value: text}
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && !math.IsInf(f, 0) && isStorable(f) {
		return &types.AttributeValueMemberN{Value: strconv.FormatFloat(f, 'f', -1, 64)}
	}
	return marked([]byte(text))
}

// dynamicString is for a string where JSON of any kind could stand.
func dynamicString(s string) types.AttributeValue {
	if s != "" && s[0] == mark {
		s = string(mark) + s
	}
	return &types.AttributeValueMemberS{Value: s}
}

// undynamicString tells a string from JSON text behind a mark.
func undynamicString(s string) (plain string, text []byte) {
	if s == "" || s[0] != mark {
		return s, nil
	}
	rest := s[1:]
	switch {
	case rest != "" && rest[0] == mark:
		return rest, nil
	case json.Valid([]byte(rest)):
		return "", []byte(rest)
	}
	return s, nil // nothing that was written here
}

// toJSON returns the JSON of an attribute value, compact and with sorted names.
func toJSON(encoded types.AttributeValue) ([]byte, error) { return appendJSON(nil, encoded, 0) }

func appendJSON(dst []byte, encoded types.AttributeValue, depth int) ([]byte, error) {
	if elems, ok := elemsOf(encoded); ok {
		return appendArray(dst, elems, depth)
	}
	if isNull(encoded) {
		return append(dst, "null"...), nil
	}
	switch encoded := encoded.(type) {
	case *types.AttributeValueMemberS:
		plain, text := undynamicString(encoded.Value)
		if text != nil {
			return append(dst, text...), nil
		}
		return appendString(dst, plain)
	case *types.AttributeValueMemberN:
		if !isJSONNumber(encoded.Value) {
			return dst, errNoNumber
		}
		return append(dst, encoded.Value...), nil
	case *types.AttributeValueMemberBOOL:
		return strconv.AppendBool(dst, encoded.Value), nil
	case *types.AttributeValueMemberB:
		return appendString(dst, base64.StdEncoding.EncodeToString(encoded.Value))
	case *types.AttributeValueMemberM:
		return appendObject(dst, encoded.Value, depth)
	}
	return dst, errors.New("an attribute value of unknown kind: " + formOf(encoded))
}

func appendString(dst []byte, s string) ([]byte, error) {
	text, err := json.Marshal(s)
	return append(dst, text...), err
}

func appendArray(dst []byte, elems []types.AttributeValue, depth int) (_ []byte, err error) {
	if depth > maxDecodeDepth {
		return dst, errTooDeep
	}
	dst = append(dst, '[')
	for i, elem := range elems {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendJSON(dst, elem, depth+1); err != nil {
			return dst, withinElem(i, err)
		}
	}
	return append(dst, ']'), nil
}

func appendObject(dst []byte, item map[string]types.AttributeValue, depth int) (_ []byte, err error) {
	if depth > maxDecodeDepth {
		return dst, errTooDeep
	}
	dst = append(dst, '{')
	for i, name := range slices.Sorted(maps.Keys(item)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendString(dst, name); err != nil {
			return dst, err
		}
		dst = append(dst, ':')
		if dst, err = appendJSON(dst, item[name], depth+1); err != nil {
			return dst, withinField(name, err)
		}
	}
	return append(dst, '}'), nil
}
