package alerts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// ErrHandling: who acts is not named, a text is too long, or an alert has too
// many comments.
var ErrHandling = fmt.Errorf("alerts: %w handling", iotenant.ErrInvalid)

var errUnchanged = errors.New("alerts: unchanged")

// MaxComments is the number of comments that an alert keeps.
const MaxComments = 100

// Handling is what people did about an alert. It has nothing to do with
// delivery, nor with the state of the detector.
type Handling struct {
	// AcknowledgedBy is who was first to say that the alert is known, at
	// AcknowledgedAt.
	AcknowledgedBy string    `json:"acknowledgedBy,omitempty"`
	AcknowledgedAt time.Time `json:"acknowledgedAt,omitzero"`
	// Assignee is who takes care of it.
	Assignee string    `json:"assignee,omitempty"`
	Comments []Comment `json:"comments,omitempty"`
}

// Comment is what somebody said about an alert.
type Comment struct {
	By   string    `json:"by"`
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Acknowledge notes that somebody knows of the alert. Who was first stays. by
// has at most 256 bytes. Errors: [ErrHandling], tenant.ErrNotFound,
// tenant.ErrID, tenant.ErrKey.
func (a *Alerts) Acknowledge(ctx context.Context, id tenant.ID, alertID, by string) (Alert, error) {
	return a.handle(ctx, id, alertID, by, "", func(h *Handling, now time.Time) error {
		if h.AcknowledgedBy != "" {
			return errUnchanged
		}
		h.AcknowledgedBy, h.AcknowledgedAt = by, now
		return nil
	})
}

// Assign gives the alert to somebody, who replaces the one before; an empty
// assignee leaves it to nobody. Both names have at most 256 bytes. Errors:
// those of Acknowledge.
func (a *Alerts) Assign(ctx context.Context, id tenant.ID, alertID, by, assignee string) (Alert, error) {
	return a.handle(ctx, id, alertID, by, "", func(h *Handling, _ time.Time) error {
		if len(assignee) > maxPerson {
			return fmt.Errorf("%w: name of %d bytes, limit %d", ErrHandling, len(assignee), maxPerson)
		}
		h.Assignee = assignee
		return nil
	})
}

// Comment adds a text of 1 to 4,096 bytes, at most [MaxComments] to an alert.
// Errors: those of Acknowledge.
func (a *Alerts) Comment(ctx context.Context, id tenant.ID, alertID, by, text string) (Alert, error) {
	return a.handle(ctx, id, alertID, by, text, func(h *Handling, now time.Time) error {
		switch {
		case text == "":
			return fmt.Errorf("%w: empty comment", ErrHandling)
		case len(h.Comments) >= MaxComments:
			return fmt.Errorf("%w: %d comments already", ErrHandling, len(h.Comments))
		}
		h.Comments = append(h.Comments, Comment{By: by, At: now, Text: text})
		return nil
	})
}

func (a *Alerts) handle(ctx context.Context, id tenant.ID, alertID, by, text string, change func(*Handling, time.Time) error) (Alert, error) {
	if err := checkTexts(ErrHandling, by, text); err != nil {
		return Alert{}, err
	}
	now := a.options.Now().UTC().Truncate(time.Millisecond)
	var seen Alert
	item, err := tenant.Update(ctx, a.repository, id, tenant.NewKey(alertID), func(alert *Alert) error {
		if alert.Handling == nil {
			alert.Handling = &Handling{}
		}
		seen = *alert
		return change(alert.Handling, now)
	})
	if errors.Is(err, errUnchanged) {
		return seen, nil
	}
	if err != nil {
		return Alert{}, fmt.Errorf("alerts: handle alert: %w", err)
	}
	return item.Value, nil
}

// Limits of what people write, in bytes.
const (
	maxPerson = 256
	maxRemark = 4 << 10
)

// checkTexts checks who somebody is and what they say.
func checkTexts(sentinel error, person, remark string) error {
	switch {
	case person == "":
		return fmt.Errorf("%w: nobody did it", sentinel)
	case len(person) > maxPerson:
		return fmt.Errorf("%w: name of %d bytes, limit %d", sentinel, len(person), maxPerson)
	case len(remark) > maxRemark:
		return fmt.Errorf("%w: text of %d bytes, limit %d", sentinel, len(remark), maxRemark)
	}
	return nil
}
