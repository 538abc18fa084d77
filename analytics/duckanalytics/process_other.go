//go:build !linux

package duckanalytics

import (
	"errors"
	"os/exec"
	"syscall"
)

func ownProcess() *syscall.SysProcAttr { return nil }

func causeOfEnd(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return errBeyondLimit
	}
	return err
}
