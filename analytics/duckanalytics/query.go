//go:build cgo && !noduckdb && (linux || darwin || windows) && (amd64 || arm64) && !(windows && arm64)

package duckanalytics

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/internal/wire"
)

// parse returns the tables of a statement that has passed the gate.
func (w *worker) parse(ctx context.Context, request wire.ParseRequest) ([]wire.TableName, error) {
	_, tables, err := w.read(ctx, request.SQL)
	if err != nil {
		return nil, err
	}
	if request.TimeExpression != "" {
		if _, err := w.readExpression(ctx, request.TimeExpression); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

// read parses a statement as it was written.
func (w *worker) read(ctx context.Context, sql string) (node, []wire.TableName, error) {
	translated, err := translate(sql)
	if err != nil {
		return nil, nil, err
	}
	tree, err := w.parser.tree(ctx, translated)
	if err != nil {
		return nil, nil, err
	}
	g := gate{functions: mayBeWritten, with: w.config.With, written: true}
	if err := g.check(tree); err != nil {
		return nil, nil, err
	}
	return tree, g.stores(), nil
}

// readExpression parses a time expression: an expression without a query of
// its own.
func (w *worker) readExpression(ctx context.Context, expression string) (any, error) {
	tree, tables, err := w.read(ctx, "SELECT "+expression+"\n")
	if err != nil {
		return nil, fmt.Errorf("time expression: %w", err)
	}
	query := nodeOf(tree, "node")
	items := listOf(query, "select_list")
	plain := textOf(query, "type") == "SELECT_NODE" && len(items) == 1 && len(tables) == 0 && len(listOf(query, "modifiers")) == 0 &&
		textOf(nodeOf(query, "from_table"), "type") == "EMPTY" && query["where_clause"] == nil && query["having"] == nil && query["qualify"] == nil &&
		len(listOf(query, "group_expressions")) == 0 && classOf(items[0]) != "STAR" && !holdsQuery(items[0])
	if !plain {
		return nil, fmt.Errorf("%w: the time expression is not an expression", analytics.ErrSQL)
	}
	item, _ := items[0].(node)
	item["alias"] = ""
	return item, nil
}

func holdsQuery(v any) bool {
	switch v := v.(type) {
	case node:
		if v["class"] == "SUBQUERY" || v["class"] == "WINDOW" {
			return true
		}
		for _, child := range v {
			if holdsQuery(child) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, holdsQuery)
	}
	return false
}

// write turns a rewritten statement into SQL, and looks at what DuckDB will
// read there once more.
func (w *worker) write(ctx context.Context, tree node) (string, error) {
	if nodes, expanded := weigh(tree); expanded-nodes > maxExpanded {
		return "", errNested
	}
	sql, err := w.parser.sql(ctx, tree)
	if err != nil {
		return "", fmt.Errorf("%w: %s", analytics.ErrSQL, firstLine(err.Error()))
	}
	again, err := w.parser.tree(ctx, sql)
	if err != nil {
		return "", err
	}
	g := gate{functions: mayBeCalled, with: w.config.With}
	return sql, g.check(again)
}

// run answers a statement. It calls columns once and rows as often as needed.
func (w *worker) run(ctx context.Context, request wire.RunRequest, answer *answer) error {
	tree, _, err := w.read(ctx, request.SQL)
	if err != nil {
		return err
	}
	db, err := w.fresh(ctx)
	if err != nil {
		return err
	}
	defer db.close()
	tables, err := tablesOf(request.Tables)
	if err != nil {
		return err
	}
	q := query{worker: w, db: db, request: request, tables: tables, rewriter: &rewriter{now: request.Now, macros: map[string]bool{}}}
	if err := q.prepare(ctx); err != nil {
		return q.explain(ctx, err)
	}
	sql, err := q.rewritten(ctx, tree)
	if err != nil {
		return err
	}
	if err := q.lock(ctx); err != nil {
		return q.explain(ctx, err)
	}
	if q.rewriter.guessed && q.db.bind(ctx, sql) != nil {
		if sql, err = q.guessedAgain(ctx, tree); err != nil {
			return q.explain(ctx, err)
		}
	}
	return q.explain(ctx, q.answer(ctx, sql, answer))
}

// rewritten leaves the tree as it is.
func (q *query) rewritten(ctx context.Context, tree node) (string, error) {
	copied, _ := clone(tree).(node)
	copied, err := q.rewriter.statement(copied)
	if err != nil {
		return "", err
	}
	return q.write(ctx, copied)
}

// guessedAgain takes what is unknown for a map.
func (q *query) guessedAgain(ctx context.Context, tree node) (string, error) {
	q.rewriter.guessMaps = true
	sql, err := q.rewritten(ctx, tree)
	if err != nil {
		return "", err
	}
	return sql, q.createMacros(ctx)
}

// query is a statement on a database of its own.
type query struct {
	*worker
	db       *database
	request  wire.RunRequest
	tables   []table
	rewriter *rewriter
}

// prepare limits the database, and makes the views that the statement reads.
func (q *query) prepare(ctx context.Context) error {
	if err := q.db.exec(ctx, q.settings()); err != nil {
		return err
	}
	q.rewriter.tables = make(map[wire.TableName]outputs, len(q.tables))
	for _, table := range q.tables {
		view, columns, err := q.view(ctx, table)
		if err != nil {
			return err
		}
		for _, c := range columns {
			q.rewriter.know(c.Name)
			q.rewriter.knowFields(c.Type)
		}
		q.rewriter.tables[table.TableName] = outputsOf(columns)
		if err := q.create(ctx, table.TableName, view); err == nil {
			continue
		} else if table.JSON {
			return err
		}
		// A column that no file has yet is the usual cause.
		found, err := q.inFiles(ctx, table)
		if err != nil {
			return err
		}
		view, _ = table.parquetView(found)
		if err := q.create(ctx, table.TableName, view); err != nil {
			return err
		}
	}
	return q.filter(ctx)
}

// settings come in an order that matters: a folder for temporary files would be
// open to statements, and some can't be set once access is off.
func (q *query) settings() string {
	var allowed []string
	for _, table := range q.tables {
		for _, file := range append(table.everyFile(), table.Allowed...) {
			allowed = append(allowed, quoteText(file))
		}
	}
	c := q.config
	statements := []string{
		"SET temp_directory=" + quoteText(c.TempDir),
		"SET allow_persistent_secrets=false",
		"SET autoinstall_known_extensions=false",
		"SET autoload_known_extensions=false",
		"SET allow_community_extensions=false",
		"SET enable_logging=false",
		fmt.Sprintf("SET memory_limit='%dB'", c.Memory),
		fmt.Sprintf("SET threads=%d", c.Threads),
		"SET TimeZone='UTC'",
		"SET Calendar='gregorian'",
		"SET errors_as_json=false",
		"SET parquet_metadata_cache=true",
		"SET default_null_order='NULLS LAST'",
		"SET allowed_paths=[" + strings.Join(allowed, ", ") + "]",
		"SET enable_external_access=false",
	}
	if c.TempSpace > 0 {
		statements = append([]string{fmt.Sprintf("SET max_temp_directory_size='%dB'", c.TempSpace)}, statements...)
	}
	return strings.Join(statements, ";\n")
}

// view is what a table reads.
func (q *query) view(ctx context.Context, t table) (string, []wire.Column, error) {
	if t.JSON {
		found, err := q.sample(ctx, t)
		if err != nil {
			return "", nil, err
		}
		view, columns := t.jsonView(found)
		return view, columns, nil
	}
	view, columns := t.parquetView(nil)
	return view, columns, nil
}

// inFiles are the columns that the files of a table of Parquet have.
func (q *query) inFiles(ctx context.Context, table table) (map[string]bool, error) {
	found := map[string]bool{}
	for _, p := range table.parts() {
		columns, err := q.db.columnTypes(ctx, "SELECT * FROM "+p.parquet()+" LIMIT 0")
		if err != nil {
			return nil, err
		}
		for _, c := range columns {
			found[strings.ToLower(c.Name)] = true
		}
	}
	return found, nil
}

// maxSampleFiles bounds how many files are sampled.
const maxSampleFiles = 64

// sample infers the columns of JSON lines from lines of files spread over the
// table, the last among them.
func (q *query) sample(ctx context.Context, t table) (*jsonType, error) {
	found := &jsonType{kind: jsonObject}
	files := spread(t.everyFile(), maxSampleFiles)
	for _, file := range files {
		sql := fmt.Sprintf("SELECT CAST(json AS VARCHAR) FROM %s LIMIT %d", part{files: []string{file}}.objects(), max(q.config.SampleRows/len(files), 1))
		err := q.db.texts(ctx, sql, func(line string) error {
			if err := found.observe([]byte(line)); err != nil {
				return fmt.Errorf("%w: data store %s: a line is no JSON", analytics.ErrCorrupt, t.TableName)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// spread chooses at most n of all, evenly, with the first and the last.
func spread(all []string, n int) []string {
	if len(all) <= n {
		return all
	}
	chosen := make([]string, n)
	for i := range chosen {
		chosen[i] = all[i*(len(all)-1)/(n-1)]
	}
	return chosen
}

// baseSchema holds the views on files, where those of the delta window read.
const baseSchema = "_base"

func (q *query) create(ctx context.Context, table wire.TableName, view string) error {
	sql := ""
	if table.Schema != "" {
		sql = "CREATE SCHEMA IF NOT EXISTS " + quoteName(table.Schema) + ";"
	}
	if q.request.TimeExpression == "" {
		return q.db.exec(ctx, sql+"CREATE VIEW "+quoted(table)+" AS "+view)
	}
	return q.db.exec(ctx, sql+"CREATE SCHEMA IF NOT EXISTS "+baseSchema+"; CREATE VIEW "+base(table)+" AS "+view)
}

// quoted is the name of a table in SQL, and base that of the view on its files.
func quoted(t wire.TableName) string {
	if t.Schema == "" {
		return quoteName(t.Name)
	}
	return quoteName(t.Schema) + "." + quoteName(t.Name)
}

func base(t wire.TableName) string { return baseSchema + "." + quoteName(t.String()) }

// filter puts the delta window before the statement. A data store without files
// has no rows in it, whatever columns it may get.
func (q *query) filter(ctx context.Context) error {
	if q.request.TimeExpression == "" {
		return nil
	}
	expression, err := q.readExpression(ctx, q.request.TimeExpression)
	if err != nil {
		return err
	}
	for _, table := range q.tables {
		condition := "false"
		if len(table.everyFile()) > 0 {
			if condition, err = q.condition(ctx, table, clone(expression)); err != nil {
				return err
			}
		}
		sql := fmt.Sprintf("CREATE VIEW %s AS SELECT * FROM %s AS %s WHERE %s", quoted(table.TableName), base(table.TableName), quoteName(table.Name), condition)
		if err := q.db.exec(ctx, sql); err != nil {
			return q.inExpression(table, err)
		}
	}
	return nil
}

// inExpression names the data store of which a time expression is wrong.
func (q *query) inExpression(table table, err error) error {
	if known, ok := errors.AsType[*duckdb.Error](err); ok && known.Type == duckdb.ErrorTypeBinder {
		return fmt.Errorf("%w: time expression: data store %s: %s", analytics.ErrSQL, table.TableName, q.scrub(known.Msg))
	}
	return err
}

// condition says that the time of a row of a table is in the window.
func (q *query) condition(ctx context.Context, table table, expression any) (string, error) {
	q.rewriter.scope = &scope{sources: []source{{table.Name, q.rewriter.tables[table.TableName]}}}
	at, err := q.rewriter.rewrite(expression)
	q.rewriter.scope = nil
	if err != nil {
		return "", err
	}
	if err := q.createMacros(ctx); err != nil {
		return "", err
	}
	tree, _, err := q.read(ctx, "SELECT 1")
	if err != nil {
		return "", err
	}
	query := nodeOf(tree, "node")
	query["select_list"] = []any{q.rewriter.withoutZone(at)}
	sql, err := q.write(ctx, tree)
	if err != nil {
		return "", err
	}
	at0 := "(" + strings.TrimPrefix(sql, "SELECT ") + ")"
	var parts []string
	if !q.request.From.IsZero() {
		parts = append(parts, at0+" >= "+timestamp(q.request.From))
	}
	if !q.request.To.IsZero() {
		parts = append(parts, at0+" < "+timestamp(q.request.To))
	}
	if len(parts) == 0 {
		return "true", nil
	}
	return strings.Join(parts, " AND "), nil
}

func timestamp(at time.Time) string {
	return "TIMESTAMP " + quoteText(at.UTC().Format("2006-01-02 15:04:05.000000"))
}

func (q *query) createMacros(ctx context.Context) error {
	for name := range q.rewriter.macros {
		if err := q.db.exec(ctx, "CREATE OR REPLACE MACRO "+name+macros[name]); err != nil {
			return err
		}
	}
	return nil
}

// lock is the last thing before the statement.
func (q *query) lock(ctx context.Context) error {
	if err := q.createMacros(ctx); err != nil {
		return err
	}
	return q.db.exec(ctx, "SET lock_configuration=true")
}
