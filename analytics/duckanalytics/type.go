package duckanalytics

import (
	"fmt"
	"strconv"
	"strings"
)

// kind is what a value is, as far as its text depends on it.
type kind uint8

const (
	kindPlain kind = iota // booleans, integers, text
	kindFloat
	kindDouble
	kindDecimal
	kindDate
	kindTime
	kindTimeTZ
	kindTimestamp
	kindTimestampTZ
	kindInterval
	kindBinary
	kindArray
	kindMap
	kindRow
)

// valueType is a type of DuckDB, parsed.
type valueType struct {
	kind   kind
	presto string
	// elem is that of an array, or the value of a map; key that of a map.
	key, elem *valueType
	fields    []structField
}

type structField struct {
	name  string // in DuckDB
	label string // in results
	valueType
}

var scalarTypes = map[string]valueType{
	"BOOLEAN": {presto: "boolean"}, "TINYINT": {presto: "tinyint"}, "SMALLINT": {presto: "smallint"},
	"INTEGER": {presto: "integer"}, "BIGINT": {presto: "bigint"}, "HUGEINT": {presto: "bigint"}, "UHUGEINT": {presto: "bigint"},
	"UTINYINT": {presto: "smallint"}, "USMALLINT": {presto: "integer"}, "UINTEGER": {presto: "bigint"}, "UBIGINT": {presto: "bigint"},
	"BIGNUM": {presto: "bigint"},
	"FLOAT":  {kind: kindFloat, presto: "real"}, "DOUBLE": {kind: kindDouble, presto: "double"},
	"VARCHAR": {presto: "varchar"}, "JSON": {presto: "json"}, "UUID": {presto: "uuid"}, "BIT": {presto: "varchar"}, "ENUM": {presto: "varchar"},
	"BLOB": {kind: kindBinary, presto: "varbinary"}, "DATE": {kind: kindDate, presto: "date"},
	"TIME": {kind: kindTime, presto: "time"}, "TIMETZ": {kind: kindTimeTZ, presto: "time with time zone"},
	"TIMESTAMP": {kind: kindTimestamp, presto: "timestamp"}, "TIMESTAMP_S": {kind: kindTimestamp, presto: "timestamp"},
	"TIMESTAMP_MS": {kind: kindTimestamp, presto: "timestamp"}, "TIMESTAMP_NS": {kind: kindTimestamp, presto: "timestamp"},
	"TIMESTAMPTZ": {kind: kindTimestampTZ, presto: "timestamp with time zone"},
	"INTERVAL":    {kind: kindInterval, presto: "interval day to second"},
	"SQLNULL":     {presto: "unknown"}, "NULL": {presto: "unknown"},
}

// maxTypeDepth bounds nested types.
const maxTypeDepth = 128

// parseType reads the name of a type as the driver writes it, such as
// STRUCT("a" INTEGER, "b" VARCHAR[]).
func parseType(name string) (valueType, error) {
	p := typeParser{rest: name}
	t, err := p.parse(0)
	if err == nil && p.rest != "" {
		err = fmt.Errorf("type %q: unexpected %q", name, p.rest)
	}
	return t, err
}

type typeParser struct{ rest string }

func (p *typeParser) parse(depth int) (valueType, error) {
	if depth > maxTypeDepth {
		return valueType{}, fmt.Errorf("type of more than %d levels", maxTypeDepth)
	}
	t, err := p.base(depth)
	for err == nil && strings.HasPrefix(p.rest, "[") {
		_, after, found := strings.Cut(p.rest, "]")
		if !found {
			return t, fmt.Errorf("type: no end of %q", p.rest)
		}
		p.rest = after
		elem := t
		t = valueType{kind: kindArray, presto: "array(" + elem.presto + ")", elem: &elem}
	}
	return t, err
}

func (p *typeParser) base(depth int) (valueType, error) {
	end := strings.IndexFunc(p.rest, func(r rune) bool { return !(r == '_' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9') })
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	switch word {
	case "DECIMAL":
		return p.decimal()
	case "STRUCT":
		return p.row(depth)
	case "MAP":
		return p.mapping(depth)
	}
	if t, ok := scalarTypes[word]; ok {
		return t, nil
	}
	return valueType{}, fmt.Errorf("type %q", word)
}

func (p *typeParser) decimal() (valueType, error) {
	inner, after, found := strings.Cut(strings.TrimPrefix(p.rest, "("), ")")
	if !found || !strings.HasPrefix(p.rest, "(") {
		return valueType{}, fmt.Errorf("type: want (width,scale), got %q", p.rest)
	}
	p.rest = after
	return valueType{kind: kindDecimal, presto: "decimal(" + inner + ")"}, nil
}

func (p *typeParser) row(depth int) (valueType, error) {
	t := valueType{kind: kindRow}
	if err := p.expect("("); err != nil {
		return t, err
	}
	var parts []string
	for i := 0; ; i++ {
		name, err := p.quoted()
		if err != nil {
			return t, err
		}
		if err := p.expect(" "); err != nil {
			return t, err
		}
		inner, err := p.parse(depth + 1)
		if err != nil {
			return t, err
		}
		label := labelOf(name, i)
		t.fields = append(t.fields, structField{name: name, label: label, valueType: inner})
		parts = append(parts, label+" "+inner.presto)
		if p.take(", ") {
			continue
		}
		t.presto = "row(" + strings.Join(parts, ", ") + ")"
		return t, p.expect(")")
	}
}

// labelOf is how a field is called in results.
func labelOf(name string, place int) string {
	if name == "" {
		return "field" + strconv.Itoa(place)
	}
	return strings.ToLower(name)
}

func (p *typeParser) mapping(depth int) (valueType, error) {
	t := valueType{kind: kindMap}
	if err := p.expect("("); err != nil {
		return t, err
	}
	key, err := p.parse(depth + 1)
	if err != nil {
		return t, err
	}
	if err := p.expect(", "); err != nil {
		return t, err
	}
	elem, err := p.parse(depth + 1)
	if err != nil {
		return t, err
	}
	t.key, t.elem, t.presto = &key, &elem, "map("+key.presto+", "+elem.presto+")"
	return t, p.expect(")")
}

// quoted reads a name in double quotes.
func (p *typeParser) quoted() (string, error) {
	if err := p.expect(`"`); err != nil {
		return "", err
	}
	var name strings.Builder
	for {
		before, after, found := strings.Cut(p.rest, `"`)
		if !found {
			return "", fmt.Errorf("type: no end of name %q", p.rest)
		}
		name.WriteString(before)
		p.rest = after
		if !p.take(`"`) {
			return name.String(), nil
		}
		name.WriteByte('"')
	}
}

func (p *typeParser) take(text string) bool {
	rest, found := strings.CutPrefix(p.rest, text)
	p.rest = rest
	return found
}

func (p *typeParser) expect(text string) error {
	if !p.take(text) {
		return fmt.Errorf("type: want %q, got %q", text, p.rest)
	}
	return nil
}
