package lambdaanalytics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/internal/lambdaevent"
	"github.com/iotenant/iotenant/tenant"
)

// verdict is what became of a record.
type verdict uint8

const (
	done    verdict = iota
	refused         // for good
	again           // it failed in passing
)

// part is what an event holds for one channel of a tenant, at most
// analytics.MaxRows messages.
type part struct {
	id      tenant.ID
	channel string
	rows    []analytics.Row
	places  []int // in the event
}

type batchOptions struct {
	decode   Decode
	gate     tenant.Gate
	refused  func(ctx context.Context, id tenant.ID, record Record, reason error) error
	parallel int
	reserve  time.Duration
	logger   *slog.Logger
}

// batch is an event that is worked on: a verdict for each record. Those of
// different tenants may be set concurrently.
type batch struct {
	event    *lambdaevent.Event
	options  *batchOptions
	verdicts []verdict
}

func newBatch(event *lambdaevent.Event, options *batchOptions) *batch {
	return &batch{event: event, options: options, verdicts: make([]verdict, len(event.Records))}
}

func (b *batch) record(place int) Record {
	r := &b.event.Records[place]
	return Record{ID: r.ID, At: r.At, Data: r.Data, Attributes: r.Attributes}
}

// places returns where records with a verdict are, in their order.
func (b *batch) places(of verdict) (places []int) {
	for place, v := range b.verdicts {
		if v == of {
			places = append(places, place)
		}
	}
	return places
}

// work gives do the parts of the event: those of one tenant one after the
// other, those of tenants at the same time.
func (b *batch) work(ctx context.Context, do func(context.Context, *batch, *part)) {
	ctx, cancel := withReserve(ctx, b.options.reserve)
	defer cancel()
	tenants := b.sort(ctx)
	if len(tenants) == 1 {
		b.serve(ctx, tenants[0], do)
		return
	}
	var group sync.WaitGroup
	free := make(chan struct{}, max(b.options.parallel, 1))
	for _, parts := range tenants {
		free <- struct{}{}
		group.Go(func() {
			defer func() { <-free }()
			b.serve(ctx, parts, do)
		})
	}
	group.Wait()
}

// withReserve returns a context that ends before that of the invocation, by
// reserve or half of the time that is left.
func withReserve(ctx context.Context, reserve time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-max(min(reserve, time.Until(deadline)/2), 0)))
}

// serve does the parts of one tenant.
func (b *batch) serve(ctx context.Context, parts []*part, do func(context.Context, *batch, *part)) {
	id := parts[0].id
	if b.options.gate != nil {
		if err := b.options.gate.Admit(ctx, id); err != nil {
			for _, p := range parts {
				b.fail(ctx, p, err)
			}
			return
		}
	}
	for _, p := range parts {
		if err := ctx.Err(); err != nil {
			b.fail(ctx, p, err)
			continue
		}
		b.contained(ctx, p, do)
	}
}

var errPanic = errors.New("panic")

// contained keeps a panic from the other tenants.
func (b *batch) contained(ctx context.Context, p *part, do func(context.Context, *batch, *part)) {
	defer func() {
		if cause := recover(); cause != nil {
			b.fail(ctx, p, fmt.Errorf("%w: %v\n%s", errPanic, cause, debug.Stack()))
		}
	}()
	do(ctx, b, p)
}

// sort divides the records by tenant and channel. What can't be decoded is
// refused.
func (b *batch) sort(ctx context.Context) (tenants [][]*part) {
	type target struct {
		id      tenant.ID
		channel string
	}
	filling, places := map[target]*part{}, map[tenant.ID]int{}
	for n := range b.event.Records {
		id, message, err := b.options.decode(b.record(n))
		if err != nil {
			b.refuse(ctx, id, n, err)
			continue
		}
		to := target{id, message.Channel}
		p := filling[to]
		if p == nil || len(p.rows) == analytics.MaxRows {
			p = &part{id: id, channel: message.Channel}
			filling[to] = p
			place, known := places[id]
			if !known {
				place = len(tenants)
				places[id], tenants = place, append(tenants, nil)
			}
			tenants[place] = append(tenants[place], p)
		}
		p.rows, p.places = append(p.rows, message.Row), append(p.places, n)
	}
	return tenants
}

// refuse puts a record aside for good. If that fails it comes again.
func (b *batch) refuse(ctx context.Context, id tenant.ID, place int, reason error) {
	b.verdicts[place] = refused
	if err := b.options.refused(ctx, id, b.record(place), reason); err != nil {
		b.options.logger.ErrorContext(ctx, "refused record not put aside", "tenant", id.String(), "error", err)
		b.verdicts[place] = again
	}
}

// fail is for what failed as a whole.
func (b *batch) fail(ctx context.Context, p *part, err error) {
	if isPermanent(err) {
		for _, place := range p.places {
			b.refuse(ctx, p.id, place, err)
		}
		return
	}
	b.options.logger.ErrorContext(ctx, "messages not processed", "tenant", p.id.String(), "channel", p.channel, "error", err)
	for _, place := range p.places {
		b.verdicts[place] = again
	}
}

// isPermanent reports whether trying again would not help. Of what is missing
// that is so for channels and definitions, which tenants make.
func isPermanent(err error) bool {
	for _, sentinel := range []error{iotenant.ErrInvalid, iotenant.ErrDenied, analytics.ErrNoTable, analytics.ErrNoDefinition} {
		if errors.Is(err, sentinel) && !errors.Is(err, iotenant.ErrUnavailable) {
			return true
		}
	}
	return false
}
