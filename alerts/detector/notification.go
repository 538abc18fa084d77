package detector

import (
	"encoding/json"
	"strings"
)

// Notification is whom an alarm tells of a change of its state, in an action
// of kind [ActionNotification].
type Notification struct {
	Emails []Email `json:"emails,omitempty"`
	SMS    []SMS   `json:"sms,omitempty"`
}

// Email is one e-mail of a notification. Texts that the model does not give,
// or that could not be evaluated, are empty.
type Email struct {
	From              string     `json:"from,omitempty"`
	Subject           string     `json:"subject,omitempty"`
	AdditionalMessage string     `json:"additionalMessage,omitempty"`
	To                []Identity `json:"to,omitempty"`
}

// SMS is one text message of a notification.
type SMS struct {
	SenderID          string     `json:"senderId,omitempty"`
	AdditionalMessage string     `json:"additionalMessage,omitempty"`
	Recipients        []Identity `json:"recipients,omitempty"`
}

// Identity is a recipient: a user of an identity store, AWS IAM Identity
// Center in the old service.
type Identity struct {
	StoreID string `json:"identityStoreId,omitempty"`
	UserID  string `json:"userId,omitempty"`
}

// notificationEvent is what the service gave to a notification's Lambda
// function.
type notificationEvent struct {
	Payload string       `json:"notificationEventPayload"`
	Emails  []emailEvent `json:"emailConfigurations"`
	SMS     []smsEvent   `json:"smsConfigurations"`
}

type emailEvent struct {
	From              string   `json:"from"`
	To                []string `json:"to"`
	CC                []string `json:"cc"`
	BCC               []string `json:"bcc"`
	Subject           string   `json:"subject"`
	AdditionalMessage string   `json:"additionalMessage"`
}

type smsEvent struct {
	SenderID          string   `json:"senderId"`
	AdditionalMessage string   `json:"additionalMessage"`
	PhoneNumbers      []string `json:"phoneNumbers"`
}

// LambdaEvent returns the JSON that the service gave to the Lambda function of
// a notification, for AWS's own function or one of the same interface.
// payload is [Action.Payload]. email and phone look up recipients; who they
// return "" for is left out.
func (n *Notification) LambdaEvent(payload []byte, email, phone func(Identity) string) ([]byte, error) {
	event := notificationEvent{Payload: string(payload), Emails: []emailEvent{}, SMS: []smsEvent{}}
	for _, e := range n.Emails {
		event.Emails = append(event.Emails, emailEvent{
			From: e.From, To: addresses(e.To, email), CC: []string{}, BCC: []string{}, Subject: e.Subject, AdditionalMessage: e.AdditionalMessage,
		})
	}
	for _, s := range n.SMS {
		event.SMS = append(event.SMS, smsEvent{
			SenderID: s.SenderID, AdditionalMessage: s.AdditionalMessage, PhoneNumbers: addresses(s.Recipients, phone),
		})
	}
	return json.Marshal(event)
}

func addresses(identities []Identity, lookup func(Identity) string) []string {
	addresses := []string{}
	for _, identity := range identities {
		if address := lookup(identity); address != "" {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

// notification is the step that tells people and a Lambda function.
type notification struct {
	delivery // to the function; without one, target is ""
	emails   []emailTexts
	sms      []smsTexts
}

type emailTexts struct {
	from, subject, message *text
	to                     []identityTexts
}

type smsTexts struct {
	sender, message *text
	recipients      []identityTexts
}

type identityTexts struct{ store, user *text }

func (n *notification) run(f *frame, a *action) {
	before := len(f.result.Actions)
	n.delivery.run(f, a)
	if len(f.result.Actions) == before {
		return
	}
	told := &Notification{}
	for i := range n.emails {
		e := &n.emails[i]
		told.Emails = append(told.Emails, Email{
			From: e.from.optional(f, a), Subject: e.subject.optional(f, a), AdditionalMessage: e.message.optional(f, a),
			To: evaluateIdentities(f, a, e.to),
		})
	}
	for i := range n.sms {
		s := &n.sms[i]
		told.SMS = append(told.SMS, SMS{
			SenderID: s.sender.optional(f, a), AdditionalMessage: s.message.optional(f, a),
			Recipients: evaluateIdentities(f, a, s.recipients),
		})
	}
	f.result.Actions[before].Notification = told
}

func evaluateIdentities(f *frame, a *action, texts []identityTexts) []Identity {
	var identities []Identity
	for _, t := range texts {
		identity := Identity{t.store.optional(f, a), t.user.optional(f, a)}
		if identity.UserID != "" {
			identities = append(identities, identity)
		}
	}
	return identities
}

// optional returns the text, or "" with a warning: an alarm is told of all the
// same.
func (t *text) optional(f *frame, a *action) string {
	if t == nil || t.formula == nil {
		return t.literalText()
	}
	value := t.formula.run(f)
	switch value.kind {
	case String:
		return strings.Clone(value.text)
	case Boolean, Integer, Decimal:
		return value.String()
	}
	f.report(LevelWarning, a, "We couldn't evaluate your expression "+t.formula.source+" for the notification: "+value.explain())
	return ""
}

func (t *text) literalText() string {
	if t == nil {
		return ""
	}
	return t.literal
}
