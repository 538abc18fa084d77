package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

// These tests know a real store, in memory, and faults: what holds in the end,
// however messages and answers get lost, doubled and mixed.

// workshop is the function with its store.
type workshop struct {
	handler  func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
	machines tenant.Repository[machine]
}

func newWorkshop(t *testing.T, faults func(tenanttest.Call) tenanttest.Fault) workshop {
	t.Helper()
	store := memtenant.New(tenant.RandomCursorKeys())
	directory := tenant.NewDirectory(memtenant.NewRepository(store, &tenant.TenantSchema))
	for _, id := range []tenant.ID{acme, zeta} {
		_, err := directory.Create(t.Context(), id, id.String())
		require.NoError(t, err)
	}
	machines := memtenant.NewRepository(store, &machineSchema)
	return workshop{machines: machines, handler: newHandler(services{
		gate:       directory,
		machines:   tenanttest.Faulty(machines, faults),
		transactor: tenanttest.FaultyTransactor(store, faults),
		logger:     slog.New(slog.DiscardHandler),
	})}
}

func noFaults(tenanttest.Call) tenanttest.Fault { return tenanttest.Fault{} }

// deliver delivers messages as SQS does: what failed comes again.
func (w workshop) deliver(t *testing.T, messages ...events.SQSMessage) {
	t.Helper()
	for range 100 {
		failed := map[string]bool{}
		for _, id := range failuresOf(t, w.handler, messages...) {
			failed[id] = true
		}
		var again []events.SQSMessage
		for _, m := range messages {
			if failed[m.MessageId] {
				again = append(again, m)
			}
		}
		if messages = again; len(messages) == 0 {
			return
		}
	}
	t.Error("messages still fail after 100 deliveries")
}

func (w workshop) wantHours(t *testing.T, id tenant.ID, visits, hours int) {
	t.Helper()
	item, err := w.machines.Get(t.Context(), id, tenant.NewKey("press-1"))
	require.NoError(t, err)
	require.Equal(t, []int{visits, hours}, []int{item.Value.Visits, item.Value.Hours})
}

func visitBody(number, hours int) string {
	return fmt.Sprintf(`{"id": "v-%d", "machine": "press-1", "at": "%s", "hours": %d}`, number, noon, hours)
}

func TestVisitsAreCountedOnce(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, noFaults)
	w.deliver(t,
		message("m-1", acme, visitBody(1, 2)),
		message("m-1", acme, visitBody(1, 2)), // delivered twice
		message("m-2", acme, visitBody(1, 2)), // sent twice
		message("m-3", acme, visitBody(2, 5)),
	)
	w.wantHours(t, acme, 2, 7)
}

func TestVisitsAreCountedOnceWhenAnswersAreLost(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	calls := 0
	w := newWorkshop(t, func(call tenanttest.Call) tenanttest.Fault {
		mu.Lock()
		defer mu.Unlock()
		calls++
		switch {
		case call.Operation == tenanttest.OpTransact && calls%3 == 0:
			return tenanttest.Fault{After: tenanttest.ErrFault} // written, but who knows
		case calls%4 == 0:
			return tenanttest.Fault{Before: tenanttest.ErrFault}
		}
		return tenanttest.Fault{}
	})
	var messages []events.SQSMessage
	for i := range 20 {
		messages = append(messages, message(fmt.Sprint("m-", i), acme, visitBody(i, 1)))
	}
	w.deliver(t, messages...)
	w.wantHours(t, acme, 20, 20)
}

func TestVisitsAreCountedOnceByManyFunctions(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, noFaults)
	var functions sync.WaitGroup
	for range 8 {
		functions.Go(func() {
			for i := range 10 {
				w.deliver(t, message(fmt.Sprint("m-", i), acme, visitBody(i, 1)))
			}
		})
	}
	functions.Wait()
	w.wantHours(t, acme, 10, 10)
}

func TestAttackVisitOfAnotherTenant(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, noFaults)
	w.deliver(t, message("m-1", acme, visitBody(1, 2)))
	// zeta knows the names of acme's visit and machine. It neither changes the one
	// nor is kept from its own.
	w.deliver(t, message("m-2", zeta, visitBody(1, 100)))
	w.wantHours(t, acme, 1, 2)
	w.wantHours(t, zeta, 1, 100)
}

func TestOpen(t *testing.T) {
	t.Parallel()
	good := map[string]string{"TABLE": "items", "CURSOR_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}
	store, err := open(aws.Config{}, func(name string) string { return good[name] })
	require.NoError(t, err)
	require.NotNil(t, store)
	for _, bad := range []map[string]string{
		{"TABLE": "", "CURSOR_KEY": good["CURSOR_KEY"]},
		{"TABLE": "items"},
		{"TABLE": "items", "CURSOR_KEY": "%"},
		{"TABLE": "items", "CURSOR_KEY": "c2hvcnQ="},
	} {
		_, err = open(aws.Config{}, func(name string) string { return bad[name] })
		require.Error(t, err)
	}
}
