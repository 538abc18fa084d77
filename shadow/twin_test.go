package shadow_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/memdevice"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/shadow/memshadow"
	"github.com/iotenant/iotenant/shadow/shadowtest"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	acme, zeta = tenant.MustParseID("acme"), tenant.MustParseID("zeta")
	lampID     = device.MustParseID("lamp-1")
	classic    shadow.Name
)

type lamp struct {
	On    bool     `json:"on"`
	Level int      `json:"level,omitempty"`
	Rooms []string `json:"rooms,omitempty"`
	Mode  *mode    `json:"mode,omitempty"`
}

type mode struct {
	Name  string `json:"name,omitempty"`
	Until string `json:"until,omitempty"`
}

// setup returns a service and the bus on which it tells of changes.
func setup() (*memshadow.Service, *memdevice.Bus) {
	bus := memdevice.NewBus()
	return serviceOn(bus), bus
}

func serviceOn(bus device.Bus) *memshadow.Service {
	store := memtenant.New(tenant.RandomCursorKeys())
	return memshadow.New(memtenant.NewRepository(store, &memshadow.RecordSchema), bus)
}

func send(t require.TestingT, shadows shadow.Shadows, request string) []byte {
	answer, err := shadows.Update(context.Background(), acme, lampID, classic, []byte(request))
	require.NoError(t, err)
	return answer
}

func read(t require.TestingT, shadows shadow.Shadows) shadow.State {
	payload, err := shadows.Get(context.Background(), acme, lampID, classic)
	require.NoError(t, err)
	state, err := shadow.ParseState(payload)
	require.NoError(t, err)
	return state
}

func TestTwinEdit(t *testing.T) {
	t.Parallel()
	shadows, _ := setup()
	twin := shadow.NewTwin[lamp](shadows, classic)
	ctx := t.Context()

	_, err := twin.Get(ctx, acme, lampID)
	require.ErrorIs(t, err, shadow.ErrNotFound)

	document, err := twin.Edit(ctx, acme, lampID, func(d *shadow.Document[lamp]) error {
		require.Zero(t, d.Version)
		require.Nil(t, d.Desired)
		d.Desired = &lamp{On: true, Level: 40, Rooms: []string{"hall"}, Mode: &mode{Name: "eco", Until: "noon"}}
		return nil
	})
	require.NoError(t, err)
	read1, err := twin.Get(ctx, acme, lampID)
	require.NoError(t, err)
	require.Equal(t, normal(read1), normal(document), "what Edit returns is what is there")
	require.Equal(t, *document.Desired, *document.Delta)

	send(t, shadows, `{"state":{"desired":{"mode":{"unknown":1},"firmware":"1.2"},"reported":{"on":true,"level":40,"x":1}}}`)
	document, err = twin.Edit(ctx, acme, lampID, func(d *shadow.Document[lamp]) error {
		d.Desired.Level, d.Desired.Rooms, d.Desired.Mode.Until = 0, []string{"attic", "hall"}, ""
		return nil
	})
	require.NoError(t, err)
	require.JSONEq(t, `{"on":true,"rooms":["attic","hall"],"mode":{"name":"eco","unknown":1},"firmware":"1.2"}`, string(read(t, shadows).Desired()),
		"members that the type does not know stay")
	read2, err := twin.Get(ctx, acme, lampID)
	require.NoError(t, err)
	require.Equal(t, normal(read2), normal(document))
	require.EqualValues(t, 3, document.Version)

	unchanged, err := twin.Edit(ctx, acme, lampID, func(d *shadow.Document[lamp]) error { d.Version = 99; return nil })
	require.NoError(t, err)
	require.EqualValues(t, 3, unchanged.Version, "nothing changed, nothing sent")

	document, err = twin.Edit(ctx, acme, lampID, func(d *shadow.Document[lamp]) error { d.Desired = nil; return nil })
	require.NoError(t, err)
	require.Nil(t, document.Desired)
	require.Nil(t, read(t, shadows).Desired())
	require.NotNil(t, document.Reported)
}

func normal(d shadow.Document[lamp]) string {
	text, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestTwinEditOfADeletedShadow(t *testing.T) {
	t.Parallel()
	shadows, _ := setup()
	send(t, shadows, `{"state":{"desired":{"on":true}}}`)
	_, err := shadows.Delete(t.Context(), acme, lampID, classic)
	require.NoError(t, err)
	document, err := shadow.NewTwin[lamp](shadows, classic).Edit(t.Context(), acme, lampID, func(d *shadow.Document[lamp]) error {
		d.Desired = &lamp{}
		return nil
	})
	require.NoError(t, err)
	require.EqualValues(t, 2, document.Version)
	require.JSONEq(t, `{"on":false}`, string(read(t, shadows).Desired()))
}

func TestTwinEditRetriesOnConflict(t *testing.T) {
	t.Parallel()
	shadows, _ := setup()
	send(t, shadows, `{"state":{"desired":{"level":1}}}`)
	twin := shadow.NewTwin[lamp](shadows, classic)
	calls := 0
	document, err := twin.Edit(t.Context(), acme, lampID, func(d *shadow.Document[lamp]) error {
		if calls++; calls == 1 {
			send(t, shadows, `{"state":{"desired":{"level":10,"rooms":["hall"]}}}`) // somebody else, in between
		}
		d.Desired.Level++
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, 2, calls)
	require.Equal(t, 11, document.Desired.Level)
	require.Equal(t, []string{"hall"}, document.Desired.Rooms)
}

func TestTwinEditsAreNotLost(t *testing.T) {
	t.Parallel()
	shadows, _ := setup()
	twin := shadow.NewTwin[lamp](shadows, classic)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 5 {
				_, err := twin.Edit(t.Context(), acme, lampID, func(d *shadow.Document[lamp]) error {
					if d.Desired == nil {
						d.Desired = &lamp{}
					}
					d.Desired.Level++
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	document, err := twin.Get(t.Context(), acme, lampID)
	require.NoError(t, err)
	require.Equal(t, 40, document.Desired.Level)
	require.EqualValues(t, 40, document.Version)
}

func TestTwinErrors(t *testing.T) {
	t.Parallel()
	shadows, _ := setup()
	send(t, shadows, `{"state":{"desired":{"on":"yes"}}}`)
	_, err := shadow.NewTwin[lamp](shadows, classic).Get(t.Context(), acme, lampID)
	require.ErrorIs(t, err, shadow.ErrValue)
	require.ErrorIs(t, err, iotenant.ErrInvalid)

	mine := errors.New("mine")
	raw := shadow.NewTwin[json.RawMessage](shadows, classic)
	_, err = raw.Edit(t.Context(), acme, lampID, func(*shadow.Document[json.RawMessage]) error { return mine })
	require.ErrorIs(t, err, mine)
	for _, bad := range []string{`1`, `[]`, `"x"`, `{`} {
		_, err = raw.Edit(t.Context(), acme, lampID, func(d *shadow.Document[json.RawMessage]) error {
			d.Desired = new(json.RawMessage(bad))
			return nil
		})
		require.ErrorIs(t, err, shadow.ErrValue, bad)
	}
	_, err = shadow.NewTwin[chan int](shadows, shadow.MustParseName("c")).Edit(t.Context(), acme, lampID, func(d *shadow.Document[chan int]) error {
		d.Desired = new(chan int)
		return nil
	})
	require.ErrorIs(t, err, shadow.ErrValue)
	require.EqualValues(t, 1, read(t, shadows).Version())

	for _, operation := range []shadowtest.Operation{shadowtest.OpGet, shadowtest.OpUpdate} {
		faulty := shadowtest.Faulty(shadows, shadowtest.Script(operation, shadowtest.Fault{Before: shadowtest.ErrFault}))
		_, err = shadow.NewTwin[map[string]any](faulty, classic).Edit(t.Context(), acme, lampID, func(d *shadow.Document[map[string]any]) error {
			(*d.Desired)["x"] = 1
			return nil
		})
		require.ErrorIs(t, err, shadowtest.ErrFault)
	}
	require.EqualValues(t, 1, read(t, shadows).Version())
}

// Somebody who always writes in between is no reason to wait for ever.
func TestTwinEditEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shadows, _ := setup()
		send(t, shadows, `{"state":{"desired":{"level":1}}}`)
		conflict := &shadow.Error{Code: 409, Message: "Version conflict"}
		faulty := shadowtest.Faulty(shadows, func(c shadowtest.Call) shadowtest.Fault {
			if c.Operation == shadowtest.OpUpdate {
				return shadowtest.Fault{Before: conflict}
			}
			return shadowtest.Fault{}
		})
		edit := func(d *shadow.Document[lamp]) error { d.Desired.Level++; return nil }
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := shadow.NewTwin[lamp](faulty, classic).Edit(ctx, acme, lampID, edit)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = shadow.NewTwin[lamp](faulty, classic).Edit(t.Context(), acme, lampID, edit)
		require.ErrorIs(t, err, shadow.ErrVersion, "after the last attempt")
	})
}

// Tenants with the same type and thing id edit shadows of their own.
func TestAttackTwin(t *testing.T) {
	t.Parallel()
	shadows, _ := setup()
	twin := shadow.NewTwin[lamp](shadows, classic)
	_, err := twin.Edit(t.Context(), acme, lampID, func(d *shadow.Document[lamp]) error { d.Desired = &lamp{Level: 7}; return nil })
	require.NoError(t, err)
	_, err = twin.Get(t.Context(), zeta, lampID)
	require.ErrorIs(t, err, shadow.ErrNotFound)
	_, err = twin.Edit(t.Context(), zeta, lampID, func(d *shadow.Document[lamp]) error {
		require.Nil(t, d.Desired)
		require.Zero(t, d.Version)
		return nil
	})
	require.NoError(t, err)
	_, err = twin.Edit(t.Context(), tenant.ID{}, lampID, func(*shadow.Document[lamp]) error { return nil })
	require.ErrorIs(t, err, tenant.ErrID)
}
