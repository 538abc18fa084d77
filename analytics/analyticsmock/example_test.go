package analyticsmock_test

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticsmock"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/tenant"
)

// reporter stands for *testing.T, which gomock needs.
type reporter struct{}

func (reporter) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (reporter) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func ExampleNewMockStore() {
	id, pump := tenant.MustParseID("acme"), device.MustParseID("pump-1")
	store := analyticsmock.NewMockStore(gomock.NewController(reporter{}))
	store.EXPECT().Last(gomock.Any(), id, "", pump).Return([]analytics.Point{{Thing: pump, Metric: "rpm", Value: 900}}, nil)
	store.EXPECT().Append(gomock.Any(), id, gomock.Len(1)).Return(nil, errors.New("disk on fire"))

	last, _ := store.Last(context.Background(), id, "", pump)
	fmt.Println(last[0].Metric, last[0].Value)
	_, err := store.Append(context.Background(), id, make([]analytics.Message, 1))
	fmt.Println(err)
	// Output:
	// rpm 900
	// disk on fire
}
