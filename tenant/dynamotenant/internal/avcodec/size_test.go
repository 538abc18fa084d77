package avcodec_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/tenant/dynamotenant/internal/avcodec"
)

func TestSize(t *testing.T) {
	t.Parallel()
	n := func(text string) types.AttributeValue { return &types.AttributeValueMemberN{Value: text} }
	for _, c := range []struct {
		value types.AttributeValue
		want  int
	}{
		{nil, 1},
		{&types.AttributeValueMemberNULL{Value: true}, 1},
		{&types.AttributeValueMemberBOOL{}, 1},
		{&types.AttributeValueMemberS{Value: "aé"}, 3},
		{&types.AttributeValueMemberB{Value: make([]byte, 5)}, 5},
		{n("0"), 1},
		{n("0.00"), 1},
		{n("1"), 2},
		{n("12"), 3},
		{n("123"), 3},
		{n("-123"), 4},
		{n("123000"), 3},
		{n("0.00123"), 3},
		{n("1.23E+20"), 3},
		{n(strings.Repeat("9", 38)), 21},
		{n("-" + strings.Repeat("9", 38)), 21},
		{&types.AttributeValueMemberSS{Value: []string{"a", "bc"}}, 3},
		{&types.AttributeValueMemberNS{Value: []string{"1", "2"}}, 4},
		{&types.AttributeValueMemberBS{Value: [][]byte{{1}, {2, 3}}}, 3},
		{&types.AttributeValueMemberL{}, 3},
		{&types.AttributeValueMemberL{Value: []types.AttributeValue{n("1"), nil}}, 3 + 1 + 2 + 1 + 1},
		{&types.AttributeValueMemberM{}, 3},
		{&types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"ab": n("1")}}, 3 + 1 + 2 + 2},
	} {
		require.Equal(t, c.want, avcodec.Size(c.value), "%#v", c.value)
	}
	require.Equal(t, 2+3+1+1, avcodec.ItemSize(map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: "abc"}, "n": nil}))
}
