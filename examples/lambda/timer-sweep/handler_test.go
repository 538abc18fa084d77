package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/alertsmock"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/tenantmock"
)

var north, south, west = tenant.MustParseID("north"), tenant.MustParseID("south"), tenant.MustParseID("west")

// bundle is the function with mocks only.
type bundle struct {
	processor *alertsmock.MockProcessor
	tenants   *tenantmock.MockRepository[tenant.Tenant]
	invoke    func(eventFile string) error
}

func setup(t *testing.T) *bundle {
	t.Helper()
	mocks := gomock.NewController(t)
	b := &bundle{processor: alertsmock.NewMockProcessor(mocks), tenants: tenantmock.NewMockRepository[tenant.Tenant](mocks)}
	handler := newHandler(b.processor, tenant.NewDirectory(b.tenants))
	b.invoke = func(eventFile string) error {
		event, err := os.ReadFile("testdata/" + eventFile)
		require.NoError(t, err)
		_, err = handler.Invoke(t.Context(), event)
		return err
	}
	return b
}

func TestDue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.processor.EXPECT().Sweep(gomock.Any(), north)

	require.NoError(t, b.invoke("due.json"))
}

func TestRegular(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var page tenant.Page[tenant.Tenant]
	for id, status := range map[tenant.ID]tenant.Status{north: tenant.StatusActive, south: tenant.StatusSuspended, west: tenant.StatusActive} {
		page.Items = append(page.Items, tenant.Item[tenant.Tenant]{Value: tenant.Tenant{ID: id, Status: status}, Version: 1})
	}
	b.tenants.EXPECT().Query(gomock.Any(), gomock.Any(), gomock.Any()).Return(page, nil)
	b.processor.EXPECT().Sweep(gomock.Any(), north).Return(alerts.ErrContention)
	b.processor.EXPECT().Sweep(gomock.Any(), west)

	require.ErrorIs(t, b.invoke("regular.json"), alerts.ErrContention, "after all others were swept")
}
