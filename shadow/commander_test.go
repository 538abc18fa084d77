package shadow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/memdevice"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/shadow/shadowtest"
	"github.com/iotenant/iotenant/tenant"
)

// answering makes the thing answer each delta with an update of its own, as a
// device does. A nil answer is silence.
func answering(t *testing.T, shadows shadow.Shadows, bus device.Bus, id tenant.ID, answer func(delta json.RawMessage, token string) []byte) {
	t.Helper()
	cancel, err := bus.Subscribe(t.Context(), id, device.Filter{Thing: lampID, Operation: "update/delta"}, func(m device.Message) {
		var delta struct {
			State       json.RawMessage
			ClientToken string
		}
		if err := json.Unmarshal(m.Payload, &delta); err != nil {
			t.Error(err)
		}
		if request := answer(delta.State, delta.ClientToken); request != nil {
			if _, err := shadows.Update(context.Background(), id, lampID, classic, request); err != nil {
				t.Error(err)
			}
		}
	})
	require.NoError(t, err)
	t.Cleanup(cancel)
}

func reports(delta json.RawMessage, _ string) []byte {
	return fmt.Appendf(nil, `{"state":{"reported":%s}}`, delta)
}

func TestCommandDone(t *testing.T) {
	t.Parallel()
	shadows, bus := setup()
	answering(t, shadows, bus, acme, reports)
	commander := shadow.NewCommander(shadows, bus, func(o *shadow.CommanderOptions) { o.NewID = func() string { return "token-1" } })
	command, err := commander.Do(t.Context(), acme, lampID, classic, lamp{On: true, Level: 3})
	require.NoError(t, err)
	require.Equal(t, shadow.StatusDone, command.Status)
	require.Equal(t, "token-1", command.Token)
	require.EqualValues(t, 1, command.Version)
	require.EqualValues(t, 2, command.EndedVersion)
	require.False(t, command.SentAt.IsZero())
	require.JSONEq(t, `{"on":true,"level":3}`, string(command.Desired))
	require.JSONEq(t, `{"on":true,"level":3}`, string(command.Reported))

	again, err := commander.Do(t.Context(), acme, lampID, classic, lamp{On: true, Level: 3})
	require.NoError(t, err, "reported already")
	require.EqualValues(t, 3, again.EndedVersion)
}

func TestCommandIsData(t *testing.T) {
	t.Parallel()
	shadows, bus := setup()
	commander := shadow.NewCommander(shadows, bus)
	sent, err := commander.Send(t.Context(), acme, lampID, shadow.MustParseName("config"), map[string]any{"a": []int{1}})
	require.NoError(t, err)
	require.Equal(t, shadow.StatusPending, sent.Status)
	require.ErrorIs(t, sent.Err(), shadow.ErrPending)
	text, err := json.Marshal(sent)
	require.NoError(t, err)
	var kept shadow.Command
	require.NoError(t, json.Unmarshal(text, &kept))
	require.Equal(t, sent, kept)

	_, err = shadows.Update(t.Context(), acme, lampID, shadow.MustParseName("config"), []byte(`{"state":{"reported":{"a":[1.0],"b":2}}}`))
	require.NoError(t, err)
	done, err := shadow.NewCommander(shadows, bus).Wait(t.Context(), acme, kept) // another process
	require.NoError(t, err)
	require.Equal(t, shadow.StatusDone, done.Status)
	_, err = commander.Wait(t.Context(), acme, done)
	require.NoError(t, err, "an outcome is final")
}

func TestCommandOutcomes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer string // with the token of the delta in place of TOKEN
		status shadow.Status
		err    error
		kind   error
	}{
		{"taken out", `{"state":{"desired":{"on":null}}}`, shadow.StatusRejected, shadow.ErrRejected, iotenant.ErrDenied},
		{"one taken out", `{"state":{"desired":{"level":null},"reported":{"on":true}}}`, shadow.StatusRejected, shadow.ErrRejected, iotenant.ErrDenied},
		{"desired cleared", `{"state":{"desired":null}}`, shadow.StatusRejected, shadow.ErrRejected, iotenant.ErrDenied},
		{"all cleared", `{"state":null}`, shadow.StatusRejected, shadow.ErrRejected, iotenant.ErrDenied},
		{"replaced under its token", `{"state":{"desired":{"level":1}},"clientToken":"TOKEN"}`, shadow.StatusRejected, shadow.ErrRejected, iotenant.ErrDenied},
		{"replaced by others", `{"state":{"desired":{"level":1}}}`, shadow.StatusSuperseded, shadow.ErrSuperseded, iotenant.ErrConflict},
		{"done and cleared at once", `{"state":{"desired":null,"reported":{"on":true,"level":3,"more":{}}}}`, shadow.StatusDone, nil, nil},
		{"done", `{"state":{"reported":{"on":true,"level":3.0}}}`, shadow.StatusDone, nil, nil},
		{"half done", `{"state":{"reported":{"on":true}}}`, shadow.StatusPending, shadow.ErrPending, iotenant.ErrUnavailable},
		{"done with half of desired cleared", `{"state":{"desired":{"on":null},"reported":{"on":true}}}`, shadow.StatusPending, shadow.ErrPending, iotenant.ErrUnavailable},
		{"something else", `{"state":{"desired":{"x":1},"reported":{"y":1}},"clientToken":"TOKEN"}`, shadow.StatusPending, shadow.ErrPending, iotenant.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				shadows, bus := setup()
				answered := false
				answering(t, shadows, bus, acme, func(_ json.RawMessage, token string) []byte {
					if answered {
						return nil
					}
					answered = true
					return []byte(strings.ReplaceAll(c.answer, "TOKEN", token))
				})
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				command, err := shadow.NewCommander(shadows, bus).Do(ctx, acme, lampID, classic, lamp{On: true, Level: 3})
				require.Equal(t, c.status, command.Status)
				if c.err == nil {
					require.NoError(t, err)
					require.NotNil(t, command.Reported)
					return
				}
				require.ErrorIs(t, err, c.err)
				require.ErrorIs(t, err, c.kind)
				if c.status == shadow.StatusPending {
					require.ErrorIs(t, err, context.DeadlineExceeded)
				}
			})
		})
	}
}

// The deadline ends the wait, not the command: the device may be offline.
func TestCommandReportedAfterTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shadows, bus := setup()
		commander := shadow.NewCommander(shadows, bus)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		command, err := commander.Do(ctx, acme, lampID, classic, lamp{On: true})
		require.ErrorIs(t, err, shadow.ErrPending)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 5*time.Second, time.Since(began))
		require.Equal(t, shadow.StatusPending, command.Status)
		require.JSONEq(t, `{"on":true}`, string(read(t, shadows).Desired()), "it still stands")

		time.AfterFunc(time.Hour, func() { send(t, shadows, `{"state":{"reported":{"on":true}}}`) })
		late, err := commander.Wait(t.Context(), acme, command)
		require.NoError(t, err)
		require.Equal(t, shadow.StatusDone, late.Status)
		require.Equal(t, 5*time.Second+time.Hour, time.Since(began), "told by the event, not by a recheck")

		checked, err := commander.Check(t.Context(), acme, command)
		require.NoError(t, err)
		require.Equal(t, shadow.StatusDone, checked.Status)
	})
}

// A command for the classic shadow is not done by a report to a named one.
func TestCommandWaitsForItsOwnShadow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shadows, bus := setup()
		config := shadow.MustParseName("config")
		for i, names := range [][2]shadow.Name{{classic, config}, {config, classic}} {
			time.AfterFunc(time.Second, func() {
				for range 2 { // to the version of the command and beyond
					if _, err := shadows.Update(context.Background(), acme, lampID, names[1], fmt.Appendf(nil, `{"state":{"reported":{"n":%d}}}`, i)); err != nil {
						t.Error(err)
					}
				}
			})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			_, err := shadow.NewCommander(shadows, bus).Do(ctx, acme, lampID, names[0], map[string]int{"n": i})
			cancel()
			require.ErrorIs(t, err, shadow.ErrPending)
		}
	})
}

func TestCommandCancelledByItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shadows, bus := setup()
		commander := shadow.NewCommander(shadows, bus)
		gone := errors.New("client is gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(gone) })
		command, err := commander.Do(ctx, acme, lampID, classic, lamp{On: true})
		require.ErrorIs(t, err, shadow.ErrPending)
		require.ErrorIs(t, err, gone)
		_, err = commander.Wait(ctx, acme, command)
		require.ErrorIs(t, err, shadow.ErrPending)
		require.ErrorIs(t, err, gone)
		command, err = commander.Do(ctx, acme, lampID, classic, lamp{On: true})
		require.ErrorIs(t, err, gone)
		require.EqualValues(t, 1, read(t, shadows).Version(), "a call with a cancelled context sends nothing")
		require.Zero(t, command.Version)
	})
}

func TestCancelCommand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shadows, bus := setup()
		commander := shadow.NewCommander(shadows, bus)
		send(t, shadows, `{"state":{"desired":{"mode":{"name":"eco"},"other":1},"reported":{"level":3}}}`)
		type outcome struct {
			command shadow.Command
			err     error
		}
		ended := make(chan outcome, 1)
		command, err := commander.Send(t.Context(), acme, lampID, classic, lamp{On: true, Level: 3, Mode: &mode{Until: "noon"}})
		require.NoError(t, err)
		go func() {
			command, err := commander.Wait(t.Context(), acme, command)
			ended <- outcome{command, err}
		}()
		synctest.Wait()
		cancelled, err := commander.Cancel(t.Context(), acme, command)
		require.NoError(t, err)
		require.Equal(t, shadow.StatusCancelled, cancelled.Status)
		waited := <-ended
		require.ErrorIs(t, waited.err, shadow.ErrCancelled)
		require.Equal(t, shadow.StatusCancelled, waited.command.Status)
		require.JSONEq(t, `{"level":3,"mode":{"name":"eco"},"other":1}`, string(read(t, shadows).Desired()),
			"what is reported, and what others want, stays")
		version := read(t, shadows).Version()

		again, err := commander.Cancel(t.Context(), acme, cancelled)
		require.NoError(t, err)
		require.Equal(t, cancelled, again)
		again, err = commander.Cancel(t.Context(), acme, command)
		require.NoError(t, err)
		require.Equal(t, shadow.StatusRejected, again.Status, "nothing of it stands")
		require.Equal(t, version, read(t, shadows).Version())
	})
}

func TestCancelWhatIsDone(t *testing.T) {
	t.Parallel()
	shadows, bus := setup()
	commander := shadow.NewCommander(shadows, bus)
	command, err := commander.Send(t.Context(), acme, lampID, classic, lamp{On: true})
	require.NoError(t, err)
	send(t, shadows, `{"state":{"reported":{"on":true}}}`)
	command, err = commander.Cancel(t.Context(), acme, command)
	require.NoError(t, err)
	require.Equal(t, shadow.StatusDone, command.Status)

	superseded, err := commander.Send(t.Context(), acme, lampID, classic, map[string]int{"level": 1})
	require.NoError(t, err)
	send(t, shadows, `{"state":{"desired":{"level":2}}}`)
	superseded, err = commander.Cancel(t.Context(), acme, superseded)
	require.NoError(t, err)
	require.Equal(t, shadow.StatusSuperseded, superseded.Status)
	require.JSONEq(t, `{"on":true,"level":2}`, string(read(t, shadows).Desired()))
}

func TestCancelRetriesOnConflict(t *testing.T) {
	t.Parallel()
	shadows, bus := setup()
	command, err := shadow.NewCommander(shadows, bus).Send(t.Context(), acme, lampID, classic, lamp{On: true})
	require.NoError(t, err)
	first := true
	racing := shadowtest.Faulty(shadows, func(c shadowtest.Call) shadowtest.Fault {
		if first && c.Operation == shadowtest.OpUpdate {
			first = false
			send(t, shadows, `{"state":{"reported":{"x":1}}}`) // in between
		}
		return shadowtest.Fault{}
	})
	command, err = shadow.NewCommander(racing, bus).Cancel(t.Context(), acme, command)
	require.NoError(t, err)
	require.Equal(t, shadow.StatusCancelled, command.Status)
	require.Nil(t, read(t, shadows).Desired())
}

func TestCommandOfADeletedShadow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shadows, bus := setup()
		commander := shadow.NewCommander(shadows, bus)
		time.AfterFunc(time.Second, func() {
			if _, err := shadows.Delete(context.Background(), acme, lampID, classic); err != nil {
				t.Error(err)
			}
		})
		began := time.Now()
		command, err := commander.Do(t.Context(), acme, lampID, classic, lamp{On: true})
		require.ErrorIs(t, err, shadow.ErrSuperseded)
		require.Equal(t, time.Second, time.Since(began))
		require.Nil(t, command.Reported)

		command.Status = shadow.StatusPending
		checked, err := commander.Check(t.Context(), acme, command)
		require.NoError(t, err)
		require.Equal(t, shadow.StatusSuperseded, checked.Status)
	})
}

func TestConcurrentCommands(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shadows, bus := setup()
		commander := shadow.NewCommander(shadows, bus)
		var group sync.WaitGroup
		var mu sync.Mutex
		statuses := map[shadow.Status]int{}
		do := func(desired any) {
			group.Go(func() {
				command, err := commander.Do(t.Context(), acme, lampID, classic, desired)
				if err != command.Err() { //nolint:errorlint // the very same
					t.Errorf("error %v of status %s", err, command.Status)
				}
				mu.Lock()
				statuses[command.Status]++
				mu.Unlock()
			})
		}
		const apart = 20
		for i := range apart {
			do(map[string]int{fmt.Sprintf("k%d", i): i})
		}
		synctest.Wait()
		do(map[string]string{"color": "red"})
		synctest.Wait()
		do(map[string]string{"color": "blue"})
		synctest.Wait()
		require.Equal(t, map[shadow.Status]int{shadow.StatusSuperseded: 1}, statuses)
		for i := range apart {
			send(t, shadows, fmt.Sprintf(`{"state":{"reported":{"k%d":%d}}}`, i, i))
			synctest.Wait()
			require.Equal(t, i+1, statuses[shadow.StatusDone], "each ends with its own values")
		}
		send(t, shadows, `{"state":{"reported":{"color":"blue"}}}`)
		group.Wait()
		require.Equal(t, map[shadow.Status]int{shadow.StatusSuperseded: 1, shadow.StatusDone: apart + 1}, statuses)
	})
}

// reorder is a bus that holds messages back and delivers them newest first,
// each twice.
type reorder struct {
	*memdevice.Bus
	mu   sync.Mutex
	held []device.Message
}

func (r *reorder) Publish(_ context.Context, _ tenant.ID, message device.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = append(r.held, message.Clone())
	return nil
}

func (r *reorder) release(t *testing.T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.held) > 0 {
		message := r.held[len(r.held)-1]
		r.held = r.held[:len(r.held)-1]
		for range 2 {
			require.NoError(t, r.Bus.Publish(context.Background(), message.Topic.Tenant, message))
		}
	}
}

func TestCommandWithMessagesOutOfOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, inner := setup()
		bus := &reorder{Bus: inner}
		shadows := serviceOn(bus)
		send(t, shadows, `{"state":{"desired":{"on":false},"reported":{"on":true}}}`) // from before the command
		ended := make(chan shadow.Command, 1)
		go func() {
			command, _ := shadow.NewCommander(shadows, bus).Do(t.Context(), acme, lampID, classic, lamp{On: true, Level: 3})
			ended <- command
		}()
		synctest.Wait()
		send(t, shadows, `{"state":{"reported":{"level":3}}}`)
		send(t, shadows, `{"state":{"desired":{"level":9}}}`)
		bus.release(t)
		command := <-ended
		require.Equal(t, shadow.StatusDone, command.Status)
		require.GreaterOrEqual(t, command.EndedVersion, int64(3))
	})
}

// hooked is a service that calls after before its first update returns.
type hooked struct {
	shadow.Shadows
	once  sync.Once
	after func()
}

func (h *hooked) Update(ctx context.Context, id tenant.ID, thing device.ID, name shadow.Name, request []byte) ([]byte, error) {
	answer, err := h.Shadows.Update(ctx, id, thing, name, request)
	h.once.Do(h.after)
	return answer, err
}

// What the device did first counts, if all is told before the command's own
// update returns, in whatever order.
func TestCommandDoneBeforeItIsKnownToBeSent(t *testing.T) {
	t.Parallel()
	reordering := &reorder{Bus: memdevice.NewBus()}
	for name, bus := range map[string]device.Bus{"newest first": reordering, "in order": memdevice.NewBus()} {
		shadows := serviceOn(bus)
		send(t, shadows, `{"state":{"reported":{"on":true}}}`) // the same, from before the command
		send(t, shadows, `{"state":{"reported":{"on":false}}}`)
		commander := shadow.NewCommander(&hooked{Shadows: shadows, after: func() {
			send(t, shadows, `{"state":{"reported":{"on":true}}}`)
			send(t, shadows, `{"state":{"desired":{"on":false},"reported":{"on":false}}}`)
			reordering.release(t)
		}}, bus)
		command, err := commander.Do(t.Context(), acme, lampID, classic, lamp{On: true})
		require.NoError(t, err, name)
		require.EqualValues(t, 3, command.Version, name)
		require.EqualValues(t, 4, command.EndedVersion, name)
	}
}

// silent is a bus that loses everything.
type silent struct{ *memdevice.Bus }

func (silent) Publish(context.Context, tenant.ID, device.Message) error { return nil }

func TestCommandRecheckFindsWhatWasLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus := silent{memdevice.NewBus()}
		shadows := serviceOn(bus)
		time.AfterFunc(time.Second, func() { send(t, shadows, `{"state":{"reported":{"on":true}}}`) })
		began := time.Now()
		_, err := shadow.NewCommander(shadows, bus).Do(t.Context(), acme, lampID, classic, lamp{On: true})
		require.NoError(t, err)
		require.Equal(t, 30*time.Second, time.Since(began))

		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		never := shadow.NewCommander(shadows, bus, func(o *shadow.CommanderOptions) { o.Recheck = -1 })
		time.AfterFunc(time.Second, func() { send(t, shadows, `{"state":{"reported":{"level":5}}}`) })
		_, err = never.Do(ctx, acme, lampID, classic, map[string]int{"level": 5})
		require.ErrorIs(t, err, shadow.ErrPending)
	})
}

func TestCommandBadInput(t *testing.T) {
	t.Parallel()
	shadows, bus := setup()
	commander := shadow.NewCommander(shadows, bus)
	for _, desired := range []any{nil, 1, "x", []int{1}, map[string]any{}, map[string]any{"a": nil}, map[string]any{"a": map[string]any{"b": nil}}, map[string]any{"a": []any{nil}}, make(chan int), json.RawMessage(`{`)} {
		_, err := commander.Send(t.Context(), acme, lampID, classic, desired)
		require.ErrorIs(t, err, shadow.ErrValue, "%v", desired)
	}
	for _, token := range []string{"", strings.Repeat("x", 58)} {
		_, err := shadow.NewCommander(shadows, bus, func(o *shadow.CommanderOptions) { o.NewID = func() string { return token } }).
			Send(t.Context(), acme, lampID, classic, lamp{})
		require.ErrorIs(t, err, shadow.ErrValue)
	}
	_, err := commander.Do(t.Context(), acme, lampID, classic, map[string]string{"a": strings.Repeat("x", 9<<10)})
	require.ErrorIs(t, err, shadow.ErrTooLarge)
	_, err = commander.Do(t.Context(), acme, device.ID{}, classic, lamp{})
	require.ErrorIs(t, err, device.ErrID)
	_, err = commander.Wait(t.Context(), acme, shadow.Command{Status: shadow.StatusPending, Thing: lampID})
	require.ErrorIs(t, err, shadow.ErrValue)
	_, err = shadows.Get(t.Context(), acme, lampID, classic)
	require.ErrorIs(t, err, shadow.ErrNotFound)
}

func TestCommandFaults(t *testing.T) {
	t.Parallel()
	shadows, bus := setup()
	lost := shadow.NewCommander(shadowtest.Faulty(shadows, shadowtest.Script(shadowtest.OpUpdate, shadowtest.Fault{After: shadowtest.ErrFault})), bus)
	command, err := lost.Send(t.Context(), acme, lampID, classic, lamp{On: true})
	require.ErrorIs(t, err, shadowtest.ErrFault)
	send(t, shadows, `{"state":{"reported":{"on":true}}}`)
	command, err = lost.Wait(t.Context(), acme, command)
	require.NoError(t, err, "the answer was lost, the command was not")
	require.Equal(t, shadow.StatusDone, command.Status)

	failing := shadow.NewCommander(shadowtest.Faulty(shadows, shadowtest.Script(shadowtest.OpGet, shadowtest.Fault{Before: shadowtest.ErrFault})), bus)
	command, err = failing.Send(t.Context(), acme, lampID, classic, map[string]int{"level": 4})
	require.NoError(t, err)
	command, err = failing.Wait(t.Context(), acme, command)
	require.ErrorIs(t, err, shadowtest.ErrFault)
	require.Equal(t, shadow.StatusPending, command.Status)
}

// Another tenant's device with the same id can neither fulfil nor reject a
// command, and another tenant's waiter learns nothing of it.
func TestAttackCommands(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shadows, bus := setup()
		commander := shadow.NewCommander(shadows, bus)
		command, err := commander.Send(t.Context(), acme, lampID, classic, lamp{On: true})
		require.NoError(t, err)
		for _, request := range []string{`{"state":{"reported":{"on":true}}}`, `{"state":{"desired":{"on":null}},"clientToken":"` + command.Token + `"}`} {
			_, err := shadows.Update(t.Context(), zeta, lampID, classic, []byte(request))
			require.NoError(t, err)
		}
		_, err = shadows.Delete(t.Context(), zeta, lampID, classic)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = commander.Wait(ctx, acme, command)
		require.ErrorIs(t, err, shadow.ErrPending)

		foreign, err := commander.Check(t.Context(), zeta, command)
		require.NoError(t, err)
		require.Equal(t, shadow.StatusSuperseded, foreign.Status, "there is no such shadow")
		foreign, err = commander.Cancel(t.Context(), zeta, command)
		require.NoError(t, err)
		require.Nil(t, foreign.Reported)
		require.JSONEq(t, `{"on":true}`, string(read(t, shadows).Desired()))
	})
}
