package mqttdevice_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/mqttdevice"
	"github.com/iotenant/iotenant/internal/bench"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
)

const (
	publishers = 64
	window     = 50 // messages that a publisher sends ahead
)

// payload300 is a message of 300 bytes.
var payload300 = func() string {
	text := `{"temperature":21.5,"pressure":1013,"pad":"`
	for len(text) < 298 {
		text += "x"
	}
	return text + `"}`
}()

// benchDevice is a client that costs little: it shares the process.
type benchDevice struct {
	conn   net.Conn
	in     *bufio.Reader
	packet []byte // a PUBLISH
	ids    int    // where its packet id is
	next   uint16
}

func dialBench(b *testing.B, address, name, password, topic string) *benchDevice {
	b.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(b, err)
	b.Cleanup(func() { _ = conn.Close() })
	d := &benchDevice{conn: conn, in: bufio.NewReader(conn), packet: publishPacket(0, topic, payload300)}
	d.ids = len(d.packet) - len(payload300) - 2
	_, err = conn.Write(connectPacket(name, password, 4))
	require.NoError(b, err)
	connack := make([]byte, 4)
	_, err = io.ReadFull(d.in, connack)
	require.NoError(b, err)
	require.Zero(b, connack[3])
	return d
}

// publish publishes n messages with QoS 1 and returns when all are
// acknowledged.
func (d *benchDevice) publish(n int) error {
	ack := make([]byte, 4)
	for n > 0 {
		batch := min(n, window)
		var out []byte
		for range batch {
			if d.next++; d.next == 0 {
				d.next = 1
			}
			binary.BigEndian.PutUint16(d.packet[d.ids:], d.next)
			out = append(out, d.packet...)
		}
		if _, err := d.conn.Write(out); err != nil {
			return err
		}
		for range batch {
			if _, err := io.ReadFull(d.in, ack); err != nil {
				return err
			}
			if ack[0] != 0x40 {
				return fmt.Errorf("got the packet %x", ack)
			}
		}
		n -= batch
	}
	return nil
}

// publishAll spreads n messages over the devices.
func publishAll(b *testing.B, devices []*benchDevice, n int) {
	b.Helper()
	var done sync.WaitGroup
	for i, d := range devices {
		done.Go(func() {
			share := n/len(devices) + min(1, max(0, n%len(devices)-i))
			if err := d.publish(share); err != nil {
				b.Error(err)
			}
		})
	}
	done.Wait()
}

// bareBroker is the MQTT library alone, with one topic per publisher.
func bareBroker(b *testing.B) []*benchDevice {
	b.Helper()
	server := mqtt.New(&mqtt.Options{Logger: slog.New(slog.DiscardHandler), SysTopicResendInterval: 3600})
	require.NoError(b, server.AddHook(new(auth.AllowHook), nil))
	listener := listeners.NewTCP(listeners.Config{ID: "tcp", Address: "127.0.0.1:0"})
	require.NoError(b, server.AddListener(listener))
	require.NoError(b, server.Serve())
	b.Cleanup(func() { _ = server.Close() })
	var devices []*benchDevice
	for i := range publishers {
		name := fmt.Sprint("bare-", i)
		devices = append(devices, dialBench(b, listener.Address(), name, "x", "t/"+name))
	}
	return devices
}

// anyone authenticates everybody: connecting is not what is measured.
type anyone struct{}

func (anyone) Authenticate(context.Context, tenant.ID, device.ID, device.Proof) (device.Credential, error) {
	return device.Credential{}, nil
}

func (anyone) Admit(context.Context, tenant.ID) error { return nil }

func startBroker(b *testing.B, receiver device.Receiver) *mqttdevice.Broker {
	b.Helper()
	broker := mqttdevice.New(anyone{}, anyone{}, receiver, func(o *mqttdevice.Options) {
		o.Address = "127.0.0.1:0"
		o.Limits.PublishRate = -1
	})
	require.NoError(b, broker.Listen())
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- broker.Run(ctx) }()
	b.Cleanup(func() {
		stop()
		require.NoError(b, <-done)
	})
	return broker
}

func ownBroker(b *testing.B, receiver device.Receiver) []*benchDevice {
	b.Helper()
	broker := startBroker(b, receiver)
	var devices []*benchDevice
	for i := range publishers {
		thing := device.MustParseID(fmt.Sprint("thing-", i))
		name := device.ThingName(acme, thing)
		devices = append(devices, dialBench(b, broker.Addresses().TCP, name, "x", telemetry(acme, thing)))
	}
	return devices
}

// noReceiver takes everything and keeps nothing.
type noReceiver struct{}

func (noReceiver) Receive(context.Context, tenant.ID, device.Message) error { return nil }

type noBatchReceiver struct{ noReceiver }

func (noBatchReceiver) ReceiveBatch(context.Context, tenant.ID, []device.Message) []error { return nil }

// fileReceiver appends to a file, and answers when what it appended is on the
// disk. Callers that come together share one sync.
type fileReceiver struct {
	mu      sync.Mutex
	changed *sync.Cond
	pending []byte
	waiting uint64 // the batch that collects
	synced  uint64 // the last batch on the disk
	writing bool
	file    *os.File
	syncs   int
}

func newFileReceiver(b *testing.B) *fileReceiver {
	b.Helper()
	file, err := os.Create(filepath.Join(b.TempDir(), "messages"))
	require.NoError(b, err)
	b.Cleanup(func() { _ = file.Close() })
	r := &fileReceiver{file: file, waiting: 1}
	r.changed = sync.NewCond(&r.mu)
	return r
}

func (r *fileReceiver) Receive(ctx context.Context, id tenant.ID, message device.Message) error {
	if errs := r.ReceiveBatch(ctx, id, []device.Message{message}); errs != nil {
		return errs[0]
	}
	return nil
}

func (r *fileReceiver) ReceiveBatch(_ context.Context, _ tenant.ID, messages []device.Message) []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, message := range messages {
		r.pending = append(append(r.pending, message.Payload...), '\n')
	}
	mine := r.waiting
	for r.synced < mine {
		if r.writing {
			r.changed.Wait()
			continue
		}
		batch := r.pending
		r.pending, r.writing = nil, true
		r.waiting++
		r.mu.Unlock()
		_, err := r.file.Write(batch)
		if err == nil {
			err = r.file.Sync()
		}
		r.mu.Lock()
		if err != nil {
			panic(err)
		}
		r.syncs++
		r.synced, r.writing = r.waiting-1, false
		r.changed.Broadcast()
	}
	return nil
}

// boltReceiver puts each message into a repository.
type boltReceiver struct {
	messages *bolttenant.Repository[stored]
}

type stored struct {
	Thing   device.ID `json:"thing"`
	Number  uint64    `json:"number"`
	Payload []byte    `json:"payload"`
}

var storedSchema = tenant.Schema[stored]{
	Entity: "message",
	Key:    func(s *stored) tenant.Key { return tenant.NewKey(s.Thing.String(), fmt.Sprintf("%08d", s.Number%1000)) },
}

func (r *boltReceiver) Receive(ctx context.Context, id tenant.ID, m device.Message) error {
	_, err := r.messages.Put(ctx, id, stored{Thing: m.Topic.Thing, Number: uint64(m.At.UnixNano()), Payload: m.Payload}, tenant.Always())
	return err
}

func newBoltReceiver(b *testing.B) *boltReceiver {
	b.Helper()
	store, err := bolttenant.Open(filepath.Join(b.TempDir(), "messages.db"), tenant.RandomCursorKeys())
	require.NoError(b, err)
	b.Cleanup(func() { _ = store.Close() })
	return &boltReceiver{bolttenant.NewRepository(store, &storedSchema)}
}

// BenchmarkPublish compares with the MQTT library alone, which checks and keeps
// nothing. Clients and broker share the process, so the time of both is
// measured. Besides the CPU time it reports messages per second of wall time.
func BenchmarkPublish(b *testing.B) {
	for _, c := range []struct {
		name     string
		messages int
		receiver func(*testing.B) device.Receiver
	}{
		{"receiver=none", 20_000, func(*testing.B) device.Receiver { return noReceiver{} }},
		{"receiver=none,batches", 20_000, func(*testing.B) device.Receiver { return noBatchReceiver{} }},
		{"receiver=file", 20_000, func(b *testing.B) device.Receiver { return newFileReceiver(b) }},
		{"receiver=bolt", 5_000, func(b *testing.B) device.Receiver { return newBoltReceiver(b) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			devices, bare := ownBroker(b, c.receiver(b)), bareBroker(b)
			var own, others time.Duration
			var messages int
			timed := func(devices []*benchDevice, total *time.Duration) func(int) {
				return func(n int) {
					start := time.Now()
					publishAll(b, devices, n)
					*total += time.Since(start)
				}
			}
			bench.Ratio(b, 5, timed(devices, &own), func(n int) {
				timed(bare, &others)(n)
				messages += n
			}, c.messages)
			b.ReportMetric(float64(messages)/own.Seconds(), "msg/s")
			b.ReportMetric(float64(messages)/others.Seconds(), "limit-msg/s")
		})
	}
}

// BenchmarkIdleConnections reports the memory of a connection that does
// nothing, with one subscription, both ends in this process.
func BenchmarkIdleConnections(b *testing.B) {
	const connections = 1000
	for b.Loop() {
		broker := startBroker(b, noReceiver{})
		before := memory()
		for i := range connections {
			thing := device.MustParseID(fmt.Sprint("thing-", i))
			d := dialBench(b, broker.Addresses().TCP, device.ThingName(acme, thing), "x", telemetry(acme, thing))
			_, err := d.conn.Write(subscribePacket(1, command(acme, thing)))
			require.NoError(b, err)
			_, err = io.ReadFull(d.in, make([]byte, 5))
			require.NoError(b, err)
			d.in, d.packet = nil, nil // the client's own memory
		}
		b.ReportMetric(float64(memory()-before)/connections/1024, "KB/connection")
	}
}

// memory returns the bytes of heap and stacks in use.
func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapInuse + stats.StackInuse
}
