//go:build !linux

package duckanalytics

import (
	"os"

	"github.com/iotenant/iotenant/analytics/internal/wire"
)

// limitProcess does nothing where the system has no limits that hold.
func limitProcess(wire.Configuration) error { return nil }

func limitProcessor(wire.Configuration) error { return nil }

func outOfTime() (<-chan os.Signal, func()) { return nil, func() {} }
