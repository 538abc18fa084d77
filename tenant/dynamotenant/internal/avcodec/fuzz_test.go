package avcodec_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/tenant/dynamotenant/internal/avcodec"
)

// grower makes an attribute value of bytes.
type grower struct{ data []byte }

func (g *grower) next() byte {
	if len(g.data) == 0 {
		return 0
	}
	b := g.data[0]
	g.data = g.data[1:]
	return b
}

func (g *grower) text() string {
	n := min(int(g.next())%16, len(g.data))
	text := string(g.data[:n])
	g.data = g.data[n:]
	return text
}

// names are such that fields are met.
var names = []string{"id", "text", "Bool", "Int8", "Uint16", "Float32", "quotedInt", "QuotedBool", "OmitTime", "Pointer", "Bytes", "Array",
	"Nested", "StringMap", "TextMap", "IntMap", "KeyMap", "LevelMap", "MoneyMap", "Time", "Number", "Raw", "Any", "AnyMap", "Stringer",
	"Level", "Ordered", "Money", "Secret", "TextBytes", "Digits", "Anonymous", "Tree", "children", "byName", "next", "named", "promoted"}

func (g *grower) name() string {
	if i := int(g.next()); i < 200 {
		return names[i%len(names)]
	}
	return g.text()
}

func (g *grower) value(depth int) types.AttributeValue {
	kind := g.next() % 12
	if depth > 1200 {
		kind %= 6
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return &types.AttributeValueMemberNULL{}
	case 2:
		return &types.AttributeValueMemberBOOL{Value: g.next()%2 == 0}
	case 3:
		return &types.AttributeValueMemberN{Value: g.text()}
	case 4:
		return &types.AttributeValueMemberB{Value: []byte(g.text())}
	case 5:
		return &types.AttributeValueMemberS{Value: g.text()}
	case 6:
		return &types.AttributeValueMemberSS{Value: []string{g.text(), g.text()}}
	case 7:
		return &types.AttributeValueMemberNS{Value: []string{g.text(), g.text()}}
	case 8:
		return &types.AttributeValueMemberBS{Value: [][]byte{[]byte(g.text()), []byte(g.text())}}
	case 9:
		return &types.UnknownUnionMember{Tag: g.text()}
	case 10:
		list := &types.AttributeValueMemberL{}
		for range g.next() % 4 {
			list.Value = append(list.Value, g.value(depth+1))
		}
		return list
	}
	item := map[string]types.AttributeValue{}
	for range g.next() % 8 {
		item[g.name()] = g.value(depth + 1)
	}
	return &types.AttributeValueMemberM{Value: item}
}

// FuzzDecode decodes arbitrary trees: what is decoded can be encoded, and comes
// back.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{11, 3, 0, 5, 1, 'a', 3, 3, 2, '1', '2', 22, 11, 1, 250, 1, 'x', 10, 1, 5, 2, 0, '1'})
	f.Add([]byte{11, 1, 36, 11, 1, 33, 10, 1, 11, 1, 33})
	codec, anys := avcodec.New[broad](), avcodec.New[any]()
	f.Fuzz(func(t *testing.T, data []byte) {
		tree := (&grower{data}).value(0)
		require.Positive(t, 1+avcodec.Size(tree))
		var value any
		if anys.Decode(tree, &value) == nil {
			requireLikeJSON(t, &value)
		}
		var item broad
		if codec.Decode(tree, &item) == nil {
			requireLikeJSON(t, &item)
		}
	})
}

func TestTooDeepTreesAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Any", "Raw", "children", "byName", "Tree"} {
		var deep types.AttributeValue = &types.AttributeValueMemberNULL{}
		for range 5000 {
			deep = &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberM{
				Value: map[string]types.AttributeValue{name: deep, "children": deep},
			}}}
		}
		tree := &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"Any": deep, "Raw": deep, "Tree": deep}}
		require.Error(t, avcodec.New[broad]().Decode(tree, new(broad)))
		require.Error(t, avcodec.New[any]().Decode(tree, new(any)))
	}
}
