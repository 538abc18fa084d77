package workeranalytics_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
	"github.com/iotenant/iotenant/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ExampleNew() {
	objects := memanalytics.NewObjects()
	lake := lakeanalytics.New(objects, tenant.RandomCursorKeys())
	engine := workeranalytics.New(lake, objects, func(o *workeranalytics.Options) {
		o.Command = []string{"/nothing/there/iotenant-sqlworker"}
		o.Memory = 256 << 20
	})
	defer engine.Close()

	_, err := engine.Query(context.Background(), tenant.MustParseID("acme"), analytics.Statement{SQL: "SELECT * FROM readings", Now: time.Now()})
	fmt.Println("the worker is missing:", errors.Is(err, iotenant.ErrUnavailable))
	// Output: the worker is missing: true
}

func TestNoCommand(t *testing.T) {
	t.Parallel()
	objects := memanalytics.NewObjects()
	engine := workeranalytics.New(lakeanalytics.New(objects, tenant.RandomCursorKeys()), objects)
	statement := analytics.Statement{SQL: "SELECT 1", Now: time.Now()}
	_, err := engine.Query(t.Context(), tenant.MustParseID("acme"), statement)
	require.ErrorIs(t, err, iotenant.ErrUnsupported)
	require.NoError(t, engine.Close())
	_, err = engine.Query(t.Context(), tenant.MustParseID("acme"), statement)
	require.ErrorIs(t, err, analytics.ErrClosed)
}
