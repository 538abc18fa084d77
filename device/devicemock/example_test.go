package devicemock_test

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/devicemock"
	"github.com/iotenant/iotenant/tenant"
)

type reporter struct{}

func (reporter) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (reporter) Fatalf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// reboot is code under test.
func reboot(ctx context.Context, bus device.Bus, id tenant.ID, thing device.ID) error {
	err := bus.Publish(ctx, id, device.Message{Topic: device.CommandTopic(id, thing, "reboot")})
	if err != nil {
		return fmt.Errorf("reboot: %w", err)
	}
	return nil
}

func ExampleNewMockBus() {
	acme, pump := tenant.MustParseID("acme"), device.MustParseID("pump")
	bus := devicemock.NewMockBus(gomock.NewController(reporter{}))
	want := device.Message{Topic: device.CommandTopic(acme, pump, "reboot")}
	bus.EXPECT().Publish(gomock.Any(), acme, want).Return(errors.New("no route"))

	fmt.Println(reboot(context.Background(), bus, acme, pump))
	// Output: reboot: no route
}
