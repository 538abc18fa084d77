package duckanalytics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/internal/wire"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
)

// ServeOptions change a worker.
type ServeOptions struct {
	// Unconfined: the worker sets no limits on its process. For a worker that
	// is a part of another program.
	Unconfined bool
}

// Serve is the work of a worker process: it answers the requests that a
// workeranalytics.Engine writes to its standard input until that ends.
//
//	func main() {
//		if err := duckanalytics.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
//			os.Exit(1)
//		}
//	}
//
// The process must end when Serve returns: a statement that can't be interrupted
// may still run. On Linux it limits its memory, processor time, files and core
// dumps as the engine tells it; elsewhere the limits are those of DuckDB, and
// that the engine kills it.
func Serve(ctx context.Context, r io.Reader, w io.Writer, optFns ...func(*ServeOptions)) error {
	var o ServeOptions
	for _, fn := range optFns {
		fn(&o)
	}
	if o.Unconfined {
		return serve(ctx, r, w, unlimited)
	}
	over, stop := outOfTime()
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, r, w, limits{process: limitProcess, statement: limitProcessor}) }()
	select {
	case err := <-ended:
		return err
	case <-over:
		// The statement may still answer.
		cancel(errOutOfTime)
		return errOutOfTime
	}
}

// limits are set by a worker on its process: once, and before each statement.
type limits struct {
	process, statement func(wire.Configuration) error
}

var unlimited = limits{
	process:   func(wire.Configuration) error { return nil },
	statement: func(wire.Configuration) error { return nil },
}

var errOutOfTime = fmt.Errorf("%w: out of processor time", analytics.ErrSQLLimit)

// NewInProcess returns an engine whose statements run in this process, for a
// Lambda that answers one at a time, or a user's own statements. They are
// checked, and locked in by DuckDB, as those of workeranalytics.New are, but
// there is no limit on the process: one that takes memory in an expression, such
// as repeat('x', 2000000000), takes it from the program, and one that can't be
// interrupted goes on after its call has ended. Options.Command and Start are
// not used.
func NewInProcess(lake workeranalytics.Lake, objects workeranalytics.Objects, optFns ...func(*workeranalytics.Options)) *workeranalytics.Engine {
	return workeranalytics.New(lake, objects, append(slices.Clone(optFns), func(o *workeranalytics.Options) { o.Start = startGoroutine })...)
}

func startGoroutine(ctx context.Context) (*workeranalytics.Worker, error) {
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	requestsOut, requestsIn := io.Pipe()
	answersOut, answersIn := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := serve(serving, requestsOut, answersIn, unlimited)
		if err == nil || errors.Is(err, context.Canceled) {
			err = io.EOF
		}
		answersIn.CloseWithError(err)
		requestsOut.CloseWithError(io.ErrClosedPipe)
	}()
	return &workeranalytics.Worker{Requests: requestsIn, Answers: answersOut, Kill: func() {
		cancel()
		requestsIn.CloseWithError(io.EOF)
		answersOut.CloseWithError(io.ErrClosedPipe)
	}, Wait: func() error {
		<-done
		return nil
	}}, nil
}
