package main

import (
	"io"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mailServer takes every letter.
type mailServer struct {
	address string
	letters chan string // envelope and text
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	m := &mailServer{address: listener.Addr().String(), letters: make(chan string, 100)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			m.serve(textproto.NewConn(conn)) // one after the other
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		<-ended
	})
	return m
}

func (m *mailServer) serve(conn *textproto.Conn) {
	defer conn.Close()
	var envelope []string
	reply := "220 ready"
	for conn.PrintfLine("%s", reply) == nil {
		line, err := conn.ReadLine()
		if err != nil || line == "QUIT" {
			return
		}
		reply = "250 ok"
		if strings.HasPrefix(line, "RCPT") {
			envelope = append(envelope, line)
		}
		if line == "DATA" && conn.PrintfLine("354 go on") == nil {
			text, err := io.ReadAll(conn.DotReader())
			if err != nil {
				return
			}
			m.letters <- strings.Join(envelope, "\n") + "\n" + string(text)
			envelope = nil
		}
	}
}

func (m *mailServer) next(t *testing.T) string {
	t.Helper()
	select {
	case letter := <-m.letters:
		return letter
	case <-time.After(patience):
		require.FailNow(t, "no letter")
		return ""
	}
}

func TestMail(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	c := testConfig(t.TempDir())
	c.mail = mailConfig{server: server.address, from: "Alerts <alerts@example.com>", to: "ops@{tenant}.example, all@example.com"}
	b := start(t, c)
	b.oil(b.connect(north, press), north, 1)
	letters := []string{server.next(t), server.next(t)}
	require.Contains(t, letters[0], "RCPT TO:<ops@north.example>\n")
	require.Contains(t, letters[0], "Subject: Active: oil-pressure press-1\n")
	require.Contains(t, letters[0], "Rule:    1 LESS 2\n")
	require.Contains(t, letters[1], "RCPT TO:<all@example.com>\n")
}
