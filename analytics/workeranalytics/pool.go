package workeranalytics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

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
	// wait returns when nothing of the worker is left, with what it died of.
	wait func() error

	stop func() bool // ends the watch over the context
	// answered: the worker waits for a request, and nothing went wrong in it.
	answered bool
}

// pool hands out workers, at most so many at a time.
type pool struct {
	start func(context.Context) (*conversation, error)
	slots chan struct{}

	mu     sync.Mutex
	idle   []*conversation
	busy   map[*conversation]bool
	closed bool
}

func newPool(size int, start func(context.Context) (*conversation, error)) *pool {
	return &pool{start: start, slots: make(chan struct{}, size), busy: map[*conversation]bool{}}
}

// take returns a worker that is killed when ctx ends.
func (p *pool) take(ctx context.Context) (*conversation, error) {
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c, err := p.next(ctx)
	if err != nil {
		<-p.slots
		return nil, err
	}
	c.stop = context.AfterFunc(ctx, c.kill)
	return c, nil
}

func (p *pool) next(ctx context.Context) (*conversation, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, analytics.ErrClosed
	}
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.busy[c] = true
		return c, nil
	}
	c, err := p.start(ctx)
	if err != nil {
		return nil, err
	}
	p.busy[c] = true
	return c, nil
}

// give takes a worker back; one in the middle of its work, or that ran out of
// memory, is ended and waited for.
func (p *pool) give(c *conversation) {
	// A watch that has begun kills.
	usable := c.stop() && c.answered
	p.mu.Lock()
	delete(p.busy, c)
	usable = usable && !p.closed
	if usable {
		p.idle = append(p.idle, c)
	}
	p.mu.Unlock()
	if !usable {
		c.kill()
		_ = c.wait()
	}
	<-p.slots
}

func (p *pool) close() error {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	for c := range p.busy {
		c.kill()
	}
	p.mu.Unlock()
	for _, c := range idle {
		c.kill()
		_ = c.wait()
	}
	return nil
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

func (c *conversation) parse(_ context.Context, request wire.ParseRequest) (names []wire.TableName, err error) {
	return names, c.ask(wire.KindParse, request, wire.KindTables, &names)
}

func (c *conversation) run(_ context.Context, request wire.RunRequest) (columns []analytics.ResultColumn, err error) {
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
