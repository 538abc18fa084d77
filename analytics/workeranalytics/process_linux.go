package workeranalytics

import (
	"errors"
	"os/exec"
	"syscall"

	"github.com/iotenant/iotenant/analytics"
)

// ownProcess: the worker is in no group that gets the terminal's signals, and
// ends with this process.
func ownProcess() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// causeOfEnd tells a worker that was ended by its limits, or by its own memory
// allocation, from one that was killed.
func causeOfEnd(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return err
	}
	return analytics.ErrSQLLimit
}
