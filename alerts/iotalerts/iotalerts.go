// Package iotalerts acts on AWS IoT Core: it publishes what iotTopicPublish
// actions of models say to the devices of their tenant.
//
//	publisher := iotalerts.New(iotdataplane.NewFromConfig(config, func(o *iotdataplane.Options) {
//		o.BaseEndpoint = aws.String("https://" + endpoint) // DescribeEndpoint, iot:Data-ATS
//	}))
//	o.Notifiers[detector.ActionIoTTopic] = alerts.ToTopics(publisher)
//
// alerts.ToTopics lets through only topics of package device that are of the
// alert's own tenant.
package iotalerts

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iotdataplane"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/internal/outcome"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// API is what [Publisher] calls; *iotdataplane.Client is one. The least policy
// for it:
//
//	{"Effect": "Allow", "Action": ["iot:Publish"],
//	 "Resource": ["arn:aws:iot:REGION:ACCOUNT:topic/t/*", "arn:aws:iot:REGION:ACCOUNT:topic/$aws/things/*/shadow/*"]}
type API interface {
	Publish(ctx context.Context, input *iotdataplane.PublishInput, optFns ...func(*iotdataplane.Options)) (*iotdataplane.PublishOutput, error)
}

// ErrRefused: IoT Core refuses a message.
var ErrRefused = fmt.Errorf("iotalerts: refused by IoT Core: %w", iotenant.ErrInvalid)

// Options are the options of [New].
type Options struct {
	// QoS is 0 or 1. Default 0, as AWS IoT Events published.
	QoS int32
}

// Publisher is an alerts.Publisher.
type Publisher struct {
	api     API
	options Options
}

var _ alerts.Publisher = (*Publisher)(nil)

// New returns a publisher. It panics if Options.QoS is neither 0 nor 1, which
// is what IoT Core knows.
func New(api API, optFns ...func(*Options)) *Publisher {
	var options Options
	for _, fn := range optFns {
		fn(&options)
	}
	if options.QoS != 0 && options.QoS != 1 {
		panic(fmt.Sprintf("iotalerts: QoS %d, want 0 or 1", options.QoS))
	}
	return &Publisher{api: api, options: options}
}

// Publish publishes to the message's topic, which must be one of the tenant.
// Errors: tenant.ErrID, those of device.Message.Check, [ErrRefused], kind
// iotenant.ErrUnavailable.
func (p *Publisher) Publish(ctx context.Context, id tenant.ID, message device.Message) error {
	if err := message.Check(id); err != nil {
		return err
	}
	_, err := p.api.Publish(ctx, &iotdataplane.PublishInput{
		Topic: aws.String(message.Topic.String()), Payload: message.Payload, Qos: p.options.QoS,
	})
	err = outcome.Judge(err, ErrRefused, "InvalidRequestException")
	if err != nil && !errors.Is(err, ErrRefused) {
		return fmt.Errorf("iotalerts: publish: %w", err)
	}
	return err
}
