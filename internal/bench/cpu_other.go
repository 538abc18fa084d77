//go:build !linux

package bench

import "time"

var start = time.Now()

// CPU returns the wall time since the start of the process, in nanoseconds:
// only the Linux version measures CPU time.
func CPU() int64 { return int64(time.Since(start)) }
