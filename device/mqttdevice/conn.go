package mqttdevice

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// conn is a connection of a device, as the server sees it.
type conn struct {
	net.Conn
	session      *session // set when the device says who it is
	writeTimeout atomic.Int64
	closeOnce    sync.Once
	closed       chan struct{}
}

func newConn(accepted net.Conn, limits *Limits) *conn {
	c := &conn{Conn: accepted, closed: make(chan struct{})}
	c.writeTimeout.Store(int64(limits.WriteTimeout))
	return c
}

// Write implements net.Conn with a limit of its own on time: a device that
// does not read must not hold up those that write to it.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(time.Duration(c.writeTimeout.Load()))); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// SetDeadline implements net.Conn for reading only; see Write.
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// Close implements net.Conn.
func (c *conn) Close() error {
	var err error
	c.closeOnce.Do(func() {
		close(c.closed)
		err = c.Conn.Close()
	})
	return err
}

// hurryWrites bounds the writes that are to come, and the one that waits.
func (c *conn) hurryWrites(timeout time.Duration) {
	c.writeTimeout.Store(int64(timeout))
	_ = c.SetWriteDeadline(time.Now().Add(timeout)) // fails if closed, which is as good
}

// certificate returns the certificate whose key the device has proved to hold,
// or nil.
func (c *conn) certificate() *x509.Certificate {
	secured, ok := c.Conn.(*tls.Conn)
	if !ok {
		return nil
	}
	chain := secured.ConnectionState().PeerCertificates
	if len(chain) == 0 {
		return nil
	}
	return chain[0]
}

// sleep waits, and reports false if the connection is closed meanwhile.
func (c *conn) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.closed:
		return false
	}
}
