// Command sqlworker answers SQL for an engine of package duckanalytics, which
// starts it, speaks to it by its standard input and output, and ends it.
//
//	engine := duckanalytics.New(lake, objects, func(o *duckanalytics.Options) { o.Command = []string{"/usr/local/bin/sqlworker"} })
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
