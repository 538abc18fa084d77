// Package firehosealerts acts on Amazon Data Firehose: it puts the firehose
// actions of models into delivery streams, a record each.
//
// The record is the alert's payload and the separator that the model gives. A
// stream has no attributes and removes no duplicates: what tells alerts apart
// has to be in the payload, as it is in the default one.
package firehosealerts

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/firehose"
	"github.com/aws/aws-sdk-go-v2/service/firehose/types"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/internal/outcome"
	"github.com/iotenant/iotenant/tenant"
)

// API is what [Putter] calls; *firehose.Client is one. The least policy for
// it:
//
//	{"Effect": "Allow", "Action": ["firehose:PutRecord"],
//	 "Resource": "arn:aws:firehose:REGION:ACCOUNT:deliverystream/*"}
type API interface {
	PutRecord(ctx context.Context, input *firehose.PutRecordInput, optFns ...func(*firehose.Options)) (*firehose.PutRecordOutput, error)
}

// ErrRefused: Firehose refuses a record.
var ErrRefused = fmt.Errorf("firehosealerts: refused by Firehose: %w", iotenant.ErrInvalid)

// Putter is an alerts.Notifier for firehose actions.
type Putter struct {
	api     API
	targets alerts.Targets
}

var _ alerts.Notifier = (*Putter)(nil)

// New returns a notifier that puts records into the delivery streams that
// targets gives, by name.
func New(api API, targets alerts.Targets) *Putter { return &Putter{api: api, targets: targets} }

// Notify implements [alerts.Notifier]. Errors: tenant.ErrID, those of targets,
// [ErrRefused], kind iotenant.ErrUnavailable.
func (p *Putter) Notify(ctx context.Context, id tenant.ID, alert alerts.Alert) error {
	if err := id.Check(); err != nil {
		return err
	}
	stream, err := p.targets(ctx, id, alert.Target)
	if err != nil {
		return err
	}
	var separator string
	if setting := alert.Settings["separator"]; setting != nil {
		if err := json.Unmarshal(setting, &separator); err != nil {
			return fmt.Errorf("%w: separator: %w", ErrRefused, err)
		}
	}
	record := types.Record{Data: []byte(alert.Payload + separator)}
	_, err = p.api.PutRecord(ctx, &firehose.PutRecordInput{DeliveryStreamName: &stream, Record: &record})
	return outcome.Judge(err, ErrRefused, "InvalidSourceException")
}
