package smtpalerts_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"math/big"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// received is a letter as a server has it.
type received struct {
	from, to string // of the envelope
	raw      string
}

// parse reads header and text.
func (r received) parse(t testing.TB) (header mail.Header, text string) {
	t.Helper()
	message, err := mail.ReadMessage(strings.NewReader(r.raw))
	require.NoError(t, err)
	return message.Header, decode(t, message)
}

// fakeServer speaks as much SMTP as a client needs. It answers as told.
type fakeServer struct {
	listener net.Listener
	tls      *tls.Config // nil: no STARTTLS
	implicit bool
	password string // of the user "user"; empty: nobody needs to authenticate

	mu      sync.Mutex
	hang    bool
	replies map[string]string // by command, or by "RCPT " and address
	letters []received
	said    []string
	tlsUsed int
}

func newFake(t testing.TB, options ...func(*fakeServer)) *fakeServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := &fakeServer{listener: listener, replies: map[string]string{}}
	for _, option := range options {
		option(f)
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			group.Go(func() {
				defer conn.Close()
				f.serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mu.Lock()
		for conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		group.Wait()
	})
	return f
}

func (f *fakeServer) address() string { return f.listener.Addr().String() }

func (f *fakeServer) reply(command, with string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replies[command] = with
}

func (f *fakeServer) stopAnswering() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hang = true
}

func (f *fakeServer) all() []received {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]received(nil), f.letters...)
}

func (f *fakeServer) commands() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.said...)
}

// answer is what the server says to a command, with what it says otherwise.
func (f *fakeServer) answer(command, otherwise string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hang {
		return "", false
	}
	if reply, ok := f.replies[command]; ok {
		return reply, true
	}
	return otherwise, true
}

// session is a connection to the fake.
type session struct {
	*textproto.Conn
	from, to string
	allowed  bool
}

func (f *fakeServer) serve(conn net.Conn) {
	if f.implicit {
		conn = tls.Server(conn, f.tls)
	}
	s := &session{Conn: textproto.NewConn(conn), allowed: f.password == ""}
	greeting, ok := f.answer("CONNECT", "220 mail.example.com ESMTP")
	for ok {
		if s.PrintfLine("%s", greeting) != nil {
			return
		}
		line, err := s.ReadLine()
		if err != nil {
			return
		}
		f.mu.Lock()
		f.said = append(f.said, line)
		f.mu.Unlock()
		if strings.EqualFold(line, "STARTTLS") {
			if s.PrintfLine("220 go on") != nil {
				return
			}
			conn = tls.Server(conn, f.tls)
			s.Conn = textproto.NewConn(conn)
			f.mu.Lock()
			f.tlsUsed++
			f.mu.Unlock()
			if line, err = s.ReadLine(); err != nil {
				return
			}
		}
		greeting, ok = f.handle(s, conn, line)
	}
	_, _ = io.Copy(io.Discard, conn) // hangs until the client gives up
}

func (f *fakeServer) handle(s *session, conn net.Conn, line string) (reply string, ok bool) {
	verb, rest, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO":
		return f.answer("EHLO", f.extensions(conn))
	case "AUTH":
		want := "PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00user\x00"+f.password))
		if s.allowed = rest == want; !s.allowed {
			return "535 5.7.8 authentication failed", true
		}
		return "235 welcome", true
	case "MAIL":
		if !s.allowed {
			return "530 5.7.0 authentication required", true
		}
		s.from = rest
		return f.answer("MAIL", "250 ok")
	case "RCPT":
		s.to = strings.TrimSuffix(strings.TrimPrefix(rest, "TO:<"), ">")
		return f.answer("RCPT "+s.to, "250 ok")
	case "DATA":
		if reply, ok := f.answer("DATA", ""); !ok || reply != "" {
			return reply, ok
		}
		if s.PrintfLine("354 go on") != nil {
			return "", false
		}
		raw, err := io.ReadAll(s.DotReader())
		if err != nil {
			return "", false
		}
		reply, ok := f.answer("END", "250 queued")
		if ok && strings.HasPrefix(reply, "250") {
			f.mu.Lock()
			f.letters = append(f.letters, received{from: s.from, to: s.to, raw: string(raw)})
			f.mu.Unlock()
		}
		return reply, ok
	case "QUIT":
		_ = s.PrintfLine("221 bye")
		_ = s.Close()
		return "", false
	default: // RSET, NOOP
		return f.answer(strings.ToUpper(verb), "250 ok")
	}
}

func (f *fakeServer) extensions(conn net.Conn) string {
	text := "250-mail.example.com\r\n"
	if _, encrypted := conn.(*tls.Conn); !encrypted && f.tls != nil {
		text += "250-STARTTLS\r\n"
	}
	if f.password != "" {
		text += "250-AUTH PLAIN LOGIN\r\n"
	}
	return text + "250 8BITMIME"
}

// certificate makes a certificate for 127.0.0.1, and who trusts it.
func certificate(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	server = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	return server, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
}

// headerLines are the lines of a letter before its text, unfolded.
func headerLines(t testing.TB, raw string) (names []string) {
	t.Helper()
	reader := bufio.NewScanner(strings.NewReader(raw))
	for reader.Scan() && reader.Text() != "" {
		line := reader.Text()
		if strings.HasPrefix(line, " ") {
			continue
		}
		name, _, ok := strings.Cut(line, ": ")
		if !ok {
			name, ok = strings.CutSuffix(line, ":")
		}
		require.True(t, ok, "no header: %q", line)
		names = append(names, name)
	}
	return names
}
