package analytics

import (
	"fmt"
	"slices"
	"time"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// MaxSelected limits each of Query.Things, Channels and Metrics.
const MaxSelected = 100

// Query selects messages or points of one tenant. The zero Query selects all
// raw messages, or their points, from the oldest on.
type Query struct {
	// Datastore names the data store; empty means the raw messages.
	Datastore string
	// Things selects by thing; nil means all. A zero ID is refused.
	Things []device.ID
	// Channels selects by channel; nil means all, "" is the channel without
	// name.
	Channels []string
	// Metrics selects points by metric; nil means all. It is refused in a
	// query for messages.
	Metrics []string
	// From and To select from From, included, to To, excluded, by the time
	// that orders the result: that of the point, or when the message was
	// received. Zero means no bound.
	From, To time.Time
	// Descending puts the newest first.
	Descending bool
	// Limit is the largest number of items in a page: 1 to tenant.MaxLimit,
	// or 0 for tenant.DefaultLimit.
	Limit int
	// Cursor continues a query: pass the same query with the Next of the page
	// before it. Only Limit may differ.
	Cursor tenant.Cursor
}

// Page is a part of a query's result.
type Page[T any] struct {
	Items []T
	// Next continues the query after the last item; empty at the end.
	Next tenant.Cursor
}

// check returns [ErrQuery] or device.ErrID.
func (q *Query) check() error {
	if !isDatastore(q.Datastore) {
		return fmt.Errorf("%w: data store: want at most %d of a-z, A-Z, 0-9, '_', not beginning with \"__\"", ErrQuery, MaxDatastore)
	}
	for name, n := range map[string]int{"things": len(q.Things), "channels": len(q.Channels), "metrics": len(q.Metrics)} {
		if n > MaxSelected {
			return fmt.Errorf("%w: %d %s, limit %d", ErrQuery, n, name, MaxSelected)
		}
	}
	for _, thing := range q.Things {
		if err := thing.Check(); err != nil {
			return fmt.Errorf("analytics: query: %w", err)
		}
	}
	if slices.ContainsFunc(q.Channels, func(c string) bool { return !isText(c, MaxChannel) }) {
		return fmt.Errorf("%w: channel: want at most %d bytes of UTF-8", ErrQuery, MaxChannel)
	}
	if slices.ContainsFunc(q.Metrics, func(m string) bool { return m == "" || !isText(m, MaxMetricLength) }) {
		return fmt.Errorf("%w: metric: want 1 to %d bytes of UTF-8", ErrQuery, MaxMetricLength)
	}
	if !q.From.IsZero() && !q.To.IsZero() && q.To.Before(q.From) {
		return fmt.Errorf("%w: to is before from", ErrQuery)
	}
	if q.Limit < 0 || q.Limit > tenant.MaxLimit {
		return fmt.Errorf("%w: limit %d, want 1 to %d", ErrQuery, q.Limit, tenant.MaxLimit)
	}
	return nil
}
