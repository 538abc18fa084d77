package mqttdevice_test

import (
	"testing"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/devicetest"
)

func TestBus(t *testing.T) {
	t.Parallel()
	devicetest.TestBus(t, func(t *testing.T) device.Bus { return newPlatform(t).broker })
}
