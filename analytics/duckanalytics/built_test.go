//go:build cgo && !noduckdb && (linux || darwin || windows) && (amd64 || arm64) && !(windows && arm64)

package duckanalytics_test

// built reports whether DuckDB was built in.
const built = true
