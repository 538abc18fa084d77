package alerts_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertstest"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

// shouting has one action for each message.
const shouting = `{"detectorModelName": "shouting", "key": "id", "detectorModelDefinition": {"initialStateName": "s", "states": [
  {"stateName": "s", "onInput": {"events": [{"eventName": "shout", "condition": "$input.telemetry.t > 0", "actions": [
    {"sns": {"targetArn": "arn:aws:sns:eu-west-1:123456789012:shouts"}}]}]}}]}}`

func limited(limits map[tenant.ID]int, budgets tenant.Repository[alerts.ActionBudget]) func(*alerts.Options) {
	return func(o *alerts.Options) {
		o.ActionLimit = func(id tenant.ID) int { return limits[id] }
		o.Budgets = budgets
	}
}

// shout puts n messages, each for a detector of its own.
func (p *process) shout(t tb, id tenant.ID, from, n int) {
	t.Helper()
	var messages []alerts.Message
	for i := from; i < from+n; i++ {
		messages = append(messages, reading(fmt.Sprintf("d%d", i), 1, fmt.Sprintf("m%d", i)))
	}
	p.put(t, id, messages...)
	p.sweep(t, id)
}

func (p *process) withStatus(t tb, id tenant.ID, status alerts.Status) (found []alerts.Alert) {
	t.Helper()
	for alert, err := range p.alerts.All(t.Context(), id, alerts.Filter{Status: status}) {
		require.NoError(t, err)
		found = append(found, alert)
	}
	return found
}

func TestStormIsSummedUp(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start(limited(map[tenant.ID]int{north: 20}, nil))
	p.putModel(t, north, shouting)
	p.putModel(t, south, shouting)
	p.shout(t, north, 0, 50)
	p.shout(t, south, 0, 50)
	require.Len(t, p.notified.IDs(north), 20)
	require.Len(t, p.notified.IDs(south), 50, "another tenant has no limit")
	suppressed := p.withStatus(t, north, alerts.StatusSuppressed)
	require.Len(t, suppressed, 30)
	require.Equal(t, "more than 20 actions in this minute", suppressed[0].Reason)
	require.Zero(t, suppressed[0].Attempts)

	d.clock.Advance(time.Minute)
	p.sweep(t, north)
	require.Len(t, p.notified.IDs(north), 20, "the minute may not be over everywhere")
	d.clock.Advance(5 * time.Second)
	p = d.start(limited(map[tenant.ID]int{north: 20}, nil)) // a restart forgets nothing
	p.sweep(t, north)
	summaries := p.notified.Received(north)
	require.Len(t, summaries, 1)
	require.Equal(t, alerts.KindStorm, summaries[0].Kind)
	require.Equal(t, "storm", summaries[0].Event)
	var storm alerts.Storm
	require.NoError(t, json.Unmarshal([]byte(summaries[0].Payload), &storm))
	require.Equal(t, alerts.Storm{
		EventName: "storm", EventTime: start.UnixMilli(), Limit: 20, Suppressed: 30, Models: map[string]int{"shouting": 30},
	}, storm)

	p.shout(t, north, 100, 5)
	require.Len(t, p.notified.IDs(north), 6, "a new minute has its own budget")
	require.NoError(t, p.Redeliver(t.Context(), north, suppressed[0].ID))
	p.sweep(t, north)
	require.Contains(t, p.notified.IDs(north), suppressed[0].ID)
	require.Len(t, p.withStatus(t, north, alerts.StatusSuppressed), 29)
}

// Processes that share budgets never deliver more than the limit together.
func TestStormLimitIsThatOfAllProcesses(t *testing.T) {
	t.Parallel()
	const processes, limit = 8, 160
	d := newDisk()
	budgets := memtenant.NewRepository(d.store, &alerts.ActionBudgetSchema)
	recorder := &alertstest.Recorder{}
	first := d.startFaulty(faults{}, recorder)
	first.putModel(t, north, shouting)
	var group sync.WaitGroup
	for i := range processes {
		group.Go(func() {
			p := d.startFaulty(faults{}, recorder, limited(map[tenant.ID]int{north: limit}, budgets),
				func(o *alerts.Options) { o.Workers = 1 }) // each action under way may hold a part of the budget
			p.shout(t, north, 1000*i, 50)
		})
	}
	group.Wait()
	delivered := len(recorder.IDs(north))
	require.LessOrEqual(t, delivered, limit)
	require.GreaterOrEqual(t, delivered, limit-processes*limit/16, "at most a share each remains unused")
	require.Len(t, first.withStatus(t, north, alerts.StatusSuppressed), processes*50-delivered)
}

// An action that is handed over again, since the detector could not be written
// after the first time, counts once.
func TestStormCountsAnActionOnce(t *testing.T) {
	t.Parallel()
	d := newDisk()
	failing := false
	p := d.startFaulty(faults{detectors: func(call tenanttest.Call) tenanttest.Fault {
		if failing && call.Operation == tenanttest.OpPut {
			return tenanttest.Fault{Before: tenanttest.ErrFault}
		}
		return tenanttest.Fault{}
	}}, &alertstest.Recorder{}, limited(map[tenant.ID]int{north: 20}, nil))
	p.putModel(t, north, shouting)
	for i := range 15 {
		p.put(t, north, reading(fmt.Sprintf("d%d", i), 1, fmt.Sprintf("m%d", i)))
	}
	failing = true
	require.ErrorIs(t, p.Sweep(t.Context(), north), tenanttest.ErrFault)
	failing = false
	p.shout(t, north, 100, 10)
	require.Len(t, p.notified.IDs(north), 20)
	require.Len(t, p.withStatus(t, north, alerts.StatusSuppressed), 5)
}

// A budget that can't be read delays actions, it loses none.
func TestStormBudgetFails(t *testing.T) {
	t.Parallel()
	d := newDisk()
	failing := true
	budgets := tenanttest.Faulty(memtenant.NewRepository(d.store, &alerts.ActionBudgetSchema), func(tenanttest.Call) tenanttest.Fault {
		if failing {
			return tenanttest.Fault{Before: tenanttest.ErrFault}
		}
		return tenanttest.Fault{}
	})
	p := d.start(limited(map[tenant.ID]int{north: 20}, budgets))
	p.putModel(t, north, shouting)
	p.put(t, north, reading("a", 1, "m1"))
	require.ErrorIs(t, p.Sweep(t.Context(), north), tenanttest.ErrFault)
	require.Empty(t, p.notified.IDs(north))
	failing = false
	p.sweep(t, north)
	require.Len(t, p.notified.IDs(north), 1)
}

func TestAttackStormOfOneTenantTakesNothingFromAnother(t *testing.T) {
	t.Parallel()
	d := newDisk()
	budgets := memtenant.NewRepository(d.store, &alerts.ActionBudgetSchema)
	p := d.start(limited(map[tenant.ID]int{north: 20, south: 20}, budgets))
	p.putModel(t, north, shouting)
	p.putModel(t, south, shouting)
	p.shout(t, north, 0, 100)
	p.shout(t, south, 0, 20)
	require.Len(t, p.notified.IDs(south), 20)
	d.clock.Advance(2 * time.Minute)
	p.sweep(t, north)
	p.sweep(t, south)
	require.Len(t, p.notified.IDs(south), 20, "no summary of another tenant's storm")
	for _, alert := range p.notified.Received(north) {
		require.NotContains(t, alert.Payload, south.String())
	}
}

func TestShelf(t *testing.T) {
	t.Parallel()
	d := newDisk()
	shelves := alerts.NewShelves(memtenant.NewRepository(d.store, &alerts.ShelfSchema), func(o *alerts.ShelvesOptions) { o.Now = d.clock.Now })
	p := d.start(func(o *alerts.Options) { o.Shelves = shelves })
	p.putModel(t, north, shouting)
	p.putModel(t, south, shouting)
	ctx := t.Context()
	shelf, err := shelves.Put(ctx, north, alerts.Shelf{Model: "shouting", Key: "d1", Until: start.Add(time.Hour), By: "ann", Reason: "pump is being replaced"})
	require.NoError(t, err)
	require.Equal(t, start, shelf.At)

	p.shout(t, north, 0, 3)
	p.shout(t, south, 0, 3)
	require.Len(t, p.notified.IDs(north), 2)
	require.Len(t, p.notified.IDs(south), 3)
	shelved := p.withStatus(t, north, alerts.StatusShelved)
	require.Len(t, shelved, 1)
	require.Equal(t, "d1", shelved[0].Key)
	require.Equal(t, "shelved by ann until 2026-03-01T13:00:00Z", shelved[0].Reason)

	_, err = shelves.Put(ctx, north, alerts.Shelf{Model: "shouting", Until: start.Add(2 * time.Hour), By: "bob"})
	require.NoError(t, err)
	p.shout(t, north, 10, 3)
	require.Len(t, p.withStatus(t, north, alerts.StatusShelved), 4, "the whole model")
	require.NoError(t, shelves.Delete(ctx, north, "shouting", ""))
	require.ErrorIs(t, shelves.Delete(ctx, north, "shouting", ""), tenant.ErrNotFound)
	p.shout(t, north, 20, 1)
	require.Len(t, p.notified.IDs(north), 3)

	d.clock.Advance(time.Hour)
	p.put(t, north, reading("d1", 1, "later"))
	p.sweep(t, north)
	require.Len(t, p.notified.IDs(north), 4, "the shelf has ended")
	for shelf, err := range shelves.All(ctx, north) {
		t.Error("a shelf that has ended is listed:", shelf, err)
	}
}

func TestShelfRefusals(t *testing.T) {
	t.Parallel()
	shelves := alerts.NewShelves(memtenant.NewRepository(newDisk().store, &alerts.ShelfSchema), func(o *alerts.ShelvesOptions) {
		o.Now = func() time.Time { return start }
	})
	good := alerts.Shelf{Model: "m", Until: start.Add(time.Hour), By: "ann"}
	for name, change := range map[string]func(*alerts.Shelf){
		"no model":            func(s *alerts.Shelf) { s.Model = "" },
		"ends in the past":    func(s *alerts.Shelf) { s.Until = start },
		"nobody":              func(s *alerts.Shelf) { s.By = "" },
		"name of 257 bytes":   func(s *alerts.Shelf) { s.By = strings.Repeat("a", 257) },
		"text of 4097 bytes,": func(s *alerts.Shelf) { s.Reason = strings.Repeat("a", 4097) },
	} {
		shelf := good
		change(&shelf)
		_, err := shelves.Put(t.Context(), north, shelf)
		require.ErrorIs(t, err, alerts.ErrShelf)
		require.ErrorContains(t, err, name)
	}
	_, err := shelves.Put(t.Context(), tenant.ID{}, good)
	require.ErrorIs(t, err, tenant.ErrID)
}

func TestHandling(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, north, shouting)
	p.shout(t, north, 0, 1)
	ctx, alert := t.Context(), only(t, p, north)

	_, err := p.alerts.Acknowledge(ctx, north, alert.ID, "ann")
	require.NoError(t, err)
	again, err := p.alerts.Acknowledge(ctx, north, alert.ID, "bob")
	require.NoError(t, err)
	require.Equal(t, "ann", again.Handling.AcknowledgedBy)
	_, err = p.alerts.Assign(ctx, north, alert.ID, "ann", "carl")
	require.NoError(t, err)
	for i := range alerts.MaxComments {
		_, err = p.alerts.Comment(ctx, north, alert.ID, "carl", fmt.Sprint("comment ", i))
		require.NoError(t, err)
	}
	_, err = p.alerts.Comment(ctx, north, alert.ID, "carl", "one more")
	require.ErrorIs(t, err, alerts.ErrHandling)
	_, err = p.alerts.Comment(ctx, north, alert.ID, "carl", "")
	require.ErrorIs(t, err, alerts.ErrHandling)
	_, err = p.alerts.Acknowledge(ctx, north, alert.ID, "")
	require.ErrorIs(t, err, alerts.ErrHandling)
	_, err = p.alerts.Acknowledge(ctx, north, "unknown", "ann")
	require.ErrorIs(t, err, tenant.ErrNotFound)
	_, err = p.alerts.Acknowledge(ctx, south, alert.ID, "eve")
	require.ErrorIs(t, err, tenant.ErrNotFound, "another tenant's alert")

	handled := only(t, p, north)
	require.Equal(t, "carl", handled.Handling.Assignee)
	require.Len(t, handled.Handling.Comments, alerts.MaxComments)
	require.Equal(t, alerts.StatusDelivered, handled.Status)
}

// Who acknowledges while the alert is being delivered makes it neither lost
// nor delivered twice.
func TestHandlingDuringDelivery(t *testing.T) {
	t.Parallel()
	d := newDisk()
	recorder := &alertstest.Recorder{}
	var p *process
	notifier := alertstest.Faulty(recorder, func(id tenant.ID, alert alerts.Alert) alertstest.Fault {
		_, err := p.alerts.Acknowledge(t.Context(), id, alert.ID, "ann")
		require.NoError(t, err)
		return alertstest.Fault{}
	})
	p = d.start(on(detector.ActionSNS, notifier))
	p.putModel(t, north, shouting)
	p.shout(t, north, 0, 1)
	alert := only(t, p, north)
	require.Equal(t, alerts.StatusDelivered, alert.Status)
	require.Equal(t, "ann", alert.Handling.AcknowledgedBy)
	d.clock.Advance(24 * time.Hour)
	p.sweep(t, north)
	require.Len(t, recorder.Received(north), 1)
}
