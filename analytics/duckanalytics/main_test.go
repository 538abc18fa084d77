package duckanalytics_test

import (
	"context"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/iotenant/iotenant/analytics/duckanalytics"
)

// workerArgument makes the test binary a worker.
const workerArgument = "-iotenant-sql-worker"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == workerArgument {
		if duckanalytics.Serve(context.Background(), os.Stdin, os.Stdout) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// workerCommand runs this test binary as a worker.
func workerCommand() []string {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return []string{self, workerArgument}
}
