package duckanalytics

import (
	"fmt"
	"strings"
)

var glueTypes = map[string]string{
	"tinyint": "TINYINT", "smallint": "SMALLINT", "int": "INTEGER", "integer": "INTEGER", "bigint": "BIGINT", "boolean": "BOOLEAN",
	"double": "DOUBLE", "float": "FLOAT", "real": "FLOAT", "string": "VARCHAR", "varchar": "VARCHAR", "char": "VARCHAR",
	"timestamp": "TIMESTAMP", "date": "DATE", "binary": "BLOB", "decimal": "DECIMAL(10,0)",
}

// typeOfGlue turns a type of AWS Glue, such as array<struct<a:int>>, into one of
// DuckDB.
func typeOfGlue(name string) (string, error) {
	p := glueParser{rest: strings.TrimSpace(name)}
	to, err := p.parse(0)
	if err == nil && p.rest != "" {
		err = fmt.Errorf("unexpected %q", p.rest)
	}
	if err != nil {
		return "", fmt.Errorf("type %q: %w", name, err)
	}
	return to, nil
}

type glueParser struct{ rest string }

func (p *glueParser) parse(depth int) (string, error) {
	if depth > maxTypeDepth {
		return "", fmt.Errorf("more than %d levels", maxTypeDepth)
	}
	word := strings.ToLower(strings.TrimSpace(p.until("<>(),:")))
	switch word {
	case "array":
		elem, err := p.inside(depth, "<", ">")
		return elem + "[]", err
	case "map":
		return p.mapping(depth)
	case "struct":
		return p.row(depth)
	}
	to, ok := glueTypes[word]
	if !ok {
		return "", fmt.Errorf("unknown %q", word)
	}
	if !p.take("(") {
		return to, nil
	}
	arguments := p.until(")")
	if !p.take(")") {
		return "", fmt.Errorf("no end of %q", word)
	}
	if word != "decimal" {
		return to, nil
	}
	if strings.Trim(arguments, "0123456789, ") != "" {
		return "", fmt.Errorf("decimal(%s)", arguments)
	}
	return "DECIMAL(" + arguments + ")", nil
}

func (p *glueParser) inside(depth int, begin, end string) (string, error) {
	if err := p.expect(begin); err != nil {
		return "", err
	}
	to, err := p.parse(depth + 1)
	if err != nil {
		return "", err
	}
	return to, p.expect(end)
}

func (p *glueParser) mapping(depth int) (string, error) {
	key, err := p.inside(depth, "<", ",")
	if err != nil {
		return "", err
	}
	value, err := p.parse(depth + 1)
	if err != nil {
		return "", err
	}
	return "MAP(" + key + ", " + value + ")", p.expect(">")
}

func (p *glueParser) row(depth int) (string, error) {
	if err := p.expect("<"); err != nil {
		return "", err
	}
	var fields []string
	for {
		name := strings.TrimSpace(p.until(":<>,"))
		if name == "" {
			return "", fmt.Errorf("field without a name at %q", p.rest)
		}
		to, err := p.inside(depth, ":", "")
		if err != nil {
			return "", err
		}
		fields = append(fields, quoteName(name)+" "+to)
		if !p.take(",") {
			return "STRUCT(" + strings.Join(fields, ", ") + ")", p.expect(">")
		}
	}
}

func (p *glueParser) until(ends string) string {
	n := strings.IndexAny(p.rest, ends)
	if n < 0 {
		n = len(p.rest)
	}
	text := p.rest[:n]
	p.rest = p.rest[n:]
	return text
}

func (p *glueParser) take(text string) bool {
	rest, found := strings.CutPrefix(p.rest, text)
	if found {
		p.rest = strings.TrimLeft(rest, " ")
	}
	return found
}

func (p *glueParser) expect(text string) error {
	if !p.take(text) {
		return fmt.Errorf("want %q, got %q", text, p.rest)
	}
	return nil
}

// quoteName writes a name for DuckDB.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quoteText writes a text for DuckDB.
func quoteText(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }
