package memshadow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/memdevice"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/shadow/memshadow"
	"github.com/iotenant/iotenant/shadow/shadowtest"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	acme, zeta = tenant.MustParseID("acme"), tenant.MustParseID("zeta")
	lamp       = device.MustParseID("lamp-1")
	config     = shadow.MustParseName("config")
	classic    shadow.Name
)

// clock stands still until it is moved.
type clock struct {
	mu   sync.Mutex
	time time.Time
}

func newClock() *clock { return &clock{time: time.Unix(1_800_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.time
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.time = c.time.Add(d)
}

// bundle is a service with all that is around it.
type bundle struct {
	*memshadow.Service
	clock   *clock
	bus     *memdevice.Bus
	store   *memtenant.Store
	records tenant.Repository[memshadow.Record]

	mu   sync.Mutex
	seen []device.Message
}

func setup(t *testing.T, optFns ...func(*memshadow.Options)) *bundle {
	t.Helper()
	b := &bundle{clock: newClock(), bus: memdevice.NewBus()}
	b.store = memtenant.New(tenant.RandomCursorKeys(), func(o *memtenant.Options) { o.Now = b.clock.now })
	b.records = memtenant.NewRepository(b.store, &memshadow.RecordSchema)
	b.Service = b.over(b.records, optFns...)
	for _, id := range []tenant.ID{acme, zeta} {
		_, err := b.bus.Subscribe(t.Context(), id, device.Filter{Class: device.ClassShadow}, func(m device.Message) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.seen = append(b.seen, m.Clone())
		})
		require.NoError(t, err)
	}
	return b
}

// over returns another service on the same bus and clock.
func (b *bundle) over(records tenant.Repository[memshadow.Record], optFns ...func(*memshadow.Options)) *memshadow.Service {
	withClock := func(o *memshadow.Options) { o.Now = b.clock.now }
	return memshadow.New(records, b.bus, append([]func(*memshadow.Options){withClock}, optFns...)...)
}

// messages returns what was published since the last call, as
// "operation payload".
func (b *bundle) messages() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var texts []string
	for _, m := range b.seen {
		text := m.Topic.Operation + " " + string(m.Payload)
		if m.Topic.Shadow != "" {
			text = m.Topic.Shadow + "/" + text
		}
		texts = append(texts, text)
	}
	b.seen = nil
	return texts
}

func (b *bundle) update(t *testing.T, request string) {
	t.Helper()
	_, err := b.Update(t.Context(), acme, lamp, classic, []byte(request))
	require.NoError(t, err)
}

func (b *bundle) receive(t *testing.T, operation, payload string) {
	t.Helper()
	require.NoError(t, b.Receive(t.Context(), acme, message(acme, lamp, "", operation, payload)))
}

func message(id tenant.ID, thing device.ID, name, operation, payload string) device.Message {
	return device.Message{Topic: device.ShadowTopic(id, thing, name, operation), Payload: []byte(payload)}
}

func TestShadows(t *testing.T) {
	t.Parallel()
	t.Run("memtenant", func(t *testing.T) {
		t.Parallel()
		shadowtest.TestShadows(t, func(t *testing.T) shadow.Shadows { return setup(t) })
	})
	t.Run("bolttenant", func(t *testing.T) {
		t.Parallel()
		shadowtest.TestShadows(t, func(t *testing.T) shadow.Shadows { return memshadow.New(openBolt(t, t.TempDir()), memdevice.NewBus()) })
	})
}

func TestDeletedVersionIsRememberedFor48Hours(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		after time.Duration
		sweep bool
		want  int64
	}{
		{"at once", 0, false, 3},
		{"just before", shadow.TombstoneFor - time.Second, true, 3},
		{"after", shadow.TombstoneFor, false, 1},
		{"after a sweep", shadow.TombstoneFor, true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.update(t, `{"state":{"desired":{"a":1}}}`)
			b.update(t, `{"state":{"desired":{"a":2}}}`)
			_, err := b.Delete(t.Context(), acme, lamp, classic)
			require.NoError(t, err)
			b.clock.advance(c.after)
			if c.sweep {
				_, err := b.store.Sweep(t.Context())
				require.NoError(t, err)
			}
			answer, err := b.Update(t.Context(), acme, lamp, classic, []byte(`{"state":{}}`))
			require.NoError(t, err)
			document, err := shadow.ParseDocument[any](answer)
			require.NoError(t, err)
			require.Equal(t, c.want, document.Version)
		})
	}
}

// A repository whose own clock is behind still shows the record.
func TestForgottenVersionOverALateClock(t *testing.T) {
	t.Parallel()
	store := memtenant.New(tenant.RandomCursorKeys(), func(o *memtenant.Options) { o.Now = func() time.Time { return time.Unix(0, 0) } })
	b := setup(t)
	service := b.over(memtenant.NewRepository(store, &memshadow.RecordSchema))
	_, err := service.Update(t.Context(), acme, lamp, classic, []byte(`{"state":{}}`))
	require.NoError(t, err)
	_, err = service.Delete(t.Context(), acme, lamp, classic)
	require.NoError(t, err)
	b.clock.advance(shadow.TombstoneFor)
	_, err = service.Update(t.Context(), acme, lamp, classic, []byte(`{"state":{},"version":1}`))
	require.ErrorIs(t, err, shadow.ErrVersion)
	answer, err := service.Update(t.Context(), acme, lamp, classic, []byte(`{"state":{},"version":0}`))
	require.NoError(t, err)
	require.Contains(t, string(answer), `"version":1,`)
}

func TestMessagesOfUpdates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.update(t, `{"state":{"desired":{"on":true}},"clientToken":"c"}`)
	require.Equal(t, []string{
		`update/accepted {"state":{"desired":{"on":true}},"metadata":{"desired":{"on":{"timestamp":1800000000}}},"version":1,"timestamp":1800000000,"clientToken":"c"}`,
		`update/delta {"version":1,"timestamp":1800000000,"state":{"on":true},"metadata":{"on":{"timestamp":1800000000}},"clientToken":"c"}`,
		`update/documents {"previous":{"state":{},"metadata":{},"version":0},"current":{"state":{"desired":{"on":true}},"metadata":{"desired":{"on":{"timestamp":1800000000}}},"version":1},"timestamp":1800000000,"clientToken":"c"}`,
	}, b.messages())

	b.clock.advance(time.Second)
	_, err := b.Update(t.Context(), acme, lamp, config, []byte(`{"state":{"reported":{"on":true}}}`))
	require.NoError(t, err)
	require.Equal(t, []string{
		`config/update/accepted {"state":{"reported":{"on":true}},"metadata":{"reported":{"on":{"timestamp":1800000001}}},"version":1,"timestamp":1800000001}`,
		`config/update/documents {"previous":{"state":{},"metadata":{},"version":0},"current":{"state":{"reported":{"on":true}},"metadata":{"reported":{"on":{"timestamp":1800000001}}},"version":1},"timestamp":1800000001}`,
	}, b.messages())

	_, err = b.Update(t.Context(), acme, lamp, classic, []byte(`{"state":{},"version":9}`))
	require.ErrorIs(t, err, shadow.ErrVersion)
	_, err = b.Get(t.Context(), acme, lamp, classic)
	require.NoError(t, err)
	require.Empty(t, b.messages(), "calls of the API that fail or read tell nobody")

	_, err = b.Delete(t.Context(), acme, lamp, classic)
	require.NoError(t, err)
	require.Equal(t, []string{`delete/accepted {"version":1,"timestamp":1800000001}`}, b.messages())
}

func TestReceive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "get", "")
	require.Equal(t, []string{`get/rejected {"code":404,"message":"No shadow exists with name: 'acme:lamp-1'"}`}, b.messages())
	b.receive(t, "delete", `{"clientToken":"d"}`)
	require.Equal(t, []string{`delete/rejected {"code":404,"message":"No shadow exists with name: 'acme:lamp-1'","clientToken":"d"}`}, b.messages())
	b.receive(t, "update", `{"state":{"reported":{"on":true}},"clientToken":"u"}`)
	require.Len(t, b.messages(), 2)
	b.receive(t, "get", `{"clientToken":"g"}`)
	require.Equal(t, []string{`get/accepted {"state":{"reported":{"on":true}},"metadata":{"reported":{"on":{"timestamp":1800000000}}},"version":1,"timestamp":1800000000,"clientToken":"g"}`}, b.messages())
	b.receive(t, "get", `not json`)
	require.Len(t, b.messages(), 1)
	b.receive(t, "delete", `whatever`)
	require.Equal(t, []string{`delete/accepted {"version":1,"timestamp":1800000000}`}, b.messages())

	require.NoError(t, b.Receive(t.Context(), acme, message(acme, lamp, "config", "get", "")))
	require.Equal(t, []string{`config/get/rejected {"code":404,"message":"No shadow exists with name: 'config'"}`}, b.messages())
	require.NoError(t, b.Receive(t.Context(), acme, message(acme, lamp, "config", "update", `{"state":{"desired":{"v":1}}}`)))
	require.Len(t, b.messages(), 3)
	require.NoError(t, b.Receive(t.Context(), acme, message(acme, lamp, "config", "delete", "")))
	require.Equal(t, []string{`config/delete/accepted {"version":1,"timestamp":1800000000}`}, b.messages())
}

func TestReceiveRejects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.update(t, `{"state":{"desired":{"a":1}}}`)
	b.messages()
	for _, c := range []struct{ payload, rejected string }{
		{``, `{"code":400,"message":"Invalid JSON","timestamp":1800000000}`},
		{`{"clientToken":"c"}`, `{"code":400,"message":"Missing required node: state","timestamp":1800000000,"clientToken":"c"}`},
		{`{"state":{},"version":7,"clientToken":"c"}`, `{"code":409,"message":"Version conflict","timestamp":1800000000,"clientToken":"c"}`},
		{`{"state":{"desired":{"a":"` + strings.Repeat("x", 9<<10) + `"}}}`, `{"code":413,"message":"The payload exceeds the maximum size allowed","timestamp":1800000000}`},
		{"\xff", `{"code":415,"message":"Unsupported documented encoding; supported encoding is UTF-8","timestamp":1800000000}`},
	} {
		b.receive(t, "update", c.payload)
		require.Equal(t, []string{"update/rejected " + c.rejected}, b.messages())
	}
	document, err := b.Get(t.Context(), acme, lamp, classic)
	require.NoError(t, err)
	require.Contains(t, string(document), `"version":1,`)
}

func TestReceiveReturnsFailuresOfStorage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	failing := b.over(tenanttest.Faulty(b.records, tenanttest.Script(tenanttest.OpPut,
		tenanttest.Fault{Before: tenanttest.ErrFault}, tenanttest.Fault{After: tenanttest.ErrFault})))
	update := message(acme, lamp, "", "update", `{"state":{"reported":{"n":1}}}`)
	require.ErrorIs(t, failing.Receive(t.Context(), acme, update), tenanttest.ErrFault)
	require.ErrorIs(t, failing.Receive(t.Context(), acme, update), tenanttest.ErrFault)
	require.Empty(t, b.messages(), "nothing is told of what may not be stored")
	require.NoError(t, failing.Receive(t.Context(), acme, update), "the device sends again")
	require.Len(t, b.messages(), 2)

	failing = b.over(tenanttest.Faulty(b.records, tenanttest.Script(tenanttest.OpGet, tenanttest.Fault{Before: tenanttest.ErrFault})))
	require.ErrorIs(t, failing.Receive(t.Context(), acme, message(acme, lamp, "", "get", "")), tenanttest.ErrFault)
	require.Empty(t, b.messages())
}

func TestReceiveRefusesOtherTopics(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, topic := range []device.Topic{
		device.TelemetryTopic(acme, lamp, ""),
		device.CommandTopic(acme, lamp, ""),
		device.ShadowTopic(acme, lamp, "", "update/accepted"),
		device.ShadowTopic(acme, lamp, "", "update/delta"),
		device.ShadowTopic(acme, lamp, "", "other"),
		device.ShadowTopic(acme, lamp, "a/b", "update"),
		{},
	} {
		err := b.Receive(t.Context(), acme, device.Message{Topic: topic, Payload: []byte(`{"state":{}}`)})
		require.ErrorIs(t, err, device.ErrTopic, "%s", topic)
	}
	require.Empty(t, b.messages())
}

func TestTooManyInFlight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		max        int
		throttled  bool
		inProgress int
	}{
		{"default", 0, true, 10},
		{"none", -1, false, 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			block, entered := make(chan struct{}), make(chan struct{}, 100)
			records := tenanttest.Faulty(b.records, func(tenanttest.Call) tenanttest.Fault {
				entered <- struct{}{}
				<-block
				return tenanttest.Fault{}
			})
			service := b.over(records, func(o *memshadow.Options) {
				if c.max != 0 {
					o.MaxInFlight = c.max
				}
			})
			var group sync.WaitGroup
			for range c.inProgress {
				group.Go(func() {
					if err := service.Receive(t.Context(), acme, message(acme, lamp, "", "get", "")); err != nil {
						t.Error(err)
					}
				})
				<-entered
			}
			if c.throttled {
				require.NoError(t, service.Receive(t.Context(), acme, message(acme, lamp, "config", "update", `{"state":{},"clientToken":"c"}`)))
				require.Equal(t, []string{`config/update/rejected {"code":429,"message":"Too many requests","timestamp":1800000000,"clientToken":"c"}`}, b.messages())
			}
			other := make(chan error, 1)
			go func() {
				other <- service.Receive(t.Context(), zeta, message(zeta, lamp, "", "get", ""))
			}()
			<-entered // another tenant's thing with the same id is served
			close(block)
			group.Wait()
			require.NoError(t, <-other)
			require.NoError(t, service.Receive(t.Context(), acme, message(acme, lamp, "", "get", "")))
		})
	}
}

func TestThings(t *testing.T) {
	t.Parallel()
	failure := fmt.Errorf("registry: %w", tenanttest.ErrFault)
	b := setup(t, func(o *memshadow.Options) {
		o.Things = func(_ context.Context, _ tenant.ID, thing device.ID) (bool, error) {
			if thing.String() == "broken" {
				return false, failure
			}
			return thing == lamp, nil
		}
	})
	b.update(t, `{"state":{}}`)
	b.messages()
	unknown := device.MustParseID("unknown")
	_, err := b.Update(t.Context(), acme, unknown, classic, []byte(`{"state":{}}`))
	require.ErrorIs(t, err, shadow.ErrNotFound)
	require.NoError(t, b.Receive(t.Context(), acme, message(acme, unknown, "", "update", `{"state":{},"clientToken":"c"}`)))
	require.Equal(t, []string{`update/rejected {"code":404,"message":"Thing not found","clientToken":"c"}`}, b.messages())
	page, err := b.ListNamed(t.Context(), acme, unknown, 0, "")
	require.NoError(t, err)
	require.Empty(t, page.Names)
	require.ErrorIs(t, b.Receive(t.Context(), acme, message(acme, device.MustParseID("broken"), "", "get", "")), failure)
}

// A handler may answer a delta at once, as a device in the same process does:
// the messages still come in the order of the versions.
func TestHandlersMayCallTheService(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cancel, err := b.bus.Subscribe(t.Context(), acme, device.Filter{Operation: "update/delta"}, func(m device.Message) {
		var delta struct{ State json.RawMessage }
		if err := json.Unmarshal(m.Payload, &delta); err != nil {
			t.Error(err)
		}
		if _, err := b.Update(context.Background(), acme, m.Topic.Thing, classic, []byte(`{"state":{"reported":`+string(delta.State)+`}}`)); err != nil {
			t.Error(err)
		}
	})
	require.NoError(t, err)
	defer cancel()
	b.update(t, `{"state":{"desired":{"on":true}}}`)
	var order []string
	for _, text := range b.messages() {
		operation, payload, _ := strings.Cut(text, " ")
		state, err := shadow.ParseDocument[any]([]byte(payload))
		require.NoError(t, err)
		order = append(order, fmt.Sprintf("%s %d", operation, state.Version))
	}
	require.Equal(t, []string{"update/accepted 1", "update/delta 1", "update/documents 0", "update/accepted 2", "update/documents 0"}, order)
}

func TestMessagesComeInTheOrderOfVersions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var group sync.WaitGroup
	for writer := range 8 {
		group.Go(func() {
			for i := range 25 {
				if _, err := b.Update(t.Context(), acme, lamp, classic, fmt.Appendf(nil, `{"state":{"desired":{"w":%d,"i":%d}}}`, writer, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	require.Eventually(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.seen) == 8*25*3
	}, 5*time.Second, time.Millisecond)
	last := map[string]int64{}
	for _, m := range b.seen {
		var document struct {
			Version int64
			Current struct{ Version int64 }
		}
		require.NoError(t, json.Unmarshal(m.Payload, &document))
		version := max(document.Version, document.Current.Version)
		require.Equal(t, last[m.Topic.Operation]+1, version, m.Topic.Operation)
		last[m.Topic.Operation] = version
	}
}

// Two services over one repository are two processes: no update is lost.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	services := []*memshadow.Service{b.Service, b.over(b.records)}
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			_, err := services[i%2].Update(t.Context(), acme, lamp, classic, fmt.Appendf(nil, `{"state":{"reported":{"u%d":1}}}`, i))
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	document, err := b.Get(t.Context(), acme, lamp, classic)
	require.NoError(t, err)
	state, err := shadow.ParseDocument[map[string]int](document)
	require.NoError(t, err)
	require.EqualValues(t, 40, state.Version)
	require.Len(t, *state.Reported, 40)
}

func TestLostMessagesAreLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b := setup(t, func(o *memshadow.Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		o.Rules = shadow.Rules{MaxSize: 30 << 10}
	})
	b.update(t, `{"state":{"reported":{"n":[`+strings.TrimSuffix(strings.Repeat("1,", 3000), ",")+`]}}}`)
	b.update(t, `{"state":{"reported":{"m":1}}}`)
	require.Contains(t, log.String(), "shadow message lost")
	require.Contains(t, log.String(), "update/documents")
	document, err := b.Get(t.Context(), acme, lamp, classic)
	require.NoError(t, err)
	require.Contains(t, string(document), `"version":2,`)
}

func TestWaitingForATurnEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		block := make(chan struct{})
		service := b.over(tenanttest.Faulty(b.records, func(tenanttest.Call) tenanttest.Fault {
			<-block
			return tenanttest.Fault{Before: tenanttest.ErrFault}
		}))
		update := func(ctx context.Context, result chan<- error) {
			_, err := service.Update(ctx, acme, lamp, classic, []byte(`{"state":{}}`))
			result <- err
		}
		first, second := make(chan error, 1), make(chan error, 1)
		go update(t.Context(), first)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		go update(ctx, second)
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-second, context.Canceled)
		close(block)
		require.ErrorIs(t, <-first, tenanttest.ErrFault)
	})
}

// Another process writes between the reading and the writing of an update.
func TestUpdateOverAnother(t *testing.T) {
	t.Parallel()
	for _, before := range []string{"", `{"state":{"desired":{"a":1}}}`} {
		b := setup(t)
		if before != "" {
			b.update(t, before)
		}
		first := true
		service := b.over(tenanttest.Faulty(b.records, func(c tenanttest.Call) tenanttest.Fault {
			if first && c.Operation == tenanttest.OpPut {
				first = false
				b.update(t, `{"state":{"desired":{"b":2}}}`)
			}
			return tenanttest.Fault{}
		}))
		_, err := service.Update(t.Context(), acme, lamp, classic, []byte(`{"state":{"desired":{"c":3}}}`))
		require.NoError(t, err)
		document, err := b.Get(t.Context(), acme, lamp, classic)
		require.NoError(t, err)
		require.Contains(t, string(document), `"b":2,"c":3}`)
	}
}

// slow is a bus whose first message takes until release is closed.
type slow struct {
	*memdevice.Bus
	once    sync.Once
	release chan struct{}
}

func (s *slow) Publish(ctx context.Context, id tenant.ID, message device.Message) error {
	s.once.Do(func() { <-s.release })
	return s.Bus.Publish(ctx, id, message)
}

// While one call publishes, those after it leave their messages to it.
func TestOneCallPublishesAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		bus := &slow{Bus: b.bus, release: make(chan struct{})}
		service := memshadow.New(b.records, bus)
		first := make(chan error, 1)
		go func() {
			_, err := service.Update(t.Context(), acme, lamp, classic, []byte(`{"state":{"reported":{"n":1}}}`))
			first <- err
		}()
		synctest.Wait()
		_, err := service.Update(t.Context(), acme, lamp, classic, []byte(`{"state":{"reported":{"n":2}}}`))
		require.NoError(t, err, "stored, and not held up by a slow bus")
		require.Empty(t, b.messages())
		close(bus.release)
		require.NoError(t, <-first)
		require.Len(t, b.messages(), 4)
	})
}

// openBolt opens the repository in a folder until the test ends.
func openBolt(t *testing.T, folder string) tenant.Repository[memshadow.Record] {
	t.Helper()
	store, err := bolttenant.Open(folder+"/shadows.db", tenant.RandomCursorKeys())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return bolttenant.NewRepository(store, &memshadow.RecordSchema)
}

func TestShadowsSurviveRestart(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	var before []byte
	clock := newClock()
	withClock := func(o *memshadow.Options) { o.Now = clock.now }
	t.Run("before", func(t *testing.T) {
		service := memshadow.New(openBolt(t, folder), memdevice.NewBus(), withClock)
		_, err := service.Update(t.Context(), acme, lamp, config, []byte(`{"state":{"desired":{"a":[1,{"b":1.50}],"c":{}},"reported":{"x":"é"}}}`))
		require.NoError(t, err)
		before, err = service.Get(t.Context(), acme, lamp, config)
		require.NoError(t, err)
	})
	t.Run("after", func(t *testing.T) {
		service := memshadow.New(openBolt(t, folder), memdevice.NewBus(), withClock)
		after, err := service.Get(t.Context(), acme, lamp, config)
		require.NoError(t, err)
		require.Equal(t, string(before), string(after))
	})
}
