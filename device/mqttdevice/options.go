package mqttdevice

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/iotenant/iotenant/device"
)

// Options are the options of [New].
type Options struct {
	// Address is where to listen for MQTT over TCP. Port 0 picks a free one,
	// see [Broker.Addresses]; empty means not to listen. Default
	// "127.0.0.1:1883": passwords travel in clear, so keep it on loopback.
	Address string
	// TLSAddress is where to listen for MQTT over TLS. Default empty: not.
	TLSAddress string
	// TLS holds at least the server's certificate. Required with TLSAddress.
	// Clients are asked for a certificate; one that is not registered is
	// refused later, whoever issued it. ClientAuth and ClientCAs make it
	// stricter.
	TLS *tls.Config
	// Presence is told of connections and their ends. A failure is logged
	// and counted, no more. Default nil: nobody is.
	Presence device.PresenceReceiver
	// Limits are what a device may use up.
	Limits Limits
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// NewID makes session identifiers. Default: 128 random bits in base 32.
	NewID func() string
	// Logger gets refusals and failures. Default: silent.
	Logger *slog.Logger
}

// Limits bound what one connection may use up. The defaults are those of AWS
// IoT Core, https://docs.aws.amazon.com/general/latest/gr/iot-core.html.
type Limits struct {
	// Payload of a message in bytes. Default and most: device.MaxPayload.
	Payload int
	// FiltersPerSubscribe is how many filters one SUBSCRIBE may hold.
	// Default 8.
	FiltersPerSubscribe int
	// Subscriptions of a connection. Default 50.
	Subscriptions int
	// InFlight is how many messages a device may send ahead of their
	// acknowledgements. MQTT 5 clients are told; of others no more is read.
	// Default 100.
	InFlight int
	// PublishRate is how many messages a connection may publish per second,
	// after a burst of as many. A faster one is slowed down. Default 100;
	// negative: no limit.
	PublishRate float64
	// KeepAlive is the longest keep-alive, and the one of clients that want
	// none. A connection ends after one and a half times its keep-alive
	// without a packet. Default 20 minutes, at most 12 hours.
	KeepAlive time.Duration
	// SessionExpiry is how long the session of a device that is away is
	// kept. Default 1 hour.
	SessionExpiry time.Duration
	// Retained is how many retained messages a thing may have. Default 100.
	Retained int
	// ConnectTimeout is the time from accepting a connection to its CONNECT
	// packet, with the TLS handshake. Default 10 s.
	ConnectTimeout time.Duration
	// WriteTimeout is how long a write to a device that does not read may
	// take before its connection is closed. Default 10 s.
	WriteTimeout time.Duration
}

func defaultOptions() Options {
	return Options{
		Address: "127.0.0.1:1883",
		Limits: Limits{
			Payload:             device.MaxPayload,
			FiltersPerSubscribe: 8,
			Subscriptions:       50,
			InFlight:            100,
			PublishRate:         100,
			KeepAlive:           20 * time.Minute,
			SessionExpiry:       time.Hour,
			Retained:            100,
			ConnectTimeout:      10 * time.Second,
			WriteTimeout:        10 * time.Second,
		},
		Now:    time.Now,
		NewID:  newID,
		Logger: slog.New(slog.DiscardHandler),
	}
}
