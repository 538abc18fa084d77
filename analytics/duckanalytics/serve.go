//go:build cgo && !noduckdb && (linux || darwin || windows) && (amd64 || arm64) && !(windows && arm64)

package duckanalytics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/internal/wire"
)

// worker answers the requests of an engine, one after the other.
type worker struct {
	config wire.Configuration
	parser parser
	// next is a database for the next statement, opened while there was
	// nothing to do.
	next *database
}

// fresh returns a database for one statement.
func (w *worker) fresh(ctx context.Context) (*database, error) {
	if db := w.next; db != nil {
		w.next = nil
		return db, nil
	}
	return openDatabase(ctx)
}

// serve answers requests until r ends. What still runs then is told to end and
// not waited for.
func serve(ctx context.Context, r io.Reader, w io.Writer, limits limits) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	requests := make(chan request)
	ended := make(chan error, 2)
	go func() {
		err := readRequests(ctx, r, requests)
		cancel()
		ended <- err
	}()
	go func() { ended <- answerRequests(ctx, requests, w, limits) }()
	err := <-ended
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

type request struct {
	kind    wire.Kind
	payload []byte
}

// readRequests notices the end of r also while a request is answered.
func readRequests(ctx context.Context, r io.Reader, to chan<- request) error {
	frames := wire.NewReader(r)
	for {
		kind, payload, err := frames.Next()
		if err != nil {
			return err
		}
		select {
		case to <- request{kind, append([]byte(nil), payload...)}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func answerRequests(ctx context.Context, requests <-chan request, out io.Writer, limits limits) error {
	w := &worker{}
	defer func() {
		for _, db := range []*database{w.parser.database, w.next} {
			if db != nil {
				db.close()
			}
		}
	}()
	for {
		select {
		case r := <-requests:
			if err := w.answerRequest(ctx, r, out, limits); err != nil {
				return err
			}
			if w.next == nil && w.parser.database != nil && r.kind == wire.KindRun {
				// An error comes again when it matters.
				w.next, _ = openDatabase(ctx)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// answerRequest returns an error only if the answer could not be written.
func (w *worker) answerRequest(ctx context.Context, r request, out io.Writer, limits limits) error {
	var err error
	switch {
	case r.kind == wire.KindConfigure:
		var content any
		if content, err = w.configure(ctx, r.payload, limits); err == nil {
			return wire.WriteMessage(out, wire.KindHello, content)
		}
	case w.parser.database == nil:
		err = fmt.Errorf("%w: no wire.Configuration", wire.ErrProtocol)
	case r.kind == wire.KindParse:
		var content wire.ParseRequest
		if err = json.Unmarshal(r.payload, &content); err != nil {
			break
		}
		var tables []wire.TableName
		if err = contained(func() (err error) {
			tables, err = w.parse(ctx, content)
			return err
		}); err == nil {
			return wire.WriteMessage(out, wire.KindTables, tables)
		}
	case r.kind == wire.KindRun:
		var content wire.RunRequest
		if err = json.Unmarshal(r.payload, &content); err != nil {
			break
		}
		if err = limits.statement(w.config); err != nil {
			break
		}
		if err = contained(func() error { return w.run(ctx, content, &answer{w: out}) }); err == nil {
			return wire.WriteFrame(out, wire.KindDone, nil)
		}
	default:
		err = fmt.Errorf("%w: %q", wire.ErrProtocol, r.kind)
	}
	return wire.WriteMessage(out, wire.KindError, failureOf(err))
}

// contained makes an error of a panic: a statement that is not understood costs
// the program nothing in which the worker may be a part.
func contained(work func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("%w: the engine can't read it", analytics.ErrSQL)
		}
	}()
	return work()
}

// configure sets limits before it opens anything.
func (w *worker) configure(ctx context.Context, payload []byte, limits limits) (wire.Hello, error) {
	if err := json.Unmarshal(payload, &w.config); err != nil {
		return wire.Hello{}, err
	}
	if w.config.Version != wire.Version {
		return wire.Hello{}, fmt.Errorf("%w: version %d, want %d", wire.ErrProtocol, w.config.Version, wire.Version)
	}
	db, err := openDatabase(ctx)
	if err != nil {
		return wire.Hello{}, err
	}
	w.parser = parser{db}
	if err := db.exec(ctx, "SET threads=1; SET enable_external_access=false; SET lock_configuration=true"); err != nil {
		return wire.Hello{}, err
	}
	if err := limits.process(w.config); err != nil {
		return wire.Hello{}, err
	}
	return wire.Hello{Version: wire.Version, PID: os.Getpid()}, nil
}

func failureOf(err error) wire.Failure {
	kind := wire.FailOther
	switch {
	case errors.Is(err, analytics.ErrSQL):
		kind = wire.FailSQL
	case errors.Is(err, analytics.ErrSQLLimit):
		kind = wire.FailLimit
	case errors.Is(err, analytics.ErrCorrupt):
		kind = wire.FailCorrupt
	}
	return wire.Failure{Kind: kind, Message: err.Error()}
}
