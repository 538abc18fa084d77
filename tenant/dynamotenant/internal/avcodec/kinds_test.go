package avcodec_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// The types below are such as encoding/json treats in ways of their own.
type (
	text     string
	level    int
	celsius  float64
	octets   []byte
	ordered  []string
	money    struct{ cents int64 }
	secret   struct{ plain string }
	oneWay   struct{ N int }
	key      struct{ a, b uint8 }
	shouting string
	textByte byte
	digits   int
)

func (l level) MarshalText() ([]byte, error) { return []byte("level-" + strconv.Itoa(int(l))), nil }

func (l *level) UnmarshalText(text []byte) error {
	number, ok := strings.CutPrefix(string(text), "level-")
	i, err := strconv.Atoi(number)
	if !ok || err != nil {
		return errors.New("not a level")
	}
	*l = level(i)
	return nil
}

// The members of an ordered are in an order that no map keeps.
func (o ordered) MarshalJSON() ([]byte, error) {
	var text strings.Builder
	for i, name := range o {
		fmt.Fprintf(&text, `,%q:%d`, "n"+strconv.Itoa(len(name)*7%5), i)
	}
	return []byte("{" + strings.TrimPrefix(text.String(), ",") + "}"), nil
}

func (o *ordered) UnmarshalJSON(text []byte) error {
	*o = ordered{string(text)}
	return nil
}

// A money is found by pointer only.
func (m *money) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%02d", m.cents/100, max(m.cents, -m.cents)%100), nil
}

func (m *money) UnmarshalJSON(text []byte) error {
	f, err := strconv.ParseFloat(string(text), 64)
	m.cents = int64(math.Round(f * 100))
	return err
}

func (s *secret) MarshalText() ([]byte, error) { return []byte("secret-" + s.plain), nil }

func (s *secret) UnmarshalText(text []byte) error {
	s.plain = strings.TrimPrefix(string(text), "secret-")
	return nil
}

func (o oneWay) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]int{"N": o.N + 1}) }

func (k key) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%d/%d", k.a, k.b), nil }

func (k *key) UnmarshalText(text []byte) error {
	_, err := fmt.Sscanf(string(text), "%d/%d", &k.a, &k.b)
	return err
}

func (s *shouting) UnmarshalText(text []byte) error {
	*s = shouting(strings.ToUpper(string(text)))
	return nil
}

func (b textByte) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(b), 10), nil }

func (b *textByte) UnmarshalText(text []byte) error {
	i, err := strconv.ParseUint(string(text), 10, 8)
	*b = textByte(i)
	return err
}

type (
	evenIsZero int
	oddIsZero  int
	bothKey    struct{ name string }
)

func (n evenIsZero) IsZero() bool { return n%2 == 0 }

func (n *oddIsZero) IsZero() bool { return *n%2 == 1 }

func (k bothKey) MarshalText() ([]byte, error) { return []byte("key-" + k.name), nil }

func (k *bothKey) UnmarshalText([]byte) error { return errors.New("encoding/json prefers the other") }

func (k *bothKey) UnmarshalJSON(text []byte) error {
	k.name = string(text)
	return nil
}

func (d digits) MarshalJSON() ([]byte, error) { return strconv.AppendInt(nil, int64(d), 10), nil }

type base struct {
	ID     string `json:"id"`
	Shadow string
	Deep   int
}

type unexported struct {
	Promoted string `json:"promoted,omitempty"`
	Deep     int
	hidden   string
}

type Pointed struct {
	InPointer string `json:"inPointer"`
	Deep      int    `json:"deepest"`
}

type Named struct{ X, Y int }

type tree struct {
	Name     string          `json:"name"`
	Children []tree          `json:"children,omitempty"`
	Next     *tree           `json:"next,omitempty"`
	ByName   map[string]tree `json:"byName,omitempty"`
}

// broad has a field of each kind.
type broad struct {
	base
	unexported
	*Pointed
	Named `json:"named"`

	Shadow   string `json:"shadowed"`
	Text     string `json:"text"`
	Omitted  string `json:"-"`
	Dash     string `json:"-,"`   //nolint:staticcheck // the name is "-"
	BadName  string `json:"a\"b"` //nolint:staticcheck // the field keeps its own name
	Odd      string `json:"x.y[0]: é"`
	Empty    string `json:"empty,omitempty"`
	Own      text
	Bool     bool
	Int      int
	Int8     int8
	Int16    int16
	Int32    int32
	Int64    int64
	Uint     uint
	Uint8    uint8
	Uint16   uint16
	Uint32   uint32
	Uint64   uint64
	Uintptr  uintptr
	Float32  float32
	Float64  float64
	Celsius  celsius
	Duration time.Duration
	private  int

	QuotedInt    int         `json:"quotedInt,string"`
	QuotedFloat  float64     `json:",string"`
	QuotedBool   bool        `json:",string"`
	QuotedText   string      `json:",string"`
	QuotedPtr    *uint16     `json:",string,omitempty"`
	QuotedNumber json.Number `json:",string"`
	NotQuoted    []int       `json:",string"` //nolint:staticcheck // the option says nothing

	OmitInt   int            `json:",omitempty"`
	OmitBool  bool           `json:",omitempty"`
	OmitSlice []int          `json:",omitempty"`
	OmitMap   map[string]int `json:",omitempty"`
	OmitArray [2]int         `json:",omitempty"`
	OmitTime  time.Time      `json:",omitempty"`
	ZeroTime  time.Time      `json:",omitzero"`
	ZeroNamed Named          `json:",omitzero"`
	ZeroSlice []int          `json:",omitempty,omitzero"`
	ZeroPtr   *time.Time     `json:",omitzero"`

	Pointer    *string
	PointerPtr **int
	NamedPtr   *Named
	Bytes      []byte
	Octets     octets
	Array      [3]byte
	Ints       []int
	Strings    []string
	Texts      []text
	Times      []time.Time
	Nested     [][]float64
	BytesList  [][]byte
	Pair       [2]string
	Pointers   []*int
	Structs    []Named
	Maps       []map[string]bool

	StringMap map[string]string
	TextMap   map[text]int
	IntMap    map[int8]string
	UintMap   map[uint64]Named
	KeyMap    map[key]string
	LevelMap  map[level]*Named
	ShoutMap  map[shouting]int
	ArrayMap  map[string][2]byte
	MoneyMap  map[string]money
	SecretMap map[string]secret
	MapMap    map[string]map[string]string

	Time      time.Time
	TimePtr   *time.Time
	Number    json.Number
	Raw       json.RawMessage
	RawPtr    *json.RawMessage
	Any       any
	Anys      []any
	AnyMap    map[string]any
	Stringer  fmt.Stringer
	Level     level
	Levels    []level
	Ordered   ordered
	Money     money
	MoneyPtr  *money
	Moneys    []money
	Secret    secret
	OneWay    oneWay
	Shout     shouting
	TextBytes []textByte
	Digits    digits `json:",string,omitempty"`
	Addr      netip.Addr
	Anonymous struct {
		A int `json:"a"`
		B []struct{ C string }
	}
	Tree tree
	Next *broad `json:"next"`
}

var (
	timeType   = reflect.TypeFor[time.Time]()
	numberType = reflect.TypeFor[json.Number]()
	rawType    = reflect.TypeFor[json.RawMessage]()
	addrType   = reflect.TypeFor[netip.Addr]()
)

var (
	texts = rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{"", "\x00", "\x001", "\x00\x001", "\x00null", "a\xffb\xfe", "\xed\xa0\x80", "<&>\u2028", "0", "null", "true"}),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 6), func(b []byte) string { return string(b) }),
	)
	floats = rapid.OneOf(
		rapid.Float64(),
		rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1e-130, 9e-131, 1e125, 1e126, 1e308, -1e308, 5e-324, 1e21, 1e-7, 0.1, 123456789.125, math.MaxFloat32}),
	)
	numbers = rapid.OneOf(
		rapid.SampledFrom([]string{"", "0", "-0", "1", "1.0", "1.50", "-12.5", "1e5", "1E-7", "100", "0.000001", "0.0000001", "1e400",
			"12345678901234567890123456789012345678", "123456789012345678901234567890123456789", "0.1234567890123456789012345678901234567"}),
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?`),
	)
)

// fill gives v a random value.
func fill(t *rapid.T, v reflect.Value, depth int) {
	few := func() int { return rapid.IntRange(0, max(0, min(3, 4-depth))).Draw(t, "few") }
	some := func() bool { return rapid.IntRange(0, 1+depth).Draw(t, "some") == 0 }
	switch v.Type() {
	case timeType:
		v.Set(reflect.ValueOf(anyTime(t)))
		return
	case numberType:
		v.SetString(numbers.Draw(t, "number"))
		return
	case rawType:
		v.SetBytes(anyRaw(t))
		return
	case addrType:
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{1, 2, 3, rapid.Byte().Draw(t, "address")})))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(texts.Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "int"))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(rapid.Uint64().Draw(t, "uint"))
	case reflect.Float32:
		v.SetFloat(float64(rapid.Float32().Draw(t, "float")))
	case reflect.Float64:
		v.SetFloat(floats.Draw(t, "float"))
	case reflect.Pointer:
		if some() {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), depth+1)
		}
	case reflect.Slice:
		if some() {
			v.Set(reflect.MakeSlice(v.Type(), few(), 3))
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), depth+1)
		}
	case reflect.Map:
		if some() {
			v.Set(reflect.MakeMap(v.Type()))
			for range few() {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(t, key, depth+1)
				fill(t, value, depth+1)
				v.SetMapIndex(key, value)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(t, v.Field(i), depth+1)
			} else if v.Type().Field(i).Anonymous {
				fillPromoted(t, v.Field(i), depth)
			}
		}
	case reflect.Interface:
		if v.NumMethod() == 0 && some() {
			if value := anyValue(t, depth); value != nil {
				v.Set(reflect.ValueOf(value))
			}
		}
	}
}

func fillPromoted(t *rapid.T, v reflect.Value, depth int) {
	for _, member := range v.Fields() {
		if member.CanSet() {
			fill(t, member, depth+1)
		}
	}
}

func anyTime(t *rapid.T) time.Time {
	zone := rapid.SampledFrom([]*time.Location{time.UTC, time.Local, time.FixedZone("", 3600), time.FixedZone("", -5*3600-1800)}).Draw(t, "zone")
	if rapid.IntRange(0, 9).Draw(t, "zero") == 0 {
		return time.Time{}
	}
	return time.Unix(rapid.Int64Range(-60_000_000_000, 250_000_000_000).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).In(zone)
}

func anyRaw(t *rapid.T) json.RawMessage {
	return json.RawMessage(rapid.SampledFrom([]string{
		`null`, `1`, `1.0`, `1e5`, `"a"`, `"\u0041<"`, `{}`, `[]`, `{"a":1,"b":[true,null]}`, `{"b":1,"a":2}`, `{"a":1,"a":2}`,
		` { "a" : [ 1 , 2 ] } `, `{"":1}`, `"\u0000"`, `"\u00001"`, `[1e400,-0]`, `{"x":{"":{"y":1.50}}}`, `"\ud800"`,
	}).Draw(t, "raw"))
}

func anyValue(t *rapid.T, depth int) any {
	switch rapid.IntRange(0, 13).Draw(t, "any") {
	case 0:
		return texts.Draw(t, "text")
	case 1:
		return floats.Draw(t, "float")
	case 2:
		return rapid.Bool().Draw(t, "bool")
	case 3:
		return rapid.Int64().Draw(t, "int")
	case 4:
		return []byte(texts.Draw(t, "bytes"))
	case 5:
		return [2]byte{1, 2}
	case 6:
		return anyTime(t)
	case 7:
		return json.Number(numbers.Draw(t, "number"))
	case 8:
		return anyRaw(t)
	case 9:
		return &Named{X: 1}
	case 10:
		return struct {
			F float32 `json:"f,string"`
			B []byte
			M map[string]money
		}{F: 1.5, B: []byte("b"), M: map[string]money{"m": {1}}}
	case 11, 12:
		values := make([]any, 0)
		for range rapid.IntRange(0, max(0, 3-depth)).Draw(t, "few") {
			values = append(values, anyValue(t, depth+1))
		}
		return values
	}
	values := map[string]any{}
	for range rapid.IntRange(0, max(0, 3-depth)).Draw(t, "few") {
		values[texts.Draw(t, "name")] = anyValue(t, depth+1)
	}
	return values
}
