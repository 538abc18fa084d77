package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/auth"
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

// TestAttackMail lets an alarm model of north name users of both tenants: those
// of south are not found.
func TestAttackMail(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	c := testConfig(t.TempDir())
	c.mail = mailConfig{server: server.address, from: "alerts@example.com", to: "ops@{tenant}.example"}
	b := start(t, c)
	u := b.signIn("north-user")
	var own, other auth.Profile
	u.want(http.StatusOK, "GET", "/auth/profile", nil, &own)
	b.signIn("south-user").want(http.StatusOK, "GET", "/auth/profile", nil, &other)
	identity := func(p auth.Profile) map[string]any {
		return map[string]any{"ssoIdentity": map[string]string{"identityStoreId": "d-1", "userId": p.Subject}}
	}
	notification, err := json.Marshal(map[string]any{"notificationActions": []any{map[string]any{
		"action": map[string]any{"lambdaAction": map[string]string{"functionArn": "arn:aws:lambda:us-east-1:123456789012:function:mail"}},
		"emailConfigurations": []any{map[string]any{
			"from": "boss@south.example", "recipients": map[string]any{"to": []any{identity(other), identity(own)}},
		}},
	}}})
	require.NoError(t, err)
	model, err := models.ReadFile("models/oil.json")
	require.NoError(t, err)
	model = bytes.Replace(model, []byte(`"alarmCapabilities"`), fmt.Appendf(nil, `"alarmNotification": %s, "alarmCapabilities"`, notification), 1)
	u.want(http.StatusOK, "PUT", "/detector-models/oil-pressure", json.RawMessage(model), nil)
	b.oil(b.connect(north, press), north, 1)
	letters := server.next(t) + server.next(t)
	require.Contains(t, letters, "RCPT TO:<ops@north.example>\n", "the sns action")
	require.Contains(t, letters, "RCPT TO:<north-user@example.com>\n", "the notification")
	require.NotContains(t, letters, "south")
	u.wait("?status=pending", 0)
	require.Empty(t, server.letters)
}
