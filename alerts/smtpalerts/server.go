package smtpalerts

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// Security is how a connection is encrypted.
type Security string

// The ways to encrypt a connection. A server that does not do as it says is not
// spoken to.
const (
	// StartTLS begins in the clear and encrypts before anything is said, by
	// custom on port 587. Default.
	StartTLS Security = "starttls"
	// ImplicitTLS encrypts from the first byte, by custom on port 465.
	ImplicitTLS Security = "tls"
	// Unencrypted is for a server on the same machine. It takes no password.
	Unencrypted Security = "none"
)

// Server is an SMTP server, and how to speak to it.
type Server struct {
	// Address is host and port: "email-smtp.eu-west-1.amazonaws.com:587".
	Address string
	// Security is how the connection is encrypted. Default [StartTLS].
	Security Security
	// TLS is the configuration for that. Default: that of package crypto/tls,
	// for the host of Address.
	TLS *tls.Config
	// Username and Password authenticate, by AUTH PLAIN. Empty: nobody does.
	Username, Password string
	// Hello is the name with which this program introduces itself. Default:
	// Options.Domain.
	Hello string

	host string
	port int
}

func (s *Server) check() (err error) {
	host, port, err := net.SplitHostPort(s.Address)
	if err == nil {
		s.port, err = strconv.Atoi(port)
	}
	if err != nil || host == "" || s.port < 1 || s.port > 65535 {
		return fmt.Errorf("%w: address %q, want host and port", ErrConfig, s.Address)
	}
	s.host = host
	if s.Security == "" {
		s.Security = StartTLS
	}
	switch {
	case !slices.Contains([]Security{StartTLS, ImplicitTLS, Unencrypted}, s.Security):
		return fmt.Errorf("%w: no security %q", ErrConfig, s.Security)
	case (s.Username == "") != (s.Password == ""):
		return fmt.Errorf("%w: user name without password, or the reverse", ErrConfig)
	case s.Username != "" && s.Security == Unencrypted:
		return fmt.Errorf("%w: a password would be sent unencrypted", ErrConfig)
	case !domainPattern.MatchString(s.Hello):
		return fmt.Errorf("%w: hello %q", ErrConfig, s.Hello)
	}
	if s.TLS == nil {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	s.TLS = s.TLS.Clone()
	if s.TLS.ServerName == "" {
		s.TLS.ServerName = host
	}
	return nil
}

// conversation is an open connection to a server, which ends with the context.
type conversation struct {
	client  *mail.Client
	smtp    *smtp.Client
	conn    net.Conn
	unwatch func() bool
}

// open connects and authenticates. Whatever fails there is for the platform to
// mend, so the error is always [ErrServer].
func (s *Server) open(ctx context.Context) (*conversation, error) {
	c := &conversation{}
	options := []mail.Option{
		mail.WithPort(s.port), mail.WithHELO(s.Hello), mail.WithTLSConfig(s.TLS), mail.WithTLSPolicy(mail.NoTLS), mail.WithoutNoop(),
		mail.WithTimeout(timeLeft(ctx)),
		mail.WithDialContextFunc(func(dialling context.Context, network, address string) (net.Conn, error) {
			return c.dial(dialling, ctx, s, network, address)
		}),
	}
	if s.Security == StartTLS {
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if s.Username != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthPlain), mail.WithUsername(s.Username), mail.WithPassword(s.Password))
	}
	var err error
	if c.client, err = mail.NewClient(s.host, options...); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrServer, err)
	}
	if c.smtp, err = c.client.DialToSMTPClientWithContext(ctx); err != nil {
		c.hangUp()
		return nil, serverError(ctx, err)
	}
	return c, nil
}

// timeLeft is at least a moment, so that an ended context is what fails.
func timeLeft(ctx context.Context) time.Duration {
	deadline, _ := ctx.Deadline() // Notify has set one
	return max(time.Until(deadline), time.Second)
}

// dial opens the connection, and has it closed when the outer context ends:
// nothing later in the conversation looks at a context.
func (c *conversation) dial(ctx, outer context.Context, s *Server, network, address string) (net.Conn, error) {
	plain, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.conn = plain
	c.unwatch = context.AfterFunc(outer, func() { _ = plain.Close() })
	if s.Security != ImplicitTLS {
		return plain, nil
	}
	encrypted := tls.Client(plain, s.TLS)
	return encrypted, encrypted.HandshakeContext(ctx)
}

// send gives the server a letter. After an error the conversation goes on with
// the next one, if the server is still there.
func (c *conversation) send(ctx context.Context, message *mail.Msg) error {
	err := c.client.SendWithSMTPClient(c.smtp, message)
	if err == nil || message.IsDelivered() {
		return nil
	}
	_ = c.smtp.Reset() // if that fails, so will the next letter
	if failure, ok := errors.AsType[*mail.SendError](err); ok && isRefusal(failure.ErrorCode()) {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return serverError(ctx, err)
}

// isRefusal reports whether a reply refuses a letter for good. Those about
// authentication (RFC 4954) are for the platform to mend.
func isRefusal(code int) bool {
	return code >= 500 && code < 600 && !slices.Contains([]int{530, 534, 535, 538}, code)
}

func serverError(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause // rather than that the connection was closed
	}
	return fmt.Errorf("%w: %w", ErrServer, err)
}

// close takes leave of the server.
func (c *conversation) close() {
	_ = c.client.CloseWithSMTPClient(c.smtp) // the letters are through
	c.hangUp()
}

func (c *conversation) hangUp() {
	if c.conn != nil {
		c.unwatch()
		_ = c.conn.Close()
	}
}
