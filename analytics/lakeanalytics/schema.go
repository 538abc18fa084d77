package lakeanalytics

import (
	"reflect"
	"slices"

	"github.com/parquet-go/parquet-go"
)

// schemaOf returns the schema of a file: the hidden columns, if it has them,
// and the columns in their order.
func schemaOf(columns []column, hidden bool) *parquet.Schema {
	var fields []parquet.Field
	if hidden {
		fields = append(fields,
			namedNode{parquet.Required(parquet.Encoded(parquet.Int(64), &parquet.DeltaBinaryPacked)), atMember},
			namedNode{parquet.Required(parquet.Encoded(parquet.Int(64), &parquet.DeltaBinaryPacked)), sequenceMember},
			namedNode{parquet.Optional(parquet.Encoded(parquet.String(), &parquet.RLEDictionary)), thingMember})
	}
	for i := range columns {
		fields = append(fields, namedNode{nodeOf(&columns[i].columnType, false), columns[i].name})
	}
	return parquet.NewSchema("row", orderedGroup{fields: fields})
}

// nodeOf returns the node of a type: everything is optional but the keys of
// maps. Lists and maps are written in three levels, as the format wants it.
func nodeOf(t *columnType, required bool) parquet.Node {
	var node parquet.Node
	switch t.kind {
	case kindArray:
		node = parquet.List(nodeOf(&t.parts[0].columnType, false))
	case kindMap:
		node = parquet.Map(nodeOf(&t.parts[0].columnType, true), nodeOf(&t.parts[1].columnType, false))
	case kindStruct:
		fields := make([]parquet.Field, len(t.parts))
		for i := range t.parts {
			fields[i] = namedNode{nodeOf(&t.parts[i].columnType, false), t.parts[i].name}
		}
		node = orderedGroup{fields: fields}
	default:
		node = leafOf(t)
	}
	if required {
		return parquet.Required(node)
	}
	return parquet.Optional(node)
}

func leafOf(t *columnType) parquet.Node {
	switch t.kind {
	case kindTinyint:
		return parquet.Int(8)
	case kindSmallint:
		return parquet.Int(16)
	case kindInt:
		return parquet.Int(32)
	case kindBigint:
		return parquet.Int(64)
	case kindBoolean:
		return parquet.Leaf(parquet.BooleanType)
	case kindDouble:
		return parquet.Leaf(parquet.DoubleType)
	case kindFloat:
		return parquet.Leaf(parquet.FloatType)
	case kindTimestamp:
		return parquet.TimestampAdjusted(parquet.Microsecond, false)
	case kindDate:
		return parquet.Date()
	case kindBinary:
		return parquet.Encoded(parquet.Leaf(parquet.ByteArrayType), &parquet.RLEDictionary)
	case kindDecimal:
		return decimalNode(t)
	}
	return parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
}

// decimalNode returns the node of a decimal, as small as its precision allows.
func decimalNode(t *columnType) parquet.Node {
	switch {
	case t.precision <= 9:
		return parquet.Decimal(t.scale, t.precision, parquet.Int32Type)
	case t.precision <= 18:
		return parquet.Decimal(t.scale, t.precision, parquet.Int64Type)
	}
	return parquet.Decimal(t.scale, t.precision, parquet.FixedLenByteArrayType(decimalBytes))
}

// decimalBytes is the length of a decimal of more than 18 digits.
const decimalBytes = 16

// namedNode is a node with a name.
type namedNode struct {
	parquet.Node
	name string
}

func (n namedNode) Name() string { return n.name }

// Value is what rows of Go values would need; there are none.
func (n namedNode) Value(reflect.Value) reflect.Value { return reflect.Value{} }

// orderedGroup is a group whose fields stand in the order that was chosen;
// those of parquet.Group are sorted.
type orderedGroup struct {
	parquet.Group
	fields []parquet.Field
}

func (g orderedGroup) Fields() []parquet.Field { return slices.Clone(g.fields) }
