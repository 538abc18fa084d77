package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// Config says what to replay and as which device.
type Config struct {
	// Broker is the address of the MQTT broker, for example
	// "tcp://127.0.0.1:1883".
	Broker string
	// ThingName and Secret are the credentials of the device.
	ThingName, Secret string
	// Topic is the telemetry topic of the device.
	Topic string
	// Name is the first part of each message id; the row number is the other.
	Name string
	// Speed is how many times faster than recorded the rows are sent; 0 means
	// as fast as they are acknowledged.
	Speed float64
	// Window is the number of rows sent and not yet acknowledged. Default 50.
	Window int
	// Acknowledged, if set, is called with the number of rows acknowledged so far.
	Acknowledged func(rows int)
}

// MessageName returns the first part of the message ids of a file: its base
// name without extension, at most 40 bytes, with '_' for what an AWS message
// id may not hold.
func MessageName(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	name = strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, name)
	return name[:min(len(name), 40)]
}

// reconnectPause is the pause between attempts to connect.
const reconnectPause = 250 * time.Millisecond

type message struct {
	MessageID string  `json:"messageId"`
	Timestamp string  `json:"timestamp"`
	Value     float64 `json:"value"`
}

// Run sends every row of r, in order, and waits until the broker has
// acknowledged all of them. It survives the loss of the connection and restarts
// of the broker: then it sends again what was not acknowledged, before anything
// else. It returns the number of acknowledged rows.
func Run(ctx context.Context, r io.Reader, config Config) (acknowledged int, err error) {
	if config.Window <= 0 {
		config.Window = 50
	}
	s := &sender{config: config}
	if err := s.connect(ctx); err != nil {
		return 0, err
	}
	defer func() { s.client.Disconnect(250) }()
	pace := pacer{speed: config.Speed}
	for row, err := range Rows(r) {
		if err != nil {
			return s.acknowledged, err
		}
		if err := pace.wait(ctx, row.Timestamp); err != nil {
			return s.acknowledged, err
		}
		payload, err := json.Marshal(message{
			MessageID: fmt.Sprintf("%s-%d", config.Name, row.Number),
			Timestamp: row.Timestamp.Format(time.RFC3339),
			Value:     row.Value,
		})
		if err != nil {
			return s.acknowledged, fmt.Errorf("replay: row %d: %w", row.Number, err)
		}
		if err := s.send(ctx, payload); err != nil {
			return s.acknowledged, err
		}
	}
	return s.acknowledged, s.settle(ctx, 0)
}

// sender keeps what is not acknowledged itself. The client's own resending
// would let new messages overtake old ones after the loss of a connection, and
// reports messages as acknowledged when it sends them again.
type sender struct {
	config       Config
	client       mqtt.Client
	pending      []pending
	acknowledged int
}

type pending struct {
	payload []byte
	token   mqtt.Token
}

func (s *sender) send(ctx context.Context, payload []byte) error {
	s.pending = append(s.pending, pending{payload, s.publish(payload)})
	return s.settle(ctx, s.config.Window-1)
}

func (s *sender) publish(payload []byte) mqtt.Token {
	return s.client.Publish(s.config.Topic, 1, false, payload)
}

// settle waits until at most left messages are not acknowledged.
func (s *sender) settle(ctx context.Context, left int) error {
	for len(s.pending) > left {
		err := wait(ctx, s.pending[0].token)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			if err := s.resend(ctx); err != nil {
				return err
			}
			continue
		}
		s.pending = s.pending[1:]
		s.acknowledged++
		if s.config.Acknowledged != nil {
			s.config.Acknowledged(s.acknowledged)
		}
	}
	return nil
}

// resend sends everything that is not acknowledged on a new connection.
func (s *sender) resend(ctx context.Context) error {
	s.client.Disconnect(0)
	if err := s.connect(ctx); err != nil {
		return err
	}
	for i := range s.pending {
		s.pending[i].token = s.publish(s.pending[i].payload)
	}
	return nil
}

// writeTimeout bounds a write to a connection that is lost.
const writeTimeout = 2 * time.Second

func (s *sender) connect(ctx context.Context) error {
	options := mqtt.NewClientOptions().
		AddBroker(s.config.Broker).
		SetClientID(s.config.ThingName).
		SetUsername(s.config.ThingName).
		SetPassword(s.config.Secret).
		SetOrderMatters(true).
		SetAutoReconnect(false).
		SetWriteTimeout(writeTimeout).
		SetConnectRetry(true).
		SetConnectRetryInterval(reconnectPause)
	s.client = mqtt.NewClient(options)
	if err := wait(ctx, s.client.Connect()); err != nil {
		s.client.Disconnect(0)
		return fmt.Errorf("replay: connect: %w", err)
	}
	return nil
}

func wait(ctx context.Context, token mqtt.Token) error {
	select {
	case <-token.Done():
		return token.Error()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pacer keeps the distances between recorded timestamps, shortened by speed.
type pacer struct {
	speed    float64
	began    time.Time
	recorded time.Time
}

func (p *pacer) wait(ctx context.Context, recorded time.Time) error {
	if p.speed <= 0 {
		return ctx.Err()
	}
	if p.began.IsZero() {
		p.began, p.recorded = time.Now(), recorded
	}
	due := p.began.Add(time.Duration(float64(recorded.Sub(p.recorded)) / p.speed))
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
