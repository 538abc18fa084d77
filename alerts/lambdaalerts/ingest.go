package lambdaalerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/internal/lambdaevent"
	"github.com/iotenant/iotenant/tenant"
)

// ErrEvent: an event is of no source that the function knows.
var ErrEvent = fmt.Errorf("lambdaalerts: %w event", iotenant.ErrInvalid)

// Options are the options of [NewIngest].
type Options struct {
	// Decode tells whose message a record is. Default [FromTopic].
	Decode Decode
	// Refused is given what will never be accepted, in its tenant's name
	// unless the record has none. An error makes the record come again.
	// Default: it is logged, without its data.
	Refused func(ctx context.Context, id tenant.ID, record Record, reason error) error
	// Logger is told of refused records and of sweeps that failed. Default:
	// silent.
	Logger *slog.Logger
}

// Ingest is a Lambda function that evaluates messages. Give it to lambda.Start.
type Ingest struct {
	processor alerts.Processor
	options   Options
}

// NewIngest returns the function that gives messages to processor.
func NewIngest(processor alerts.Processor, optFns ...func(*Options)) *Ingest {
	options := Options{Decode: FromTopic, Logger: slog.New(slog.DiscardHandler)}
	for _, fn := range optFns {
		fn(&options)
	}
	i := &Ingest{processor: processor, options: options}
	if i.options.Refused == nil {
		i.options.Refused = i.logRefused
	}
	return i
}

// Invoke implements lambda.Handler. It takes an event of Kinesis or SQS, and
// answers with the records to be sent again; or else what a rule of AWS IoT
// Core invokes the function with, one message or a list of them, and fails if
// any of these is to be sent again. An object with members that no event of a
// service has is a message, whatever else a device wrote into it; so a rule has
// to add one, such as the topic. The error is [ErrEvent], or what kept all
// messages from being evaluated.
func (i *Ingest) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	source, err := lambdaevent.SourceOf(payload)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	switch source {
	case lambdaevent.Kinesis:
		return respond(ctx, payload, i.Kinesis)
	case lambdaevent.SQS:
		return respond(ctx, payload, i.SQS)
	case lambdaevent.Rule:
		return []byte("null"), i.Rule(ctx, payload)
	}
	return nil, fmt.Errorf("%w: records of %q", ErrEvent, source)
}

func respond[Event, Response any](ctx context.Context, payload []byte, do func(context.Context, Event) (Response, error)) ([]byte, error) {
	var event Event
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	response, err := do(ctx, event)
	if err != nil {
		return nil, err
	}
	return json.Marshal(response)
}

// Kinesis evaluates the records of a stream. Everything from the first record
// of the answer on comes again.
func (i *Ingest) Kinesis(ctx context.Context, event events.KinesisEvent) (response events.KinesisEventResponse, err error) {
	records := make([]Record, len(event.Records))
	for n := range event.Records {
		records[n] = Record{ID: event.Records[n].EventID, Data: event.Records[n].Kinesis.Data}
	}
	for _, n := range i.evaluate(ctx, records) {
		response.BatchItemFailures = append(response.BatchItemFailures,
			events.KinesisBatchItemFailure{ItemIdentifier: event.Records[n].Kinesis.SequenceNumber})
	}
	return response, nil
}

// SQS evaluates the messages of a queue. In a FIFO queue, what follows a
// failed message of its group fails as well, so that the order is kept.
func (i *Ingest) SQS(ctx context.Context, event events.SQSEvent) (response events.SQSEventResponse, err error) {
	records := make([]Record, len(event.Records))
	for n := range event.Records {
		records[n] = Record{ID: event.Records[n].MessageId, Data: []byte(event.Records[n].Body), Attributes: attributes(event.Records[n])}
	}
	failed := map[string]bool{} // groups
	failures := i.evaluate(ctx, records)
	for n := range event.Records {
		group := event.Records[n].Attributes["MessageGroupId"]
		if !slices.Contains(failures, n) && (group == "" || !failed[group]) {
			continue
		}
		failed[group] = true
		response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: event.Records[n].MessageId})
	}
	return response, nil
}

func attributes(message events.SQSMessage) map[string]string {
	all := map[string]string{}
	for name, attribute := range message.MessageAttributes {
		if attribute.StringValue != nil {
			all[name] = *attribute.StringValue
		}
	}
	return all
}

// ErrAgain: a message of a rule failed in passing. Lambda invokes the function
// again.
var ErrAgain = fmt.Errorf("lambdaalerts: not evaluated: %w", iotenant.ErrUnavailable)

// Rule evaluates the message, or the list of messages, with which a rule
// invokes the function. The id of a record is that of the invocation, which
// stays the same when Lambda invokes again. Errors: [ErrEvent], [ErrAgain].
func (i *Ingest) Rule(ctx context.Context, payload json.RawMessage) error {
	messages := []json.RawMessage{payload}
	if len(payload) > 0 && payload[0] == '[' {
		if err := json.Unmarshal(payload, &messages); err != nil {
			return fmt.Errorf("%w: %w", ErrEvent, err)
		}
	}
	records := make([]Record, len(messages))
	for n := range messages {
		records[n] = Record{Data: messages[n]}
		if invocation, ok := lambdacontext.FromContext(ctx); ok {
			records[n].ID = fmt.Sprintf("%s-%d", invocation.AwsRequestID, n)
		}
	}
	if failures := i.evaluate(ctx, records); len(failures) > 0 {
		return fmt.Errorf("%w: %d of %d messages", ErrAgain, len(failures), len(records))
	}
	return nil
}

// batch is what an event holds for one tenant.
type batch struct {
	id       tenant.ID
	messages []alerts.Message
	places   []int // in the event
}

// evaluate returns the places of the records that are to come again, in their
// order.
func (i *Ingest) evaluate(ctx context.Context, records []Record) (again []int) {
	batches, again := i.sort(ctx, records)
	for _, b := range batches {
		again = append(again, i.put(ctx, b, records)...)
	}
	slices.Sort(again)
	return again
}

// sort divides the records by tenant.
func (i *Ingest) sort(ctx context.Context, records []Record) (batches []*batch, again []int) {
	byTenant := map[tenant.ID]*batch{}
	for n, record := range records {
		id, message, err := i.options.Decode(record)
		if err != nil {
			if err := i.options.Refused(ctx, id, record, err); err != nil {
				again = append(again, n)
			}
			continue
		}
		b := byTenant[id]
		if b == nil {
			b = &batch{id: id}
			byTenant[id] = b
			batches = append(batches, b)
		}
		b.messages = append(b.messages, message)
		b.places = append(b.places, n)
	}
	return batches, again
}

// put evaluates the messages of a tenant, and delivers what follows from them.
func (i *Ingest) put(ctx context.Context, b *batch, records []Record) (again []int) {
	err := i.processor.Put(ctx, b.id, b.messages...)
	var failed *alerts.PutError
	switch {
	case err == nil:
	case errors.As(err, &failed):
		again = i.sortOut(ctx, b, failed, records)
	default:
		i.options.Logger.ErrorContext(ctx, "messages not evaluated", "tenant", b.id.String(), "error", err)
		return b.places
	}
	if err := i.processor.Sweep(ctx, b.id); err != nil {
		i.options.Logger.ErrorContext(ctx, "actions wait", "tenant", b.id.String(), "error", err)
	}
	return again
}

// sortOut tells what may pass from what will not. A message that several
// models refuse is refused once.
func (i *Ingest) sortOut(ctx context.Context, b *batch, failed *alerts.PutError, records []Record) (again []int) {
	reasons := map[int]error{}
	for _, failure := range failed.Failures {
		if known, ok := reasons[failure.Index]; !ok || alerts.Permanent(known) {
			reasons[failure.Index] = failure.Err
		}
	}
	for index, place := range b.places {
		reason, ok := reasons[index]
		if !ok {
			continue
		}
		if !alerts.Permanent(reason) || i.options.Refused(ctx, b.id, records[place], reason) != nil {
			again = append(again, place)
		}
	}
	return again
}

func (i *Ingest) logRefused(ctx context.Context, id tenant.ID, record Record, reason error) error {
	i.options.Logger.WarnContext(ctx, "record refused", "tenant", id.String(), "record", record.ID, "error", reason)
	return nil
}
