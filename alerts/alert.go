package alerts

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// Alert is one external action that a detector decided, and what became of it.
// Actions that act on the detector itself (setVariable and timers) are none.
type Alert struct {
	// ID is the action's id: a name-based UUID that is the same whenever the
	// same evaluation runs again, so receivers drop duplicates by it.
	ID string `json:"id"`

	// Model, Version and Key name the detector. Key is empty for the only
	// detector of a model without key.
	Model   string `json:"model"`
	Version int    `json:"version"`
	Key     string `json:"key,omitempty"`

	// Event is the event whose action this is, State the state whose
	// lifecycle ran it.
	Event string `json:"event"`
	State string `json:"state"`
	// At is the time of the evaluation, Evaluation its number and Index the
	// action's place in it.
	At         time.Time `json:"at"`
	Evaluation uint64    `json:"evaluation"`
	Index      int       `json:"index"`

	// Kind and Target: whereto, as the model says.
	Kind   detector.ActionKind `json:"kind"`
	Target string              `json:"target"`
	// Payload is what to deliver. It is JSON unless PayloadType is
	// detector.PayloadString.
	Payload     string               `json:"payload"`
	PayloadType detector.PayloadType `json:"payloadType"`
	// Settings are the further settings of the action by their JSON path,
	// such as useBase64 or hashKeyField, as JSON values.
	Settings map[string]json.RawMessage `json:"settings,omitempty"`
	// Notification is whom to tell, for detector.ActionNotification only.
	Notification *detector.Notification `json:"notification,omitempty"`
	// Hops counts the detectors that led to this one by iotEvents actions.
	Hops int `json:"hops,omitempty"`

	Status Status `json:"status"`
	// Attempts counts deliveries that were begun.
	Attempts int `json:"attempts"`
	// NextAttempt is when delivery is due, zero unless pending. While an
	// attempt runs it is the time at which others may take over.
	NextAttempt time.Time `json:"nextAttempt,omitzero"`
	// DeliveredAt is when a notifier accepted the alert.
	DeliveredAt time.Time `json:"deliveredAt,omitzero"`
	// Reason is the error of the last attempt, or why there is none.
	Reason string `json:"reason,omitempty"`

	// HeldAt is when it was decided not to deliver the alert: it is suppressed
	// or shelved.
	HeldAt time.Time `json:"heldAt,omitzero"`

	// Handling is what people did about the alert, nil for nothing.
	Handling *Handling `json:"handling,omitempty"`

	// ExpiresAt is when the record disappears.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
}

// Status says how far delivery is.
type Status string

// The states of delivery.
const (
	// StatusPending: not delivered yet.
	StatusPending Status = "pending"
	// StatusDelivered: a notifier accepted it.
	StatusDelivered Status = "delivered"
	// StatusDead: given up, Alert.Reason says why. See [Runtime.Redeliver].
	StatusDead Status = "dead"
	// StatusSuppressed: not delivered, for the tenant had reached
	// [Options.ActionLimit]. A summary of kind [KindStorm] tells of it.
	StatusSuppressed Status = "suppressed"
	// StatusShelved: not delivered, for the detector was shelved.
	StatusShelved Status = "shelved"
)

// listed reports whether [Alerts.List] can select the status.
func (s Status) listed() bool {
	return s == StatusPending || s == StatusDead || s.held()
}

// held reports whether the alert is kept from delivery.
func (s Status) held() bool { return s == StatusSuppressed || s == StatusShelved }

// Names of the indexes of [AlertSchema].
const (
	alertsByTime     = "at"
	alertsByDetector = "detector"
	alertsByStatus   = "status"
)

// AlertSchema is how alerts are kept.
var AlertSchema = tenant.Schema[Alert]{
	Entity: "alert",
	Key:    func(a *Alert) tenant.Key { return tenant.NewKey(a.ID) },
	Indexes: []tenant.Index[Alert]{
		{Name: alertsByTime, Key: func(a *Alert) tenant.Key {
			return tenant.NewKey(timeKey(a.At), a.sequence())
		}},
		{Name: alertsByDetector, Key: func(a *Alert) tenant.Key {
			if a.Model == "" {
				return tenant.Key{} // the summary of a storm
			}
			return tenant.NewKey(a.Model, keyPart(a.Key), timeKey(a.At), a.sequence())
		}},
		{Name: alertsByStatus, Key: func(a *Alert) tenant.Key {
			switch a.Status {
			case StatusPending:
				return tenant.NewKey(string(StatusPending), timeKey(a.NextAttempt))
			case StatusDead:
				return tenant.NewKey(string(StatusDead), timeKey(a.At))
			case StatusSuppressed, StatusShelved:
				return tenant.NewKey(string(a.Status), timeKey(a.HeldAt))
			default:
				return tenant.Key{}
			}
		}},
	},
	Expires: func(a *Alert) time.Time { return a.ExpiresAt },
}

// sequence orders the alerts of one instant.
func (a *Alert) sequence() string { return fmt.Sprintf("%012d.%04d", a.Evaluation, a.Index) }

// newAlert copies what it keeps of the action, which the engine reuses.
func newAlert(action *detector.Action, at time.Time, evaluation uint64) (Alert, error) {
	alert := Alert{
		ID:          action.ID.String(),
		Event:       action.EventName,
		State:       action.StateName,
		At:          at,
		Evaluation:  evaluation,
		Index:       action.Index,
		Kind:        action.Kind,
		Target:      action.Target,
		Payload:     string(action.Payload),
		PayloadType: action.PayloadType,
		Status:      StatusPending,
		NextAttempt: at,

		Notification: action.Notification,
	}
	for _, field := range action.Fields {
		text, err := json.Marshal(field.Value)
		if err != nil {
			return Alert{}, fmt.Errorf("alerts: action %s: setting %s: %w", strconv.Quote(action.EventName), field.Name, err)
		}
		if alert.Settings == nil {
			alert.Settings = map[string]json.RawMessage{}
		}
		alert.Settings[field.Name] = text
	}
	return alert, nil
}

// bury gives the alert up.
func (a *Alert) bury(why string) {
	a.Status, a.NextAttempt, a.Reason = StatusDead, time.Time{}, reason(why)
}

// interrupted takes back an attempt that was not the notifier's to finish.
func (a *Alert) interrupted(now time.Time) {
	a.Attempts--
	a.NextAttempt = now
}

// maxReason bounds what is kept of a notifier's error, in bytes.
const maxReason = 1000

func reason(text string) string {
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "..."
	}
	return text
}

func (a *Alert) attrs() []slog.Attr {
	return []slog.Attr{
		slog.String("alert", a.ID), slog.String("model", a.Model), slog.String("key", a.Key),
		slog.String("event", a.Event), slog.String("kind", string(a.Kind)), slog.Int("attempts", a.Attempts),
	}
}

// timeKey is a time as a part of a key: its order is that of time.
func timeKey(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// keyPart is a detector's key value as a part of a key. A key value holds no
// '.', so the only detector of a model without key has its own place.
func keyPart(key string) string {
	if key == "" {
		return "."
	}
	return key
}
