package smtpalerts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/mail"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// MaxSubject is the limit of a subject in characters.
const MaxSubject = 200

// letter is what one recipient gets.
type letter struct {
	from      *mail.Address
	to        string
	subject   string
	text      string
	messageID string
	at        time.Time
}

// letterKey tells the letters of an alert apart.
type letterKey struct{ messageID, to string }

func (l *letter) key() letterKey { return letterKey{l.messageID, l.to} }

// letters writes what an alert has to say, each e-mail once to a recipient.
func (m *Mailer) letters(ctx context.Context, id tenant.ID, alert *alerts.Alert) (letters []letter, err error) {
	if alert.Notification != nil {
		letters, err = m.notification(ctx, id, alert)
	} else {
		letters, err = m.ordinary(ctx, id, alert)
	}
	if err == nil && len(letters) > m.options.MaxRecipients {
		err = fmt.Errorf("%w: %d, limit %d", ErrRecipients, len(letters), m.options.MaxRecipients)
	}
	return letters, err
}

func (m *Mailer) ordinary(ctx context.Context, id tenant.ID, alert *alerts.Alert) ([]letter, error) {
	to, err := m.recipients(ctx, id, *alert)
	if err != nil {
		return nil, err
	}
	return m.write(ctx, id, alert, 0, &detector.Email{Subject: m.options.Subject(*alert)}, to)
}

func (m *Mailer) notification(ctx context.Context, id tenant.ID, alert *alerts.Alert) (letters []letter, err error) {
	for i := range alert.Notification.Emails {
		email := alert.Notification.Emails[i]
		to, err := m.lookUp(ctx, id, email.To)
		if err != nil {
			return nil, err
		}
		if oneLine(email.Subject, MaxSubject) == "" {
			email.Subject = headline(*alert)
		}
		more, err := m.write(ctx, id, alert, i, &email, to)
		if err != nil {
			return nil, err
		}
		letters = append(letters, more...)
	}
	return letters, nil
}

func (m *Mailer) lookUp(ctx context.Context, id tenant.ID, identities []detector.Identity) (addresses []string, err error) {
	for _, identity := range identities {
		address, err := m.options.Email(ctx, id, identity)
		if err != nil {
			return nil, err
		}
		if address != "" {
			addresses = append(addresses, address)
		}
	}
	return addresses, nil
}

// write makes the letters of one e-mail, which is the number-th of its alert.
func (m *Mailer) write(ctx context.Context, id tenant.ID, alert *alerts.Alert, number int, email *detector.Email, to []string) ([]letter, error) {
	if len(to) == 0 {
		return nil, nil
	}
	asked, err := m.options.From(ctx, id, email.From)
	if err != nil {
		return nil, err
	}
	from, err := parseSender(asked)
	if err != nil {
		return nil, fmt.Errorf("sender: %w", err)
	}
	var letters []letter
	written := map[string]bool{}
	for _, address := range to {
		if written[address] {
			continue
		}
		written[address] = true
		letters = append(letters, letter{
			from: from, to: address, subject: oneLine(email.Subject, MaxSubject),
			text:      textOf(alert, email.AdditionalMessage, m.options.MaxPayload),
			messageID: m.messageID(id, alert.ID, number), at: m.options.Now(),
		})
	}
	return letters, nil
}

// messageID is the same whenever the same letter is sent, and no other's.
func (m *Mailer) messageID(id tenant.ID, alertID string, number int) string {
	digest := sha256.Sum256([]byte(id.String() + "\x1f" + strconv.Itoa(number) + "\x1f" + alertID))
	return hex.EncodeToString(digest[:16]) + "@" + m.options.Domain
}

// message makes the letter ready to be sent. The error is [ErrAddress].
func (l *letter) message() (*gomail.Msg, error) {
	if err := checkAddress(l.to); err != nil {
		return nil, err
	}
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.FromMailAddress(l.from)
	message.ToMailAddress(&mail.Address{Address: l.to})
	message.Subject(l.subject)
	message.SetMessageIDWithValue(l.messageID)
	message.SetDateWithValue(l.at)
	// No vacation notice answers (RFC 3834).
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(gomail.TypeTextPlain, l.text)
	return message, nil
}
