package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/examples/internal/rule"
	"github.com/iotenant/iotenant/tenant"
)

const (
	// feedRows and feedBytes bound what is put into channels at once.
	feedRows  = 5000
	feedBytes = 16 << 20
	// feedParallel is how many tenants are fed at a time.
	feedParallel = 8
)

// feedMark is how far a tenant's telemetry was given to its channels: all that
// was received before At.
type feedMark struct {
	At time.Time `json:"at"`
}

var feedMarkSchema = tenant.Schema[feedMark]{
	Entity: "feed-mark",
	Key:    func(*feedMark) tenant.Key { return tenant.NewKey("telemetry") },
}

// feed gives the telemetry that was kept to the channels of its tenant, and to
// its roll-ups, in large batches some seconds later, so that few and large files
// come of it. It plays the part of Data Firehose. After a crash it repeats at
// most the batch that was under way, which the channels and roll-ups know by the
// ids.
type feed struct {
	telemetry analytics.Store
	channels  analytics.Ingester
	rollups   *analytics.Rollups
	marks     tenant.Repository[feedMark]
	tenants   func(context.Context) iter.Seq2[tenant.ID, error]
	every     time.Duration
	logger    *slog.Logger
	refused   atomic.Uint64

	mu    sync.Mutex
	lanes map[tenant.ID]*feedLane
}

// feedLane is where a tenant is.
type feedLane struct {
	busy, known bool // known: the mark was read
	// All that was received before mark is done. What is received before
	// reading has been looked for, unless it came after that: from behind on,
	// if that is not zero.
	mark, reading, behind time.Time
	// arriving is when messages were received, at the earliest, that are just
	// being kept.
	arriving map[*time.Time]bool
}

// arrive is told of messages that are about to be kept, received at and after
// at. The function it returns is told when they are.
func (f *feed) arrive(id tenant.ID, at time.Time) (kept func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	lane := f.lane(id)
	lane.arriving[&at] = true
	if at.Before(lane.reading) { // they waited before they came here, or the clock was set back
		lane.behind = earliest(lane.behind, at)
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(lane.arriving, &at)
	}
}

// earliest returns the earlier of two times, of which the first may be zero.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// lane returns the lane of a tenant; f.mu is held.
func (f *feed) lane(id tenant.ID) *feedLane {
	if f.lanes == nil {
		f.lanes = map[tenant.ID]*feedLane{}
	}
	lane := f.lanes[id]
	if lane == nil {
		lane = &feedLane{arriving: map[*time.Time]bool{}}
		f.lanes[id] = lane
	}
	return lane
}

// run feeds until ctx ends.
func (f *feed) run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, feedParallel)
	ticker := time.NewTicker(f.every)
	defer ticker.Stop()
	for {
		for id, err := range f.tenants(ctx) {
			if err != nil {
				break // the next turn sees them
			}
			if !f.take(id) {
				continue
			}
			running.Go(func() {
				defer f.release(id)
				select {
				case slots <- struct{}{}:
					defer func() { <-slots }()
				case <-ctx.Done():
					return
				}
				if err := f.turn(ctx, id); err != nil && ctx.Err() == nil {
					f.logger.LogAttrs(ctx, slog.LevelError, "channels not fed", slog.String("tenant", id.String()), slog.Any("error", err))
				}
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (f *feed) take(id tenant.ID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	lane := f.lane(id)
	if lane.busy {
		return false
	}
	lane.busy = true
	return true
}

func (f *feed) release(id tenant.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lane(id).busy = false
}

// turn feeds everything that a tenant has kept by now.
func (f *feed) turn(ctx context.Context, id tenant.ID) error {
	from, to, err := f.span(ctx, id)
	if err != nil || !from.Before(to) {
		return err
	}
	batch := newFeedBatch()
	for message, err := range analytics.AllMessages(ctx, f.telemetry, id, analytics.Query{From: from, To: to, Limit: tenant.MaxLimit}) {
		if err != nil {
			return err
		}
		if batch.isFull(message.At) {
			if err := f.put(ctx, id, batch, message.At); err != nil {
				return err
			}
			batch = newFeedBatch()
		}
		batch.add(&message)
	}
	return f.put(ctx, id, batch, to)
}

// span returns what to feed: everything that is not done and that nothing can
// precede any more.
func (f *feed) span(ctx context.Context, id tenant.ID) (from, to time.Time, err error) {
	if err := f.know(ctx, id); err != nil {
		return from, to, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	lane := f.lane(id)
	if !lane.behind.IsZero() {
		lane.mark, lane.behind = earliest(lane.behind, lane.mark), time.Time{}
	}
	from, to = lane.mark, time.Now()
	for at := range lane.arriving {
		to = earliest(to, *at)
	}
	lane.reading = to
	return from, to, nil
}

// know reads the mark that was stored, once.
func (f *feed) know(ctx context.Context, id tenant.ID) error {
	f.mu.Lock()
	known := f.lane(id).known
	f.mu.Unlock()
	if known {
		return nil
	}
	item, err := f.marks.Get(ctx, id, feedMarkSchema.Key(nil), tenant.Consistent)
	if err != nil && !errors.Is(err, tenant.ErrNotFound) {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	lane := f.lane(id)
	lane.mark, lane.known = item.Value.At, true
	return nil
}

// put puts a batch into the channels, and notes that all before mark is done.
func (f *feed) put(ctx context.Context, id tenant.ID, batch *feedBatch, mark time.Time) error {
	for channel, rows := range batch.rows {
		if err := f.putChannel(ctx, id, channel, rows); err != nil {
			return fmt.Errorf("channel %s: %w", channel, err)
		}
	}
	for messages := range slices.Chunk(batch.messages, analytics.MaxRows) {
		if _, err := f.rollups.Add(ctx, id, messages); err != nil {
			return err
		}
	}
	f.mu.Lock()
	lane := f.lane(id)
	lane.mark = mark
	done := earliest(lane.behind, mark)
	f.mu.Unlock()
	if batch.count == 0 {
		return nil // what is stored will do
	}
	_, err := f.marks.Put(ctx, id, feedMark{At: done}, tenant.Always())
	return err
}

func (f *feed) putChannel(ctx context.Context, id tenant.ID, channel string, rows []analytics.Row) error {
	err := f.channels.Put(ctx, id, channel, rows)
	if errors.Is(err, analytics.ErrNoTable) {
		return nil // the tenant has no channel of this name
	}
	refused, ok := errors.AsType[*analytics.PutError](err)
	if !ok {
		return err
	}
	for _, failure := range refused.Failures {
		f.refused.Add(1)
		f.logger.LogAttrs(ctx, slog.LevelWarn, "channel refused telemetry", slog.String("tenant", id.String()),
			slog.String("thing", rows[failure.Index].Thing.String()), slog.String("channel", channel), slog.Any("error", failure.Err))
	}
	return nil
}

// feedBatch collects messages, in the order of their times, by channel.
type feedBatch struct {
	rows     map[string][]analytics.Row
	messages []analytics.Message // the same
	count    int
	size     int
	last     time.Time
	// alike counts messages without id of one thing and time.
	alike map[device.ID]int
}

func newFeedBatch() *feedBatch {
	return &feedBatch{rows: map[string][]analytics.Row{}, alike: map[device.ID]int{}}
}

// isFull reports whether the batch can be put before a message of this time:
// those of the same time stay together, so that they are numbered alike when
// they are read again.
func (b *feedBatch) isFull(next time.Time) bool {
	return (b.count >= feedRows || b.size >= feedBytes) && next.After(b.last)
}

func (b *feedBatch) add(message *analytics.Message) {
	if message.At.After(b.last) {
		clear(b.alike)
		b.last = message.At
	}
	name := message.ID
	if name == "" {
		b.alike[message.Thing]++
		name = fmt.Sprintf("@%d.%d", message.At.UnixNano(), b.alike[message.Thing])
	}
	channel := rule.Input(message.Channel)
	b.rows[channel] = append(b.rows[channel], analytics.Row{
		ID: message.Thing.String() + "/" + name, Thing: message.Thing, At: message.At, Payload: rule.WithThing(message.Payload, message.Thing),
	})
	named := *message
	named.ID = name
	b.messages = append(b.messages, named)
	b.count++
	b.size += len(message.Payload)
}
