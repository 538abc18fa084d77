package tenant_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

// office is a directory with a clock and a store that can fail.
type office struct {
	*tenant.Directory
	now   time.Time
	reads atomic.Int32
	fault atomic.Pointer[tenanttest.Fault]
	store tenant.Repository[tenant.Tenant]
}

func newOffice(t *testing.T, optFns ...func(*tenant.DirectoryOptions)) *office {
	t.Helper()
	o := &office{now: time.Date(2026, 11, 22, 12, 0, 0, 123456789, time.UTC)}
	o.store = tenanttest.Faulty(memtenant.NewRepository(memtenant.New(tenant.RandomCursorKeys()), &tenant.TenantSchema), o.decide)
	o.Directory = o.another(optFns...)
	return o
}

// another returns the directory of another process with the same store.
func (o *office) another(optFns ...func(*tenant.DirectoryOptions)) *tenant.Directory {
	clock := func(options *tenant.DirectoryOptions) { options.Now = func() time.Time { return o.now } }
	return tenant.NewDirectory(o.store, append(optFns, clock)...)
}

func (o *office) decide(call tenanttest.Call) tenanttest.Fault {
	if call.Operation == tenanttest.OpGet {
		o.reads.Add(1)
	}
	if fault := o.fault.Load(); fault != nil {
		return *fault
	}
	return tenanttest.Fault{}
}

func (o *office) create(t *testing.T, ids ...tenant.ID) {
	t.Helper()
	for _, id := range ids {
		_, err := o.Create(t.Context(), id, "Name of "+id.String())
		require.NoError(t, err)
	}
}

func TestDirectoryCreateGet(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	created, err := o.Create(t.Context(), acme, "Acme Ltd")
	require.NoError(t, err)
	now := o.now.Truncate(time.Millisecond)
	require.Equal(t, tenant.Tenant{ID: acme, Name: "Acme Ltd", Status: tenant.StatusActive, CreatedAt: now, UpdatedAt: now}, created)
	got, err := o.Get(t.Context(), acme)
	require.NoError(t, err)
	require.Equal(t, created, got)

	_, err = o.Create(t.Context(), acme, "Other")
	require.ErrorIs(t, err, tenant.ErrExists)
	_, err = o.Get(t.Context(), zeta)
	require.ErrorIs(t, err, tenant.ErrNotFound)
}

func TestDirectoryRefusesBadNames(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, name := range []string{"", "\xff", strings.Repeat("n", 201)} {
		_, err := o.Create(t.Context(), acme, name)
		require.ErrorIs(t, err, iotenant.ErrInvalid)
	}
	_, err := o.Create(t.Context(), acme, strings.Repeat("n", 200))
	require.NoError(t, err)
}

func TestAttackDirectoryOfPlatformAndNobody(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, id := range []tenant.ID{{}, tenant.Platform()} {
		_, err := o.Create(t.Context(), id, "Name")
		require.ErrorIs(t, err, tenant.ErrID)
		_, err = o.Get(t.Context(), id)
		require.ErrorIs(t, err, tenant.ErrID)
		_, err = o.Suspend(t.Context(), id, "reason")
		require.ErrorIs(t, err, tenant.ErrID)
		_, err = o.Resume(t.Context(), id)
		require.ErrorIs(t, err, tenant.ErrID)
		require.ErrorIs(t, o.Admit(t.Context(), id), tenant.ErrID)
	}
}

func TestDirectoryList(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i := range 30 {
		o.create(t, tenant.MustParseID(fmt.Sprintf("tenant-%02d", 29-i)))
	}
	var listed []string
	var cursor tenant.Cursor
	for {
		page, err := o.List(t.Context(), 7, cursor)
		require.NoError(t, err)
		for _, item := range page.Items {
			listed = append(listed, item.Value.ID.String())
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	var all []string
	for one, err := range o.All(t.Context()) {
		require.NoError(t, err)
		all = append(all, one.ID.String())
	}
	require.Len(t, listed, 30)
	require.IsIncreasing(t, listed)
	require.Equal(t, listed, all)
	_, err := o.Suspend(t.Context(), tenant.MustParseID("tenant-07"), "unpaid")
	require.NoError(t, err)
	var active []string
	for id, err := range o.Active(t.Context()) {
		require.NoError(t, err)
		active = append(active, id.String())
	}
	require.Equal(t, slices.Delete(slices.Clone(all), 7, 8), active)
	_, err = o.List(t.Context(), 1001, "")
	require.ErrorIs(t, err, tenant.ErrQuery)
	_, err = o.List(t.Context(), 7, "forged")
	require.ErrorIs(t, err, tenant.ErrCursor)
}

func TestSuspendAndResume(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.create(t, acme, zeta)
	require.NoError(t, o.Admit(t.Context(), acme))
	require.ErrorIs(t, o.Admit(t.Context(), tenant.MustParseID("nobody")), tenant.ErrUnknownTenant)

	o.now = o.now.Add(time.Second)
	suspended, err := o.Suspend(t.Context(), acme, "unpaid")
	require.NoError(t, err)
	require.Equal(t, tenant.StatusSuspended, suspended.Status)
	require.Equal(t, "unpaid", suspended.Reason)
	require.Equal(t, o.now.Truncate(time.Millisecond), suspended.UpdatedAt)
	require.ErrorIs(t, o.Admit(t.Context(), acme), tenant.ErrSuspended, "a suspension takes effect at once")
	require.NoError(t, o.Admit(t.Context(), zeta))

	again, err := o.Suspend(t.Context(), acme, "fraud")
	require.NoError(t, err)
	require.Equal(t, "fraud", again.Reason)
	resumed, err := o.Resume(t.Context(), acme)
	require.NoError(t, err)
	require.Equal(t, tenant.StatusActive, resumed.Status)
	require.Empty(t, resumed.Reason)
	require.NoError(t, o.Admit(t.Context(), acme))

	_, err = o.Suspend(t.Context(), tenant.MustParseID("nobody"), "")
	require.ErrorIs(t, err, tenant.ErrNotFound)
}

func TestCreateAdmitsAtOnceWhoWasUnknown(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	require.ErrorIs(t, o.Admit(t.Context(), acme), tenant.ErrUnknownTenant)
	o.create(t, acme)
	require.NoError(t, o.Admit(t.Context(), acme))
}

func TestAdmitForBoundsHowLongAnotherProcessAdmits(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.create(t, acme)
	other := o.another(func(options *tenant.DirectoryOptions) { options.AdmitFor = 3 * time.Second })
	require.NoError(t, other.Admit(t.Context(), acme))
	_, err := o.Suspend(t.Context(), acme, "unpaid")
	require.NoError(t, err)
	o.now = o.now.Add(3*time.Second - 1)
	require.NoError(t, other.Admit(t.Context(), acme), "within AdmitFor the old answer stands")
	o.now = o.now.Add(1)
	require.ErrorIs(t, other.Admit(t.Context(), acme), tenant.ErrSuspended)
}

func TestAdmitReadsOncePerAdmitFor(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.create(t, acme)
	for range 100 {
		require.NoError(t, o.Admit(t.Context(), acme))
	}
	require.EqualValues(t, 1, o.reads.Load())
	o.now = o.now.Add(5 * time.Second)
	require.NoError(t, o.Admit(t.Context(), acme))
	require.EqualValues(t, 2, o.reads.Load())
}

func TestNegativeAdmitForReadsAlways(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(options *tenant.DirectoryOptions) { options.AdmitFor = -1 })
	o.create(t, acme)
	for range 3 {
		require.NoError(t, o.Admit(t.Context(), acme))
	}
	require.EqualValues(t, 3, o.reads.Load())
}

func TestAdmitAdmitsNobodyWhenItCannotRead(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.create(t, acme)
	o.fault.Store(&tenanttest.Fault{Before: tenanttest.ErrFault})
	require.ErrorIs(t, o.Admit(t.Context(), acme), iotenant.ErrUnavailable)
	o.fault.Store(nil)
	require.NoError(t, o.Admit(t.Context(), acme), "a failure is not kept")
}

func TestSuspendForgetsAlsoWhenTheOutcomeIsUnknown(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.create(t, acme)
	require.NoError(t, o.Admit(t.Context(), acme))
	lost := tenanttest.Faulty(o.store, tenanttest.Script(tenanttest.OpPut, tenanttest.Fault{After: tenanttest.ErrFault}))
	directory := tenant.NewDirectory(lost)
	require.NoError(t, directory.Admit(t.Context(), acme))
	_, err := directory.Suspend(t.Context(), acme, "unpaid")
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
	require.ErrorIs(t, directory.Admit(t.Context(), acme), tenant.ErrSuspended)
}

func TestOnSuspendIsToldUntilCancelled(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.create(t, acme, zeta)
	var first, second []tenant.ID
	cancel := o.OnSuspend(func(id tenant.ID) {
		require.ErrorIs(t, o.Admit(t.Context(), id), tenant.ErrSuspended, "a listener sees the suspension")
		first = append(first, id)
	})
	o.OnSuspend(func(id tenant.ID) { second = append(second, id) })
	_, err := o.Suspend(t.Context(), acme, "")
	require.NoError(t, err)
	cancel()
	cancel()
	_, err = o.Suspend(t.Context(), zeta, "")
	require.NoError(t, err)
	require.Equal(t, []tenant.ID{acme}, first)
	require.Equal(t, []tenant.ID{acme, zeta}, second)
}

func TestOnSuspendIsNotToldOfWhatIsNotStored(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.create(t, acme)
	o.OnSuspend(func(tenant.ID) { t.Error("told") })
	o.fault.Store(&tenanttest.Fault{Before: tenanttest.ErrFault})
	_, err := o.Suspend(t.Context(), acme, "")
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
}

func TestNoAdmitAfterSuspendReturned(t *testing.T) {
	t.Parallel()
	for range 300 {
		o := newOffice(t)
		o.create(t, acme)
		var suspended atomic.Bool
		var entries sync.WaitGroup
		for range 4 {
			entries.Go(func() {
				for range 20 {
					late := suspended.Load()
					if err := o.Admit(t.Context(), acme); late && err == nil {
						t.Error("admitted after the suspension returned")
					}
				}
			})
		}
		_, err := o.Suspend(t.Context(), acme, "")
		suspended.Store(true)
		if err != nil {
			t.Error(err)
		}
		entries.Wait()
	}
}

func TestAdmitKeepsABoundedNumberOfAnswers(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for i := range 10_001 {
		require.ErrorIs(t, o.Admit(t.Context(), tenant.MustParseID(fmt.Sprintf("nobody-%d", i))), tenant.ErrUnknownTenant)
	}
	o.reads.Store(0)
	require.ErrorIs(t, o.Admit(t.Context(), tenant.MustParseID("nobody-1")), tenant.ErrUnknownTenant)
	require.EqualValues(t, 1, o.reads.Load(), "the first answers were dropped")
}
