//go:build !linux

package duckanalytics

import "os"

// limitProcess does nothing where the system has no limits that hold.
func limitProcess(configuration) error { return nil }

func limitProcessor(configuration) error { return nil }

func outOfTime() (<-chan os.Signal, func()) { return nil, func() {} }
