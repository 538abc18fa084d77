package avcodec_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/tenant/dynamotenant/internal/avcodec"
)

// tb is a test or a property's run.
type tb interface {
	require.TestingT
	Helper()
}

// stored returns encoded as DynamoDB gives it back, and fails if DynamoDB
// refused it.
func stored(t tb, encoded types.AttributeValue, level int) types.AttributeValue {
	t.Helper()
	require.LessOrEqual(t, level, 32, "DynamoDB takes 32 levels")
	switch encoded := encoded.(type) {
	case *types.AttributeValueMemberS:
		require.True(t, utf8.ValidString(encoded.Value), "%q is not UTF-8", encoded.Value)
		return &types.AttributeValueMemberS{Value: encoded.Value}
	case *types.AttributeValueMemberN:
		return &types.AttributeValueMemberN{Value: storedNumber(t, encoded.Value)}
	case *types.AttributeValueMemberB:
		return &types.AttributeValueMemberB{Value: slices.Clone(encoded.Value)}
	case *types.AttributeValueMemberL:
		elems := make([]types.AttributeValue, len(encoded.Value))
		for i, elem := range encoded.Value {
			elems[i] = stored(t, elem, level+1)
		}
		return &types.AttributeValueMemberL{Value: elems}
	case *types.AttributeValueMemberM:
		item := map[string]types.AttributeValue{}
		for name, value := range encoded.Value {
			require.NotEmpty(t, name)
			require.True(t, utf8.ValidString(name), "%q is not UTF-8", name)
			item[name] = stored(t, value, level+1)
		}
		return &types.AttributeValueMemberM{Value: item}
	case *types.AttributeValueMemberSS:
		require.NotEmpty(t, encoded.Value)
		return &types.AttributeValueMemberSS{Value: slices.Compact(slices.Sorted(slices.Values(encoded.Value)))}
	}
	require.NotNil(t, encoded)
	return encoded
}

// storedNumber is a number as DynamoDB spells it.
func storedNumber(t tb, text string) string {
	t.Helper()
	number, ok := new(big.Rat).SetString(text)
	require.True(t, ok, "%q is no number", text)
	digits, _, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(text, "-")), "e")
	digits = strings.Trim(strings.Replace(digits, ".", "", 1), "0")
	require.LessOrEqual(t, len(digits), 38, "%q has too many digits", text)
	if number.Sign() == 0 {
		return "0"
	}
	magnitude := new(big.Float).SetPrec(600).SetRat(new(big.Rat).Abs(number))
	least, _ := new(big.Float).SetPrec(600).SetString("1e-130")
	beyond, _ := new(big.Float).SetPrec(600).SetString("1e126")
	slightlyLess := new(big.Float).Mul(least, big.NewFloat(0.999999999999))
	require.True(t, magnitude.Cmp(slightlyLess) >= 0 && magnitude.Cmp(beyond) < 0, "%q is out of range", text)
	plain := number.FloatString(200)
	return strings.TrimSuffix(strings.TrimRight(plain, "0"), ".")
}

// requireLikeJSON fails unless what pointer points to comes back as from
// encoding/json.
func requireLikeJSON(t tb, pointer any) {
	t.Helper()
	typ := reflect.TypeOf(pointer).Elem()
	codec := avcodec.Of(typ)
	text, jsonErr := json.Marshal(pointer)
	encoded, err := codec.Encode(pointer)
	if jsonErr != nil {
		require.Error(t, err, "encoding/json refuses it: %v", jsonErr)
		return
	}
	require.NoError(t, err)

	want, got := reflect.New(typ), reflect.New(typ)
	jsonErr = json.Unmarshal(text, want.Interface())
	err = codec.Decode(stored(t, encoded, 1), got.Interface())
	if jsonErr != nil {
		require.Error(t, err, "encoding/json refuses %s: %v", text, jsonErr)
		return
	}
	require.NoError(t, err, "%s", text)
	require.Equal(t, want.Elem().Interface(), got.Elem().Interface(), "%s", text)
	wantAgain, err := json.Marshal(want.Interface())
	require.NoError(t, err)
	gotAgain, err := json.Marshal(got.Interface())
	require.NoError(t, err)
	require.Equal(t, string(wantAgain), string(gotAgain), "what require.Equal takes as equal: -0")
}

func TestBroadStructIsKeptAsByJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var value broad
		fill(t, reflect.ValueOf(&value).Elem(), 0)
		value.private, value.hidden = 1, "lost"
		requireLikeJSON(t, &value)
	})
}

// TestEachFieldIsKeptAsByJSON takes the fields one by one: what one makes json
// refuse would hide the others.
func TestEachFieldIsKeptAsByJSON(t *testing.T) {
	t.Parallel()
	for _, field := range reflect.VisibleFields(reflect.TypeFor[broad]()) {
		if !field.IsExported() || field.Anonymous || len(field.Index) > 1 {
			continue
		}
		t.Run(field.Name, func(t *testing.T) {
			t.Parallel()
			alone := reflect.StructOf([]reflect.StructField{{Name: field.Name, Type: field.Type, Tag: field.Tag}})
			rapid.Check(t, func(t *rapid.T) {
				value := reflect.New(alone)
				fill(t, value.Elem(), 0)
				requireLikeJSON(t, value.Interface())
			})
		})
	}
}

func TestWholeValuesAreKeptAsByJSON(t *testing.T) {
	t.Parallel()
	t.Run("any", whole[any])
	t.Run("string", whole[string])
	t.Run("float64", whole[float64])
	t.Run("float32", whole[float32])
	t.Run("bytes", whole[[]byte])
	t.Run("slice", whole[[]*broad])
	t.Run("map", whole[map[text]any])
	t.Run("pointer", whole[*Named])
	t.Run("number", whole[json.Number])
	t.Run("raw", whole[json.RawMessage])
	t.Run("ordered", whole[ordered])
	t.Run("money", whole[money])
	t.Run("level", whole[level])
	t.Run("tree", whole[tree])
}

func whole[T any](t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var value T
		fill(t, reflect.ValueOf(&value).Elem(), 0)
		requireLikeJSON(t, &value)
	})
}

func TestRefusedAsByJSON(t *testing.T) {
	t.Parallel()
	type withFunc struct{ F func() }
	type withChan struct{ C *chan int }
	ring := &tree{Name: "ring"}
	ring.Next = ring
	type pointers *pointers
	var loop pointers
	loop = &loop
	anyRing := map[string]any{}
	anyRing["again"] = []any{anyRing}
	channel := make(chan int)

	requireLikeJSON(t, &withFunc{})
	requireLikeJSON(t, &withChan{})
	requireLikeJSON(t, &withChan{&channel})
	requireLikeJSON(t, new(complex128))
	requireLikeJSON(t, ring)
	requireLikeJSON(t, &loop)
	requireLikeJSON(t, &anyRing)
	requireLikeJSON(t, &map[bool]int{})
	requireLikeJSON(t, &map[*level]int{nil: 1})
	requireLikeJSON(t, &[]any{math.NaN()})
	requireLikeJSON(t, &struct{ F any }{math.Inf(1)})
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		f32 := float32(f)
		requireLikeJSON(t, &f)
		requireLikeJSON(t, &f32)
		requireLikeJSON(t, &struct {
			F float64 `json:",string"`
		}{f})
	}
	requireLikeJSON(t, &struct{ T time.Time }{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)})
	requireLikeJSON(t, &struct{ N json.Number }{"12a"})
	requireLikeJSON(t, &struct{ Err interface{ Error() string } }{errors.New("x")})
	requireLikeJSON(t, &struct{ *unexported }{})
	requireLikeJSON(t, &struct{ *unexported }{&unexported{Promoted: "x"}})
	requireLikeJSON(t, &struct{ T struct{ time.Time } }{})
	requireLikeJSON(t, &struct {
		L level `json:",string"`
	}{1})
	requireLikeJSON(t, &struct {
		D digits `json:",string"`
	}{1})
}

func TestDeepValues(t *testing.T) {
	t.Parallel()
	deep := tree{Name: "leaf"}
	var anyDeep any = "leaf"
	for range 200 {
		deep = tree{Children: []tree{deep}}
		anyDeep = map[string]any{"x": []any{anyDeep}}
	}
	requireLikeJSON(t, &deep)
	requireLikeJSON(t, &anyDeep)
	raw := json.RawMessage(strings.Repeat(`{"a":[`, 100) + strings.Repeat(`]}`, 100))
	requireLikeJSON(t, &raw)
	pointer := &deep
	pointerPointer := &pointer
	requireLikeJSON(t, &pointerPointer)
}

func TestForms(t *testing.T) {
	t.Parallel()
	type forms struct {
		Text   string
		Number json.Number
		Huge   float64
		Minus  float64
		Bytes  []byte
		Nil    []byte
		Times  []time.Time
		Level  level
		Money  money
		Any    any
		Names  map[string]int
		Quoted int      `json:",string"`
		Set    []string `dynamodbav:",stringset"`
	}
	value := forms{
		Text: "a", Number: "1.50", Huge: 1e300, Minus: math.Copysign(0, -1), Bytes: []byte{1}, Times: []time.Time{time.Unix(0, 0).UTC()},
		Level: 3, Money: money{1234}, Any: "\x00", Names: map[string]int{"": 1}, Quoted: 5, Set: []string{"b", "a"},
	}
	encoded, err := avcodec.New[forms]().Encode(&value)
	require.NoError(t, err)
	require.Equal(t, &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
		"Text":   &types.AttributeValueMemberS{Value: "a"},
		"Number": &types.AttributeValueMemberS{Value: "\x001.50"},
		"Huge":   &types.AttributeValueMemberS{Value: "\x001e+300"},
		"Minus":  &types.AttributeValueMemberS{Value: "\x00-0"},
		"Bytes":  &types.AttributeValueMemberB{Value: []byte{1}},
		"Nil":    &types.AttributeValueMemberNULL{Value: true},
		"Times":  &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberS{Value: "1970-01-01T00:00:00Z"}}},
		"Level":  &types.AttributeValueMemberS{Value: "level-3"},
		"Money":  &types.AttributeValueMemberN{Value: "12.34"},
		"Any":    &types.AttributeValueMemberS{Value: "\x00\x00"},
		"Names":  &types.AttributeValueMemberS{Value: "\x00{\"\":1}"},
		"Quoted": &types.AttributeValueMemberS{Value: "5"},
		"Set":    &types.AttributeValueMemberSS{Value: []string{"b", "a"}},
	}}, encoded)
	var back forms
	require.NoError(t, avcodec.New[forms]().Decode(encoded, &back))
	require.Equal(t, value, back)
}

type packed struct{ text string }

func (p *packed) AppendBinary(dst []byte) ([]byte, error) {
	if p.text == "bad" {
		return nil, errors.New("no encoding")
	}
	return append(dst, "packed:"+p.text...), nil
}

func (p *packed) UnmarshalBinary(data []byte) (err error) {
	var ok bool
	if p.text, ok = strings.CutPrefix(string(data), "packed:"); !ok {
		return errors.New("not packed")
	}
	return nil
}

func TestBinaryEncoding(t *testing.T) {
	t.Parallel()
	codec := avcodec.New[packed]()
	item := map[string]types.AttributeValue{"other": nil}
	require.NoError(t, codec.Append(item, "v", &packed{"x"}))
	require.Equal(t, map[string]types.AttributeValue{"other": nil, "v": &types.AttributeValueMemberB{Value: []byte("packed:x")}}, item)
	var back packed
	require.NoError(t, codec.Decode(item["v"], &back))
	require.Equal(t, packed{"x"}, back)

	require.ErrorContains(t, codec.Append(item, "v", &packed{"bad"}), "no encoding")
	require.Equal(t, &types.AttributeValueMemberB{Value: []byte("packed:x")}, item["v"], "unchanged")
	for _, encoded := range []types.AttributeValue{nil, &types.AttributeValueMemberS{Value: "packed:x"}, &types.AttributeValueMemberB{Value: []byte("x")}} {
		require.Error(t, codec.Decode(encoded, new(packed)))
	}
}

func TestTypeCodec(t *testing.T) {
	t.Parallel()
	codec := avcodec.Of(reflect.TypeFor[money]())
	require.Same(t, codec, avcodec.Of(reflect.TypeFor[money]()))
	for _, value := range []any{money{1234}, &money{1234}} {
		encoded, err := codec.Encode(value)
		require.NoError(t, err)
		require.Equal(t, &types.AttributeValueMemberN{Value: "12.34"}, encoded, "methods of the pointer are found")
		var back money
		require.NoError(t, codec.Decode(encoded, &back))
		require.Equal(t, money{1234}, back)
	}
	for _, value := range []any{nil, 1, (*money)(nil), new(*money)} {
		_, err := codec.Encode(value)
		require.ErrorContains(t, err, "avcodec_test.money")
		require.Error(t, codec.Decode(&types.AttributeValueMemberN{Value: "1"}, value))
	}
	require.Error(t, codec.Decode(&types.AttributeValueMemberN{Value: "1"}, money{}))

	binary := avcodec.Of(reflect.TypeFor[packed]())
	encoded, err := binary.Encode(packed{"x"})
	require.NoError(t, err)
	require.Equal(t, &types.AttributeValueMemberB{Value: []byte("packed:x")}, encoded)
	var back packed
	require.NoError(t, binary.Decode(encoded, &back))
	require.Equal(t, packed{"x"}, back)
}

func TestOmitZeroAsksTheType(t *testing.T) {
	t.Parallel()
	type zeros struct {
		Even    evenIsZero                   `json:",omitzero"`
		EvenPtr *evenIsZero                  `json:",omitzero"`
		Odd     oddIsZero                    `json:",omitzero"`
		Iface   interface{ IsZero() bool }   `json:",omitzero"`
		ByName  map[string]map[string]string `json:",omitzero"`
	}
	for n := range 3 {
		even, odd := evenIsZero(n), oddIsZero(n)
		requireLikeJSON(t, &zeros{})
		requireLikeJSON(t, &zeros{Even: even, EvenPtr: &even, Odd: odd})
		requireLikeJSON(t, &map[string]zeros{"not addressable": {Even: even, Odd: odd}})
		requireLikeJSON(t, &zeros{Iface: even})
		requireLikeJSON(t, &zeros{Iface: &odd})
		requireLikeJSON(t, &zeros{Iface: (*oddIsZero)(nil)})
	}
}

func TestMapKeysWithBothMethods(t *testing.T) {
	t.Parallel()
	requireLikeJSON(t, &map[bothKey]int{{"a"}: 1})
	requireLikeJSON(t, &map[bothKey]int{{"\xff"}: 1, {"\xfe"}: 2})
	requireLikeJSON(t, &map[text]int{"\xff": 1, "\xfe": 2, "": 3})
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	type fresh struct {
		Again   []*fresh
		ByLevel map[level]fresh
		Text    string
	}
	value := fresh{Text: "x", Again: []*fresh{{Text: "y"}}, ByLevel: map[level]fresh{1: {}}}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				requireLikeJSON(t, &value)
			}
		})
	}
	group.Wait()
}

func TestNothingIsShared(t *testing.T) {
	t.Parallel()
	type owner struct{ Bytes []byte }
	codec := avcodec.New[owner]()
	value := owner{Bytes: []byte("abc")}
	encoded, err := codec.Encode(&value)
	require.NoError(t, err)
	clear(value.Bytes)
	for range 2 {
		var back owner
		require.NoError(t, codec.Decode(encoded, &back))
		require.Equal(t, owner{Bytes: []byte("abc")}, back)
		clear(back.Bytes)
	}
}

func TestErrorsNameThePath(t *testing.T) {
	t.Parallel()
	type inner struct {
		Values []map[string]int8 `json:"values"`
	}
	type outer struct {
		Inner *inner           `json:"inner.x"`
		Free  map[string]any   `json:"free"`
		Bad   map[string][]any `json:"bad"`
		At    time.Time        `json:"at"`
		Flag  bool             `json:"flag"`
	}
	m := func(name string, value types.AttributeValue) types.AttributeValue {
		return &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{name: value}}
	}
	l := func(value types.AttributeValue) types.AttributeValue {
		return &types.AttributeValueMemberL{Value: []types.AttributeValue{nil, value}}
	}
	n := func(text string) types.AttributeValue { return &types.AttributeValueMemberN{Value: text} }
	s := func(text string) types.AttributeValue { return &types.AttributeValueMemberS{Value: text} }
	for want, encoded := range map[string]types.AttributeValue{
		`["inner.x"].values[1].k: the N "300" is no int8`:  m("inner.x", m("values", l(m("k", n("300"))))),
		`["inner.x"].values[1].k: want N for int8, have S`: m("inner.x", m("values", l(m("k", s("1"))))),
		`["inner.x"].values: want L`:                       m("inner.x", m("values", m("k", n("1")))),
		`["inner.x"]: want M`:                              m("inner.x", n("1")),
		`free.k[1]: the N "x" is no float64`:               m("free", m("k", l(n("x")))),
		`at: parsing time "yesterday"`:                     m("at", s("yesterday")),
		`at: want S or N for time.Time, have BOOL`:         m("at", &types.AttributeValueMemberBOOL{}),
		`flag: want BOOL for bool, have B`:                 m("flag", &types.AttributeValueMemberB{}),
		`want M for avcodec_test.outer, have NS`:           &types.AttributeValueMemberNS{},
	} {
		require.ErrorContains(t, avcodec.New[outer]().Decode(encoded, new(outer)), want)
	}
	_, err := avcodec.New[outer]().Encode(&outer{Bad: map[string][]any{"k": {1, map[string]any{"f": math.Inf(1)}}}})
	require.ErrorContains(t, err, "bad.k[1].f: ")
	var unsupported *json.UnsupportedValueError
	require.ErrorAs(t, err, &unsupported)
}

func TestUnknownAttributesAndOtherCase(t *testing.T) {
	t.Parallel()
	type item struct {
		Name string `json:"name"`
		A    int    `json:"a"`
		B    int    `json:"A"`
	}
	var got item
	require.NoError(t, avcodec.New[item]().Decode(&types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
		"NAME":  &types.AttributeValueMemberS{Value: "x"},
		"a":     &types.AttributeValueMemberN{Value: "1"},
		"A":     &types.AttributeValueMemberN{Value: "2"},
		"other": &types.AttributeValueMemberBS{},
	}}, &got))
	require.Equal(t, item{Name: "x", A: 1, B: 2}, got)
}
