package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/duckanalytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
	"github.com/iotenant/iotenant/tenant"
)

// datasetFlags are those of the command dataset.
type datasetFlags struct {
	sql      string
	stores   []storeFile
	database string
	now      time.Time
	lastRun  time.Time
	offset   time.Duration
	timeout  time.Duration
	// expression is the time expression; empty: no window.
	expression string

	// cleaner does with a message what the service does before it stores one.
	cleaner *pipeline.Pipeline
	batch   pipeline.Batch
}

// storeFile is a file with the messages of a data store. It may be one of
// several tables of a data store: schema is the name before the dot.
type storeFile struct{ schema, name, file string }

// datasetTenant owns the data stores.
var datasetTenant = tenant.MustParseID("backtest")

func parseDatasetFlags(args []string, errOut io.Writer) (*datasetFlags, error) {
	f := &datasetFlags{}
	set := newFlagSet("dataset", errOut)
	set.StringVar(&f.sql, "sql", "", "`file` with the statement; - is standard input")
	set.Func("store", "`NAME=FILE.jsonl` of a data store, or SCHEMA.TABLE of one, and its messages, a JSON object per line; several may have one name", func(value string) error {
		name, file, ok := strings.Cut(value, "=")
		if !ok || name == "" || file == "" {
			return errors.New("want NAME=FILE.jsonl")
		}
		store := storeFile{name: name, file: file}
		if schema, table, dotted := strings.Cut(name, "."); dotted {
			if store.schema, store.name = strings.ToLower(schema), strings.ToLower(table); schema == "" || table == "" {
				return errors.New("want NAME=FILE.jsonl")
			}
		}
		f.stores = append(f.stores, store)
		return nil
	})
	set.StringVar(&f.database, "database", "", "`name` that alone may stand before those of data stores (default any)")
	set.Func("now", "`time` of the run (default now)", parseTime(&f.now))
	set.Func("last-run", "`time` of the run before it (default none)", parseTime(&f.lastRun))
	set.DurationVar(&f.timeout, "timeout", 5*time.Minute, "`duration` after which the statement is given up")
	set.Func("delta", "`OFFSET_SECONDS,TIME_EXPRESSION` of a deltaTime filter", f.parseDelta)
	if err := parse(set, args); err != nil {
		return nil, err
	}
	switch {
	case f.sql == "":
		return nil, errors.New("-sql is missing")
	case len(f.stores) == 0:
		return nil, errors.New("-store is missing")
	case f.timeout <= 0:
		return nil, errors.New("-timeout is not positive")
	}
	if f.now.IsZero() {
		f.now = time.Now()
	}
	return f, nil
}

func (f *datasetFlags) parseDelta(value string) error {
	offset, expression, ok := strings.Cut(value, ",")
	seconds, err := strconv.ParseInt(strings.TrimSpace(offset), 10, 32)
	if !ok || err != nil || strings.TrimSpace(expression) == "" {
		return errors.New("want OFFSET_SECONDS,TIME_EXPRESSION")
	}
	f.offset, f.expression = time.Duration(seconds)*time.Second, expression
	return nil
}

// run prints what the statement answers, as CSV.
func (f *datasetFlags) run(ctx context.Context, in io.Reader, out, errOut io.Writer) error {
	statement, err := f.statement(in)
	if err != nil {
		return err
	}
	if f.cleaner, err = pipeline.Load([]byte(storing)); err != nil {
		return err
	}
	objects := memanalytics.NewObjects()
	lake := lakeanalytics.New(objects, tenant.RandomCursorKeys())
	bad := 0
	for _, store := range f.stores {
		n, err := f.load(ctx, lake, store, errOut)
		if err != nil {
			return err
		}
		bad += n
	}
	engine := duckanalytics.NewInProcess(lake, objects, func(o *workeranalytics.Options) {
		o.Database, o.Resolve, o.Timeout = f.database, f.resolve, f.timeout
	})
	defer engine.Close()
	if err := answer(ctx, engine, statement, out); err != nil {
		if kind := iotenant.KindOf(err); kind == iotenant.ErrInvalid || kind == iotenant.ErrNotFound {
			fmt.Fprintf(errOut, "%s: %v\n", f.sql, err)
			return errStatement
		}
		return err
	}
	if bad > 0 {
		return fmt.Errorf("%w: %d", errLines, bad)
	}
	return nil
}

// errStatement: the statement has errors, which have been printed.
var errStatement = errors.New("the statement has errors")

func answer(ctx context.Context, engine analytics.Engine, statement analytics.Statement, out io.Writer) error {
	result, err := engine.Query(ctx, datasetTenant, statement)
	if err != nil {
		return err
	}
	return analytics.WriteCSV(out, result)
}

func (f *datasetFlags) statement(in io.Reader) (analytics.Statement, error) {
	statement := analytics.Statement{Now: f.now}
	data, err := readInput(f.sql, in)
	if err != nil {
		return statement, err
	}
	statement.SQL = string(bytes.TrimPrefix(data, []byte("\ufeff")))
	if f.expression == "" {
		return statement, nil
	}
	statement.Delta = &analytics.Delta{TimeExpression: f.expression, To: f.now.Add(f.offset)}
	if !f.lastRun.IsZero() {
		statement.Delta.From = f.lastRun.Add(f.offset)
	}
	return statement, nil
}

func readInput(name string, in io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(name)
}

// inLake is the name of a data store in the lake, where names have no dots.
func (f *datasetFlags) inLake(store storeFile) string {
	if store.schema == "" {
		return store.name
	}
	first := slices.IndexFunc(f.stores, func(s storeFile) bool { return s.schema == store.schema && s.name == store.name })
	name := fmt.Sprint("dotted", first)
	for slices.ContainsFunc(f.stores, func(s storeFile) bool { return s.schema == "" && strings.EqualFold(s.name, name) }) {
		name += "_"
	}
	return name
}

// resolve finds the data store of a name with another before it: the one that
// was given with both, else any of its name, since all are the user's own.
func (f *datasetFlags) resolve(schema, table string) string {
	for _, store := range f.stores {
		if store.schema == schema && store.name == table {
			return f.inLake(store)
		}
	}
	if f.database != "" {
		return ""
	}
	for _, store := range f.stores {
		if strings.EqualFold(store.name, table) {
			return f.inLake(store)
		}
	}
	return ""
}

// load puts the lines of a file into a data store of JSON, as if they had come
// now, or on the day that a line has as __dt. It returns how many could not be
// read.
func (f *datasetFlags) load(ctx context.Context, lake analytics.Lake, store storeFile, errOut io.Writer) (bad int, err error) {
	table := analytics.Table{TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: f.inLake(store)}, Format: pipeline.FormatJSON}
	if err := lake.Declare(ctx, datasetTenant, table); err != nil {
		return 0, err
	}
	data, err := os.ReadFile(store.file)
	if err != nil {
		return 0, err
	}
	var rows []analytics.Row
	number, size := 0, 0
	for line := range bytes.Lines(bytes.TrimPrefix(data, []byte("\ufeff"))) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if line[0] != '{' || !json.Valid(line) || len(line) > analytics.MaxRow {
			fmt.Fprintf(errOut, "%s:%d: no JSON object of at most %d bytes\n", store.file, number, analytics.MaxRow)
			bad++
			continue
		}
		day, err := dayOf(line, f.now)
		if err != nil {
			fmt.Fprintf(errOut, "%s:%d: %v\n", store.file, number, err)
			bad++
			continue
		}
		if line, err = f.clean(ctx, line, store.file, number, errOut); err != nil {
			return bad, err
		}
		if line == nil {
			continue
		}
		if len(rows) == analytics.MaxRows || size+len(line) > analytics.MaxAppend/2 {
			if _, err := lake.Append(ctx, datasetTenant, table.TableID, rows); err != nil {
				return bad, err
			}
			rows, size = rows[:0], 0
		}
		rows, size = append(rows, analytics.Row{At: day, Payload: line}), size+len(line)
	}
	if len(rows) > 0 {
		_, err = lake.Append(ctx, datasetTenant, table.TableID, rows)
	}
	return bad, err
}

// dayOf returns when a line came: on the day of its __dt, as a query of a data
// store printed it, else now.
func dayOf(line []byte, now time.Time) (time.Time, error) {
	if !bytes.Contains(line, []byte(`"__dt"`)) {
		return now, nil
	}
	var dated struct {
		Day string `json:"__dt"`
	}
	if err := json.Unmarshal(line, &dated); err != nil {
		return time.Time{}, errors.New("__dt: want a day such as 2026-01-10")
	}
	if dated.Day == "" {
		return now, nil
	}
	day, _, _ := strings.Cut(dated.Day, " ")
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return time.Time{}, errors.New("__dt: want a day such as 2026-01-10")
	}
	return at, nil
}

// storing is a pipeline that only stores.
const storing = `{"pipelineName":"p","pipelineActivities":[
	{"channel":{"name":"c","channelName":"c","next":"d"}},{"datastore":{"name":"d","datastoreName":"d"}}]}`

// clean returns a message as it is stored: without the fields that a data store
// can't have, nil if there are no others.
func (f *datasetFlags) clean(ctx context.Context, line []byte, file string, number int, errOut io.Writer) ([]byte, error) {
	if err := f.cleaner.Run(ctx, &pipeline.Environment{}, &f.batch, [][]byte{line}); err != nil {
		return nil, err
	}
	told := bytes.Contains(line, []byte(`"__dt"`)) // which is no field, but the day
	for _, event := range f.batch.Events() {
		if told && event.Reason == pipeline.InvalidField {
			told = false
			continue
		}
		if event.Reason == pipeline.InvalidField || event.Reason == pipeline.DuplicateField {
			fmt.Fprintf(errOut, "%s:%d: a field was left out: %s\n", file, number, event.Reason)
		}
	}
	if f.batch.Len() == 0 {
		return nil, nil
	}
	return f.batch.At(0).AppendJSON(nil), nil
}
