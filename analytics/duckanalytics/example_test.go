//go:build cgo && !noduckdb && (linux || darwin || windows) && (amd64 || arm64) && !(windows && arm64)

package duckanalytics_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/duckanalytics"
	"github.com/iotenant/iotenant/analytics/pipeline"
)

func ExampleNewInProcess() {
	ctx := context.Background()
	l := exampleLake(ctx)
	engine := duckanalytics.NewInProcess(l, l)
	defer engine.Close()

	result, err := engine.Query(ctx, acme, analytics.Statement{SQL: "SELECT deviceId, avg(temperature) AS mean FROM telemetry GROUP BY deviceId", Now: time.Now()})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(analytics.WriteCSV(os.Stdout, result))
	// Output:
	// "deviceid","mean"
	// "pump","21.5"
	// <nil>
}

func ExampleNew() {
	ctx := context.Background()
	l := exampleLake(ctx)
	engine := duckanalytics.New(l, l, func(o *duckanalytics.Options) {
		o.Command = workerCommand() // a program that calls Serve
		o.Memory = 256 << 20
	})
	defer engine.Close()

	_, err := engine.Query(ctx, acme, analytics.Statement{SQL: "SELECT * FROM read_csv('/etc/passwd')", Now: time.Now()})
	fmt.Println(err)
	_, err = engine.Query(ctx, acme, analytics.Statement{SQL: "SELECT len(sequence(1, 2000000000)) FROM telemetry", Now: time.Now()})
	fmt.Println(err)
	// Output:
	// analytics: invalid SQL: the table function read_csv is not open to a data set
	// analytics: invalid SQL: the function len is not open to a data set
}

// exampleLake has a data store with two messages. Programs use package
// lakeanalytics.
func exampleLake(ctx context.Context) *lake {
	l := newLake()
	const name = "datastore/telemetry/1.json"
	lines := `{"deviceId":"pump","temperature":21}` + "\n" + `{"deviceId":"pump","temperature":22}` + "\n"
	if err := l.Put(ctx, acme, name, strings.NewReader(lines)); err != nil {
		panic(err)
	}
	l.tables[key(acme, "telemetry")] = analytics.Snapshot{
		Table: analytics.Table{TableID: analytics.TableID{Kind: analytics.DatastoreTable, Name: "telemetry"}, Format: pipeline.FormatJSON},
		Files: []analytics.File{{Name: name, Day: now.Truncate(24 * time.Hour)}},
	}
	return l
}
