package workeranalytics

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"sync"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics/internal/wire"
)

// Worker is a worker that was started. What it is asked is written to Requests,
// and what it answers read from Answers, as it is by duckanalytics.Serve.
type Worker struct {
	Requests io.WriteCloser
	Answers  io.Reader
	// Kill ends it at once, whatever it does. It may be called again and
	// concurrently.
	Kill func()
	// Wait returns when nothing of it is left. The error wraps
	// analytics.ErrSQLLimit if it was ended by a limit of its own. It may be
	// called again and concurrently.
	Wait func() error
}

// startProcess starts a worker process with an empty environment.
func startProcess(ctx context.Context, command []string) (*Worker, error) {
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
	return &Worker{Requests: in, Answers: out, Kill: func() { _ = cmd.Process.Kill() }, Wait: sync.OnceValue(func() error {
		in.Close()
		return causeOfEnd(cmd.Wait())
	})}, nil
}

func notStarted(err error) error {
	return fmt.Errorf("analytics: SQL: %w: worker: %w", iotenant.ErrUnavailable, err)
}

// meet starts a worker and tells it its limits.
func meet(ctx context.Context, start func(context.Context) (*Worker, error), config wire.Configuration) (*conversation, error) {
	worker, err := start(ctx)
	if err != nil {
		return nil, err
	}
	c := &conversation{w: worker.Requests, frames: wire.NewReader(worker.Answers), kill: worker.Kill, wait: worker.Wait}
	stop := context.AfterFunc(ctx, c.kill)
	defer stop()
	if err := c.greet(config); err != nil {
		c.kill()
		_ = c.wait()
		if kind := iotenant.KindOf(err); kind == iotenant.ErrUnsupported || kind == iotenant.ErrUnavailable {
			return nil, err
		}
		// Nor was it a limit of the statement, which had not begun.
		return nil, fmt.Errorf("analytics: SQL: %w: a worker did not start: %s", iotenant.ErrUnavailable, err.Error())
	}
	return c, nil
}
