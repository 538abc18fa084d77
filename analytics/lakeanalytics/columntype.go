package lakeanalytics

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

// Limits of the columns of a data store. How deep their types nest,
// pipeline.ParseColumnType limits.
const (
	// MaxColumns is the number of columns, a quota of the service.
	MaxColumns = 100
	// MaxLeaves is the number of columns that nest nothing, those within
	// others included: a file has as many.
	MaxLeaves = 2000
)

// kind is a type of columns, without its parameters.
type kind uint8

const (
	kindTinyint kind = iota + 1
	kindSmallint
	kindInt
	kindBigint
	kindBoolean
	kindDouble
	kindFloat
	kindString
	kindChar
	kindVarchar
	kindTimestamp
	kindDate
	kindBinary
	kindDecimal
	kindArray
	kindMap
	kindStruct
)

var kindNames = map[string]kind{
	"tinyint": kindTinyint, "smallint": kindSmallint, "int": kindInt, "bigint": kindBigint, "boolean": kindBoolean,
	"double": kindDouble, "float": kindFloat, "string": kindString, "timestamp": kindTimestamp, "date": kindDate, "binary": kindBinary,
	"decimal": kindDecimal, "char": kindChar, "varchar": kindVarchar, "array": kindArray, "map": kindMap, "struct": kindStruct,
}

// columnType is the type of a column or of a part of one.
type columnType struct {
	kind kind
	// precision is that of a decimal, or how many characters a char or varchar
	// may have.
	precision, scale int
	// parts are the element of an array, key and value of a map, or the fields
	// of a struct.
	parts []column
}

// column is a column, or a part of one, with its name in lower case.
type column struct {
	name string
	columnType
}

// leaves counts the parts that nest nothing.
func (t *columnType) leaves() int {
	if t.kind < kindArray {
		return 1
	}
	n := 0
	for i := range t.parts {
		n += t.parts[i].leaves()
	}
	return n
}

// checkColumns reports what is wrong with columns. The error is
// [analytics.ErrTable].
func checkColumns(columns []pipeline.Column) error {
	_, err := parseColumns(columns)
	return err
}

// parseColumns reads the types of columns. The error is [analytics.ErrTable].
func parseColumns(columns []pipeline.Column) ([]column, error) {
	if len(columns) == 0 || len(columns) > MaxColumns {
		return nil, fmt.Errorf("%w: %d columns, want 1 to %d", analytics.ErrTable, len(columns), MaxColumns)
	}
	parsed := make([]column, len(columns))
	seen := make(map[string]bool, len(columns))
	leaves := 0
	for i, c := range columns {
		if err := pipeline.CheckFieldName(c.Name); err != nil {
			return nil, fmt.Errorf("%w: column %d: %w", analytics.ErrTable, i, err)
		}
		name := strings.ToLower(c.Name)
		if seen[name] {
			return nil, fmt.Errorf("%w: two columns %q", analytics.ErrTable, name)
		}
		seen[name] = true
		t, err := parseColumnType(c.Type)
		if err != nil {
			return nil, fmt.Errorf("%w: column %q: %w", analytics.ErrTable, name, err)
		}
		if leaves += t.leaves(); leaves > MaxLeaves {
			return nil, fmt.Errorf("%w: more than %d columns with those that nest in them", analytics.ErrTable, MaxLeaves)
		}
		parsed[i] = column{name, t}
	}
	return parsed, nil
}

// parseColumnType reads a type such as struct<a:int,b:array<decimal(10,2)>>.
func parseColumnType(text string) (columnType, error) {
	t, err := pipeline.ParseColumnType(text)
	if err != nil {
		return columnType{}, err
	}
	return columnTypeOf(&t)
}

func columnTypeOf(from *pipeline.ColumnType) (columnType, error) {
	t := columnType{kind: kindNames[from.Name], precision: from.Precision, scale: from.Scale}
	if len(from.Parts) > MaxLeaves {
		return t, fmt.Errorf("type: more than %d fields in a struct", MaxLeaves)
	}
	for i := range from.Parts {
		name := from.Parts[i].Name
		part, err := columnTypeOf(&from.Parts[i].ColumnType)
		switch {
		case err != nil:
			return t, err
		case t.kind == kindMap && name == "key" && part.kind >= kindArray:
			return t, errors.New("type: the key of a map can't nest")
		case slices.ContainsFunc(t.parts, func(c column) bool { return c.name == name }):
			return t, fmt.Errorf("type: two fields %.40q in a struct", name)
		}
		t.parts = append(t.parts, column{name, part})
	}
	return t, nil
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_'
}
