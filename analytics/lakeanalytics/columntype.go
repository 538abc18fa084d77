package lakeanalytics

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

// Limits of the columns of a data store. The first two are quotas of the
// service.
const (
	// MaxColumns is the number of columns.
	MaxColumns = 100
	// MaxColumnDepth is how deep the type of a column may nest.
	MaxColumnDepth = 100
	// MaxLeaves is the number of columns that nest nothing, those within
	// others included: a file has as many.
	MaxLeaves = 2000
)

// Limits of types, those of AWS Glue.
const (
	maxColumnType = 131072
	maxPrecision  = 38
	maxChar       = 255
	maxVarchar    = 65535
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
	"tinyint": kindTinyint, "smallint": kindSmallint, "int": kindInt, "integer": kindInt, "bigint": kindBigint, "boolean": kindBoolean,
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

// typeReader reads a type such as struct<a:int,b:array<decimal(10,2)>>.
type typeReader struct {
	text string
	at   int
}

func parseColumnType(text string) (columnType, error) {
	if len(text) > maxColumnType {
		return columnType{}, fmt.Errorf("type of %d bytes, want at most %d", len(text), maxColumnType)
	}
	r := &typeReader{text: strings.ToLower(strings.ReplaceAll(text, " ", ""))}
	t, err := r.read(0)
	if err == nil && r.at < len(r.text) {
		err = r.unexpected()
	}
	return t, err
}

func (r *typeReader) unexpected() error {
	return fmt.Errorf("type: unexpected %.40q at byte %d", r.text[r.at:], r.at)
}

func (r *typeReader) read(depth int) (t columnType, err error) {
	if depth > MaxColumnDepth {
		return t, fmt.Errorf("type nests deeper than %d levels", MaxColumnDepth)
	}
	name := r.word()
	switch t.kind = kindNames[name]; t.kind {
	case 0:
		return t, fmt.Errorf("unknown type %.40q", name)
	case kindArray:
		t.parts = []column{{name: "element"}}
		return t, r.between(func() error { return r.part(&t.parts[0], depth) })
	case kindMap:
		return t, r.between(func() error { return r.mapParts(&t, depth) })
	case kindStruct:
		return t, r.between(func() error { return r.fields(&t, depth) })
	case kindDecimal:
		t.precision = 10
		if !r.accept('(') {
			return t, nil
		}
		return t, r.decimal(&t)
	case kindChar:
		return t, r.length(&t, maxChar)
	case kindVarchar:
		return t, r.length(&t, maxVarchar)
	}
	return t, nil
}

// between reads what stands between < and >.
func (r *typeReader) between(read func() error) error {
	if !r.accept('<') {
		return r.unexpected()
	}
	if err := read(); err != nil {
		return err
	}
	if !r.accept('>') {
		return r.unexpected()
	}
	return nil
}

func (r *typeReader) part(c *column, depth int) (err error) {
	c.columnType, err = r.read(depth + 1)
	return err
}

func (r *typeReader) mapParts(t *columnType, depth int) error {
	t.parts = []column{{name: "key"}, {name: "value"}}
	if err := r.part(&t.parts[0], depth); err != nil {
		return err
	}
	if t.parts[0].kind >= kindArray {
		return fmt.Errorf("type: the key of a map can't nest")
	}
	if !r.accept(',') {
		return r.unexpected()
	}
	return r.part(&t.parts[1], depth)
}

func (r *typeReader) fields(t *columnType, depth int) error {
	for {
		name := r.word()
		if name == "" || !r.accept(':') {
			return r.unexpected()
		}
		if slices.ContainsFunc(t.parts, func(c column) bool { return c.name == name }) {
			return fmt.Errorf("type: two fields %.40q in a struct", name)
		}
		if len(t.parts) == MaxLeaves {
			return fmt.Errorf("type: more than %d fields in a struct", MaxLeaves)
		}
		t.parts = append(t.parts, column{name: name})
		if err := r.part(&t.parts[len(t.parts)-1], depth); err != nil {
			return err
		}
		if !r.accept(',') {
			return nil
		}
	}
}

// decimal reads precision and scale.
func (r *typeReader) decimal(t *columnType) (err error) {
	if t.precision, err = r.number(1, maxPrecision); err != nil {
		return err
	}
	if r.accept(',') {
		if t.scale, err = r.number(0, t.precision); err != nil {
			return err
		}
	}
	if !r.accept(')') {
		return r.unexpected()
	}
	return nil
}

// length reads how many characters there may be.
func (r *typeReader) length(t *columnType, limit int) (err error) {
	if !r.accept('(') {
		return r.unexpected()
	}
	if t.precision, err = r.number(1, limit); err != nil {
		return err
	}
	if !r.accept(')') {
		return r.unexpected()
	}
	return nil
}

func (r *typeReader) number(least, limit int) (int, error) {
	word := r.word()
	n, err := strconv.Atoi(word)
	if err != nil || n < least || n > limit {
		return 0, fmt.Errorf("type: %.40q: want a number from %d to %d", word, least, limit)
	}
	return n, nil
}

func (r *typeReader) word() string {
	from := r.at
	for r.at < len(r.text) && isNameByte(r.text[r.at]) {
		r.at++
	}
	return r.text[from:r.at]
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_'
}

func (r *typeReader) accept(c byte) bool {
	if r.at == len(r.text) || r.text[r.at] != c {
		return false
	}
	r.at++
	return true
}
