package tenant_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

var (
	basic = tenant.Plan{Name: "basic", Quotas: map[string]int64{"site": 2}, Limits: map[string]float64{"messages-per-second": 0.5}}
	large = tenant.Plan{Name: "large", Quotas: map[string]int64{"site": 200}}
)

// sales returns a directory with plans.
func sales(t *testing.T, optFns ...func(*tenant.DirectoryOptions)) *office {
	t.Helper()
	store := memtenant.New(tenant.RandomCursorKeys())
	plans := func(o *tenant.DirectoryOptions) { o.Plans = memtenant.NewRepository(store, &tenant.PlanSchema) }
	o := newOffice(t, append(optFns, plans)...)
	for _, plan := range []tenant.Plan{basic, large} {
		require.NoError(t, o.PutPlan(t.Context(), plan))
	}
	return o
}

func TestPlans(t *testing.T) {
	t.Parallel()
	o := sales(t)
	got, err := o.GetPlan(t.Context(), "basic")
	require.NoError(t, err)
	require.Equal(t, basic, got)
	for _, unknown := range []string{"none", "", "\x00"} {
		_, err = o.GetPlan(t.Context(), unknown)
		require.ErrorIs(t, err, tenant.ErrUnknownPlan)
		require.ErrorIs(t, err, iotenant.ErrNotFound)
	}
	var names []string
	for plan, err := range o.AllPlans(t.Context()) {
		require.NoError(t, err)
		names = append(names, plan.Name)
	}
	require.Equal(t, []string{"basic", "large"}, names)
}

func TestPlanCheck(t *testing.T) {
	t.Parallel()
	o := sales(t)
	for name, bad := range map[string]tenant.Plan{
		"no name":         {},
		"name":            {Name: "Basic Plan"},
		"negative quota":  {Name: "basic", Quotas: map[string]int64{"site": -1}},
		"no entity":       {Name: "basic", Quotas: map[string]int64{"": 1}},
		"limit of no use": {Name: "basic", Limits: map[string]float64{"rate": math.Inf(1)}},
		"no number":       {Name: "basic", Limits: map[string]float64{"rate": math.NaN()}},
		"nameless limit":  {Name: "basic", Limits: map[string]float64{"": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorIs(t, bad.Check(), tenant.ErrPlan)
			require.ErrorIs(t, o.PutPlan(t.Context(), bad), iotenant.ErrInvalid)
		})
	}
	nothing := tenant.Plan{Name: "nothing", Quotas: map[string]int64{"site": 0}}
	require.NoError(t, nothing.Check())
}

func TestPlanOfATenant(t *testing.T) {
	t.Parallel()
	o := sales(t)
	created, err := o.Create(t.Context(), acme, "Acme", tenant.OnPlan("basic"))
	require.NoError(t, err)
	require.Equal(t, "basic", created.Plan)
	o.create(t, zeta)

	got, err := o.PlanOf(t.Context(), acme)
	require.NoError(t, err)
	require.Equal(t, basic, got)
	got, err = o.PlanOf(t.Context(), zeta)
	require.NoError(t, err)
	require.Zero(t, got, "a tenant without a plan is not limited")

	changed, err := o.SetPlan(t.Context(), acme, "large")
	require.NoError(t, err)
	require.Equal(t, "large", changed.Plan)
	got, err = o.PlanOf(t.Context(), acme)
	require.NoError(t, err)
	require.Equal(t, large, got, "in this process a plan changes at once")

	_, err = o.SetPlan(t.Context(), acme, "")
	require.NoError(t, err)
	got, err = o.PlanOf(t.Context(), acme)
	require.NoError(t, err)
	require.Zero(t, got)
}

func TestUnknownPlanIsRefused(t *testing.T) {
	t.Parallel()
	o := sales(t)
	_, err := o.Create(t.Context(), acme, "Acme", tenant.OnPlan("gold"))
	require.ErrorIs(t, err, tenant.ErrUnknownPlan)
	_, err = o.Get(t.Context(), acme)
	require.ErrorIs(t, err, tenant.ErrNotFound)
	o.create(t, acme)
	_, err = o.SetPlan(t.Context(), acme, "gold")
	require.ErrorIs(t, err, tenant.ErrUnknownPlan)
	_, err = o.SetPlan(t.Context(), zeta, "basic")
	require.ErrorIs(t, err, tenant.ErrNotFound)
	_, err = o.PlanOf(t.Context(), zeta)
	require.ErrorIs(t, err, tenant.ErrUnknownTenant)
}

func TestSuspensionKeepsThePlan(t *testing.T) {
	t.Parallel()
	o := sales(t)
	_, err := o.Create(t.Context(), acme, "Acme", tenant.OnPlan("basic"))
	require.NoError(t, err)
	_, err = o.Suspend(t.Context(), acme, "unpaid")
	require.NoError(t, err)
	resumed, err := o.Resume(t.Context(), acme)
	require.NoError(t, err)
	require.Equal(t, "basic", resumed.Plan)
}

func TestPlanOfIsKeptForAWhile(t *testing.T) {
	t.Parallel()
	o := sales(t)
	_, err := o.Create(t.Context(), acme, "Acme", tenant.OnPlan("basic"))
	require.NoError(t, err)
	plan, err := o.PlanOf(t.Context(), acme)
	require.NoError(t, err)
	plan.Quotas["site"] = 1_000_000 // the caller's own

	reads := o.reads.Load()
	plan, err = o.PlanOf(t.Context(), acme)
	require.NoError(t, err)
	require.Equal(t, basic, plan)
	require.Equal(t, reads, o.reads.Load())

	elsewhere := o.another()
	_, err = elsewhere.SetPlan(t.Context(), acme, "")
	require.NoError(t, err)
	o.now = o.now.Add(5*time.Second - 1)
	plan, err = o.PlanOf(t.Context(), acme)
	require.NoError(t, err)
	require.Equal(t, basic, plan)
	o.now = o.now.Add(1)
	plan, err = o.PlanOf(t.Context(), acme)
	require.NoError(t, err)
	require.Zero(t, plan)
}

func TestPlanThatIsReplacedHoldsAtOnce(t *testing.T) {
	t.Parallel()
	o := sales(t)
	_, err := o.Create(t.Context(), acme, "Acme", tenant.OnPlan("basic"))
	require.NoError(t, err)
	_, err = o.PlanOf(t.Context(), acme)
	require.NoError(t, err)
	require.NoError(t, o.PutPlan(t.Context(), tenant.Plan{Name: "basic"}))
	plan, err := o.PlanOf(t.Context(), acme)
	require.NoError(t, err)
	require.Equal(t, tenant.Plan{Name: "basic"}, plan)
}

func TestPlanThatCantBeReadLimitsEverything(t *testing.T) {
	t.Parallel()
	o := sales(t, func(o *tenant.DirectoryOptions) { o.AdmitFor = -1 })
	_, err := o.Create(t.Context(), acme, "Acme", tenant.OnPlan("basic"))
	require.NoError(t, err)
	// A directory that doesn't know the plans of the one that gave them.
	_, err = o.another().PlanOf(t.Context(), acme)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	require.NotErrorIs(t, err, iotenant.ErrUnsupported)
	o.fault.Store(&tenanttest.Fault{Before: tenanttest.ErrFault})
	_, err = o.PlanOf(t.Context(), acme)
	require.ErrorIs(t, err, tenanttest.ErrFault)
}

func TestDirectoryWithoutPlans(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	require.ErrorIs(t, o.PutPlan(t.Context(), basic), iotenant.ErrUnsupported)
	_, err := o.GetPlan(t.Context(), "basic")
	require.ErrorIs(t, err, iotenant.ErrUnsupported)
	_, err = o.Create(t.Context(), acme, "Acme", tenant.OnPlan("basic"))
	require.ErrorIs(t, err, iotenant.ErrUnsupported)
	for _, err := range o.AllPlans(t.Context()) {
		require.ErrorIs(t, err, iotenant.ErrUnsupported)
	}
}

func TestAttackPlanOfPlatformAndNobody(t *testing.T) {
	t.Parallel()
	o := sales(t)
	for _, id := range []tenant.ID{{}, tenant.Platform()} {
		_, err := o.PlanOf(t.Context(), id)
		require.ErrorIs(t, err, tenant.ErrID)
		_, err = o.SetPlan(t.Context(), id, "basic")
		require.ErrorIs(t, err, tenant.ErrID)
	}
}

func TestAttackPlanOfAnotherTenant(t *testing.T) {
	t.Parallel()
	o := sales(t)
	for id, plan := range map[tenant.ID]tenant.Plan{acme: basic, zeta: large} {
		_, err := o.Create(t.Context(), id, id.String(), tenant.OnPlan(plan.Name))
		require.NoError(t, err)
	}
	for range 2 { // read, and known
		for id, want := range map[tenant.ID]tenant.Plan{acme: basic, zeta: large} {
			plan, err := o.PlanOf(t.Context(), id)
			require.NoError(t, err)
			require.Equal(t, want, plan, id.String())
		}
	}
}
