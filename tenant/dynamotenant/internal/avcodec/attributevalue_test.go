package avcodec_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant/tenant/dynamotenant/internal/avcodec"
)

// hours makes its own attribute value.
type hours int

func (h hours) MarshalDynamoDBAttributeValue() (types.AttributeValue, error) {
	return &types.AttributeValueMemberS{Value: strconv.Itoa(int(h)) + "h"}, nil
}

func (h *hours) UnmarshalDynamoDBAttributeValue(encoded types.AttributeValue) error {
	if s, ok := encoded.(*types.AttributeValueMemberS); ok {
		i, err := strconv.Atoi(s.Value[:len(s.Value)-1])
		*h = hours(i)
		return err
	}
	*h = -1
	return nil
}

type Embedded struct {
	Inside string `dynamodbav:"inside"`
	Level2 int
}

type Linked struct{ A, B int }

type Promoting struct{ C, D int }

// tagged has what both libraries define, under dynamodbav tags.
type tagged struct {
	Embedded
	*Promoting
	*Linked `dynamodbav:"linked"`

	Plain     string
	Renamed   string `dynamodbav:"other" json:"ignored,omitempty"`
	Skipped   string `dynamodbav:"-" json:"skipped"`
	Blank     string `dynamodbav:",omitempty" json:"blank"`
	NullBlank string `dynamodbav:",nullempty"`
	Int       int16
	Uint      uint64 `dynamodbav:"uint,omitempty"`
	Float     float32
	Flag      bool
	Bytes     []byte
	Pointer   *int
	Empty     []string          `dynamodbav:",omitempty"`
	EmptyMap  map[string]string `dynamodbav:",omitempty"`
	Texts     []string          `dynamodbav:",stringset"`
	Numbers   []int             `dynamodbav:",numberset,omitempty"`
	Binaries  [][]byte          `dynamodbav:",binaryset"`
	SomeTexts []string          `dynamodbav:",omitemptyelem"`
	NullTexts []string          `dynamodbav:",nullemptyelem"`
	SomeMap   map[string]string `dynamodbav:",omitemptyelem"`
	Floats    []float64
	Quoted    int64      `dynamodbav:",string"`
	QuotedPtr *uint8     `dynamodbav:",string"`
	Unix      time.Time  `dynamodbav:",unixtime"`
	UnixPtr   *time.Time `dynamodbav:",unixtime"`
	Time      time.Time
	Number    attributevalue.Number
	Stamp     attributevalue.UnixTime
	Hours     hours
	HoursPtr  *hours
	HoursMap  map[string]hours
	Structs   []Embedded
	Map       map[string]Embedded
	IntMap    map[int]bool
	Deep      map[string][]map[string]int
}

// fillTagged gives t a random value that both libraries keep whole.
func fillTagged(t *rapid.T) *tagged {
	var value tagged
	fill(t, reflect.ValueOf(&value).Elem(), 0)
	rapidInts := func(n int) []int {
		return rapid.SliceOfNDistinct(rapid.IntRange(-5, 99), 0, n, rapid.ID).Draw(t, "ints")
	}
	value.Skipped = ""
	value.Texts, value.Numbers, value.Binaries = nil, rapidInts(4), nil
	for _, i := range rapidInts(4) {
		value.Texts = append(value.Texts, strconv.Itoa(i))
		value.Binaries = append(value.Binaries, []byte(strconv.Itoa(i)))
	}
	value.Number = attributevalue.Number(strconv.Itoa(rapid.Int().Draw(t, "number")))
	value.Stamp = attributevalue.UnixTime(time.Unix(rapid.Int64Range(0, 1e10).Draw(t, "stamp"), 0))
	value.Unix = time.Unix(rapid.Int64Range(0, 1e10).Draw(t, "unix"), 0)
	if value.UnixPtr != nil {
		*value.UnixPtr = value.Unix
	}
	if value.Float > 1e38 || value.Float < -1e38 {
		value.Float = 0.5 // attributevalue refuses to read the largest
	}
	for i, f := range value.Floats {
		if f != 0 && (f < 1e-100 || f > 1e100) {
			value.Floats[i] = 0.5
		}
	}
	return &value
}

// portable reports whether attributevalue can keep value: it has no escape
// for what DynamoDB refuses.
func portable(value *tagged) bool {
	encoded, err := attributevalue.MarshalMap(value)
	return err == nil && isPlain(&types.AttributeValueMemberM{Value: encoded})
}

func isPlain(encoded types.AttributeValue) bool {
	switch encoded := encoded.(type) {
	case *types.AttributeValueMemberS:
		return encoded.Value == string([]rune(encoded.Value))
	case *types.AttributeValueMemberN:
		return encoded.Value != "-0"
	case *types.AttributeValueMemberL:
		return !slices.ContainsFunc(encoded.Value, func(elem types.AttributeValue) bool { return !isPlain(elem) })
	case *types.AttributeValueMemberM:
		for name, value := range encoded.Value {
			if name == "" || name != string([]rune(name)) || !isPlain(value) {
				return false
			}
		}
	}
	return true
}

func TestAttributevalueReadsAndWritesTheSame(t *testing.T) {
	t.Parallel()
	codec := avcodec.New[tagged]()
	rapid.Check(t, func(t *rapid.T) {
		value := fillTagged(t)
		if !portable(value) {
			t.Skip("attributevalue can't keep it")
		}
		theirs, err := attributevalue.MarshalMap(value)
		require.NoError(t, err)
		ours, err := codec.Encode(value)
		require.NoError(t, err)

		var want, got, crossed tagged
		require.NoError(t, attributevalue.UnmarshalMap(theirs, &want))
		require.NoError(t, codec.Decode(&types.AttributeValueMemberM{Value: theirs}, &got))
		require.Equal(t, normal(want), normal(got), "what attributevalue wrote")
		require.NoError(t, attributevalue.UnmarshalMap(ours.(*types.AttributeValueMemberM).Value, &crossed))
		require.Equal(t, normal(want), normal(crossed), "what attributevalue reads")
		var own tagged
		require.NoError(t, codec.Decode(stored(t, ours, 1), &own))
	})
}

// normal leaves out in what the two libraries may differ: a time's location.
func normal(value tagged) tagged {
	value.Unix, value.Time = value.Unix.UTC(), value.Time.UTC()
	value.Stamp = attributevalue.UnixTime(time.Time(value.Stamp).UTC())
	if value.UnixPtr != nil {
		at := value.UnixPtr.UTC()
		value.UnixPtr = &at
	}
	return value
}

func TestAttributeTags(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_700_000_000, 0)
	eight := uint8(8)
	value := tagged{
		Embedded: Embedded{Inside: "in", Level2: 2}, Linked: &Linked{A: 1}, Renamed: "r", Skipped: "s",
		Texts: []string{"b", "a"}, Numbers: []int{2, 1}, Binaries: [][]byte{{1}}, SomeTexts: []string{"", "x"}, NullTexts: []string{"", "x"},
		SomeMap: map[string]string{"a": "", "b": "x"}, Empty: []string{}, Quoted: -7, QuotedPtr: &eight, Unix: at, Number: "12", Hours: 3,
	}
	ours, err := avcodec.New[tagged]().Encode(&value)
	require.NoError(t, err)
	theirs, err := attributevalue.MarshalMap(&value)
	require.NoError(t, err)
	got := ours.(*types.AttributeValueMemberM).Value
	require.Equal(t, theirs, got)
	require.NotContains(t, got, "Skipped")
	require.Equal(t, &types.AttributeValueMemberNULL{Value: true}, got["NullBlank"])
	require.Equal(t, &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberS{Value: "x"}}}, got["SomeTexts"])
}

func TestSetsAreRefused(t *testing.T) {
	t.Parallel()
	type texts struct {
		Set []string `dynamodbav:"set,stringset"`
	}
	_, err := avcodec.New[texts]().Encode(&texts{Set: []string{"a", "b", "a"}})
	require.ErrorContains(t, err, "set[2]: a set holds nothing twice")
	type numbers struct {
		Set []string `dynamodbav:"set,numberset"`
	}
	_, err = avcodec.New[numbers]().Encode(&numbers{Set: []string{"a"}})
	require.ErrorContains(t, err, "set[0]: a S in a set of another kind")
	encoded, err := avcodec.New[numbers]().Encode(&numbers{})
	require.NoError(t, err)
	require.Equal(t, &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"set": &types.AttributeValueMemberNULL{Value: true}}}, encoded)
}

func TestForeignForms(t *testing.T) {
	t.Parallel()
	type item struct {
		Set    []json.Number
		Bytes  [][]byte
		Array  [2]string
		Octets [2]byte
		At     time.Time
		Text   string
		Any    any
		Anys   []any
	}
	encoded := &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
		"Set":    &types.AttributeValueMemberNS{Value: []string{"1", "2.5"}},
		"Bytes":  &types.AttributeValueMemberBS{Value: [][]byte{{1}, {2}}},
		"Array":  &types.AttributeValueMemberSS{Value: []string{"a", "b", "c"}},
		"Octets": &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberN{Value: "7"}}},
		"At":     &types.AttributeValueMemberN{Value: "60"},
		"Text":   &types.AttributeValueMemberN{Value: "1"},
		"Any":    &types.AttributeValueMemberB{Value: []byte("ab")},
		"Anys": &types.AttributeValueMemberL{Value: []types.AttributeValue{
			&types.AttributeValueMemberS{Value: "\x00neither JSON nor marked twice"}, nil, &types.AttributeValueMemberNS{Value: []string{"1"}},
		}},
	}}
	var got item
	require.NoError(t, avcodec.New[item]().Decode(encoded, &got))
	require.Equal(t, item{
		Set: []json.Number{"1", "2.5"}, Bytes: [][]byte{{1}, {2}}, Array: [2]string{"a", "b"}, Octets: [2]byte{7},
		At: time.Unix(60, 0), Text: "1", Any: "YWI=", Anys: []any{"\x00neither JSON nor marked twice", nil, []any{1.0}},
	}, got)
}
