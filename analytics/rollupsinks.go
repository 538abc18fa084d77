package analytics

import (
	"context"
	"errors"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// IntoDatastore returns a sink that keeps windows as rows of a data store, each
// once: what [ClosedWindow.MarshalJSON] writes, at the day of its start. No
// pipeline is needed. Windows of a tenant that has no such data store are
// dropped.
func IntoDatastore(ingest *Ingest, datastore string) WindowSink {
	table := TableID{DatastoreTable, datastore}
	return func(ctx context.Context, id tenant.ID, windows []ClosedWindow) error {
		return putRows(windows, func(rows []Row) error { return ingest.append(ctx, id, table, rows) })
	}
}

// IntoChannel returns a sink that puts windows into a channel as messages, each
// once, whence pipelines take them. Windows of a tenant that has no such channel
// are dropped.
func IntoChannel(ingester Ingester, channel string) WindowSink {
	return func(ctx context.Context, id tenant.ID, windows []ClosedWindow) error {
		return putRows(windows, func(rows []Row) error { return ingester.Put(ctx, id, channel, rows) })
	}
}

// putRows puts windows as rows, as many at a time as there may be. Where there is
// no table, they are dropped.
func putRows(windows []ClosedWindow, put func([]Row) error) error {
	rows := make([]Row, len(windows))
	for i := range windows {
		w := &windows[i]
		payload, err := w.MarshalJSON()
		if err != nil {
			return err
		}
		rows[i] = Row{ID: w.ID, Thing: w.Thing, At: time.Unix(0, nanoseconds(w.Start)).UTC(), Payload: payload}
	}
	var refused error
	for len(rows) > 0 {
		first, rest := cut(rows)
		if err := put(first); err != nil && !errors.Is(err, ErrNoTable) {
			if !isPermanent(err) {
				return err
			}
			refused = err
		}
		rows = rest
	}
	return refused
}

// inputBatch is how many windows are put into an input at once.
const inputBatch = 100

// IntoInput returns a sink that puts windows into an input, where rules and
// detector models see them: as messages that [ClosedWindow.MarshalJSON] writes.
func IntoInput(inputs Inputs, input string) WindowSink {
	return func(ctx context.Context, id tenant.ID, windows []ClosedWindow) error {
		var refused error
		for len(windows) > 0 {
			n := min(len(windows), inputBatch)
			messages := make([]InputMessage, n)
			for i := range messages {
				payload, err := windows[i].MarshalJSON()
				if err != nil {
					return err
				}
				messages[i] = InputMessage{ID: windows[i].ID, Payload: payload}
			}
			if err := inputs.PutMessages(ctx, id, input, messages); err != nil {
				if !isPermanent(err) {
					return err
				}
				refused = err
			}
			windows = windows[n:]
		}
		return refused
	}
}

// IntoAll returns a sink that gives windows to each of several. After a failure
// that may pass all of them are given the windows again.
func IntoAll(sinks ...WindowSink) WindowSink {
	return func(ctx context.Context, id tenant.ID, windows []ClosedWindow) error {
		var failed, refused error
		for _, sink := range sinks {
			switch err := sink(ctx, id, windows); {
			case err == nil:
			case isPermanent(err):
				refused = err
			default:
				failed = err
			}
		}
		if failed != nil {
			return failed
		}
		return refused
	}
}
