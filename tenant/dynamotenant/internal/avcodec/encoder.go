package avcodec

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const (
	// maxDepth is how many lists and maps are written inside each other.
	// DynamoDB takes 32 levels; the item itself, and the attribute of it that
	// holds the value, are two of them.
	maxDepth = 29
	// maxDecodeDepth bounds the decoding of what was not read from DynamoDB.
	maxDecodeDepth = 1000
	// maxName is the length of the longest attribute name in bytes.
	maxName = 1<<16 - 1
	// mark begins an S whose rest is JSON.
	mark = '\x00'
)

// encoder is the state of one encoding. Small texts, such as those of numbers,
// are gathered and become parts of one string at the end.
type encoder struct {
	slabs
	text []byte
	late []lateText
}

// lateText is a part of an encoder's text and where it belongs.
type lateText struct {
	value      *string
	start, end int
}

// keptText is the longest text buffer that is kept for the next encoding.
const keptText = 1 << 14

var encoders = sync.Pool{New: func() any { return &encoder{} }}

// settle puts the gathered texts where they belong.
func (e *encoder) settle() {
	text := string(e.text)
	for _, late := range e.late {
		*late.value = text[late.start:late.end]
	}
	clear(e.late)
	e.text, e.late = e.text[:0], e.late[:0]
}

// release gives e back.
func (e *encoder) release() {
	if cap(e.text) > keptText {
		*e = encoder{}
	}
	clear(e.late)
	e.slabs, e.text, e.late = slabs{}, e.text[:0], e.late[:0]
	encoders.Put(e)
}

// lateString is an S with the gathered text from start.
func (e *encoder) lateString(start int) types.AttributeValue {
	s := e.newString("")
	e.late = append(e.late, lateText{&s.Value, start, len(e.text)})
	return s
}

// lateNumber is an N with the gathered text from start.
func (e *encoder) lateNumber(start int) types.AttributeValue {
	n := e.newNumber("")
	e.late = append(e.late, lateText{&n.Value, start, len(e.text)})
	return n
}

// slabs are strings and numbers of a struct or list that are allocated together.
type slabs struct {
	strings []types.AttributeValueMemberS
	numbers []types.AttributeValueMemberN
}

func newSlabs(strings, numbers int) (s slabs) {
	if strings > 0 {
		s.strings = make([]types.AttributeValueMemberS, strings)
	}
	if numbers > 0 {
		s.numbers = make([]types.AttributeValueMemberN, numbers)
	}
	return s
}

// slabsOf has room for n values of p.
func slabsOf(p *plan, n int) slabs {
	switch p.scalar {
	case stringValue:
		return newSlabs(n, 0)
	case numberValue:
		return newSlabs(0, n)
	}
	return slabs{}
}

func (s *slabs) newString(value string) *types.AttributeValueMemberS {
	if len(s.strings) == 0 {
		return &types.AttributeValueMemberS{Value: value}
	}
	next := &s.strings[0]
	s.strings = s.strings[1:]
	next.Value = value
	return next
}

func (s *slabs) newNumber(value string) *types.AttributeValueMemberN {
	if len(s.numbers) == 0 {
		return &types.AttributeValueMemberN{Value: value}
	}
	next := &s.numbers[0]
	s.numbers = s.numbers[1:]
	next.Value = value
	return next
}

// These have no content of their own and are shared by all that is encoded.
var (
	null        types.AttributeValue = &types.AttributeValueMemberNULL{Value: true}
	trueValue   types.AttributeValue = &types.AttributeValueMemberBOOL{Value: true}
	falseValue  types.AttributeValue = &types.AttributeValueMemberBOOL{Value: false}
	nullableSet                      = map[reflect.Kind]bool{reflect.Interface: true, reflect.Pointer: true, reflect.Map: true, reflect.Slice: true}
)

// isNull reports whether encoded stands for nil.
func isNull(encoded types.AttributeValue) bool {
	if encoded == nil {
		return true
	}
	_, ok := encoded.(*types.AttributeValueMemberNULL)
	return ok
}

// validText replaces each byte that is not UTF-8, as JSON does.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// isName reports whether DynamoDB takes s as the name of an attribute.
func isName(s string) bool { return s != "" && len(s) <= maxName && utf8.ValidString(s) }

// escape encodes v as JSON text in an S.
func escape(v reflect.Value) (types.AttributeValue, error) {
	text, err := marshal(v)
	if err != nil {
		return nil, err
	}
	return marked(text), nil
}

func marked(text []byte) types.AttributeValue {
	return &types.AttributeValueMemberS{Value: string(append([]byte{mark}, text...))}
}

// marshal returns the JSON of v, with its pointer methods if encoding/json
// would find them in place.
func marshal(v reflect.Value) ([]byte, error) {
	if v.CanAddr() {
		return json.Marshal(v.Addr().Interface())
	}
	return json.Marshal(v.Interface())
}

// unmark returns the JSON text in encoded, if it is such.
func unmark(encoded types.AttributeValue) (text []byte, ok bool) {
	s, ok := encoded.(*types.AttributeValueMemberS)
	if !ok || s.Value == "" || s.Value[0] != mark {
		return nil, false
	}
	return []byte(s.Value[1:]), true
}

// decodeOther decodes what is not the form that v's type is written in: NULL,
// which leaves it as it is or makes it nil, or JSON behind a mark.
func decodeOther(encoded types.AttributeValue, v reflect.Value, want string) error {
	if isNull(encoded) {
		if nullableSet[v.Kind()] {
			v.SetZero()
		}
		return nil
	}
	if text, ok := unmark(encoded); ok {
		return json.Unmarshal(text, v.Addr().Interface())
	}
	return fmt.Errorf("want %s for %s, have %s", want, v.Type(), formOf(encoded))
}

func formOf(encoded types.AttributeValue) string {
	switch encoded.(type) {
	case *types.AttributeValueMemberB:
		return "B"
	case *types.AttributeValueMemberBOOL:
		return "BOOL"
	case *types.AttributeValueMemberBS:
		return "BS"
	case *types.AttributeValueMemberL:
		return "L"
	case *types.AttributeValueMemberM:
		return "M"
	case *types.AttributeValueMemberN:
		return "N"
	case *types.AttributeValueMemberNS:
		return "NS"
	case *types.AttributeValueMemberNULL:
		return "NULL"
	case *types.AttributeValueMemberS:
		return "S"
	case *types.AttributeValueMemberSS:
		return "SS"
	}
	return fmt.Sprintf("%T", encoded)
}
