package duckanalytics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
)

// conversation is the engine's side of a worker.
type conversation struct {
	w      io.Writer
	frames *frameReader
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
func (c *conversation) greet(config configuration) error {
	var answer hello
	if err := c.ask(frameConfigure, config, frameHello, &answer); err != nil {
		return err
	}
	if answer.Version != protocolVersion {
		return fmt.Errorf("%w: worker of version %d", errProtocol, answer.Version)
	}
	return nil
}

func (c *conversation) parse(_ context.Context, request parseRequest) (names []tableName, err error) {
	return names, c.ask(frameParse, request, frameTables, &names)
}

func (c *conversation) run(_ context.Context, request runRequest) (columns []analytics.ResultColumn, err error) {
	return columns, c.ask(frameRun, request, frameColumns, &columns)
}

func (c *conversation) ask(kind frameKind, request any, want frameKind, answer any) error {
	c.answered = false
	if err := writeMessage(c.w, kind, request); err != nil {
		return c.died(err)
	}
	got, payload, err := c.next()
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("analytics: SQL: %w: %w: %q", iotenant.ErrUnavailable, errProtocol, got)
	}
	if err := json.Unmarshal(payload, answer); err != nil {
		return fmt.Errorf("analytics: SQL: %w: %w", iotenant.ErrUnavailable, err)
	}
	c.answered = got != frameColumns
	return nil
}

// rows returns the next rows, or that there are no more.
func (c *conversation) rows() (payload []byte, done bool, err error) {
	kind, payload, err := c.next()
	switch {
	case err != nil:
		return nil, true, err
	case kind == frameDone:
		c.answered = true
		return nil, true, nil
	case kind != frameRows:
		return nil, true, fmt.Errorf("analytics: SQL: %w: %w: %q", iotenant.ErrUnavailable, errProtocol, kind)
	}
	return payload, false, nil
}

func (c *conversation) next() (frameKind, []byte, error) {
	kind, payload, err := c.frames.next()
	if err != nil {
		return 0, nil, c.died(err)
	}
	if kind != frameError {
		return kind, payload, nil
	}
	var f failure
	if err := json.Unmarshal(payload, &f); err != nil {
		return 0, nil, fmt.Errorf("analytics: SQL: %w: %w", iotenant.ErrUnavailable, err)
	}
	c.answered = f.Kind == failSQL || f.Kind == failCorrupt
	return 0, nil, f.err()
}

// died is the error of a worker that ended in the middle of a statement. What
// it had of memory and time was limited, so that is why.
func (c *conversation) died(err error) error {
	c.kill()
	if cause := c.wait(); errors.Is(cause, errBeyondLimit) {
		return fmt.Errorf("%w: the worker ended", analytics.ErrSQLLimit)
	}
	return fmt.Errorf("analytics: SQL: %w: the worker ended: %w", iotenant.ErrUnavailable, err)
}

var errBeyondLimit = errors.New("beyond a limit")

// sentinels are those whose text a failure begins with.
var sentinels = map[failureKind]error{
	failSQL: analytics.ErrSQL, failLimit: analytics.ErrSQLLimit, failCorrupt: analytics.ErrCorrupt,
}

func (f failure) err() error {
	if sentinel, ok := sentinels[f.Kind]; ok {
		return &remoteError{text: f.Message, kind: sentinel}
	}
	if f.Kind == failUnsupported {
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
