package duckanalytics

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// limitProcess bounds what the process may take from the machine. It counts
// from what the process has now.
func limitProcess(c configuration) error {
	size, err := addressSpace()
	if err != nil {
		return err
	}
	limit := uint64(size + addressSpacePerMemory*c.Memory + addressSpaceBase)
	for _, l := range []struct {
		resource int
		value    uint64
	}{
		{syscall.RLIMIT_AS, limit},
		{syscall.RLIMIT_CORE, 0},
		{syscall.RLIMIT_FSIZE, uint64(c.TempSpace)},
	} {
		if err := syscall.Setrlimit(l.resource, &syscall.Rlimit{Cur: l.value, Max: l.value}); err != nil {
			return fmt.Errorf("limit of the process: %w", err)
		}
	}
	return nil
}

const (
	// addressSpacePerMemory: DuckDB counts most, but not all, of what it uses.
	addressSpacePerMemory = 2
	// addressSpaceBase is for stacks, arenas of malloc and the heap of Go.
	addressSpaceBase = 512 << 20
)

func addressSpace() (int64, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	pages, _, _ := strings.Cut(string(text), " ")
	n, err := strconv.ParseInt(pages, 10, 64)
	return n * int64(os.Getpagesize()), err
}

// outOfTime is closed, or gets a value, when the kernel says that the time of
// limitProcessor is over.
func outOfTime() (<-chan os.Signal, func()) {
	over := make(chan os.Signal, 1)
	signal.Notify(over, syscall.SIGXCPU)
	return over, func() { signal.Stop(over) }
}

// limitProcessor gives the process time for another statement.
func limitProcessor(c configuration) error {
	if c.CPU <= 0 {
		return nil
	}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return err
	}
	total := time.Duration(used.Utime.Nano()+used.Stime.Nano()) + c.CPU
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CPU, &limit); err != nil {
		return err
	}
	limit.Cur = min(uint64((total+time.Second-1)/time.Second), limit.Max)
	return syscall.Setrlimit(syscall.RLIMIT_CPU, &limit)
}
