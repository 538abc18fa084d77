package duckanalytics

import (
	"fmt"
	"strings"
)

// dayColumn is the dimension of the day, which comes last.
const dayColumn = "__dt"

// readOptions are the arguments of read_parquet and read_json that tell where
// files lie and what their paths say.
func (t tableSource) readOptions() string {
	types := []string{quoteText(dayColumn) + ": TIMESTAMP"}
	for _, d := range t.Dimensions {
		types = append(types, quoteText(d.Name)+": "+d.Type)
	}
	return "hive_partitioning=true, hive_types={" + strings.Join(types, ", ") + "}"
}

func (t tableSource) fileList() string {
	quoted := make([]string, len(t.Files))
	for i, file := range t.Files {
		quoted[i] = quoteText(file)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// tail are the dimensions, and the day.
func (t tableSource) tail() []sourceColumn {
	return append(append([]sourceColumn(nil), t.Dimensions...), sourceColumn{dayColumn, "TIMESTAMP"})
}

// empty selects no row of columns.
func empty(columns []sourceColumn) string {
	items := make([]string, len(columns))
	for i, c := range columns {
		items[i] = fmt.Sprintf("CAST(NULL AS %s) AS %s", c.Type, quoteName(c.Name))
	}
	return "SELECT " + strings.Join(items, ", ") + " WHERE false"
}

// parquetView selects the columns of the schema, whatever the files have.
func (t tableSource) parquetView(inFiles map[string]bool) (view string, columns []sourceColumn) {
	columns = append(append(columns, t.Columns...), t.tail()...)
	if len(t.Files) == 0 {
		return empty(columns), columns
	}
	var items []string
	for _, c := range t.Columns {
		value := quoteName(c.Name)
		if !inFiles[c.Name] {
			value = "NULL"
		}
		items = append(items, fmt.Sprintf("CAST(%s AS %s) AS %s", value, c.Type, quoteName(c.Name)))
	}
	for _, c := range t.tail() {
		items = append(items, quoteName(c.Name))
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM " + t.readParquet(), columns
}

func (t tableSource) readParquet() string {
	return fmt.Sprintf("read_parquet(%s, union_by_name=true, %s)", t.fileList(), t.readOptions())
}

// jsonView selects the members that were found.
func (t tableSource) jsonView(found *jsonType) (view string, columns []sourceColumn) {
	members := found.columns()
	var items, types []string
	split := len(members) == 0
	for _, m := range members {
		columnType := m.jsonType.duck()
		columns = append(columns, sourceColumn{m.name, columnType})
		types = append(types, quoteText(m.spellings[0])+": "+quoteText(columnType))
		items = append(items, fmt.Sprintf("%s AS %s", quoteName(m.spellings[0]), quoteName(m.name)))
		split = split || len(m.spellings) > 1
	}
	columns = append(columns, t.tail()...)
	if len(t.Files) == 0 {
		return empty(t.tail()), t.tail()
	}
	source := fmt.Sprintf("read_json(%s, format='newline_delimited', ignore_errors=true, maximum_object_size=%d, columns={%s}, %s)",
		t.fileList(), maxJSONObject, strings.Join(types, ", "), t.readOptions())
	if split {
		items = nil
		for _, m := range members {
			items = append(items, m.extract())
		}
		source = t.readObjects(t.Files)
	}
	for _, c := range t.tail() {
		items = append(items, quoteName(c.Name))
	}
	return "SELECT " + strings.Join(items, ", ") + " FROM " + source, columns
}

// maxJSONObject is the length of a line in bytes: a row and what the lake adds.
const maxJSONObject = 4 << 20

func (t tableSource) readObjects(files []string) string {
	t.Files = files
	return fmt.Sprintf("read_json_objects(%s, format='newline_delimited', maximum_object_size=%d, %s)", t.fileList(), maxJSONObject, t.readOptions())
}

// extract reads a member that has several spellings, or none that is common.
func (m jsonColumn) extract() string {
	columnType := m.jsonType.duck()
	var values []string
	for _, spelling := range m.spellings {
		path := quoteText(`$."` + strings.ReplaceAll(spelling, `"`, `\"`) + `"`)
		if m.jsonType.kind == jsonObject || m.jsonType.kind == jsonArray {
			values = append(values, fmt.Sprintf("TRY_CAST(json_extract(json, %s) AS %s)", path, columnType))
		} else {
			values = append(values, fmt.Sprintf("TRY_CAST(json_extract_string(json, %s) AS %s)", path, columnType))
		}
	}
	return fmt.Sprintf("coalesce(%s) AS %s", strings.Join(values, ", "), quoteName(m.name))
}
