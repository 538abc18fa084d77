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

// Run sends every row of r and waits until the broker has acknowledged all of
// them. It survives the loss of the connection and restarts of the broker. It
// returns the number of acknowledged rows.
func Run(ctx context.Context, r io.Reader, config Config) (acknowledged int, err error) {
	client, err := connect(ctx, config)
	if err != nil {
		return 0, err
	}
	defer client.Disconnect(250)
	window := config.Window
	if window <= 0 {
		window = 50
	}
	var pending []mqtt.Token
	acknowledge := func() error {
		if err := wait(ctx, pending[0]); err != nil {
			return err
		}
		pending = pending[1:]
		acknowledged++
		if config.Acknowledged != nil {
			config.Acknowledged(acknowledged)
		}
		return nil
	}
	pace := pacer{speed: config.Speed}
	for row, err := range Rows(r) {
		if err != nil {
			return acknowledged, err
		}
		if err := pace.wait(ctx, row.Timestamp); err != nil {
			return acknowledged, err
		}
		payload, err := json.Marshal(message{
			MessageID: fmt.Sprintf("%s-%d", config.Name, row.Number),
			Timestamp: row.Timestamp.Format(time.RFC3339),
			Value:     row.Value,
		})
		if err != nil {
			return acknowledged, fmt.Errorf("replay: row %d: %w", row.Number, err)
		}
		pending = append(pending, client.Publish(config.Topic, 1, false, payload))
		if len(pending) >= window {
			if err := acknowledge(); err != nil {
				return acknowledged, err
			}
		}
	}
	for len(pending) > 0 {
		if err := acknowledge(); err != nil {
			return acknowledged, err
		}
	}
	return acknowledged, nil
}

func connect(ctx context.Context, config Config) (mqtt.Client, error) {
	options := mqtt.NewClientOptions().
		AddBroker(config.Broker).
		SetClientID(config.ThingName).
		SetUsername(config.ThingName).
		SetPassword(config.Secret).
		SetStore(mqtt.NewOrderedMemoryStore()).
		SetCleanSession(false). // so that the client resends what was not acknowledged
		SetOrderMatters(true).
		SetAutoReconnect(true).
		SetConnectRetry(true).
		SetConnectRetryInterval(reconnectPause).
		SetMaxReconnectInterval(reconnectPause)
	client := mqtt.NewClient(options)
	if err := wait(ctx, client.Connect()); err != nil {
		client.Disconnect(0)
		return nil, fmt.Errorf("replay: connect: %w", err)
	}
	return client, nil
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
