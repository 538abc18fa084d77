package alerts_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

// hot is an alarm that is enabled from the beginning and has to be
// acknowledged.
const hot = `{"alarmModelName": "hot", "key": "id", "roleArn": "arn:aws:iam::123456789012:role/alarms", "severity": 3,
  "alarmRule": {"simpleRule": {"inputProperty": "$input.telemetry.t", "comparisonOperator": "GREATER", "threshold": "90"}},
  "alarmEventActions": {"alarmActions": [{"sns": {"targetArn": "arn:aws:sns:eu-west-1:123456789012:hot"}}]},
  "alarmCapabilities": {"initializationConfiguration": {"disabledOnInitialization": false}, "acknowledgeFlow": {"enabled": true}}}`

func (p *process) operate(t tb, id tenant.ID, model, key string, kind detector.OperationKind, entry string) error {
	t.Helper()
	operation, err := detector.ParseOperation(kind, []byte(entry))
	require.NoError(t, err)
	return p.Operate(t.Context(), id, model, key, operation)
}

func TestOperateAlarm(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	p.putModel(t, north, hot)
	p.put(t, north, reading("a1", 95, "m1"))
	require.Equal(t, detector.AlarmActive, p.detector(t, north, "hot", "a1").State)

	require.NoError(t, p.operate(t, north, "hot", "a1", detector.OperationAcknowledge, `{"note": "on my way"}`))
	p = d.start() // what an operator did is durable
	alarm := p.detector(t, north, "hot", "a1")
	require.Equal(t, detector.AlarmAcknowledged, alarm.State)
	require.Equal(t, "on my way", alarm.Alarm.Note)
	require.Equal(t, int64(3), alarm.Alarm.Severity)
	require.ErrorIs(t, p.operate(t, north, "hot", "a1", detector.OperationAcknowledge, `{}`), detector.ErrOperation)

	require.NoError(t, p.operate(t, north, "hot", "a1", detector.OperationSnooze, `{"snoozeDuration": 60}`))
	p.put(t, north, reading("a1", 99, "m2"))
	require.Equal(t, detector.AlarmSnoozed, p.detector(t, north, "hot", "a1").State)
	d.clock.Advance(time.Minute)
	p.sweep(t, north)
	alarm = p.detector(t, north, "hot", "a1")
	require.Equal(t, detector.AlarmNormal, alarm.State)
	require.True(t, alarm.Alarm.SnoozeTimeout)

	var states []string
	for _, alert := range p.notified.Received(north) {
		states = append(states, alert.State)
	}
	require.ElementsMatch(t, []string{"ACTIVE", "ACKNOWLEDGED", "SNOOZE_DISABLED", "NORMAL"}, states)
}

func TestOperateDetector(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 50, "m1"))
	update := `{"state": {"stateName": "hot", "variables": [{"name": "n", "value": "7"}], "timers": [{"name": "repeat", "seconds": 60}]}}`
	require.NoError(t, p.operate(t, north, "boiler", "b1", detector.OperationUpdate, update))
	b1 := p.detector(t, north, "boiler", "b1")
	require.Equal(t, "hot", b1.State)
	require.Equal(t, int64(7), b1.Variables["n"].Int())

	d.clock.Advance(time.Minute)
	p.sweep(t, north)
	require.Equal(t, []string{"still hot"}, p.events(north), "no event ran, but the timer that was set")
}

// An operation comes after the timers that are due before it.
func TestOperateFiresTimersBefore(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	p.putModel(t, north, boiler)
	p.put(t, north, reading("b1", 95, "m1"))
	d.clock.Advance(1100 * time.Minute) // more than one step fires
	require.NoError(t, p.operate(t, north, "boiler", "b1", detector.OperationUpdate, `{"state": {"stateName": "cold"}}`))
	p.sweep(t, north)
	require.Equal(t, "cold", p.detector(t, north, "boiler", "b1").State)
	require.Len(t, p.events(north), 1+1100)
}

func TestOperateRefusals(t *testing.T) {
	t.Parallel()
	d := newDisk()
	p := d.start()
	p.putModel(t, north, hot)
	p.putModel(t, north, boiler)
	p.put(t, north, reading("a1", 95, "m1"))
	snooze := `{"snoozeDuration": 60}`
	require.ErrorIs(t, p.operate(t, north, "no-such", "a1", detector.OperationSnooze, snooze), tenant.ErrNotFound)
	require.ErrorIs(t, p.operate(t, north, "hot", "a2", detector.OperationSnooze, snooze), detector.ErrNoDetector)
	require.ErrorIs(t, p.operate(t, north, "boiler", "a1", detector.OperationSnooze, snooze), detector.ErrOperation)
	require.ErrorIs(t, p.operate(t, north, "hot", "a1", detector.OperationUpdate, `{"state": {"stateName": "NORMAL"}}`), detector.ErrOperation)
	require.ErrorIs(t, p.operate(t, tenant.ID{}, "hot", "a1", detector.OperationSnooze, snooze), tenant.ErrID)
	require.ErrorIs(t, p.operate(t, north, "hot", "a\x00", detector.OperationSnooze, snooze), tenant.ErrKey)
	require.Equal(t, detector.AlarmActive, p.detector(t, north, "hot", "a1").State)
}

func TestAttackOperateOnAnotherTenant(t *testing.T) {
	t.Parallel()
	p := newDisk().start()
	p.putModel(t, south, hot)
	p.put(t, south, reading("a1", 95, "m1"))
	require.ErrorIs(t, p.operate(t, north, "hot", "a1", detector.OperationDisable, `{}`), tenant.ErrNotFound)
	p.putModel(t, north, hot)
	require.ErrorIs(t, p.operate(t, north, "hot", "a1", detector.OperationDisable, `{}`), detector.ErrNoDetector)
	require.Equal(t, detector.AlarmActive, p.detector(t, south, "hot", "a1").State)
}

// Many operators and devices at once, in two processes: each operation and
// each message takes effect once.
func TestOperateConcurrently(t *testing.T) {
	t.Parallel()
	d := newDisk()
	first := d.start()
	first.putModel(t, north, boiler)
	first.put(t, north, reading("b1", 1, "m0"))
	processes := []*process{first, d.start()}
	var group sync.WaitGroup
	for i := range 20 {
		p := processes[i%2]
		group.Go(func() { p.put(t, north, reading("b1", 1, fmt.Sprint("x", i))) })
		group.Go(func() {
			err := p.operate(t, north, "boiler", "b1", detector.OperationUpdate, `{"state": {"stateName": "cold", "variables": [{"name": "n", "value": "0"}]}}`)
			require.NoError(t, err)
		})
	}
	group.Wait()
	n := first.detector(t, north, "boiler", "b1").Variables["n"].Int()
	require.GreaterOrEqual(t, n, int64(0))
	require.LessOrEqual(t, n, int64(20))
	require.Equal(t, uint64(21), processes[1].detector(t, north, "boiler", "b1").Evaluations)
}

// A failing store leaves an operation undone, and says so.
func TestOperateFails(t *testing.T) {
	t.Parallel()
	d := newDisk()
	failing := false
	p := d.startFaulty(faults{detectors: func(call tenanttest.Call) tenanttest.Fault {
		if failing && call.Operation == tenanttest.OpPut {
			return tenanttest.Fault{Before: tenanttest.ErrFault}
		}
		return tenanttest.Fault{}
	}}, nil)
	p.putModel(t, north, hot)
	p.put(t, north, reading("a1", 95, "m1"))
	failing = true
	err := p.operate(t, north, "hot", "a1", detector.OperationDisable, `{}`)
	require.ErrorIs(t, err, tenanttest.ErrFault)
	require.NotErrorIs(t, err, alerts.ErrContention)
	failing = false
	require.Equal(t, detector.AlarmActive, p.detector(t, north, "hot", "a1").State)
	require.NoError(t, p.operate(t, north, "hot", "a1", detector.OperationDisable, `{}`))
}
