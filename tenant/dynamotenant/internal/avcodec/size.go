package avcodec

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// ItemSize returns the size of an item in bytes as DynamoDB counts it against
// its limit of 400 KB: each attribute's name and value.
func ItemSize(item map[string]types.AttributeValue) int {
	size := 0
	for name, value := range item {
		size += len(name) + Size(value)
	}
	return size
}

// What DynamoDB adds for a list or map, and for each of its elements.
const (
	containerSize = 3
	elementSize   = 1
)

// Size returns the size of an attribute value in bytes as DynamoDB counts it,
// without a name: text and binary by length, a number by its significant
// digits, BOOL and NULL as 1, a set as the sum of its elements, a list or map as
// 3 and for each element 1 and the sizes of its name and value. DynamoDB
// documents the size of numbers as approximate; this one is never less.
func Size(value types.AttributeValue) (size int) {
	switch value := value.(type) {
	case *types.AttributeValueMemberS:
		return len(value.Value)
	case *types.AttributeValueMemberN:
		return numberSize(value.Value)
	case *types.AttributeValueMemberB:
		return len(value.Value)
	case *types.AttributeValueMemberSS:
		for _, s := range value.Value {
			size += len(s)
		}
		return size
	case *types.AttributeValueMemberNS:
		for _, n := range value.Value {
			size += numberSize(n)
		}
		return size
	case *types.AttributeValueMemberBS:
		for _, b := range value.Value {
			size += len(b)
		}
		return size
	case *types.AttributeValueMemberL:
		size = containerSize
		for _, elem := range value.Value {
			size += elementSize + Size(elem)
		}
		return size
	case *types.AttributeValueMemberM:
		return containerSize + elementSize*len(value.Value) + ItemSize(value.Value)
	}
	return 1 // BOOL, NULL
}

// numberSize counts a byte for each two significant digits, one more if they
// start in the middle of a byte, one for the exponent and one for a sign.
func numberSize(n string) int {
	digits, negative := strings.CutPrefix(n, "-")
	digits, _, _ = cutExponent(digits)
	whole, fraction, _ := strings.Cut(digits, ".")
	significant := len(strings.Trim(whole+fraction, "0"))
	size := significant/2 + 2
	if significant == 0 {
		size = 1
	}
	if negative {
		size++
	}
	return min(size, 21)
}
