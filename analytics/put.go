package analytics

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// Put takes messages for a channel of a tenant, 1 to [MaxRows]: it keeps them
// in the channel, byte by byte, sends them through every pipeline that reads
// it, in one batch each, and appends what comes out to the data stores. A nil
// error means that all of that is durable; so it is the moment to acknowledge
// them.
//
// A message has an id of at most [MaxRowID] bytes, unique in the channel: sent
// again, it is in the channel once, and what the pipelines make of it is in the
// data stores once, as long as it is among the latest ids there, see [Lake].
// Its way through the pipelines is repeated, since it may not have come to its
// end the first time; functions are called again. A message without id
// is given one for this call: sent again, it is another message. Without At it
// was received now. A payload has at most [MaxPayload] bytes and need not be
// JSON.
//
// If a function answers another number of messages than it got, nobody knows
// what was made of which. What comes out then belongs to all messages of the
// batch, and is there once if the same batch is put again, but not if it was cut
// otherwise.
//
// The error is a [*PutError] if some messages will never be taken, and all
// others were. Any other is about the whole batch, none of which is
// acknowledged: tenant.ErrID, [ErrBatch], [ErrNoTable] if there is no such
// channel, the error of ctx, and kind iotenant.ErrUnavailable, after which it
// is to be put again. Messages that a function fails on are acknowledged: see
// IngestOptions.Notify.
func (n *Ingest) Put(ctx context.Context, id tenant.ID, channel string, messages []Row) error {
	if err := checkTenant(id); err != nil {
		return fmt.Errorf("analytics: put: %w", err)
	}
	if len(messages) == 0 || len(messages) > MaxRows {
		return fmt.Errorf("analytics: put: %w: %d messages, want 1 to %d", ErrBatch, len(messages), MaxRows)
	}
	rows, places, failures := n.accept(messages)
	if len(rows) > 0 {
		refused, err := n.take(ctx, id, channel, rows)
		if err != nil {
			return fmt.Errorf("analytics: put to channel %.128q: %w", channel, err)
		}
		for _, f := range refused {
			failures = append(failures, PutFailure{Index: places[f.Index], Err: f.Err})
		}
	}
	return putError(failures)
}

// accept returns the messages that can be taken, complete, and their places in
// the batch.
func (n *Ingest) accept(messages []Row) (rows []Row, places []int, failures []PutFailure) {
	rows, places = make([]Row, 0, len(messages)), make([]int, 0, len(messages))
	known := make(map[string]struct{}, len(messages))
	var call string // id of this call, if it is needed
	now := n.options.Now()
	for i := range messages {
		row := messages[i]
		if row.At.IsZero() {
			row.At = now
		}
		err := checkPut(&row)
		if _, ok := known[row.ID]; ok && err == nil {
			err = fmt.Errorf("%w: %q", ErrDuplicateID, row.ID)
		}
		if err != nil {
			failures = append(failures, PutFailure{Index: i, Err: err})
			continue
		}
		if row.ID != "" {
			known[row.ID] = struct{}{}
		} else {
			if call == "" {
				call = n.options.NewID()
			}
			row.ID = call + "." + strconv.Itoa(i)
		}
		rows, places = append(rows, row), append(places, i)
	}
	return rows, places, failures
}

func checkPut(row *Row) error {
	switch {
	case !isText(row.ID, MaxRowID):
		return fmt.Errorf("%w: message id: want at most %d bytes of UTF-8", ErrMessage, MaxRowID)
	case !isTime(row.At):
		return fmt.Errorf("%w: received time: want 1970 to 2199", ErrMessage)
	case len(row.Payload) > MaxPayload:
		return fmt.Errorf("%w: payload: %d bytes, limit %d", ErrMessage, len(row.Payload), MaxPayload)
	}
	return nil
}

// take does the work of Put. The indexes of what it refuses are those of rows.
func (n *Ingest) take(ctx context.Context, id tenant.ID, channel string, rows []Row) (refused []PutFailure, err error) {
	from, err := n.source(ctx, id, channel)
	if err != nil {
		return nil, err
	}
	table := TableID{ChannelTable, from.channel.Name}
	if err := n.archive(ctx, id, table, rows); err != nil {
		return nil, err
	}
	n.observe(ctx, id, Observation{Metric: IncomingMessages, Value: len(rows), Channel: table.Name})
	n.observe(ctx, id, Observation{Metric: ActionExecution, Value: 1, Action: "BatchPutMessage", Channel: table.Name})
	if len(from.pipelines) == 1 { // by far the most frequent
		done, err := n.process(ctx, id, from.pipelines[0], rows, target{})
		return done.refused, stale(err)
	}
	results, errs := make([]processed, len(from.pipelines)), make([]error, len(from.pipelines))
	var group sync.WaitGroup
	for i, r := range from.pipelines {
		group.Go(func() { results[i], errs[i] = n.process(ctx, id, r, rows, target{}) })
	}
	group.Wait()
	for i := range results {
		refused = append(refused, results[i].refused...)
	}
	return refused, stale(errors.Join(errs...))
}

// errStale: the data store of a pipeline is gone, and so is the pipeline: what is
// known of them is read again.
var errStale = fmt.Errorf("analytics: pipelines %w: they are being changed", iotenant.ErrUnavailable)

// stale makes [ErrNoTable] mean the channel alone.
func stale(err error) error {
	if errors.Is(err, ErrNoTable) {
		return errStale
	}
	return err
}

// recheckAfter is how old what is known may be when it lacks a channel.
const recheckAfter = time.Second

// source finds a channel. One that was put by another process a moment ago is
// looked for.
func (n *Ingest) source(ctx context.Context, id tenant.ID, channel string) (*source, error) {
	name := strings.ToLower(channel)
	flow, err := n.definitions.flowOf(ctx, id)
	if err != nil {
		return nil, err
	}
	if flow.channels[name] == nil && n.definitions.options.Now().Sub(flow.readAt) >= recheckAfter {
		n.definitions.forget(id)
		if flow, err = n.definitions.flowOf(ctx, id); err != nil {
			return nil, err
		}
	}
	from := flow.channels[name]
	if from == nil {
		return nil, ErrNoTable
	}
	return from, nil
}

// archive keeps raw messages.
func (n *Ingest) archive(ctx context.Context, id tenant.ID, table TableID, rows []Row) error {
	for len(rows) > 0 {
		first, rest := cut(rows)
		if err := n.append(ctx, id, table, first); err != nil {
			return err
		}
		rows = rest
	}
	return nil
}

// cut takes as many rows as an append may have from the first on, without
// parting those of one id.
func cut(rows []Row) (first, rest []Row) {
	size, whole := 0, 0 // whole: the end of the last id that fits
	for i := range rows {
		size += len(rows[i].Payload) + len(rows[i].ID)
		if i > 0 && rows[i].ID != rows[i-1].ID {
			whole = i
		}
		if (i == MaxRows || size > MaxAppend) && whole > 0 {
			return rows[:whole], rows[whole:]
		}
	}
	return rows, nil
}

// append appends rows to a table. One that is defined but not there, because a
// process ended in between, is declared.
func (n *Ingest) append(ctx context.Context, id tenant.ID, table TableID, rows []Row) error {
	_, err := n.lake.Append(ctx, id, table, rows)
	if !errors.Is(err, ErrNoTable) {
		return err
	}
	if err := n.definitions.declare(ctx, id, table); err != nil {
		return err
	}
	_, err = n.lake.Append(ctx, id, table, rows)
	return err
}
