package smtpalerts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// Recipients finds the addresses that are told of an ordinary alert, such as
// "ops@example.com". None: nobody is. An error that is [alerts.Permanent] gives
// the alert up.
type Recipients func(ctx context.Context, id tenant.ID, alert alerts.Alert) ([]string, error)

// Options are the options of [New].
type Options struct {
	// From decides from whom a letter comes: "a@example.com" or "A <a@example.com>".
	// asked is what an alarm model asks for, "" for an ordinary alert. Default:
	// the sender that New was given, whatever is asked.
	From func(ctx context.Context, id tenant.ID, asked string) (string, error)
	// Email finds the address of a recipient whom an alarm model names; who it
	// returns "" for is left out. Default: nobody has one.
	Email func(ctx context.Context, id tenant.ID, to detector.Identity) (string, error)
	// Subject is the subject of an ordinary alert, cut to [MaxSubject]
	// characters. Default: what happened, and where.
	Subject func(alert alerts.Alert) string
	// Domain is the right side of message ids. Default: that of the sender.
	Domain string
	// MaxRecipients is the limit of an alert's letters. Default 50.
	MaxRecipients int
	// MaxPayload is how much of a payload a letter shows, in bytes. Default
	// 16 KiB.
	MaxPayload int
	// Timeout bounds a call of Notify, beside the caller's context. Default
	// 25 s, so that it comes before that of a runtime.
	Timeout time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Mailer is an alerts.Notifier that sends e-mail. A call takes one connection.
type Mailer struct {
	server     Server
	recipients Recipients
	options    Options

	mu      sync.Mutex
	partial map[delivery]outcomes
}

var _ alerts.Notifier = (*Mailer)(nil)

// Memory is how many partly delivered alerts a [Mailer] remembers. With more of
// them, some letters are sent again to those who have them.
const Memory = 10_000

type delivery struct {
	id    tenant.ID
	alert string
}

// outcomes has an entry for each letter that is done: nil, or an error that is
// permanent.
type outcomes map[letterKey]error

// New returns a notifier that sends through a server. from is the sender:
// "alerts@example.com" or "Alerts <alerts@example.com>". It does not connect.
// The error is [ErrConfig].
func New(server Server, from string, recipients Recipients, optFns ...func(*Options)) (*Mailer, error) {
	sender, err := parseSender(from)
	if err != nil {
		return nil, fmt.Errorf("%w: sender: %w", ErrConfig, err)
	}
	_, domain, _ := strings.Cut(sender.Address, "@")
	options := Options{
		From:          func(context.Context, tenant.ID, string) (string, error) { return from, nil },
		Email:         func(context.Context, tenant.ID, detector.Identity) (string, error) { return "", nil },
		Subject:       headline,
		Domain:        domain,
		MaxRecipients: 50,
		MaxPayload:    16 << 10,
		Timeout:       25 * time.Second,
		Now:           time.Now,
	}
	for _, fn := range optFns {
		fn(&options)
	}
	if !domainPattern.MatchString(options.Domain) {
		return nil, fmt.Errorf("%w: domain %q", ErrConfig, options.Domain)
	}
	server.Hello = cmp.Or(server.Hello, options.Domain)
	if err := server.check(); err != nil {
		return nil, err
	}
	return &Mailer{server: server, recipients: recipients, options: options, partial: map[delivery]outcomes{}}, nil
}

// Notify implements [alerts.Notifier]. A recipient who can't be told does not
// keep the others from being told. The error joins those that may pass; if
// there are none, those that are permanent. Errors: tenant.ErrID, those of
// Recipients and of Options, [ErrAddress], [ErrRecipients], [ErrRefused],
// [ErrServer].
func (m *Mailer) Notify(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
	if err := id.Check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, m.options.Timeout)
	defer cancel()
	letters, err := m.letters(ctx, id, &alert)
	if err != nil {
		return err
	}
	key := delivery{id, alert.ID}
	done := m.take(key)
	passing := m.deliver(ctx, letters, done)
	if len(passing) > 0 {
		m.keep(key, done)
		return errors.Join(passing...)
	}
	var permanent []error
	for i := range letters {
		permanent = append(permanent, done[letters[i].key()])
	}
	return errors.Join(permanent...)
}

// deliver sends the letters that are not done, and notes those that are now. It
// returns the errors that may pass.
func (m *Mailer) deliver(ctx context.Context, letters []letter, done outcomes) (passing []error) {
	var c *conversation
	defer func() {
		if c != nil {
			c.close()
		}
	}()
	for i := range letters {
		l := &letters[i]
		if _, ok := done[l.key()]; ok {
			continue
		}
		message, err := l.message()
		if err == nil && c == nil {
			if c, err = m.server.open(ctx); err != nil {
				return append(passing, err) // so it would be for the others
			}
		}
		if err == nil {
			err = c.send(ctx, message)
		}
		switch {
		case err == nil || alerts.Permanent(err):
			done[l.key()] = err
		default:
			passing = append(passing, err)
		}
	}
	return passing
}

func (m *Mailer) take(key delivery) outcomes {
	m.mu.Lock()
	defer m.mu.Unlock()
	done, ok := m.partial[key]
	if !ok {
		return outcomes{}
	}
	delete(m.partial, key)
	return done
}

func (m *Mailer) keep(key delivery, done outcomes) {
	if len(done) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.partial) >= Memory {
		clear(m.partial)
	}
	m.partial[key] = done
}
