//go:build !linux

package workeranalytics

import (
	"errors"
	"os/exec"
	"syscall"

	"github.com/iotenant/iotenant/analytics"
)

func ownProcess() *syscall.SysProcAttr { return nil }

func causeOfEnd(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return analytics.ErrSQLLimit
	}
	return err
}
