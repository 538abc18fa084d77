package duckanalytics

import (
	"fmt"
	"slices"
	"strings"

	"github.com/iotenant/iotenant/analytics/internal/wire"
)

// output is a column of a table or a query, with its name in lower case.
type output struct {
	name  string
	class class
	// known is the type with what is in it, nil if that is not known.
	known *valueType
	// named: the statement gave the name, so that it is shown as written.
	named bool
}

// outputs are the columns of a table or a query. If they are open there may be
// more, and their places are not known.
type outputs struct {
	columns []output
	open    bool
}

// outputsOf are the columns of a data store.
func outputsOf(columns []wire.Column) outputs {
	all := make([]output, len(columns))
	for i, c := range columns {
		all[i] = output{name: strings.ToLower(c.Name), class: classOfType(c.Type)}
		if t, err := parseType(c.Type); err == nil {
			all[i].known = &t
		}
	}
	return outputs{columns: all}
}

// renamed are the columns with the names of an alias such as t(a, b).
func (o outputs) renamed(names []any) outputs {
	if len(names) == 0 {
		return o
	}
	to := outputs{open: o.open}
	if !o.open {
		to.columns = slices.Clone(o.columns)
	}
	for i, name := range names {
		if i == len(to.columns) {
			to.columns = append(to.columns, output{})
		}
		text, _ := name.(string)
		to.columns[i].name, to.columns[i].named = strings.ToLower(text), true
	}
	return to
}

// union are the columns of a union with others, which have the same places.
func (o outputs) union(other outputs) outputs {
	to := outputs{columns: slices.Clone(o.columns), open: o.open || other.open}
	for i := range to.columns {
		to.columns[i].known = nil
		if to.open || i >= len(other.columns) {
			to.columns[i].class = classUnknown
		} else {
			to.columns[i].class = common(to.columns[i].class, other.columns[i].class)
		}
	}
	return to
}

// source is what stands in FROM.
type source struct {
	name string
	outputs
}

// scope tells what names mean in a query, or in a lambda.
type scope struct {
	outer   *scope
	sources []source
	// merged: a join has columns that are in both of its sides.
	merged bool
	// with are the queries of WITH.
	with map[string]outputs
	// aliases are the columns of the query itself, for ORDER BY.
	aliases []output
}

// find returns the column that a name stands for. It may be one of several of
// that name, as of a join with USING; their class is unknown if it differs.
func (s *scope) find(table, name string) (output, bool) {
	for ; s != nil; s = s.outer {
		found, open := []output(nil), false
		for i := range s.sources {
			if table != "" && table != s.sources[i].name {
				continue
			}
			open = open || s.sources[i].open
			found = appendNamed(found, s.sources[i].columns, name)
		}
		if len(found) == 0 && table == "" && !open {
			found = appendNamed(found, s.aliases, name)
		}
		for _, other := range found {
			if other.class != found[0].class {
				found[0].class = classUnknown
			}
			if other.known != found[0].known {
				found[0].known = nil
			}
		}
		if len(found) > 0 || open {
			return append(found, output{})[0], len(found) > 0
		}
	}
	return output{}, false
}

func appendNamed(to, columns []output, name string) []output {
	for _, c := range columns {
		if c.name == name {
			to = append(to, c)
		}
	}
	return to
}

// column returns what a COLUMN_REF stands for. The field of a row is no column.
func (s *scope) column(n node) output {
	names := listOf(n, "column_names")
	texts := make([]string, len(names))
	for i, name := range names {
		text, _ := name.(string)
		texts[i] = strings.ToLower(text)
	}
	var found output
	switch len(texts) {
	case 1:
		found, _ = s.find("", texts[0])
	case 2:
		found, _ = s.find(texts[0], texts[1])
	}
	return found
}

// query rewrites a query in a scope of its own, and tells its columns.
func (r *rewriter) query(n node) (outputs, error) {
	s := &scope{outer: r.scope, with: map[string]outputs{}}
	r.scope = s
	defer func() { r.scope = s.outer }()
	for _, entry := range listOf(nodeOf(n, "cte_map"), "map") {
		cte, _ := entry.(node)
		value := nodeOf(cte, "value")
		found, err := r.query(nodeOf(nodeOf(value, "query"), "node"))
		if err != nil {
			return outputs{}, err
		}
		s.with[strings.ToLower(textOf(cte, "key"))] = found.renamed(listOf(value, "aliases"))
	}
	switch textOf(n, "type") {
	case "SELECT_NODE":
		return r.selection(n, s)
	case "SET_OPERATION_NODE":
		return r.setOperation(n, s)
	}
	return outputs{open: true}, refuse(textOf(n, "type"))
}

// selection rewrites a SELECT: what stands in FROM first, since it tells what
// the other names mean.
func (r *rewriter) selection(n node, s *scope) (outputs, error) {
	from, err := r.from(nodeOf(n, "from_table"), s)
	if err != nil {
		return outputs{}, err
	}
	n["from_table"] = from
	clocks := r.clocks(n)
	items, err := r.rewrite(n["select_list"])
	if err != nil {
		return outputs{}, err
	}
	n["select_list"] = items
	if s.outer == nil { // the output of the statement
		for _, i := range clocks {
			item, _ := listOf(n, "select_list")[i].(node)
			zoned := cast(item, "TIME WITH TIME ZONE")
			zoned["alias"] = item["alias"]
			listOf(n, "select_list")[i] = zoned
		}
		r.zones = r.outputZones(n)
	}
	found := r.selected(listOf(n, "select_list"), s)
	s.aliases = found.columns
	return found, r.rewriteBut(n, "cte_map", "from_table", "select_list")
}

// rewriteBut rewrites all members of a node but some.
func (r *rewriter) rewriteBut(n node, but ...string) error {
	for key, child := range n {
		if slices.Contains(but, key) {
			continue
		}
		to, err := r.rewrite(child)
		if err != nil {
			return err
		}
		n[key] = to
	}
	return nil
}

// selected tells the columns of a select list, and gives names to them: the
// alias, the name of a column, in lower case if it is that of a data store, or a
// mark for _colN.
func (r *rewriter) selected(items []any, s *scope) outputs {
	var all outputs
	for i, item := range items {
		n, _ := item.(node)
		if textOf(n, "class") == "STAR" {
			star := s.star(strings.ToLower(textOf(n, "relation_name")))
			all.columns, all.open = append(all.columns, star.columns...), all.open || star.open
			continue
		}
		c := output{class: r.classify(n), known: r.typeOf(n), named: true}
		switch {
		case textOf(n, "alias") != "":
			c.name = strings.ToLower(textOf(n, "alias"))
		case textOf(n, "class") == "COLUMN_REF":
			names := listOf(n, "column_names")
			last, _ := names[len(names)-1].(string)
			c.name, c.named = strings.ToLower(last), s.column(n).named
			if n["alias"] = last; !c.named {
				n["alias"] = c.name
			}
		default:
			n["alias"] = fmt.Sprint(anonymous, i)
		}
		all.columns = append(all.columns, c)
	}
	return all
}

// star are the columns of all sources, or of one.
func (s *scope) star(table string) outputs {
	all := outputs{open: s.merged}
	for i := range s.sources {
		if table == "" || table == s.sources[i].name {
			all.columns, all.open = append(all.columns, s.sources[i].columns...), all.open || s.sources[i].open
		}
	}
	return all
}

// setOperation rewrites UNION, INTERSECT and EXCEPT.
func (r *rewriter) setOperation(n node, s *scope) (outputs, error) {
	sides := append([]any{n["left"], n["right"]}, listOf(n, "children")...)
	var all outputs
	first := true
	for _, side := range sides {
		query, ok := side.(node)
		if !ok {
			continue
		}
		found, err := r.query(query)
		if err != nil {
			return outputs{}, err
		}
		if first {
			all, first = found, false
		} else {
			all = all.union(found)
		}
	}
	s.aliases = all.columns
	return all, r.rewriteBut(n, "cte_map", "left", "right", "children")
}

// from rewrites what stands in FROM and adds it to the scope, so that what is
// right of it can name it.
func (r *rewriter) from(n node, s *scope) (any, error) {
	switch textOf(n, "type") {
	case "JOIN":
		return n, r.join(n, s)
	case "SUBQUERY":
		found, err := r.query(nodeOf(nodeOf(n, "subquery"), "node"))
		s.add(n, found)
		return n, err
	}
	rewritten, err := r.node(n)
	if err != nil {
		return nil, err
	}
	to, _ := rewritten.(node)
	s.add(to, r.tableOutputs(to, s))
	return to, nil
}

func (r *rewriter) join(n node, s *scope) error {
	for _, side := range []string{"left", "right"} {
		to, err := r.from(nodeOf(n, side), s)
		if err != nil {
			return err
		}
		n[side] = to
	}
	s.merged = s.merged || len(listOf(n, "using_columns")) > 0 || textOf(n, "ref_type") == "NATURAL"
	return r.rewriteBut(n, "left", "right")
}

// add adds a source under its alias, or its name.
func (s *scope) add(n node, columns outputs) {
	name := textOf(n, "alias")
	if name == "" {
		name = textOf(n, "table_name")
	}
	s.sources = append(s.sources, source{strings.ToLower(name), columns.renamed(listOf(n, "column_name_alias"))})
}

// tableOutputs are the columns of what stands in FROM and is no query.
func (r *rewriter) tableOutputs(n node, s *scope) outputs {
	switch textOf(n, "type") {
	case "EMPTY":
		return outputs{}
	case "BASE_TABLE":
		name := wire.TableName{Schema: strings.ToLower(textOf(n, "schema_name")), Name: strings.ToLower(textOf(n, "table_name"))}
		for at := s; at != nil && name.Schema == ""; at = at.outer {
			if found, ok := at.with[name.Name]; ok {
				return found
			}
		}
		if found, ok := r.tables[name]; ok {
			return found
		}
	case "EXPRESSION_LIST":
		return r.values(listOf(n, "values"))
	}
	// What UNNEST gives has the names of its alias, if it has one.
	return outputs{open: len(listOf(n, "column_name_alias")) == 0}
}

// values are the columns of VALUES.
func (r *rewriter) values(rows []any) outputs {
	var all outputs
	for i, row := range rows {
		list, _ := row.([]any)
		var found outputs
		for j, value := range list {
			found.columns = append(found.columns, output{name: fmt.Sprint("col", j), class: r.classify(value)})
		}
		if i == 0 {
			all = found
		} else {
			all = all.union(found)
		}
	}
	return all
}

// lambda rewrites a lambda, whose parameters hide columns.
func (r *rewriter) lambda(n node) error {
	parameters := []any{n["lhs"]}
	if left := nodeOf(n, "lhs"); textOf(left, "class") == "FUNCTION" {
		parameters = listOf(left, "children")
	}
	s := &scope{outer: r.scope, sources: make([]source, 1)}
	for _, parameter := range parameters {
		p, _ := parameter.(node)
		if names := listOf(p, "column_names"); len(names) == 1 {
			name, _ := names[0].(string)
			s.sources[0].columns = append(s.sources[0].columns, output{name: strings.ToLower(name)})
		}
	}
	r.scope = s
	defer func() { r.scope = s.outer }()
	return r.rewriteBut(n, "lhs")
}
