package devicemock_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/devicemock"
	"github.com/iotenant/iotenant/device/devicetest"
	"github.com/iotenant/iotenant/tenant"
)

// reboot is code under test.
func reboot(ctx context.Context, bus device.Bus, id tenant.ID, thing device.ID) error {
	err := bus.Publish(ctx, id, device.Message{Topic: device.CommandTopic(id, thing, "reboot")})
	if err != nil {
		return fmt.Errorf("reboot: %w", err)
	}
	return nil
}

func TestMockBus(t *testing.T) {
	t.Parallel()
	acme, pump := tenant.MustParseID("acme"), device.MustParseID("pump")
	bus := devicemock.NewMockBus(gomock.NewController(t))
	want := device.Message{Topic: device.CommandTopic(acme, pump, "reboot")}
	bus.EXPECT().Publish(gomock.Any(), acme, want).Return(devicetest.ErrFault)
	require.ErrorIs(t, reboot(t.Context(), bus, acme, pump), devicetest.ErrFault)
}
