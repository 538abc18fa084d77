package lakeanalytics

import (
	"bytes"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// headerWriter encodes headers of pages.
type headerWriter struct {
	buffer  bytes.Buffer
	encoder *thrift.Encoder
}

func (s *scratch) appendHeader(b []byte, header *format.PageHeader) []byte {
	h := &s.header
	if h.encoder == nil {
		h.encoder = thrift.NewEncoder(new(thrift.CompactProtocol).NewWriter(&h.buffer))
	}
	h.buffer.Reset()
	if err := h.encoder.Encode(header); err != nil {
		panic("lakeanalytics: page header: " + err.Error()) // a buffer does not fail
	}
	return append(b, h.buffer.Bytes()...)
}

// physicalOf returns how values of a type are kept.
func physicalOf(t *columnType) format.Type {
	switch t.kind {
	case kindTinyint, kindSmallint, kindInt, kindDate:
		return format.Int32
	case kindBigint, kindTimestamp:
		return format.Int64
	case kindBoolean:
		return format.Boolean
	case kindDouble:
		return format.Double
	case kindFloat:
		return format.Float
	case kindDecimal:
		switch {
		case t.precision <= 9:
			return format.Int32
		case t.precision <= 18:
			return format.Int64
		}
		return format.FixedLenByteArray
	}
	return format.ByteArray
}

// decimalBytes is the length of a decimal of more than 18 digits.
const decimalBytes = 16

var (
	atType    = &columnType{kind: kindBigint}
	thingType = &columnType{kind: kindString}
)

// elementsOf returns the schema of a file: the hidden columns, if it has them,
// and the columns in their order.
func elementsOf(columns []column, hidden bool) []format.SchemaElement {
	root := groupElement("row", len(columns))
	root.RepetitionType = thrift.Null[format.FieldRepetitionType]{}
	elements := []format.SchemaElement{root}
	if hidden {
		elements[0].NumChildren.V += 3
		elements = append(elements, element(atMember, atType, format.Required), element(sequenceMember, atType, format.Required), element(thingMember, thingType, format.Optional))
	}
	for i := range columns {
		elements = appendElements(elements, &columns[i], format.Optional)
	}
	return elements
}

// appendElements describes a column and what nests in it: everything is
// optional but the keys of maps. Arrays and maps have three levels, as the
// format wants it.
func appendElements(elements []format.SchemaElement, c *column, repetition format.FieldRepetitionType) []format.SchemaElement {
	outer := groupElement(c.name, 1)
	outer.RepetitionType = thrift.New(repetition)
	switch c.kind {
	case kindArray:
		outer.LogicalType, outer.ConvertedType = logical(&format.ListType{}), thrift.New(deprecated.List)
		elements = append(elements, outer, repeated("list", 1))
		return appendElements(elements, &c.parts[0], format.Optional)
	case kindMap:
		outer.LogicalType, outer.ConvertedType = logical(&format.MapType{}), thrift.New(deprecated.Map)
		elements = append(elements, outer, repeated("key_value", 2))
		elements = appendElements(elements, &c.parts[0], format.Required)
		return appendElements(elements, &c.parts[1], format.Optional)
	case kindStruct:
		outer.NumChildren = thrift.New(int32(len(c.parts)))
		elements = append(elements, outer)
		for i := range c.parts {
			elements = appendElements(elements, &c.parts[i], format.Optional)
		}
		return elements
	}
	return append(elements, element(c.name, &c.columnType, repetition))
}

func groupElement(name string, children int) format.SchemaElement {
	return format.SchemaElement{Name: name, NumChildren: thrift.New(int32(children)), RepetitionType: thrift.New(format.Optional)}
}

func repeated(name string, children int) format.SchemaElement {
	g := groupElement(name, children)
	g.RepetitionType = thrift.New(format.Repeated)
	return g
}

func logical(value format.LogicalTypeValue) format.LogicalType {
	return format.LogicalType{Value: value}
}

// element describes a leaf.
func element(name string, t *columnType, repetition format.FieldRepetitionType) format.SchemaElement {
	e := format.SchemaElement{Name: name, RepetitionType: thrift.New(repetition), Type: thrift.New(physicalOf(t))}
	switch t.kind {
	case kindTinyint:
		e.LogicalType, e.ConvertedType = logical(&format.IntType{BitWidth: 8, IsSigned: true}), thrift.New(deprecated.Int8)
	case kindSmallint:
		e.LogicalType, e.ConvertedType = logical(&format.IntType{BitWidth: 16, IsSigned: true}), thrift.New(deprecated.Int16)
	case kindInt:
		e.LogicalType, e.ConvertedType = logical(&format.IntType{BitWidth: 32, IsSigned: true}), thrift.New(deprecated.Int32)
	case kindBigint:
		e.LogicalType, e.ConvertedType = logical(&format.IntType{BitWidth: 64, IsSigned: true}), thrift.New(deprecated.Int64)
	case kindString, kindChar, kindVarchar:
		e.LogicalType, e.ConvertedType = logical(&format.StringType{}), thrift.New(deprecated.UTF8)
	case kindTimestamp: // without zone, as those of Athena; it has no converted type
		e.LogicalType = logical(&format.TimestampType{Unit: format.TimeUnit{Value: new(format.MicroSeconds)}})
	case kindDate:
		e.LogicalType, e.ConvertedType = logical(&format.DateType{}), thrift.New(deprecated.Date)
	case kindDecimal:
		e.LogicalType, e.ConvertedType = logical(&format.DecimalType{Precision: int32(t.precision), Scale: int32(t.scale)}), thrift.New(deprecated.Decimal)
		e.Precision, e.Scale = thrift.New(int32(t.precision)), thrift.New(int32(t.scale))
		if t.precision > 18 {
			e.TypeLength = thrift.New(int32(decimalBytes))
		}
	}
	return e
}

// isSchema reports whether elements of a file are as they would be written.
func isSchema(elements, expected []format.SchemaElement) bool {
	if len(elements) < len(expected) {
		return false
	}
	for i := range expected {
		e, x := &elements[i], &expected[i]
		if e.Name != x.Name || e.RepetitionType != x.RepetitionType || e.Type != x.Type || e.TypeLength.V != x.TypeLength.V || e.NumChildren.V != x.NumChildren.V ||
			e.LogicalType.String() != x.LogicalType.String() {
			return false
		}
	}
	return true
}
