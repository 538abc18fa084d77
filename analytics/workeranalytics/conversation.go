package workeranalytics

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/internal/wire"
)

// conversation is the engine's side of a worker.
type conversation struct {
	w      io.Writer
	frames *wire.Reader
	// kill ends the worker at once. It may be called again and concurrently.
	kill func()
	// wait returns when nothing of the worker is left, with what it died of. It
	// may be called again and concurrently.
	wait func() error

	// answered: the worker waits for a request, and nothing went wrong in it.
	answered bool
	// dead: the worker ended in the middle of a request.
	dead bool
	// used: the worker had a statement before this one.
	used bool
}

// greet tells a new worker its limits.
func (c *conversation) greet(config wire.Configuration) error {
	var answer wire.Hello
	if err := c.ask(wire.KindConfigure, config, wire.KindHello, &answer); err != nil {
		return err
	}
	if answer.Version != wire.Version {
		return fmt.Errorf("%w: worker of version %d", wire.ErrProtocol, answer.Version)
	}
	return nil
}

func (c *conversation) parse(request wire.ParseRequest) (names []wire.TableName, err error) {
	return names, c.ask(wire.KindParse, request, wire.KindTables, &names)
}

func (c *conversation) run(request wire.RunRequest) (columns []analytics.ResultColumn, err error) {
	return columns, c.ask(wire.KindRun, request, wire.KindColumns, &columns)
}

func (c *conversation) ask(kind wire.Kind, request any, want wire.Kind, answer any) error {
	c.answered = false
	if err := wire.WriteMessage(c.w, kind, request); err != nil {
		return c.died(err)
	}
	got, payload, err := c.next()
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("analytics: SQL: %w: %w: %q", iotenant.ErrUnavailable, wire.ErrProtocol, got)
	}
	if err := json.Unmarshal(payload, answer); err != nil {
		return fmt.Errorf("analytics: SQL: %w: %w", iotenant.ErrUnavailable, err)
	}
	c.answered = got != wire.KindColumns
	return nil
}

// rows returns the next rows, or that there are no more.
func (c *conversation) rows() (payload []byte, done bool, err error) {
	kind, payload, err := c.next()
	switch {
	case err != nil:
		return nil, true, err
	case kind == wire.KindDone:
		c.answered = true
		return nil, true, nil
	case kind != wire.KindRows:
		return nil, true, fmt.Errorf("analytics: SQL: %w: %w: %q", iotenant.ErrUnavailable, wire.ErrProtocol, kind)
	}
	return payload, false, nil
}

func (c *conversation) next() (wire.Kind, []byte, error) {
	kind, payload, err := c.frames.Next()
	if err != nil {
		return 0, nil, c.died(err)
	}
	if kind != wire.KindError {
		return kind, payload, nil
	}
	var f wire.Failure
	if err := json.Unmarshal(payload, &f); err != nil {
		return 0, nil, fmt.Errorf("analytics: SQL: %w: %w", iotenant.ErrUnavailable, err)
	}
	c.answered = f.Kind == wire.FailSQL || f.Kind == wire.FailCorrupt
	return 0, nil, errorOf(f)
}

// died is the error of a worker that ended in the middle of a statement. What
// it had of memory and time was limited, so that is why.
func (c *conversation) died(err error) error {
	c.dead = true
	c.kill()
	if cause := c.wait(); errors.Is(cause, analytics.ErrSQLLimit) {
		return fmt.Errorf("%w: the worker ended", analytics.ErrSQLLimit)
	}
	return fmt.Errorf("analytics: SQL: %w: the worker ended: %w", iotenant.ErrUnavailable, err)
}

// sentinels are those whose text a failure begins with.
var sentinels = map[wire.FailureKind]error{
	wire.FailSQL: analytics.ErrSQL, wire.FailLimit: analytics.ErrSQLLimit, wire.FailCorrupt: analytics.ErrCorrupt,
}

func errorOf(f wire.Failure) error {
	if sentinel, ok := sentinels[f.Kind]; ok {
		return &remoteError{text: f.Message, kind: sentinel}
	}
	if f.Kind == wire.FailUnsupported {
		return fmt.Errorf("analytics: SQL: %w: %s", iotenant.ErrUnsupported, f.Message)
	}
	return fmt.Errorf("analytics: SQL: %w: the worker failed", iotenant.ErrUnavailable)
}

// remoteError is an error of a worker.
type remoteError struct {
	text string
	kind error
}

func (e *remoteError) Error() string { return e.text }

func (e *remoteError) Unwrap() error { return e.kind }
