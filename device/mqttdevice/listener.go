package mqttdevice

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"
)

// listener accepts connections for the server. It takes the place of the
// server's own, to bound the time before CONNECT, to survive a panic in the
// decoding of a packet, and to know when all connections have ended.
type listener struct {
	id       string
	broker   *Broker
	accepted net.Listener

	mu      sync.Mutex
	conns   map[*conn]struct{}
	closing bool
	wg      sync.WaitGroup // the accept loop and the connections
}

var _ listeners.Listener = (*listener)(nil)

func newListener(id string, broker *Broker, accepted net.Listener) *listener {
	l := &listener{id: id, broker: broker, accepted: accepted, conns: map[*conn]struct{}{}}
	l.wg.Add(1) // taken back by Serve
	return l
}

// Init, ID, Address and Protocol implement listeners.Listener.
func (l *listener) Init(*slog.Logger) error { return nil }
func (l *listener) ID() string              { return l.id }
func (l *listener) Address() string         { return l.accepted.Addr().String() }
func (l *listener) Protocol() string        { return l.accepted.Addr().Network() }

// acceptPause is how long to wait after a failure that may pass, such as too
// many open files.
const acceptPause = 50 * time.Millisecond

// Serve implements listeners.Listener.
func (l *listener) Serve(establish listeners.EstablishFn) {
	defer l.wg.Done()
	for {
		accepted, err := l.accepted.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			l.broker.options.Logger.Error("mqtt: accept failed", "listener", l.id, "error", err)
			time.Sleep(acceptPause)
			continue
		}
		c := newConn(accepted, &l.broker.options.Limits)
		if !l.add(c) {
			_ = c.Close()
			return
		}
		go l.serve(c, establish)
	}
}

func (l *listener) add(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return false
	}
	l.conns[c] = struct{}{}
	l.wg.Add(1)
	return true
}

// serve sees a connection through to its end.
func (l *listener) serve(c *conn, establish listeners.EstablishFn) {
	defer l.wg.Done()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.conns, c)
	}()
	err := l.establish(c, establish)
	_ = c.Close()
	if c.session != nil {
		l.broker.finish(c.session, err)
	}
}

func (l *listener) establish(c *conn, establish listeners.EstablishFn) (err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("%w: panic: %v", errProtocol, problem)
			l.broker.options.Logger.Error("mqtt: panic", "remote", c.RemoteAddr(), "panic", problem, "stack", string(debug.Stack()))
		}
	}()
	if err := c.SetDeadline(time.Now().Add(l.broker.options.Limits.ConnectTimeout)); err != nil {
		return err
	}
	return establish(l.id, c)
}

// Close implements listeners.Listener. It returns when every connection has
// ended.
func (l *listener) Close(listeners.CloseFn) {
	_ = l.accepted.Close() // a second close is no matter
	l.mu.Lock()
	l.closing = true
	for c := range l.conns {
		l.wg.Go(func() { l.broker.shutDown(c) })
	}
	l.mu.Unlock()
	l.wg.Wait()
}
