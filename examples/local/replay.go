package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/examples/internal/replay"
)

// replayChannel is the channel, and so the detector input, of replayed rows.
const replayChannel = "machine"

// replay sends a file as the device machine-1 of tenant north, over MQTT.
func (s *system) replay(ctx context.Context, file *os.File, speed float64, out io.Writer) error {
	name := device.ThingName(north, machine)
	rows, err := replay.Run(ctx, file, replay.Config{
		Broker:    "tcp://" + s.broker.Addresses().TCP,
		ThingName: name,
		Secret:    s.secrets.Passwords[name],
		Topic:     device.TelemetryTopic(north, machine, replayChannel).String(),
		Name:      replay.MessageName(file.Name()),
		Speed:     speed,
	})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	fmt.Fprintf(out, "\nreplay of %s: %d rows acknowledged\n", file.Name(), rows)
	return err
}
