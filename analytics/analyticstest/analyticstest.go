// Package analyticstest checks implementations of analytics.Store,
// analytics.Objects and analytics.Lake, and makes them fail on purpose.
//
// [TestStore] checks the contract of analytics.Store, one subtest for each
// sentence. [TestStoreModel] compares random operations with a naive model. A
// backend runs both in its tests:
//
//	func TestStore(t *testing.T) {
//		analyticstest.TestStore(t, func(t *testing.T) analytics.Store { return memanalytics.New() })
//	}
//
// [TestObjects] and [TestObjectsModel] do the same for analytics.Objects,
// [TestLake] and [TestLakeModel] for analytics.Lake.
//
// [Faulty], [FaultyObjects] and [FaultyIngester] are for those who use these: they
// show what their code does when these fail, also after they have written.
package analyticstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// Open makes a new, empty store for one test. It may use t.Cleanup to close it.
type Open func(t *testing.T) analytics.Store

// TestStore checks the contract of analytics.Store on the stores that open
// makes.
func TestStore(t *testing.T, open Open) {
	for _, group := range []struct {
		name  string
		tests []contractTest
	}{
		{"Isolation", isolationTests},
		{"Append", appendTests},
		{"Messages", messageTests},
		{"Points", pointTests},
		{"Paging", pagingTests},
		{"Last", lastTests},
		{"Calls", callTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			run(t, open, group.tests)
		})
	}
}

// TestIsolation checks that tenants are apart. It is part of [TestStore].
func TestIsolation(t *testing.T, open Open) { run(t, open, isolationTests) }

func run(t *testing.T, open Open, tests []contractTest) {
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			t.Parallel()
			test.check(newFixture(t, open))
		})
	}
}

// contractTest checks one sentence of the contract.
type contractTest struct {
	sentence string
	check    func(*fixture)
}

// fixture is a store, and what a test needs to speak to it.
type fixture struct {
	*testing.T
	ctx   context.Context
	open  Open
	store analytics.Store
	a, b  tenant.ID
	pump  device.ID
	fan   device.ID
	noon  time.Time
}

func newFixture(t *testing.T, open Open) *fixture {
	t.Helper()
	return &fixture{
		T:     t,
		ctx:   t.Context(),
		open:  open,
		store: open(t),
		a:     tenant.MustParseID("acme"),
		b:     tenant.MustParseID("acme-b"),
		pump:  device.MustParseID("pump"),
		fan:   device.MustParseID("fan"),
		noon:  time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
}

// message returns a raw message of the pump, received so many seconds after
// noon.
func (f *fixture) message(messageID string, seconds float64, payload string) analytics.Message {
	return analytics.Message{Thing: f.pump, ID: messageID, At: f.after(seconds), Payload: []byte(payload)}
}

func (f *fixture) after(seconds float64) time.Time {
	return f.noon.Add(time.Duration(seconds * float64(time.Second)))
}

// append appends messages, which must succeed.
func (f *fixture) append(id tenant.ID, messages ...analytics.Message) []analytics.Outcome {
	f.Helper()
	outcomes, err := f.store.Append(f.ctx, id, messages)
	if err != nil {
		f.Fatalf("Append: %v", err)
	}
	if len(outcomes) != len(messages) {
		f.Fatalf("Append of %d messages: %d outcomes", len(messages), len(outcomes))
	}
	return outcomes
}

// appendOne appends a message and checks its outcome.
func (f *fixture) appendOne(id tenant.ID, m analytics.Message, want analytics.Outcome) {
	f.Helper()
	if got := f.append(id, m); got[0] != want {
		f.Errorf("message %q of %s: %v, want %v", m.ID, m.Thing, got[0], want)
	}
}

func (f *fixture) messages(id tenant.ID, query analytics.Query) []analytics.Message {
	f.Helper()
	return collect(f, func(yield func(analytics.Message, error) bool) {
		analytics.AllMessages(f.ctx, f.store, id, query)(yield)
	})
}

func (f *fixture) points(id tenant.ID, query analytics.Query) []analytics.Point {
	f.Helper()
	return collect(f, func(yield func(analytics.Point, error) bool) {
		analytics.AllPoints(f.ctx, f.store, id, query)(yield)
	})
}

func collect[T any](f *fixture, items func(func(T, error) bool)) (all []T) {
	f.Helper()
	for item, err := range items {
		if err != nil {
			f.Fatalf("query: %v", err)
		}
		all = append(all, item)
	}
	return all
}

func (f *fixture) last(id tenant.ID, datastore string, thing device.ID) []analytics.Point {
	f.Helper()
	points, err := f.store.Last(f.ctx, id, datastore, thing)
	if err != nil {
		f.Fatalf("Last: %v", err)
	}
	return points
}

// wantIDs checks which messages a query finds, in order.
func (f *fixture) wantIDs(id tenant.ID, query analytics.Query, want ...string) {
	f.Helper()
	var got []string
	for _, m := range f.messages(id, query) {
		got = append(got, m.ID)
	}
	if !slices.Equal(got, want) {
		f.Errorf("messages of %+v: %q, want %q", query, got, want)
	}
}

// wantPoints checks the points that a query finds, in order, written as
// "metric=value".
func (f *fixture) wantPoints(id tenant.ID, query analytics.Query, want ...string) {
	f.Helper()
	if got := written(f.points(id, query)); !slices.Equal(got, want) {
		f.Errorf("points of %+v: %q, want %q", query, got, want)
	}
}

func (f *fixture) wantLast(id tenant.ID, datastore string, thing device.ID, want ...string) {
	f.Helper()
	if got := written(f.last(id, datastore, thing)); !slices.Equal(got, want) {
		f.Errorf("last of %s in %q: %q, want %q", thing, datastore, got, want)
	}
}

func written(points []analytics.Point) (texts []string) {
	for _, p := range points {
		text := fmt.Sprintf("%s=%g", p.Metric, p.Value)
		if p.Channel != "" {
			text = p.Channel + ":" + text
		}
		texts = append(texts, text)
	}
	return texts
}

func (f *fixture) wantErr(call string, err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Errorf("%s: %v, want %v", call, err, want)
	}
}

// equal compares messages; a nil payload equals an empty one.
func equal(a, b analytics.Message) bool {
	return a.Thing == b.Thing && a.Datastore == b.Datastore && a.Channel == b.Channel && a.ID == b.ID &&
		a.At.Equal(b.At) && string(a.Payload) == string(b.Payload)
}
