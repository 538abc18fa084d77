//go:build !(cgo && !noduckdb && (linux || darwin || windows) && (amd64 || arm64) && !(windows && arm64))

package duckanalytics_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics/duckanalytics"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
)

const built = false

func TestUnsupported(t *testing.T) {
	t.Parallel()
	l := newLake()
	inProcess := duckanalytics.NewInProcess(l, l)
	workers := workeranalytics.New(l, l, func(o *workeranalytics.Options) { o.Command = workerCommand() })
	for _, engine := range []*workeranalytics.Engine{inProcess, workers} {
		_, err := ask(t, engine, acme, "SELECT 1")
		require.ErrorIs(t, err, iotenant.ErrUnsupported)
		require.NoError(t, engine.Close())
	}
}
