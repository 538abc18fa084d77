package device

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// PresenceEventType is the type of a [PresenceEvent].
type PresenceEventType string

// The types of presence events.
const (
	PresenceConnected    PresenceEventType = "connected"
	PresenceDisconnected PresenceEventType = "disconnected"
)

// DisconnectReason says why a connection ended. The values are those of AWS
// IoT Core.
type DisconnectReason string

// Reasons of a disconnected event.
const (
	ReasonAuthError            DisconnectReason = "AUTH_ERROR"
	ReasonClientInitiated      DisconnectReason = "CLIENT_INITIATED_DISCONNECT"
	ReasonClientError          DisconnectReason = "CLIENT_ERROR"
	ReasonConnectionLost       DisconnectReason = "CONNECTION_LOST"
	ReasonDuplicateClientID    DisconnectReason = "DUPLICATE_CLIENTID"
	ReasonForbidden            DisconnectReason = "FORBIDDEN_ACCESS"
	ReasonKeepAliveTimeout     DisconnectReason = "MQTT_KEEP_ALIVE_TIMEOUT"
	ReasonServerError          DisconnectReason = "SERVER_ERROR"
	ReasonServerInitiated      DisconnectReason = "SERVER_INITIATED_DISCONNECT"
	ReasonAPIInitiated         DisconnectReason = "API_INITIATED_DISCONNECT"
	ReasonThrottled            DisconnectReason = "THROTTLED"
	ReasonWebSocketExpired     DisconnectReason = "WEBSOCKET_TTL_EXPIRATION"
	ReasonAuthorizationExpired DisconnectReason = "CUSTOMAUTH_TTL_EXPIRATION"
	ReasonUnknown              DisconnectReason = "UNKNOWN"
)

// PresenceEvent is a lifecycle event of a connection, with the payload of AWS
// IoT Core: https://docs.aws.amazon.com/iot/latest/developerguide/life-cycle-events.html.
// Events may arrive twice and out of order.
type PresenceEvent struct {
	// ClientID is the thing's name, see [ThingName].
	ClientID string `json:"clientId"`
	// Timestamp is in milliseconds since 1970.
	Timestamp int64             `json:"timestamp"`
	EventType PresenceEventType `json:"eventType"`
	// SessionIdentifier is new with each connection.
	SessionIdentifier string `json:"sessionIdentifier"`
	// PrincipalIdentifier is the id of the credential.
	PrincipalIdentifier string `json:"principalIdentifier"`
	// IPAddress is part of a connected event.
	IPAddress string `json:"ipAddress,omitempty"`
	// VersionNumber is the same for a connection and its end, and grows from
	// connection to connection. AWS IoT Core begins again at 0 when a client
	// was away for about an hour.
	VersionNumber int64 `json:"versionNumber"`
	// ClientInitiatedDisconnect and DisconnectReason are part of a
	// disconnected event.
	ClientInitiatedDisconnect bool             `json:"clientInitiatedDisconnect,omitempty"`
	DisconnectReason          DisconnectReason `json:"disconnectReason,omitempty"`
}

// TopicName returns the topic on which AWS IoT Core publishes the event.
func (e *PresenceEvent) TopicName() string {
	return "$aws/events/presence/" + string(e.EventType) + "/" + e.ClientID
}

// At returns the Timestamp.
func (e *PresenceEvent) At() time.Time { return time.UnixMilli(e.Timestamp).UTC() }

// ParsePresenceEvent reads a presence event from its topic and its payload. An
// empty topic is not looked at. Errors: [ErrPresence].
func ParsePresenceEvent(topic string, payload []byte) (tenant.ID, ID, PresenceEvent, error) {
	var event PresenceEvent
	if err := json.Unmarshal(payload, &event); err != nil {
		return tenant.ID{}, ID{}, PresenceEvent{}, fmt.Errorf("%w: %w", ErrPresence, err)
	}
	id, thing, err := event.subject()
	if err != nil {
		return tenant.ID{}, ID{}, PresenceEvent{}, err
	}
	if topic != "" && topic != event.TopicName() {
		return tenant.ID{}, ID{}, PresenceEvent{}, fmt.Errorf("%w: the topic names another client or event", ErrPresence)
	}
	return id, thing, event, nil
}

// subject checks the event and returns whom it is about.
func (e *PresenceEvent) subject() (tenant.ID, ID, error) {
	id, thing, err := ParseThingName(e.ClientID)
	switch {
	case err != nil:
		return tenant.ID{}, ID{}, fmt.Errorf("%w: clientId is no thing name: %w", ErrPresence, err)
	case e.EventType != PresenceConnected && e.EventType != PresenceDisconnected:
		return tenant.ID{}, ID{}, fmt.Errorf("%w: eventType %.20q", ErrPresence, e.EventType)
	case e.Timestamp <= 0:
		return tenant.ID{}, ID{}, fmt.Errorf("%w: timestamp %d", ErrPresence, e.Timestamp)
	case e.VersionNumber < 0:
		return tenant.ID{}, ID{}, fmt.Errorf("%w: versionNumber %d", ErrPresence, e.VersionNumber)
	}
	return id, thing, nil
}

// PresenceReceiver takes presence events. [Registry] is one.
type PresenceReceiver interface {
	// ReceivePresence takes an event. It may be called concurrently, with
	// events in any order and more than once. Errors: tenant.ErrID,
	// [ErrPresence], or kind iotenant.ErrUnavailable.
	ReceivePresence(ctx context.Context, id tenant.ID, event PresenceEvent) error
}

var _ PresenceReceiver = (*Registry)(nil)

// Presence is whether a thing is connected.
type Presence struct {
	Thing     ID   `json:"thing"`
	Connected bool `json:"connected"`
	// Since is when the thing connected, or disconnected. Zero: it has never
	// been connected.
	Since time.Time `json:"since,omitzero"`
	// Reason is why it disconnected.
	Reason DisconnectReason `json:"reason,omitempty"`
	// Session and Version are those of the newest connection.
	Session string `json:"session,omitempty"`
	Version int64  `json:"version,omitempty"`
}

// PresenceSchema is how a [Registry] keeps presences.
var PresenceSchema = tenant.Schema[Presence]{
	Entity: "presence",
	Key:    func(p *Presence) tenant.Key { return tenant.NewKey(p.Thing.text) },
}

// versionsRestart is how long a client is away at least when AWS IoT Core
// begins again to number its connections.
const versionsRestart = time.Hour

// apply changes the presence, and reports whether the event was news.
func (p *Presence) apply(event *PresenceEvent) bool {
	connected := event.EventType == PresenceConnected
	switch {
	case p.Since.IsZero():
	case event.VersionNumber > p.Version:
	case event.VersionNumber == p.Version && event.SessionIdentifier == p.Session:
		if !p.Connected || connected {
			return false // again, or overtaken by its own end
		}
	case p.Connected || event.At().Sub(p.Since) < versionsRestart:
		return false // about an older connection
	}
	p.Connected, p.Since = connected, event.At()
	p.Session, p.Version = event.SessionIdentifier, event.VersionNumber
	p.Reason = event.DisconnectReason
	return true
}

// ReceivePresence implements [PresenceReceiver]: it keeps the newest state of
// the thing, and ignores an event about an older connection, such as the end of
// a connection that came after the begin of the next. An event about a thing
// that the registry does not know is ignored too.
func (r *Registry) ReceivePresence(ctx context.Context, id tenant.ID, event PresenceEvent) error {
	owner, thing, err := event.subject()
	if err != nil {
		return err
	}
	if err := id.Check(); err != nil {
		return err
	}
	if owner != id {
		return fmt.Errorf("%w: of another tenant", ErrPresence)
	}
	if _, err := r.getThing(ctx, id, thing); errors.Is(err, tenant.ErrNotFound) {
		return nil
	} else if err != nil {
		return fmt.Errorf("device: presence: %w", err)
	}
	if err := r.updatePresence(ctx, id, thing, &event); err != nil && !errors.Is(err, errNoNews) {
		return fmt.Errorf("device: presence: %w", err)
	}
	return nil
}

var errNoNews = errors.New("no news")

func (r *Registry) updatePresence(ctx context.Context, id tenant.ID, thing ID, event *PresenceEvent) error {
	first := Presence{Thing: thing}
	first.apply(event)
	_, err := r.presences.Put(ctx, id, first, tenant.IfAbsent())
	if !errors.Is(err, tenant.ErrExists) {
		return err
	}
	_, err = tenant.Update(ctx, r.presences, id, tenant.NewKey(thing.text), func(p *Presence) error {
		if !p.apply(event) {
			return errNoNews
		}
		return nil
	})
	return err
}

// Presence returns whether a thing is connected. Errors: tenant.ErrID,
// [ErrID], tenant.ErrNotFound.
func (r *Registry) Presence(ctx context.Context, id tenant.ID, thing ID) (Presence, error) {
	if _, err := r.getThing(ctx, id, thing); err != nil {
		return Presence{}, fmt.Errorf("device: presence: %w", err)
	}
	item, err := r.presences.Get(ctx, id, tenant.NewKey(thing.text), tenant.Consistent)
	switch {
	case errors.Is(err, tenant.ErrNotFound):
		return Presence{Thing: thing}, nil
	case err != nil:
		return Presence{}, fmt.Errorf("device: presence: %w", err)
	}
	return item.Value, nil
}

// Presences returns the presence of every thing of a tenant that has ever been
// connected, in the order of their ids. It ends after the first error.
func (r *Registry) Presences(ctx context.Context, id tenant.ID) iter.Seq2[Presence, error] {
	return func(yield func(Presence, error) bool) {
		for item, err := range tenant.All(ctx, r.presences, id, tenant.Query{Consistent: true}) {
			if !yield(item.Value, err) {
				return
			}
		}
	}
}
