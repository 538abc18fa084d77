package pipeline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits of the types of columns: of AWS Glue, and of how deep they nest.
const (
	maxColumnType  = 131072
	maxColumnDepth = 100
	maxPrecision   = 38
	maxChar        = 255
	maxVarchar     = 65535
)

// ColumnType is a type of [Column].
type ColumnType struct {
	// Name is the word before what stands in brackets, in lower case; int also
	// for integer.
	Name string
	// Precision and Scale are those of a decimal, 10 and 0 if it has none.
	// Precision is also how many characters a char or varchar may have.
	Precision, Scale int
	// Parts are the element of an array, the key and the value of a map, or the
	// fields of a struct.
	Parts []ColumnPart
}

// ColumnPart is a part of a [ColumnType]: a field with its name in lower case,
// "element", "key" or "value".
type ColumnPart struct {
	Name string
	ColumnType
}

// ParseColumnType reads the type of a column, such as
// struct<a:int,b:array<decimal(10,2)>>, of at most 131,072 bytes and 100 levels.
// Case and blanks don't matter. The error is [ErrDefinition].
func ParseColumnType(text string) (ColumnType, error) {
	t, _, err := readColumnType(text)
	if err != nil {
		return ColumnType{}, fmt.Errorf("%w: type %.80q: %w", ErrDefinition, text, err)
	}
	return t, nil
}

// readColumnType also tells whether the type has the name that only queries have
// for int.
func readColumnType(text string) (t ColumnType, integer bool, err error) {
	if len(text) > maxColumnType {
		return ColumnType{}, false, fmt.Errorf("%d bytes, want at most %d", len(text), maxColumnType)
	}
	r := &columnTypeReader{text: strings.ToLower(strings.ReplaceAll(text, " ", ""))}
	if t, err = r.read(0); err != nil {
		return ColumnType{}, false, err
	}
	if r.at < len(r.text) {
		return ColumnType{}, false, fmt.Errorf("unexpected %q", r.text[r.at:])
	}
	return t, r.integer, nil
}

type columnTypeReader struct {
	text    string
	at      int
	integer bool
}

var plainTypes = []string{
	"tinyint", "smallint", "int", "bigint", "boolean", "double", "float", "string", "timestamp", "date", "binary", "decimal",
}

func (r *columnTypeReader) read(depth int) (t ColumnType, err error) {
	if depth > maxColumnDepth {
		return t, fmt.Errorf("nests deeper than %d levels", maxColumnDepth)
	}
	t.Name = r.word()
	switch {
	case t.Name == "array" && r.accept("<"):
		return t, r.close(r.part(&t, "element", depth))
	case t.Name == "map" && r.accept("<"):
		if err := r.part(&t, "key", depth); err != nil {
			return t, err
		}
		if !r.accept(",") {
			return t, fmt.Errorf("want ',' in %s", r.text)
		}
		return t, r.close(r.part(&t, "value", depth))
	case t.Name == "struct" && r.accept("<"):
		return t, r.fields(&t, depth)
	case t.Name == "decimal" && r.accept("("):
		return t, r.numbers(maxPrecision, &t.Precision, &t.Scale)
	case t.Name == "char" && r.accept("("):
		return t, r.numbers(maxChar, &t.Precision)
	case t.Name == "varchar" && r.accept("("):
		return t, r.numbers(maxVarchar, &t.Precision)
	case t.Name == "integer":
		t.Name, r.integer = "int", true
	case t.Name == "decimal":
		t.Precision = 10
	case !slices.Contains(plainTypes, t.Name):
		return t, fmt.Errorf("unknown type %q", t.Name)
	}
	return t, nil
}

func (r *columnTypeReader) word() string {
	from := r.at
	for r.at < len(r.text) && isNameByte(r.text[r.at]) {
		r.at++
	}
	return r.text[from:r.at]
}

func (r *columnTypeReader) accept(text string) bool {
	if !strings.HasPrefix(r.text[r.at:], text) {
		return false
	}
	r.at += len(text)
	return true
}

func (r *columnTypeReader) part(t *ColumnType, name string, depth int) error {
	part, err := r.read(depth + 1)
	t.Parts = append(t.Parts, ColumnPart{name, part})
	return err
}

func (r *columnTypeReader) close(err error) error {
	if err == nil && !r.accept(">") {
		return fmt.Errorf("want '>' in %s", r.text)
	}
	return err
}

func (r *columnTypeReader) fields(t *ColumnType, depth int) error {
	for {
		name := r.word()
		if name == "" || !r.accept(":") {
			return fmt.Errorf("want name:type in %s", r.text)
		}
		if err := r.part(t, name, depth); err != nil {
			return err
		}
		if !r.accept(",") {
			return r.close(nil)
		}
	}
}

// numbers reads the numbers after the parenthesis, of which the first is at
// least 1 and at most limit, and the others, which may be left out, at most the
// first.
func (r *columnTypeReader) numbers(limit int, into ...*int) error {
	for _, number := range into {
		n, err := strconv.Atoi(r.word())
		if err != nil {
			return fmt.Errorf("want a number in %s", r.text)
		}
		*number = n
		if first := *into[0]; first < 1 || first > limit || n > first {
			return fmt.Errorf("%d: want 1 to %d, and a scale of at most the precision", n, limit)
		}
		if !r.accept(",") {
			break
		}
	}
	if !r.accept(")") {
		return fmt.Errorf("want ')' in %s", r.text)
	}
	return nil
}
