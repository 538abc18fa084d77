// Package duckanalytics answers SQL by DuckDB: [Serve] in a worker process that an
// engine of package workeranalytics starts, [NewInProcess] in the program itself.
//
// It is built with cgo, for Linux, macOS and Windows on amd64 and for Linux and
// macOS on arm64. Elsewhere, without cgo, and with the tag noduckdb, each statement
// is of kind iotenant.ErrUnsupported.
//
// # Statements
//
// A statement is one SELECT in the dialect of AWS IoT Analytics, which is that of
// Amazon Athena, Presto 0.217. It is parsed, looked at node by node and rewritten:
// what is not known to be harmless is refused by name. Tables are data stores of
// the tenant; there are no table functions but unnest, no files, no settings. A
// database of its own, which is locked before the statement, holds views on the
// files of these data stores alone.
//
// Columns of Parquet have the types of the schema; those of JSON are inferred from
// a sample of lines: whole numbers widen to double, what differs to text, and a
// value that does not fit is null. After the columns come the dimensions of
// partitions, and __dt. Integer division cuts, nulls come last, columns without a
// name are _col0, _col1, …, and the current time is that of the statement.
package duckanalytics
