//go:build !(cgo && !noduckdb && (linux || darwin || windows) && (amd64 || arm64) && !(windows && arm64))

package duckanalytics

import (
	"context"
	"io"

	"github.com/iotenant/iotenant/analytics/internal/wire"
)

// serve answers every request with iotenant.ErrUnsupported: DuckDB was not built
// in.
func serve(_ context.Context, r io.Reader, w io.Writer, _ limits) error {
	frames := wire.NewReader(r)
	for {
		switch _, _, err := frames.Next(); {
		case err == io.EOF: //nolint:errorlint // next returns it as it is
			return nil
		case err != nil:
			return err
		}
		if err := wire.WriteMessage(w, wire.KindError, wire.Failure{Kind: wire.FailUnsupported, Message: "DuckDB was not built in"}); err != nil {
			return err
		}
	}
}
