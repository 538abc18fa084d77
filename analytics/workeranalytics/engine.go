package workeranalytics

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/internal/wire"
	"github.com/iotenant/iotenant/tenant"
)

// Lake says which files a data store consists of. An analytics.Lake does.
type Lake interface {
	Snapshot(ctx context.Context, id tenant.ID, table analytics.TableID) (analytics.Snapshot, error)
}

// Objects opens the files. An analytics.Objects does.
type Objects interface {
	Open(ctx context.Context, id tenant.ID, name string) (analytics.Object, error)
}

// Options change an engine. The zero value of a member is its default.
type Options struct {
	// Command is the program of a worker process and its arguments. It calls
	// duckanalytics.Serve.
	Command []string
	// Start starts a worker in place of Command, such as one in this process,
	// see duckanalytics.NewInProcess, or on another machine that sees the same
	// files.
	Start func(ctx context.Context) (*Worker, error)
	// Dir is where files for statements are kept while they run, and the
	// links to those that are on this machine: the folder for temporary files.
	Dir string
	// Processes is how many statements run at a time: 2. Those beyond wait;
	// tenants take turns, so that each is next soon, however many statements of
	// another wait.
	Processes int
	// PerTenant is how many statements of a tenant run at a time: all Processes
	// but one, and at least one. So slow statements of one tenant leave a
	// process to the others. Where there is one tenant, set it to Processes. A
	// statement runs until its result is closed or read to the end.
	PerTenant int
	// Queue is how many further statements of a tenant may wait: 64. Beyond
	// them a call fails at once with analytics.ErrSQLBusy.
	Queue int
	// Wait is how long a statement waits for its turn: 1 minute. Then it fails
	// with analytics.ErrSQLBusy. It is also the time in which a worker must
	// have started.
	Wait time.Duration
	// Memory is what a statement may take of it, in bytes: 512 MiB. A worker
	// process may take the double of it, and 512 MiB, of address space.
	Memory int64
	// Threads are those of a statement: 2.
	Threads int
	// CPU is the processor time of a statement: 2 minutes.
	CPU time.Duration
	// Timeout is the time of a statement from when it has a worker to its last
	// row: 5 minutes. Then its process is for others.
	Timeout time.Duration
	// MaxResultBytes bounds the text of a result: 1 GiB.
	MaxResultBytes int64
	// TempSpace is what a statement may write to disk when it needs more than
	// Memory, in bytes: 0, which is nothing.
	TempSpace int64
	// SampleRows is how many lines of a data store of JSON its columns are
	// inferred from: 10,000.
	SampleRows int
	// Database is a name that may stand before that of a data store, for
	// statements that were written for Amazon Athena: none.
	Database string
	// Resolve says which data store of the tenant a table with a name before it,
	// such as telemetry.raw, stands for: "" for none. Default: what Database says.
	Resolve func(schema, table string) string
	// AllowWith allows WITH, which the service refused.
	AllowWith bool
	// MaxFiles bounds the files of a statement: 100,000.
	MaxFiles int
}

func (o *Options) setDefaults() {
	setDefault(&o.Processes, 2)
	setDefault(&o.PerTenant, max(1, o.Processes-1))
	setDefault(&o.Queue, 64)
	setDefault(&o.Wait, time.Minute)
	setDefault(&o.Memory, 512<<20)
	setDefault(&o.Threads, 2)
	setDefault(&o.CPU, 2*time.Minute)
	setDefault(&o.Timeout, 5*time.Minute)
	setDefault(&o.MaxResultBytes, 1<<30)
	setDefault(&o.SampleRows, 10_000)
	setDefault(&o.MaxFiles, 100_000)
	if o.Start == nil {
		command := o.Command
		o.Start = func(ctx context.Context) (*Worker, error) { return startProcess(ctx, command) }
	}
}

func setDefault[T int | int64 | time.Duration](to *T, value T) {
	if *to <= 0 {
		*to = value
	}
}

// Engine is an analytics.Engine. All methods may be called concurrently.
type Engine struct {
	lake    Lake
	objects Objects
	options Options
	pool    *pool
}

var _ analytics.Engine = (*Engine)(nil)

// New returns an engine whose statements run in processes of Options.Command.
// They are started when they are needed; Close ends them. Without a command, or
// without DuckDB in it, all calls fail with kind iotenant.ErrUnsupported.
func New(lake Lake, objects Objects, optFns ...func(*Options)) *Engine {
	e := &Engine{lake: lake, objects: objects}
	for _, fn := range optFns {
		fn(&e.options)
	}
	e.options.setDefaults()
	e.pool = newPool(newTurns(&e.options), e.options.Wait, func(ctx context.Context) (*conversation, error) {
		return meet(ctx, e.options.Start, e.configuration())
	})
	return e
}

// Close ends all workers, also those whose statements run: these fail. Calls
// that wait for their turn or for a worker to start, and calls after it, fail
// with analytics.ErrClosed.
func (e *Engine) Close() error { return e.pool.close() }

func (e *Engine) configuration() wire.Configuration {
	return wire.Configuration{
		Version: wire.Version, Memory: e.options.Memory, Threads: e.options.Threads, TempSpace: e.options.TempSpace,
		CPU: e.options.CPU, With: e.options.AllowWith, SampleRows: e.options.SampleRows,
	}
}

// Query implements analytics.Engine. Name a data store that is missing, and the
// error is analytics.ErrNoTable. analytics.ErrSQLBusy: it was not its turn within
// Options.Wait, or Options.Queue statements of the tenant wait.
func (e *Engine) Query(ctx context.Context, id tenant.ID, statement analytics.Statement) (*analytics.Result, error) {
	if _, err := tenant.ParseID(id.String()); err != nil {
		return nil, err
	}
	if err := check(statement); err != nil {
		return nil, err
	}
	worker, err := e.pool.take(ctx, id)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, e.options.Timeout, errTimeout)
	worker.watch(ctx)
	run := &run{engine: e, id: id, statement: statement, cancel: cancel, worker: worker}
	var result *analytics.Result
	defer func() {
		if result == nil { // also if the lake panics
			run.end()
		}
	}()
	if result, err = run.start(ctx); err != nil {
		return nil, ended(ctx, err)
	}
	return result, nil
}

var errTimeout = errors.New("timeout")

// ended tells the end of the caller's context, and that of the time limit, from
// other errors.
func ended(ctx context.Context, err error) error {
	switch {
	case ctx.Err() == nil:
		return err
	case errors.Is(context.Cause(ctx), errTimeout):
		return fmt.Errorf("%w: out of time", analytics.ErrSQLLimit)
	}
	return ctx.Err()
}

func check(s analytics.Statement) error {
	switch {
	case strings.TrimSpace(s.SQL) == "":
		return fmt.Errorf("%w: it is empty", analytics.ErrSQL)
	case len(s.SQL) > analytics.MaxSQL:
		return fmt.Errorf("%w: %d bytes, want at most %d", analytics.ErrSQL, len(s.SQL), analytics.MaxSQL)
	case s.Now.IsZero():
		return fmt.Errorf("%w: it has no Now", analytics.ErrSQL)
	case s.Delta != nil && (strings.TrimSpace(s.Delta.TimeExpression) == "" || len(s.Delta.TimeExpression) > analytics.MaxSQL):
		return fmt.Errorf("%w: a time expression of %d bytes", analytics.ErrSQL, len(s.Delta.TimeExpression))
	case s.Delta != nil && !s.Delta.To.IsZero() && s.Delta.To.Before(s.Delta.From):
		return fmt.Errorf("%w: a window that ends before it begins", analytics.ErrSQL)
	}
	return nil
}

// run is one call of Query, until its result is closed.
type run struct {
	engine    *Engine
	id        tenant.ID
	statement analytics.Statement
	cancel    context.CancelFunc

	worker *lease
	files  *files
	once   sync.Once
}

// start goes as far as the columns of the result.
func (r *run) start(ctx context.Context) (*analytics.Result, error) {
	request := wire.ParseRequest{SQL: r.statement.SQL}
	if r.statement.Delta != nil {
		request.TimeExpression = r.statement.Delta.TimeExpression
	}
	names, err := r.parse(ctx, request)
	if err != nil {
		return nil, err
	}
	if r.files, err = newFiles(r.engine.options.Dir); err != nil {
		return nil, err
	}
	run := wire.RunRequest{ParseRequest: request, Now: r.statement.Now}
	if r.statement.Delta != nil {
		run.From, run.To = r.statement.Delta.From, r.statement.Delta.To
	}
	if run.Tables, err = r.tables(ctx, names); err != nil {
		return nil, err
	}
	columns, err := r.worker.run(run)
	if err != nil {
		return nil, err
	}
	return &analytics.Result{Columns: columns, Rows: r.rows(ctx, len(columns)), Close: r.close}, nil
}

// parse asks for the names of the tables. A worker that ends at that, and was there
// before, is replaced: it may have ended of what it did for another tenant.
func (r *run) parse(ctx context.Context, request wire.ParseRequest) ([]wire.TableName, error) {
	names, err := r.worker.parse(request)
	if err == nil || !r.worker.dead || !r.worker.used {
		return names, err
	}
	if err := r.worker.renew(ctx); err != nil {
		return nil, err
	}
	return r.worker.parse(request)
}

// tables resolves the names to the tenant's data stores.
func (r *run) tables(ctx context.Context, names []wire.TableName) ([]wire.TableSource, error) {
	var all []wire.TableSource
	budget := r.engine.options.MaxFiles
	for _, name := range names {
		datastore := r.engine.options.datastore(name)
		if datastore == "" {
			return nil, noTable(name)
		}
		snapshot, err := r.engine.lake.Snapshot(ctx, r.id, analytics.TableID{Kind: analytics.DatastoreTable, Name: datastore})
		switch {
		case errors.Is(err, iotenant.ErrNotFound), errors.Is(err, iotenant.ErrInvalid):
			return nil, noTable(name)
		case err != nil:
			return nil, err
		}
		if budget -= len(snapshot.Files); budget < 0 {
			return nil, fmt.Errorf("%w: more than %d files", analytics.ErrSQLLimit, r.engine.options.MaxFiles)
		}
		table, err := r.source(ctx, name, snapshot)
		if err != nil {
			return nil, err
		}
		all = append(all, table)
	}
	return all, nil
}

// datastore is the data store that a name stands for, if it may.
func (o *Options) datastore(name wire.TableName) string {
	switch {
	case name.Schema == "", o.Database != "" && strings.EqualFold(name.Schema, o.Database):
		return name.Name
	case o.Resolve != nil:
		return o.Resolve(name.Schema, name.Name)
	}
	return ""
}

// open opens a file of the tenant, whatever the lake says.
func (r *run) open(ctx context.Context, name string) (analytics.Object, error) {
	return r.engine.objects.Open(ctx, r.id, name)
}

func noTable(name wire.TableName) error { return fmt.Errorf("%w: %q", analytics.ErrNoTable, name) }

// rows reads the result. It can be ranged over once.
func (r *run) rows(ctx context.Context, columns int) func(func([]analytics.Field, error) bool) {
	return func(yield func([]analytics.Field, error) bool) {
		left := r.engine.options.MaxResultBytes
		row := make([]analytics.Field, columns)
		for {
			frame, done, err := r.worker.rows()
			payload := string(frame)
			if done && err == nil {
				r.end()
				return
			}
			for err == nil && len(payload) > 0 {
				size := len(payload)
				if payload, err = wire.ReadRow(payload, row); err != nil {
					break
				}
				if left -= int64(size - len(payload)); left < 0 {
					err = fmt.Errorf("%w: a result of more than %d bytes", analytics.ErrSQLLimit, r.engine.options.MaxResultBytes)
					break
				}
				if !yield(row, nil) {
					r.end()
					return
				}
			}
			if err != nil {
				err = ended(ctx, err)
				r.end()
				yield(nil, err)
				return
			}
		}
	}
}

func (r *run) close() error {
	r.end()
	return nil
}

// end gives the worker back.
func (r *run) end() {
	r.once.Do(func() {
		r.worker.give()
		r.cancel()
		if r.files != nil {
			r.files.remove()
		}
	})
}
