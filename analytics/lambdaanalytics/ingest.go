package lambdaanalytics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/internal/lambdaevent"
	"github.com/iotenant/iotenant/tenant"
)

// Sentinel errors of the functions.
var (
	// ErrEvent: an event is of no source that the function knows.
	ErrEvent = fmt.Errorf("lambdaanalytics: %w event", iotenant.ErrInvalid)
	// ErrAgain: a message of a rule, or a record of Firehose, failed in
	// passing. Both invoke the function again.
	ErrAgain = fmt.Errorf("lambdaanalytics: not processed: %w", iotenant.ErrUnavailable)
)

// Options are the options of [NewIngest].
type Options struct {
	// Decode tells whose message a record is. Default [FromTopic].
	Decode Decode
	// Gate admits tenants; the records of one that it denies are refused.
	// Default: all are admitted.
	Gate tenant.Gate
	// Refused is given what will never be accepted, in its tenant's name
	// unless the record has none. An error makes the record come again. It may
	// be called concurrently. Default: it is logged, without its data.
	Refused func(ctx context.Context, id tenant.ID, record Record, reason error) error
	// Forward makes Firehose deliver the records that were accepted, as they
	// came. Default: they are dropped, because they are in their channels.
	Forward bool
	// Parallel is how many tenants are served at the same time. Default 8.
	Parallel int
	// Reserve is how long before the end of the invocation the work ends, so
	// that the answer is still given; but at most half of the time that is
	// left. What is not done then comes again. Default 2 s.
	Reserve time.Duration
	// Logger is told of refused records and of what failed. Default: silent.
	Logger *slog.Logger
}

// Ingest is a Lambda function that takes messages for channels. Give it to
// lambda.Start.
type Ingest struct {
	ingester analytics.Ingester
	options  Options
}

// NewIngest returns the function that gives messages to ingester, which is an
// analytics.Ingest.
func NewIngest(ingester analytics.Ingester, optFns ...func(*Options)) *Ingest {
	options := Options{Decode: FromTopic, Parallel: 8, Reserve: 2 * time.Second, Logger: slog.New(slog.DiscardHandler)}
	for _, fn := range optFns {
		fn(&options)
	}
	if options.Refused == nil {
		options.Refused = logRefused(options.Logger)
	}
	return &Ingest{ingester: ingester, options: options}
}

func logRefused(logger *slog.Logger) func(context.Context, tenant.ID, Record, error) error {
	return func(ctx context.Context, id tenant.ID, record Record, reason error) error {
		logger.WarnContext(ctx, "record refused", "tenant", id.String(), "record", record.ID, "error", reason)
		return nil
	}
}

// Invoke implements lambda.Handler. What it answers depends on the event:
//
//   - Kinesis: the first record that is to be sent again, with all that follow.
//   - SQS: the messages to be sent again; in a FIFO queue also what follows
//     them in their groups.
//   - Firehose: for each record Dropped, or Ok with its data if
//     Options.Forward is set; ProcessingFailed, with its data, if it is
//     refused. If a record failed in passing, the invocation fails with
//     [ErrAgain], and Firehose repeats it.
//   - What a rule of AWS IoT Core invokes the function with, one message or a
//     list of them: null, or [ErrAgain] if any of these is to be sent again.
//
// The error can also be [ErrEvent].
func (i *Ingest) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	event, err := parse(ctx, payload)
	if err != nil {
		return nil, err
	}
	b := i.open(event)
	b.work(ctx, i.put)
	again := b.places(again)
	switch {
	case event.Source == lambdaevent.Kinesis || event.Source == lambdaevent.SQS:
		return event.AppendFailures(nil, again), nil
	case len(again) > 0:
		return nil, fmt.Errorf("%w: %d of %d messages", ErrAgain, len(again), len(event.Records))
	case event.Source == lambdaevent.Firehose:
		return i.answer(b), nil
	}
	return []byte("null"), nil
}

// parse reads an event. The ids of the records of a rule are made of that of
// the invocation.
func parse(ctx context.Context, payload []byte) (*lambdaevent.Event, error) {
	request := ""
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		request = invocation.AwsRequestID
	}
	event, err := lambdaevent.Parse(payload, request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	return &event, nil
}

func (i *Ingest) open(event *lambdaevent.Event) *batch {
	return newBatch(event, &batchOptions{
		decode: i.options.Decode, gate: i.options.Gate, refused: i.options.Refused,
		parallel: i.options.Parallel, reserve: i.options.Reserve, logger: i.options.Logger,
	})
}

// put gives the messages of a channel to the ingester.
func (i *Ingest) put(ctx context.Context, b *batch, p *part) {
	err := i.ingester.Put(ctx, p.id, p.channel, p.rows)
	var failed *analytics.PutError
	switch {
	case err == nil:
	case errors.As(err, &failed):
		for _, failure := range failed.Failures {
			if failure.Index < 0 || failure.Index >= len(p.places) || errors.Is(failure.Err, analytics.ErrDuplicateID) {
				continue // it came twice in this event, and was taken once
			}
			b.refuse(ctx, p.id, p.places[failure.Index], failure.Err)
		}
	default:
		b.fail(ctx, p, err)
	}
}

// answer tells Firehose what became of its records.
func (i *Ingest) answer(b *batch) []byte {
	records := b.event.Records
	answers := make([]transformed, len(records))
	for n := range records {
		switch {
		case b.verdicts[n] == refused:
			answers[n] = transformed{result: resultFailed, data: records[n].Data}
		case i.options.Forward:
			answers[n] = transformed{result: resultOk, data: records[n].Data}
		default:
			answers[n] = transformed{result: resultDropped}
		}
	}
	for _, place := range excess(records, answers) {
		answers[place].result = resultFailed
	}
	return appendTransformed(nil, records, answers)
}
