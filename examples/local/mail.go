package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/alerts/smtpalerts"
	"github.com/iotenant/iotenant/tenant"
)

// mailConfig is where alerts are sent by e-mail: nowhere, if it is zero.
type mailConfig struct {
	server string
	from   string
	to     string
}

func (c *mailConfig) check() error {
	if (c.server == "") != (c.to == "") {
		return errors.New("-smtp and -mail-to go together")
	}
	if c.server == "" {
		return nil
	}
	_, err := c.mailer()
	if err != nil {
		return fmt.Errorf("-smtp, -mail-from: %w", err)
	}
	return nil
}

func (c *mailConfig) mailer(optFns ...func(*smtpalerts.Options)) (*smtpalerts.Mailer, error) {
	server := smtpalerts.Server{Address: c.server}
	if isLoopback(c.server) {
		server.Security = smtpalerts.Unencrypted
	}
	return smtpalerts.New(server, c.from, func(_ context.Context, id tenant.ID, _ alerts.Alert) ([]string, error) {
		return strings.FieldsFunc(strings.ReplaceAll(c.to, "{tenant}", id.String()), func(r rune) bool { return r == ',' || r == ' ' }), nil
	}, optFns...)
}

// emailOf finds the address of whom an alarm model names: by the id of a user of
// its tenant.
func (s *system) emailOf(ctx context.Context, id tenant.ID, to detector.Identity) (string, error) {
	profile, err := s.identity.Profile(ctx, id, to.UserID)
	if errors.Is(err, iotenant.ErrNotFound) {
		return "", nil
	}
	return profile.Email, err
}

// isLoopback reports whether a server is on this machine.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
