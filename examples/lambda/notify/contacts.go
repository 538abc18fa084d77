package main

import (
	"context"
	"errors"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/alerts/memalerts"
	"github.com/iotenant/iotenant/tenant"
)

// contacts are whom a tenant wants to be told, one item for each tenant.
type contacts struct {
	Emails []string `json:"emails,omitempty"`
	Phones []string `json:"phones,omitempty"`
	// WebhookURL and WebhookSecrets are for memalerts.Webhook.
	WebhookURL     string   `json:"webhookUrl,omitempty"`
	WebhookSecrets [][]byte `json:"webhookSecrets,omitempty"`
	// People are those whom alarm models name, by user id.
	People map[string]reach `json:"people,omitempty"`
}

// reach is how somebody is reached.
type reach struct {
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
}

var contactsKey = tenant.NewKey("contacts")

var contactsSchema = tenant.Schema[contacts]{
	Entity: "alert-contacts",
	Key:    func(*contacts) tenant.Key { return contactsKey },
}

// addressBook finds the contacts of tenants. A tenant without any wants to be
// told nothing.
type addressBook struct{ repository tenant.Repository[contacts] }

func (b addressBook) of(ctx context.Context, id tenant.ID) (contacts, error) {
	item, err := b.repository.Get(ctx, id, contactsKey)
	if errors.Is(err, tenant.ErrNotFound) {
		return contacts{}, nil
	}
	return item.Value, err
}

func (b addressBook) emails(ctx context.Context, id tenant.ID, _ alerts.Alert) ([]string, error) {
	c, err := b.of(ctx, id)
	return c.Emails, err
}

func (b addressBook) email(ctx context.Context, id tenant.ID, to detector.Identity) (string, error) {
	c, err := b.of(ctx, id)
	return c.People[to.UserID].Email, err
}

// phones are the tenant's for an ordinary alert, else those of whom the alarm
// model names.
func (b addressBook) phones(ctx context.Context, id tenant.ID, alert alerts.Alert) (numbers []string, err error) {
	c, err := b.of(ctx, id)
	if alert.Notification == nil {
		return c.Phones, err
	}
	for _, sms := range alert.Notification.SMS {
		for _, to := range sms.Recipients {
			if number := c.People[to.UserID].Phone; number != "" {
				numbers = append(numbers, number)
			}
		}
	}
	return numbers, err
}

func (b addressBook) endpoint(ctx context.Context, id tenant.ID) (memalerts.Endpoint, error) {
	c, err := b.of(ctx, id)
	return memalerts.Endpoint{URL: c.WebhookURL, Secrets: c.WebhookSecrets}, err
}
