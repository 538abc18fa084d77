package workeranalytics_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/internal/wire"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
	"github.com/iotenant/iotenant/tenant"
)

var (
	acme  = tenant.MustParseID("acme")
	other = tenant.MustParseID("acme-b")
	third = tenant.MustParseID("acme-c")
)

// Ways to end of a statement.
type ending int

const (
	well  ending = iota
	dying        // with its worker
	limit        // with its worker, by a limit
)

// stage is an engine with workers in this process, whose statements last until
// they are told how to end. It is used in a bubble of synctest.
type stage struct {
	t      *testing.T
	engine *workeranalytics.Engine
	// starting is called before a worker is started, if it is set.
	starting func(ctx context.Context) error
	// deaf workers don't answer their first message.
	deaf bool

	mu      sync.Mutex
	started int
	alive   int
	running map[string]chan ending
	ends    []func(ending) // end workers, in the order of their starts
}

func newStage(t *testing.T, optFns ...func(*workeranalytics.Options)) *stage {
	t.Helper()
	s := &stage{t: t, running: map[string]chan ending{}}
	s.engine = workeranalytics.New(noTables{}, nil, append([]func(*workeranalytics.Options){func(o *workeranalytics.Options) {
		o.Dir, o.Start = t.TempDir(), s.start
	}}, optFns...)...)
	t.Cleanup(func() {
		require.NoError(t, s.engine.Close())
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		require.Zero(t, s.alive, "workers are left")
	})
	return s
}

// noTables is a lake without any.
type noTables struct{}

func (noTables) Snapshot(context.Context, tenant.ID, analytics.TableID) (analytics.Snapshot, error) {
	panic("the lake is on fire")
}

func (s *stage) start(ctx context.Context) (*workeranalytics.Worker, error) {
	if s.starting != nil {
		if err := s.starting(ctx); err != nil {
			return nil, err
		}
	}
	requestsOut, requestsIn := io.Pipe()
	answersOut, answersIn := io.Pipe()
	end, done := make(chan ending, 1), make(chan struct{})
	how := well
	var once sync.Once
	kill := func(e ending) { once.Do(func() { end <- e; requestsIn.Close() }) }
	s.mu.Lock()
	s.started++
	s.alive++
	s.ends = append(s.ends, kill)
	s.mu.Unlock()
	go func() {
		defer close(done)
		how = s.serve(requestsOut, unlessEmpty{answersIn}, end)
		answersIn.Close()
		requestsOut.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.alive--
	}()
	return &workeranalytics.Worker{Requests: requestsIn, Answers: answersOut, Kill: func() { kill(dying); answersOut.Close() }, Wait: func() error {
		if <-done; how == limit {
			return analytics.ErrSQLLimit
		}
		return nil
	}}, nil
}

// unlessEmpty writes nothing where there is nothing, which an io.Pipe would wait
// with.
type unlessEmpty struct{ io.Writer }

func (w unlessEmpty) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	return w.Writer.Write(b)
}

// serve is the work of a worker. It returns how it ended.
func (s *stage) serve(requests io.Reader, answers io.Writer, end chan ending) ending {
	frames := wire.NewReader(requests)
	for {
		kind, payload, err := frames.Next()
		if err != nil {
			return <-end
		}
		switch kind {
		case wire.KindConfigure:
			if s.deaf {
				return <-end
			}
			err = wire.WriteMessage(answers, wire.KindHello, wire.Hello{Version: wire.Version})
		case wire.KindParse:
			var request wire.ParseRequest
			if err = json.Unmarshal(payload, &request); err != nil {
				break
			}
			tables := []wire.TableName{}
			if request.SQL == "a table" {
				tables = append(tables, wire.TableName{Name: "t"})
			}
			err = wire.WriteMessage(answers, wire.KindTables, tables)
		case wire.KindRun:
			var request wire.RunRequest
			if err = json.Unmarshal(payload, &request); err != nil {
				break
			}
			if how := s.perform(request.SQL, end); how != well {
				return how
			}
			err = writeAnswer(answers)
		}
		if err != nil {
			return dying
		}
	}
}

// perform runs a statement until it is told to end.
func (s *stage) perform(sql string, end chan ending) ending {
	told := make(chan ending)
	s.mu.Lock()
	s.running[sql] = told
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.running, sql)
	}()
	select {
	case how := <-told:
		return how
	case how := <-end:
		return how
	}
}

// writeAnswer writes two rows of one column, each on its own.
func writeAnswer(w io.Writer) error {
	if err := wire.WriteMessage(w, wire.KindColumns, []analytics.ResultColumn{{Name: "n", Type: "varchar"}}); err != nil {
		return err
	}
	for _, text := range []string{"1", "2"} {
		if err := wire.WriteFrame(w, wire.KindRows, wire.AppendField(nil, []byte(text), false)); err != nil {
			return err
		}
	}
	return wire.WriteFrame(w, wire.KindDone, nil)
}

// end tells a running statement how to end, and waits for what follows.
func (s *stage) end(sql string, how ending) {
	s.t.Helper()
	s.mu.Lock()
	told := s.running[sql]
	s.mu.Unlock()
	require.NotNil(s.t, told, "%s runs", sql)
	told <- how
	synctest.Wait()
}

// now returns the statements that run.
func (s *stage) now() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := []string{}
	for name := range s.running {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// call is a call of Query in the background.
type call struct {
	ended chan error
	err   error
	over  bool
}

// ask begins a statement and reads its rows.
func (s *stage) ask(ctx context.Context, id tenant.ID, sql string) *call {
	c := &call{ended: make(chan error, 1)}
	go func() { c.ended <- s.read(ctx, id, sql) }()
	synctest.Wait()
	return c
}

func (s *stage) read(ctx context.Context, id tenant.ID, sql string) error {
	result, err := s.engine.Query(ctx, id, statement(sql))
	if err != nil {
		return err
	}
	n := 0
	for _, err := range result.Rows {
		if err != nil {
			return err
		}
		n++
	}
	if n != 2 {
		return fmt.Errorf("%d rows", n)
	}
	return nil
}

// flood asks for so many statements.
func (s *stage) flood(ctx context.Context, id tenant.ID, n int) []*call {
	calls := make([]*call, n)
	for i := range calls {
		calls[i] = s.ask(ctx, id, fmt.Sprintf("%s %d", id, i))
	}
	return calls
}

func statement(sql string) analytics.Statement { return analytics.Statement{SQL: sql, Now: time.Now()} }

// waits reports whether a call has not ended.
func (c *call) waits() bool {
	if !c.over {
		select {
		case c.err = <-c.ended:
			c.over = true
		default:
		}
	}
	return !c.over
}
