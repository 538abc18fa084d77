// Command sqlworker answers SQL for an engine of package workeranalytics, which
// starts it, speaks to it by its standard input and output, and ends it.
//
//	engine := workeranalytics.New(lake, objects, func(o *workeranalytics.Options) { o.Command = []string{"/usr/local/bin/sqlworker"} })
package main

import (
	"context"
	"os"

	"github.com/iotenant/iotenant/analytics/duckanalytics"
)

func main() {
	if err := duckanalytics.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
		os.Exit(1)
	}
}
