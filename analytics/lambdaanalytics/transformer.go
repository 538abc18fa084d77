package lambdaanalytics

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics/pipeline"
	"github.com/iotenant/iotenant/internal/lambdaevent"
	"github.com/iotenant/iotenant/tenant"
)

// Sentinel errors of a [Transformer].
var (
	// ErrTransform: a pipeline failed at a record.
	ErrTransform = fmt.Errorf("lambdaanalytics: record not transformed: %w", iotenant.ErrInvalid)
	// ErrTooLarge: what a pipeline made of a record is too large for the
	// response of the function. Let Firehose gather less, by BufferSizeInMBs.
	ErrTooLarge = fmt.Errorf("lambdaanalytics: beyond 6 MB of response: %w", iotenant.ErrInvalid)
)

// Pipelines tells the pipeline that reads a channel of a tenant. The error is of
// kind iotenant.ErrInvalid or ErrDenied, or analytics.ErrNoDefinition, if its
// records can't be transformed; after any other Firehose invokes again.
type Pipelines func(ctx context.Context, id tenant.ID, channel string) (*pipeline.Pipeline, error)

// OnePipeline is the same pipeline for all tenants and channels.
func OnePipeline(p *pipeline.Pipeline) Pipelines {
	return func(context.Context, tenant.ID, string) (*pipeline.Pipeline, error) { return p, nil }
}

// TransformOptions are the options of [NewTransformer].
type TransformOptions struct {
	// Decode tells whose message a record is. Default [FromTopic].
	Decode Decode
	// Gate admits tenants; the records of one that it denies are refused.
	// Default: all are admitted.
	Gate tenant.Gate
	// Environment is what the pipelines of a tenant call, such as the method
	// Of of analytics.Environments. Default: none, and activities that need it
	// fail.
	Environment func(ctx context.Context, id tenant.ID) (*pipeline.Environment, error)
	// PartitionKeys are those that dynamic partitioning may use, as
	// !{partitionKeyFromLambda:tenant}. Default: "tenant", and "datastore", the
	// data store that the pipeline writes. None if it returns none.
	PartitionKeys func(id tenant.ID, p *pipeline.Pipeline) map[string]string
	// Refused is given what can't be transformed, in its tenant's name unless
	// the record has none. Firehose keeps it too, in its output for errors. If
	// it returns an error, Firehose invokes again. It may be called
	// concurrently. Default: it is logged, without its data.
	Refused func(ctx context.Context, id tenant.ID, record Record, reason error) error
	// Parallel and Reserve are as in [Options].
	Parallel int
	Reserve  time.Duration
	// Logger is told of refused records and of what failed. Default: silent.
	Logger *slog.Logger
}

// Transformer is a Lambda function that transforms the records of Firehose by
// pipelines. Give it to lambda.Start.
type Transformer struct {
	pipelines Pipelines
	options   TransformOptions
	batches   sync.Pool // of *pipeline.Batch
}

// NewTransformer returns the function that sends records through pipelines. It
// stores nothing.
func NewTransformer(pipelines Pipelines, optFns ...func(*TransformOptions)) *Transformer {
	options := TransformOptions{
		Decode:        FromTopic,
		Environment:   func(context.Context, tenant.ID) (*pipeline.Environment, error) { return nil, nil },
		PartitionKeys: byTenant,
		Parallel:      8, Reserve: 2 * time.Second, Logger: slog.New(slog.DiscardHandler),
	}
	for _, fn := range optFns {
		fn(&options)
	}
	if options.Refused == nil {
		options.Refused = logRefused(options.Logger)
	}
	return &Transformer{pipelines: pipelines, options: options, batches: sync.Pool{New: func() any { return new(pipeline.Batch) }}}
}

func byTenant(id tenant.ID, p *pipeline.Pipeline) map[string]string {
	return map[string]string{"tenant": id.String(), "datastore": p.Datastore()}
}

// Invoke implements lambda.Handler. It takes an event of Firehose and answers
// for each record
//
//   - Ok with what the pipeline made of it, each message in a line of its own;
//   - Dropped if nothing is left of it, by a filter for example;
//   - ProcessingFailed, with its data, if it has no tenant, channel or
//     pipeline, is no JSON object, or if an activity failed and nothing is
//     left; and if the response has no room for it.
//
// If a function answers another number of messages than it got, nobody knows
// which records they are of: the first of the batch gets them all, the others
// are Dropped. The error is [ErrEvent], also for an event of another source, or
// [ErrAgain].
func (t *Transformer) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	event, err := parse(ctx, payload)
	if err != nil {
		return nil, err
	}
	if event.Source != lambdaevent.Firehose {
		return nil, fmt.Errorf("%w: want one of Firehose", ErrEvent)
	}
	b := newBatch(event, &batchOptions{
		decode: t.options.Decode, gate: t.options.Gate, refused: t.options.Refused,
		parallel: t.options.Parallel, reserve: t.options.Reserve, logger: t.options.Logger,
	})
	answers := make([]transformed, len(event.Records))
	owners := make([]tenant.ID, len(event.Records))
	b.work(ctx, func(ctx context.Context, b *batch, p *part) {
		for _, place := range p.places {
			owners[place] = p.id
		}
		t.transform(ctx, b, p, answers)
	})
	for _, place := range excess(event.Records, answers) {
		b.refuse(ctx, owners[place], place, ErrTooLarge)
	}
	for place, verdict := range b.verdicts {
		if verdict != done {
			answers[place] = transformed{result: resultFailed, data: event.Records[place].Data}
		}
	}
	if again := b.places(again); len(again) > 0 {
		return nil, fmt.Errorf("%w: %d of %d records", ErrAgain, len(again), len(event.Records))
	}
	return appendTransformed(nil, event.Records, answers), nil
}

// transform runs the pipeline of a channel.
func (t *Transformer) transform(ctx context.Context, b *batch, p *part, answers []transformed) {
	chosen, err := t.pipelines(ctx, p.id, p.channel)
	if err != nil {
		b.fail(ctx, p, err)
		return
	}
	env, err := t.options.Environment(ctx, p.id)
	if err != nil {
		b.fail(ctx, p, err)
		return
	}
	payloads := make([][]byte, len(p.rows))
	for n := range p.rows {
		payloads[n] = p.rows[n].Payload
	}
	run := t.batches.Get().(*pipeline.Batch)
	if err := chosen.Run(ctx, env, run, payloads); err != nil {
		b.fail(ctx, p, err)
		return
	}
	defer t.batches.Put(run)
	keys, err := t.keys(p.id, chosen)
	if err != nil {
		b.fail(ctx, p, err)
		return
	}
	for n, data := range lines(run, len(p.rows)) {
		if answers[p.places[n]].result = resultDropped; len(data) > 0 {
			answers[p.places[n]] = transformed{result: resultOk, data: data, keys: keys}
		}
	}
	for _, event := range run.Events() {
		if place := p.places[event.Source]; event.Reason.IsError() && answers[place].result == resultDropped && b.verdicts[place] == done {
			b.refuse(ctx, p.id, place, fmt.Errorf("%w: activity %q: %s", ErrTransform, event.Activity, event.Reason))
		}
	}
}

func (t *Transformer) keys(id tenant.ID, p *pipeline.Pipeline) ([]byte, error) {
	keys := t.options.PartitionKeys(id, p)
	if len(keys) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(keys)
	if err != nil {
		return nil, fmt.Errorf("lambdaanalytics: partition keys: %w", err)
	}
	return text, nil
}

// lines returns what came out of a run for each of n payloads: messages in
// JSON, each with a line feed.
func lines(run *pipeline.Batch, n int) [][]byte {
	made := make([][]byte, n)
	var text []byte
	for i := range run.Len() {
		message, start := run.At(i), len(text)
		text = append(message.AppendJSON(text), '\n')
		line := text[start:len(text):len(text)]
		if of := message.Source(); made[of] == nil {
			made[of] = line
		} else {
			made[of] = append(made[of], line...)
		}
	}
	return made
}
