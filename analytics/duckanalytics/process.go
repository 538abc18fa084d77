package duckanalytics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"

	"github.com/iotenant/iotenant"
)

// startProcess starts a worker process with an empty environment.
func startProcess(ctx context.Context, command []string, config configuration) (*conversation, error) {
	if len(command) == 0 {
		return nil, fmt.Errorf("analytics: SQL: %w: no command of a worker", iotenant.ErrUnsupported)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // the operator's command, which outlives the statement
	cmd.Env = []string{}
	cmd.SysProcAttr = ownProcess()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, notStarted(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, notStarted(err)
	}
	if err := cmd.Start(); err != nil {
		return nil, notStarted(err)
	}
	kill := func() { _ = cmd.Process.Kill() }
	c := &conversation{w: in, frames: newFrameReader(out), kill: kill, wait: sync.OnceValue(func() error {
		in.Close()
		return causeOfEnd(cmd.Wait())
	})}
	stop := context.AfterFunc(ctx, kill)
	defer stop()
	if err := c.greet(config); err != nil {
		kill()
		_ = c.wait()
		return nil, err
	}
	return c, nil
}

func notStarted(err error) error {
	return fmt.Errorf("analytics: SQL: %w: worker: %w", iotenant.ErrUnavailable, err)
}

// startGoroutine starts a worker in this process.
func startGoroutine(ctx context.Context, config configuration) (*conversation, error) {
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	requestsOut, requestsIn := io.Pipe()
	answersOut, answersIn := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := serve(serving, requestsOut, answersIn, unlimited)
		answersIn.CloseWithError(cmpErr(err, io.EOF))
		requestsOut.CloseWithError(io.ErrClosedPipe)
	}()
	kill := func() {
		cancel()
		requestsIn.CloseWithError(io.EOF)
		answersOut.CloseWithError(io.ErrClosedPipe)
	}
	c := &conversation{w: requestsIn, frames: newFrameReader(answersOut), kill: kill, wait: func() error {
		<-done
		return nil
	}}
	stop := context.AfterFunc(ctx, kill)
	defer stop()
	if err := c.greet(config); err != nil {
		kill()
		return nil, err
	}
	return c, nil
}

func cmpErr(err, otherwise error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return otherwise
	}
	return err
}
