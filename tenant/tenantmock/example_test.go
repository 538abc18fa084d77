package tenantmock_test

import (
	"context"
	"fmt"

	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/tenantmock"
)

type reporter struct{}

func (reporter) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (reporter) Fatalf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func ExampleNewMockRepository() {
	type site struct{ Name string }
	sites := tenantmock.NewMockRepository[site](gomock.NewController(reporter{}))
	acme := tenant.MustParseID("acme")
	sites.EXPECT().Get(gomock.Any(), acme, tenant.NewKey("north")).Return(tenant.Item[site]{Value: site{"north"}, Version: 7}, nil)

	item, err := sites.Get(context.Background(), acme, tenant.NewKey("north"))
	fmt.Println(item.Value.Name, item.Version, err)
	// Output: north 7 <nil>
}

func ExampleNewMockGate() {
	gate := tenantmock.NewMockGate(gomock.NewController(reporter{}))
	gate.EXPECT().Admit(gomock.Any(), gomock.Any()).Return(tenant.ErrSuspended)

	fmt.Println(gate.Admit(context.Background(), tenant.MustParseID("acme")))
	// Output: tenant: tenant suspended: denied
}

func ExampleNewMockTransactor() {
	transactor := tenantmock.NewMockTransactor(gomock.NewController(reporter{}))
	transactor.EXPECT().Transact(gomock.Any(), gomock.Any(), gomock.Any()).Return(nil, tenant.ErrTransactionConflict)

	_, err := transactor.Transact(context.Background(), tenant.MustParseID("acme"), tenant.Op{})
	fmt.Println(err)
	// Output: tenant: transaction conflict
}

func ExampleNewMockPlanSource() {
	plans := tenantmock.NewMockPlanSource(gomock.NewController(reporter{}))
	plans.EXPECT().PlanOf(gomock.Any(), gomock.Any()).Return(tenant.Plan{Name: "basic"}, nil)

	plan, err := plans.PlanOf(context.Background(), tenant.MustParseID("acme"))
	fmt.Println(plan.Name, err)
	// Output: basic <nil>
}
