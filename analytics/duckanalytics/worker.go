package duckanalytics

import (
	"context"
	"io"
)

// ServeOptions change a worker.
type ServeOptions struct {
	// Unconfined: the worker sets no limits on its process. For a worker that
	// is a part of another program.
	Unconfined bool
}

// Serve is the work of a worker process: it answers the requests that an
// [Engine] writes to its standard input until that ends.
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
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, r, w, limits{process: limitProcess, statement: limitProcessor}) }()
	select {
	case err := <-ended:
		return err
	case <-over:
		return errBeyondLimit
	}
}

// limits are set by a worker on its process: once, and before each statement.
type limits struct{ process, statement func(configuration) error }

var unlimited = limits{
	process:   func(configuration) error { return nil },
	statement: func(configuration) error { return nil },
}
