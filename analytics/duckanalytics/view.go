package duckanalytics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/internal/wire"
)

// dayColumn is the dimension of the day, which comes last.
const dayColumn = "__dt"

// table is one that a statement names. Its types are those of DuckDB.
type table struct{ wire.TableSource }

func tablesOf(sources []wire.TableSource) ([]table, error) {
	tables := make([]table, len(sources))
	for i, source := range sources {
		for _, columns := range [][]wire.Column{source.Columns, source.Dimensions} {
			for j, c := range columns {
				to, err := typeOfGlue(c.Type)
				if err != nil {
					return nil, fmt.Errorf("%w: data store %s: column %s: %w", analytics.ErrCorrupt, source.TableName, c.Name, err)
				}
				columns[j].Type = to
			}
		}
		tables[i] = table{source}
	}
	return tables, nil
}

// part is files of a table that are read alike.
type part struct {
	files []string
	// dimensions are those that the paths tell, besides the day.
	dimensions []wire.Column
	// values are the dimensions as a select list.
	values []string
}

// parts are the files whose paths tell their dimensions, and those with values
// that don't fit in a path.
func (t table) parts() []part {
	var all []part
	if len(t.Files) > 0 {
		p := part{files: t.Files, dimensions: t.Dimensions}
		for _, d := range t.Dimensions {
			p.values = append(p.values, quoteName(d.Name))
		}
		all = append(all, p)
	}
	for _, odd := range t.Odd {
		p := part{files: []string{odd.File}}
		for i, d := range t.Dimensions {
			value := "NULL"
			if odd.Values[i] != nil {
				value = quoteText(*odd.Values[i])
			}
			p.values = append(p.values, fmt.Sprintf("CAST(%s AS %s) AS %s", value, d.Type, quoteName(d.Name)))
		}
		all = append(all, p)
	}
	return all
}

// everyFile lists the files of all parts.
func (t table) everyFile() []string {
	all := slices.Clone(t.Files)
	for _, odd := range t.Odd {
		all = append(all, odd.File)
	}
	return all
}

// options are the arguments of read_parquet and read_json that tell what paths
// say.
func (p part) options() string {
	types := []string{quoteText(dayColumn) + ": TIMESTAMP"}
	for _, d := range p.dimensions {
		types = append(types, quoteText(d.Name)+": "+d.Type)
	}
	return "hive_partitioning=true, hive_types={" + strings.Join(types, ", ") + "}"
}

func (p part) fileList() string {
	quoted := make([]string, len(p.files))
	for i, file := range p.files {
		quoted[i] = quoteText(file)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// view selects columns, and the dimensions after them, from all parts.
func (t table) view(items []string, source func(part) string) string {
	var selects []string
	for _, p := range t.parts() {
		list := slices.Concat(items, p.values, []string{quoteName(dayColumn)})
		selects = append(selects, "SELECT "+strings.Join(list, ", ")+" FROM "+source(p))
	}
	return strings.Join(selects, " UNION ALL ")
}

// tail are the dimensions, and the day.
func (t table) tail() []wire.Column {
	return append(append([]wire.Column(nil), t.Dimensions...), wire.Column{Name: dayColumn, Type: "TIMESTAMP"})
}

// empty selects no row of columns.
func empty(columns []wire.Column) string {
	items := make([]string, len(columns))
	for i, c := range columns {
		items[i] = fmt.Sprintf("CAST(NULL AS %s) AS %s", c.Type, quoteName(c.Name))
	}
	return "SELECT " + strings.Join(items, ", ") + " WHERE false"
}

// parquetView selects the columns of the schema; inFiles are those that files
// have, nil for all.
func (t table) parquetView(inFiles map[string]bool) (view string, columns []wire.Column) {
	columns = append(append(columns, t.Columns...), t.tail()...)
	if len(t.everyFile()) == 0 {
		return empty(columns), columns
	}
	var items []string
	for _, c := range t.Columns {
		value := quoteName(c.Name)
		if inFiles != nil && !inFiles[c.Name] {
			value = "NULL"
		}
		items = append(items, fmt.Sprintf("CAST(%s AS %s) AS %s", value, c.Type, quoteName(c.Name)))
	}
	return t.view(items, part.parquet), columns
}

func (p part) parquet() string {
	return fmt.Sprintf("read_parquet(%s, union_by_name=true, %s)", p.fileList(), p.options())
}

// jsonView selects the members that were found.
func (t table) jsonView(found *jsonType) (view string, columns []wire.Column) {
	if len(t.everyFile()) == 0 {
		return empty(t.tail()), t.tail()
	}
	members := found.columns()
	var plain, extracted, types []string
	split := len(members) == 0
	for _, m := range members {
		columnType := m.duck()
		columns = append(columns, wire.Column{Name: m.name, Type: columnType})
		types = append(types, quoteText(m.spellings[0])+": "+quoteText(columnType))
		plain = append(plain, fmt.Sprintf("%s AS %s", quoteName(m.spellings[0]), quoteName(m.name)))
		extracted = append(extracted, m.read("json", 0)+" AS "+quoteName(m.name))
		split = split || len(m.spellings) > 1 || m.respelled()
	}
	columns = append(columns, t.tail()...)
	if split {
		return t.view(extracted, part.objects), columns
	}
	return t.view(plain, func(p part) string {
		return fmt.Sprintf("read_json(%s, format='newline_delimited', ignore_errors=true, maximum_object_size=%d, columns={%s}, %s)",
			p.fileList(), maxJSONObject, strings.Join(types, ", "), p.options())
	}), columns
}

// maxJSONObject is the length of a line in bytes: a row and what the lake adds.
const maxJSONObject = 2 << 20

func (p part) objects() string {
	return fmt.Sprintf("read_json_objects(%s, format='newline_delimited', maximum_object_size=%d, %s)", p.fileList(), maxJSONObject, p.options())
}
