package snsalerts

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/internal/outcome"
	"github.com/iotenant/iotenant/tenant"
)

// ErrNumber: a telephone number is not in E.164 form, or opted out.
var ErrNumber = fmt.Errorf("snsalerts: %w telephone number", iotenant.ErrInvalid)

// MaxText is the limit of a text message in characters. SNS takes 1,600 bytes
// at a time and divides them.
const MaxText = 400

// Numbers finds the telephone numbers of a tenant that are told of an alert, in
// E.164 form: "+4915112345678".
type Numbers func(ctx context.Context, id tenant.ID, alert alerts.Alert) ([]string, error)

// TextOptions are the options of [NewTexter].
type TextOptions struct {
	// Text is what is sent, cut to [MaxText] characters. Default: event, model
	// and key.
	Text func(alert alerts.Alert) string
	// SenderID is shown as the sender where a country allows it: 1 to 11
	// letters and digits. Default: none.
	SenderID string
}

// Texter is an alerts.Notifier that sends text messages.
type Texter struct {
	api     PublishAPI
	numbers Numbers
	options TextOptions
}

var _ alerts.Notifier = (*Texter)(nil)

// NewTexter returns a notifier that sends SMS to the numbers of tenants.
func NewTexter(api PublishAPI, numbers Numbers, optFns ...func(*TextOptions)) *Texter {
	options := TextOptions{Text: textOf}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Texter{api: api, numbers: numbers, options: options}
}

func textOf(alert alerts.Alert) string {
	return strings.TrimSpace(fmt.Sprintf("%s: %s %s", alert.Event, alert.Model, alert.Key))
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{1,14}$`)

// Notify implements [alerts.Notifier]. A number that can't be told does not
// keep the others from being told; the error then joins those that may pass, if
// there are any, so that the alert comes again, to all numbers. Errors:
// tenant.ErrID, those of Numbers, [ErrNumber], [ErrRefused], kind
// iotenant.ErrUnavailable.
func (t *Texter) Notify(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
	if err := id.Check(); err != nil {
		return err
	}
	numbers, err := t.numbers(ctx, id, alert)
	if err != nil {
		return err
	}
	var passing, permanent []error
	for _, number := range numbers {
		switch err := t.send(ctx, number, t.text(alert)); {
		case err == nil:
		case alerts.Permanent(err):
			permanent = append(permanent, err)
		default:
			passing = append(passing, err)
		}
	}
	if len(passing) > 0 {
		return errors.Join(passing...)
	}
	return errors.Join(permanent...)
}

func (t *Texter) text(alert alerts.Alert) string {
	text := strings.ToValidUTF8(t.options.Text(alert), "")
	if utf8.RuneCountInString(text) > MaxText {
		text = string([]rune(text)[:MaxText-1]) + "…"
	}
	return text
}

func (t *Texter) send(ctx context.Context, number, text string) error {
	if !e164.MatchString(number) {
		return fmt.Errorf("%w: want E.164", ErrNumber)
	}
	input := &sns.PublishInput{PhoneNumber: &number, Message: &text, MessageAttributes: map[string]types.MessageAttributeValue{
		"AWS.SNS.SMS.SMSType": {DataType: aws.String("String"), StringValue: aws.String("Transactional")},
	}}
	if t.options.SenderID != "" {
		input.MessageAttributes["AWS.SNS.SMS.SenderID"] = types.MessageAttributeValue{
			DataType: aws.String("String"), StringValue: &t.options.SenderID,
		}
	}
	_, err := t.api.Publish(ctx, input)
	if outcome.Code(err) == "OptedOut" || outcome.Code(err) == "OptedOutException" {
		return fmt.Errorf("%w: opted out", ErrNumber)
	}
	return publishError(err)
}
