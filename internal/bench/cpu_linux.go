package bench

import (
	"syscall"
	"unsafe"
)

// clockProcessCPUTime is CLOCK_PROCESS_CPUTIME_ID of clock_gettime(2).
const clockProcessCPUTime = 2

// CPU returns the CPU time that this process has used, in nanoseconds.
func CPU() int64 {
	var ts syscall.Timespec
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clockProcessCPUTime, uintptr(unsafe.Pointer(&ts)), 0); errno != 0 {
		panic("bench: clock_gettime: " + errno.Error())
	}
	return ts.Nano()
}
