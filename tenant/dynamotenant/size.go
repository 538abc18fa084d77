package dynamotenant

import "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

// Bounds of JSON in bytes: of a byte of text, as in \u0000; of a byte in base64,
// which takes 4 for 3; and of what is around a value and its name.
const (
	jsonText   = 6
	jsonBinary = 2
	jsonAround = 10
)

// portableBound returns a bound of the portable encoding of an encoded value in
// bytes, without making it.
func portableBound(encoded types.AttributeValue) int {
	size := jsonAround
	switch encoded := encoded.(type) {
	case *types.AttributeValueMemberS:
		size += jsonText * len(encoded.Value)
	case *types.AttributeValueMemberN:
		size += len(encoded.Value)
	case *types.AttributeValueMemberB:
		size += jsonBinary * len(encoded.Value)
	case *types.AttributeValueMemberSS:
		size += textsBound(encoded.Value)
	case *types.AttributeValueMemberNS:
		size += textsBound(encoded.Value)
	case *types.AttributeValueMemberBS:
		for _, elem := range encoded.Value {
			size += jsonAround + jsonBinary*len(elem)
		}
	case *types.AttributeValueMemberL:
		for _, elem := range encoded.Value {
			size += portableBound(elem)
		}
	case *types.AttributeValueMemberM:
		for name, elem := range encoded.Value {
			size += jsonText*len(name) + portableBound(elem)
		}
	}
	return size
}

func textsBound(texts []string) (size int) {
	for _, elem := range texts {
		size += jsonAround + jsonText*len(elem)
	}
	return size
}
