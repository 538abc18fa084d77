package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

// channelRecorder is a channel "telemetry" of each tenant that knows ids.
type channelRecorder struct {
	mu   sync.Mutex
	fail func(call int) error
	call int
	rows map[tenant.ID]map[string]string
	puts int
}

func (c *channelRecorder) Put(_ context.Context, id tenant.ID, channel string, rows []analytics.Row) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if channel != "telemetry" {
		return analytics.ErrNoTable
	}
	c.call++
	var err error
	if c.fail != nil {
		err = c.fail(c.call)
	}
	if errors.Is(err, errBefore) {
		return err
	}
	if c.rows[id] == nil {
		c.rows[id] = map[string]string{}
	}
	for _, row := range rows {
		if known, ok := c.rows[id][row.ID]; ok && known != string(row.Payload) {
			return fmt.Errorf("%s is %s and %s", row.ID, known, row.Payload)
		}
		c.rows[id][row.ID] = string(row.Payload)
		c.puts++
	}
	return err
}

var errBefore = errors.New("not put")

// feedRig is a feed over memory, which can be restarted.
type feedRig struct {
	t        testing.TB
	clock    time.Time         // that of roll-ups
	counted  map[string]uint64 // points in windows, by their ids
	store    *memanalytics.Store
	marks    *memtenant.Store
	channels *channelRecorder
	*feed
}

func newFeedRig(t testing.TB) *feedRig {
	keys := tenant.RandomCursorKeys()
	r := &feedRig{t: t, clock: time.Now(), counted: map[string]uint64{}, store: memanalytics.New(), marks: memtenant.New(keys), channels: &channelRecorder{rows: map[tenant.ID]map[string]string{}}}
	r.restart()
	return r
}

func (r *feedRig) restart() {
	rollups, err := analytics.NewRollups(memtenant.NewRepository(r.marks, &analytics.RollupSchema), []analytics.Rollup{{
		Name: minutes, Shape: analytics.Tumbling(analytics.Interval{Every: time.Minute}), Into: r.rollUp,
	}}, func(o *analytics.RollupsOptions) { o.Now = func() time.Time { return r.clock } })
	require.NoError(r.t, err)
	r.feed = &feed{telemetry: r.store, channels: r.channels, rollups: rollups, marks: memtenant.NewRepository(r.marks, &feedMarkSchema), logger: slog.New(slog.DiscardHandler)}
}

func (r *feedRig) rollUp(_ context.Context, _ tenant.ID, windows []analytics.ClosedWindow) error {
	for _, w := range windows {
		r.counted[w.ID] = w.Count
	}
	return nil
}

// keep does what ingest does with a message.
func (r *feedRig) keep(t *testing.T, id tenant.ID, message analytics.Message) {
	t.Helper()
	defer r.arrive(id, message.At)()
	_, err := r.store.Append(t.Context(), id, []analytics.Message{message})
	require.NoError(t, err)
}

func sample(n int, at time.Time) analytics.Message {
	m := analytics.Message{Thing: device.MustParseID(fmt.Sprintf("d%d", n%3)), At: at, Payload: fmt.Appendf(nil, `{"n":%d}`, n)}
	if n%2 == 0 {
		m.ID = fmt.Sprintf("m%d", n)
	}
	return m
}

func TestFeedGivesEverythingOnce(t *testing.T) {
	t.Parallel()
	r := newFeedRig(t)
	began := time.Now().Add(-time.Hour)
	total := 2*feedRows + 100
	for n := range total {
		r.keep(t, north, sample(n, began.Add(time.Duration(n/8)*time.Millisecond))) // several at the same time
	}
	r.keep(t, north, analytics.Message{Thing: press, Channel: "other", At: began, Payload: []byte(`{}`)})
	r.keep(t, south, sample(1, began))
	require.NoError(t, r.turn(t.Context(), north))
	require.NoError(t, r.turn(t.Context(), south))
	require.Len(t, r.channels.rows[north], total)
	require.Equal(t, total+1, r.channels.puts)
	require.Len(t, r.channels.rows[south], 1, "south's own only")
	require.Equal(t, `{"n":4,"thing":"d1"}`, r.channels.rows[north]["d1/m4"])

	r.restart()
	r.keep(t, north, sample(total, time.Now()))
	require.NoError(t, r.turn(t.Context(), north))
	require.Equal(t, total+2, r.channels.puts, "a restart repeats nothing that was done")
}

// What fails, before or after its effect, or when the program ends in between,
// is put again with the same ids.
func TestFeedFails(t *testing.T) {
	t.Parallel()
	r := newFeedRig(t)
	began := time.Now().Add(-time.Hour)
	total := 3 * feedRows
	for n := range total {
		r.keep(t, north, sample(n, began.Add(time.Duration(n/8)*time.Millisecond)))
	}
	r.channels.fail = func(call int) error {
		switch call {
		case 1, 4:
			return errBefore
		case 3, 6:
			return errors.New("put, but nobody heard of it")
		}
		return nil
	}
	failed := 0
	for r.turn(t.Context(), north) != nil {
		failed++
		require.Less(t, failed, 5)
		r.restart()
	}
	require.Equal(t, 4, failed)
	require.Len(t, r.channels.rows[north], total)

	r.clock = r.clock.Add(time.Hour)
	require.NoError(t, r.rollups.Sweep(t.Context(), north))
	points := uint64(0)
	for _, count := range r.counted {
		points += count
	}
	require.EqualValues(t, total, points, "roll-ups count each message once, too")
}

// A message that is being kept holds the feed back; one that shows up late
// takes it back.
func TestFeedWaitsForWhatArrives(t *testing.T) {
	t.Parallel()
	r := newFeedRig(t)
	early := time.Now().Add(-time.Minute)
	kept := r.arrive(north, early)
	r.keep(t, north, sample(2, early.Add(time.Second)))
	require.NoError(t, r.turn(t.Context(), north))
	require.Empty(t, r.channels.rows[north], "something earlier may still come")
	_, err := r.store.Append(t.Context(), north, []analytics.Message{sample(0, early)})
	require.NoError(t, err)
	kept()
	require.NoError(t, r.turn(t.Context(), north))
	require.Len(t, r.channels.rows[north], 2)

	r.keep(t, north, sample(4, early.Add(-time.Second)))
	require.NoError(t, r.turn(t.Context(), north))
	require.Len(t, r.channels.rows[north], 3)
}
