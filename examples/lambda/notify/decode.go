package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/alerts/memalerts"
	"github.com/iotenant/iotenant/tenant"
)

// errRecord: a record is no alert.
var errRecord = fmt.Errorf("notify: %w record", iotenant.ErrInvalid)

// published is what a topic or queue holds of an alert. The attributes are the
// platform's, the body may be a tenant's: a model can write any payload. So the
// tenant, and which alert it is, are those of the attributes only.
type published struct {
	body       string
	attributes map[string]string
	at         time.Time
}

// fromQueue reads a message of a queue that the platform sends to, or that is
// subscribed to a topic, with raw delivery or without.
func fromQueue(message *events.SQSMessage) (published, error) {
	p := published{body: message.Body, attributes: map[string]string{}}
	for name, attribute := range message.MessageAttributes {
		if attribute.StringValue != nil {
			p.attributes[name] = *attribute.StringValue
		}
	}
	if p.attributes["tenant"] != "" {
		return p, nil
	}
	var envelope events.SNSEntity // has the attributes that the message lacks
	if err := json.Unmarshal([]byte(message.Body), &envelope); err != nil || envelope.Type != "Notification" {
		return p, fmt.Errorf("%w: no attribute names the tenant", errRecord)
	}
	return fromTopic(&envelope), nil
}

func fromTopic(entity *events.SNSEntity) published {
	p := published{body: entity.Message, attributes: map[string]string{}, at: entity.Timestamp}
	for name, attribute := range entity.MessageAttributes {
		if members, ok := attribute.(map[string]any); ok {
			p.attributes[name], _ = members["Value"].(string)
		}
	}
	return p
}

// alert returns the alert, and whose it is.
func (p *published) alert() (tenant.ID, alerts.Alert, error) {
	id, err := tenant.ParseID(p.attributes["tenant"])
	if err != nil {
		return id, alerts.Alert{}, fmt.Errorf("%w: tenant: %w", errRecord, err)
	}
	alertID := p.attributes["alertId"]
	if alertID == "" {
		return id, alerts.Alert{}, fmt.Errorf("%w: no attribute names the alert", errRecord)
	}
	var event memalerts.Event
	if json.Unmarshal([]byte(p.body), &event) == nil && event.Tenant == id && event.Alert.ID == alertID {
		return id, event.Alert, nil
	}
	return id, alerts.Alert{
		ID: alertID, Model: p.attributes["model"], Key: p.attributes["key"], Event: p.attributes["event"], State: p.attributes["state"],
		At: p.at, Kind: detector.ActionSNS, Payload: p.body, PayloadType: detector.PayloadDefault,
	}, nil
}
