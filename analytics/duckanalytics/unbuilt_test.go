//go:build !(cgo && !noduckdb && (linux || darwin || windows) && (amd64 || arm64) && !(windows && arm64))

package duckanalytics_test

const built = false
