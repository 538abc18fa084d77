// Package invokealerts acts on AWS Lambda: it invokes the functions that the
// lambda actions of models name, and those of the notifications of alarms.
//
// The invocation is asynchronous. Its event is the alert's payload; a payload of
// type STRING is a JSON string. A function that a notification names gets the
// event that AWS IoT Events gave to it, with the recipients' addresses.
package invokealerts

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/alerts/internal/outcome"
	"github.com/iotenant/iotenant/tenant"
)

// API is what [Invoker] calls; *lambda.Client is one. The least policy for it:
//
//	{"Effect": "Allow", "Action": ["lambda:InvokeFunction"],
//	 "Resource": "arn:aws:lambda:REGION:ACCOUNT:function:*"}
type API interface {
	Invoke(ctx context.Context, input *lambda.InvokeInput, optFns ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// ErrRefused: Lambda refuses an event, for its size for example, or an alert
// can't be made one.
var ErrRefused = fmt.Errorf("invokealerts: refused by Lambda: %w", iotenant.ErrInvalid)

// Options are the options of [New].
type Options struct {
	// Email and Phone find the addresses of the recipients of notifications;
	// who they return "" for is left out. Default: nobody has one.
	Email func(tenant.ID, detector.Identity) string
	Phone func(tenant.ID, detector.Identity) string
}

// Invoker is an alerts.Notifier for lambda actions and notifications.
type Invoker struct {
	api     API
	targets alerts.Targets
	options Options
}

var _ alerts.Notifier = (*Invoker)(nil)

// New returns a notifier that invokes the functions that targets gives, by
// name or ARN.
func New(api API, targets alerts.Targets, optFns ...func(*Options)) *Invoker {
	nobody := func(tenant.ID, detector.Identity) string { return "" }
	options := Options{Email: nobody, Phone: nobody}
	for _, fn := range optFns {
		fn(&options)
	}
	return &Invoker{api: api, targets: targets, options: options}
}

// Notify implements [alerts.Notifier]. Errors: tenant.ErrID, those of targets,
// [ErrRefused], kind iotenant.ErrUnavailable.
func (i *Invoker) Notify(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
	if err := id.Check(); err != nil {
		return err
	}
	function, err := i.targets(ctx, id, alert.Target)
	if err != nil {
		return err
	}
	event, err := i.event(id, &alert)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	_, err = i.api.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, InvocationType: types.InvocationTypeEvent, Payload: event})
	return outcome.Judge(err, ErrRefused, "InvalidRequestContentException", "RequestTooLargeException", "UnsupportedMediaTypeException")
}

func (i *Invoker) event(id tenant.ID, alert *alerts.Alert) ([]byte, error) {
	switch {
	case alert.Notification != nil:
		return alert.Notification.LambdaEvent([]byte(alert.Payload),
			func(to detector.Identity) string { return i.options.Email(id, to) },
			func(to detector.Identity) string { return i.options.Phone(id, to) })
	case alert.PayloadType == detector.PayloadString, !json.Valid([]byte(alert.Payload)):
		return json.Marshal(alert.Payload)
	default:
		return []byte(alert.Payload), nil
	}
}
