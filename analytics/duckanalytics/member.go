package duckanalytics

import (
	"encoding/json"
	"fmt"
	"strings"
)

// read reads a member of an object of JSON as its type. Of several spellings in
// one object the last one stands.
func (t *jsonType) read(object string, level int) string {
	if len(t.spellings) == 1 {
		return t.convert(extract(object, t.spellings[0]), level)
	}
	names, cases := make([]string, len(t.spellings)), make([]string, len(t.spellings))
	for i, spelling := range t.spellings {
		names[i] = quoteText(spelling)
		cases[i] = "WHEN " + names[i] + " THEN " + extract(object, spelling)
	}
	last := fmt.Sprintf("list_last(list_filter(json_keys(%s), lambda name: name IN (%s)))", object, strings.Join(names, ", "))
	return t.convert("(CASE "+last+" "+strings.Join(cases, " ")+" END)", level)
}

// extract reads a member as JSON.
func extract(object, name string) string {
	name = strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name)
	return fmt.Sprintf("json_extract(%s, %s)", object, quoteText(`$."`+name+`"`))
}

// convert turns JSON into the type. Rows whose fields are written in several ways
// are put together field by field. Each level holds what it reads in a list of
// one, so that it is there once.
func (t *jsonType) convert(value string, level int) string {
	switch {
	case t.kind == jsonArray && t.respelled():
		one := fmt.Sprint("one", level)
		return fmt.Sprintf("list_transform(TRY_CAST(%s AS JSON[]), lambda %s: %s)", value, one, t.elem.convert(one, level+1))
	case t.kind == jsonObject && t.respelled():
		one := fmt.Sprint("one", level)
		fields := make([]string, len(t.order))
		for i, field := range t.order {
			fields[i] = quoteName(field.spellings[0]) + " := " + field.read(one, level+1)
		}
		return fmt.Sprintf("list_transform([%s], lambda %s: CASE WHEN json_type(%s) = 'OBJECT' THEN struct_pack(%s) END)[1]", value, one, one, strings.Join(fields, ", "))
	case t.kind == jsonObject && t.isRow(), t.kind == jsonArray:
		// Members that the sample did not show are left out.
		return fmt.Sprintf("json_transform(%s, %s)", value, quoteText(t.structure()))
	}
	return fmt.Sprintf("TRY_CAST(json_extract_string(%s, '$') AS %s)", value, t.duck())
}

// structure is the type as json_transform takes it.
func (t *jsonType) structure() string {
	switch {
	case t.kind == jsonObject && t.isRow():
		fields := make([]string, len(t.order))
		for i, field := range t.order {
			name, _ := json.Marshal(field.spellings[0])
			fields[i] = string(name) + ":" + field.structure()
		}
		return "{" + strings.Join(fields, ",") + "}"
	case t.kind == jsonArray:
		return "[" + t.elem.structure() + "]"
	}
	return `"` + t.duck() + `"`
}
