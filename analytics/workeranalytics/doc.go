// Package workeranalytics is an analytics.Engine whose statements run in worker
// processes, so that SQL that nobody has looked at can do no harm:
//
//	engine := workeranalytics.New(lake, objects, func(o *workeranalytics.Options) {
//		o.Command = []string{"/usr/local/bin/iotenant-sqlworker"}
//	})
//	defer engine.Close()
//
// The program is a few lines around duckanalytics.Serve, such as
// examples/sqlworker. This package links no database and needs no cgo.
//
// A worker gets the files of the data stores that a statement names, those of
// the tenant of the call, in a folder of the statement, and has an empty
// environment. It limits its own memory, processor time and files, and answers
// one statement after the other, each in a fresh database. A worker whose
// statement outlives its context is killed, and another one started.
//
// Statements beyond Options.Processes wait. Tenants take turns: next is the one
// that runs the fewest statements, of several the one whose turn is longest ago,
// and none has all processes, see Options.PerTenant. So a tenant that asks for
// much, or for what is slow, holds up itself. A wait counts against Options.Wait
// and ends with analytics.ErrSQLBusy; Options.Timeout begins with the worker.
package workeranalytics
