package mqttdevice_test

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/mqttdevice"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	acme   = tenant.MustParseID("acme")
	globex = tenant.MustParseID("globex")
	pump   = device.MustParseID("pump")
	valve  = device.MustParseID("valve")
)

// wait bounds what should happen soon.
const wait = 10 * time.Second

// platform is a running broker with two tenants. Both have the things pump and
// valve.
type platform struct {
	t         *testing.T
	registry  *device.Registry
	directory *tenant.Directory
	broker    *mqttdevice.Broker
	inbox     *inbox
	passwords map[string]string // by thing name
	stop      func()
}

type setup struct {
	receiver device.Receiver // the inbox if nil
	options  []func(*mqttdevice.Options)
}

func newPlatform(t *testing.T, optFns ...func(*setup)) *platform {
	t.Helper()
	store := memtenant.New(tenant.RandomCursorKeys())
	p := &platform{
		t: t,
		registry: device.NewRegistry(
			memtenant.NewRepository(store, &device.ThingSchema),
			memtenant.NewRepository(store, &device.CredentialSchema),
			memtenant.NewRepository(store, &device.PresenceSchema),
		),
		directory: tenant.NewDirectory(memtenant.NewRepository(store, &tenant.TenantSchema)),
		inbox:     &inbox{},
		passwords: map[string]string{},
	}
	for _, id := range []tenant.ID{acme, globex} {
		_, err := p.directory.Create(t.Context(), id, id.String())
		require.NoError(t, err)
		for _, thing := range []device.ID{pump, valve} {
			p.addThing(id, thing)
		}
	}
	s := setup{receiver: p.inbox}
	for _, fn := range optFns {
		fn(&s)
	}
	options := append([]func(*mqttdevice.Options){func(o *mqttdevice.Options) {
		o.Address = "127.0.0.1:0"
		o.Presence = p.registry
		o.Logger = slog.New(slog.NewTextHandler(testWriter{t}, nil))
		o.Limits.PublishRate = -1
	}}, s.options...)
	p.broker = mqttdevice.New(p.registry, p.directory, s.receiver, options...)
	require.NoError(t, p.broker.Listen())
	p.run()
	return p
}

func (p *platform) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.broker.Run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			require.NoError(p.t, err)
		case <-time.After(wait):
			require.Fail(p.t, "the broker did not stop")
		}
	})
	p.t.Cleanup(p.stop)
}

func (p *platform) addThing(id tenant.ID, thing device.ID) {
	p.t.Helper()
	_, err := p.registry.Create(p.t.Context(), id, device.Thing{ID: thing})
	require.NoError(p.t, err)
	_, secret, err := p.registry.AddPassword(p.t.Context(), id, thing)
	require.NoError(p.t, err)
	p.passwords[device.ThingName(id, thing)] = secret
}

func (p *platform) address() string { return p.broker.Addresses().TCP }

func (p *platform) refused(refusal mqttdevice.Refusal) uint64 {
	return p.broker.Stats().Refused[refusal]
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, wait, 2*time.Millisecond, what)
}

// inbox is a receiver that keeps what it gets, and fails when told.
type inbox struct {
	mu       sync.Mutex
	messages []device.Message
	fail     func(device.Message) error
}

func (b *inbox) Receive(_ context.Context, id tenant.ID, message device.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if id != message.Topic.Tenant {
		panic("tenant and topic differ")
	}
	if b.fail != nil {
		if err := b.fail(message); err != nil {
			return err
		}
	}
	b.messages = append(b.messages, message.Clone())
	return nil
}

func (b *inbox) failWith(fail func(device.Message) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = fail
}

func (b *inbox) all() []device.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]device.Message(nil), b.messages...)
}

func (b *inbox) payloads() []string {
	var texts []string
	for _, message := range b.all() {
		texts = append(texts, string(message.Payload))
	}
	return texts
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	if testing.Verbose() {
		w.t.Log(string(p))
	}
	return len(p), nil
}

func splitAddress(t *testing.T, address string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	return host, port
}
