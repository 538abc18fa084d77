package failovertenant_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/failovertenant"
	"github.com/iotenant/iotenant/tenant/tenanttest"
)

// patient is a process that knows the home of acme for as long as a test runs,
// so that only its calls count.
type patient struct {
	process
	w   world
	now time.Time
}

func newPatient(t *testing.T) *patient {
	t.Helper()
	p := &patient{w: newWorld(), now: time.Unix(1_000_000, 0)}
	p.process = p.w.process(func(o *failovertenant.Options) {
		o.Now = func() time.Time { return p.now }
		o.KnowFor = 1000 * time.Hour
		o.Failures, o.OpenFor = 3, time.Minute
	})
	p.put(t, acme, site{"north", "Oslo"}, tenant.IfAbsent())
	p.w.replicate(t, ireland, frankfurt, acme)
	return p
}

// calls returns how many calls reached a Region meanwhile.
func (p *patient) calls(region string, during func()) int {
	before := p.w[region].calls.Load()
	during()
	return int(p.w[region].calls.Load() - before)
}

func (p *patient) wantState(t *testing.T, want failovertenant.State) {
	t.Helper()
	require.Equal(t, map[string]failovertenant.State{ireland: want, frankfurt: failovertenant.Closed}, p.States())
}

func TestBreakerOpensAfterFailuresInARow(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	for range 5 { // a sign of life in between
		p.w[ireland].lose()
		p.city(t, acme)
		p.city(t, acme)
		p.w[ireland].restore()
		p.city(t, acme)
	}
	p.wantState(t, failovertenant.Closed)
	p.w[ireland].lose()
	require.Equal(t, 3, p.calls(ireland, func() {
		for range 10 {
			require.Equal(t, "Oslo", p.city(t, acme))
		}
	}), "after three failures the Region is left alone")
	p.wantState(t, failovertenant.Open)
	_, err := p.sites.Put(t.Context(), acme, site{"north", "Bergen"}, tenant.Always())
	require.ErrorIs(t, err, failovertenant.ErrDown)
	require.ErrorIs(t, err, iotenant.ErrUnavailable)
}

func TestBreakerTriesAgain(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.w[ireland].lose()
	for range 3 {
		p.city(t, acme)
	}
	p.now = p.now.Add(time.Minute - 1)
	require.Zero(t, p.calls(ireland, func() { p.city(t, acme) }))
	p.now = p.now.Add(1)
	p.wantState(t, failovertenant.HalfOpen)
	require.Equal(t, 1, p.calls(ireland, func() { p.city(t, acme); p.city(t, acme) }), "one call tries")
	p.wantState(t, failovertenant.Open)

	p.now = p.now.Add(time.Minute)
	p.w[ireland].restore()
	require.Equal(t, 3, p.calls(ireland, func() { p.city(t, acme); p.city(t, acme); p.city(t, acme) }))
	p.wantState(t, failovertenant.Closed)
}

func TestBreakerIsHalfOpenForOneCallAtATime(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.w[ireland].lose()
	for range 3 {
		p.city(t, acme)
	}
	p.now = p.now.Add(time.Minute)
	p.w[ireland].fault.Store(&tenanttest.Fault{Delay: time.Hour}) // the call that tries hangs
	ctx, cancel := context.WithCancel(t.Context())
	hanging, before := make(chan error), p.w[ireland].calls.Load()
	go func() {
		_, err := p.sites.Put(ctx, acme, site{"north", "Bergen"}, tenant.Always())
		hanging <- err
	}()
	require.Eventually(t, func() bool { return p.w[ireland].calls.Load() > before }, 10*time.Second, time.Millisecond)
	require.Zero(t, p.calls(ireland, func() { require.Equal(t, "Oslo", p.city(t, acme)) }))
	p.wantState(t, failovertenant.HalfOpen)
	cancel() // nothing came of it: the next call may try
	require.ErrorIs(t, <-hanging, context.Canceled)
	p.wantState(t, failovertenant.HalfOpen)
	p.w[ireland].restore()
	require.Equal(t, 1, p.calls(ireland, func() { p.city(t, acme) }))
	p.wantState(t, failovertenant.Closed)
}

func TestBreakerIsNotForOtherErrors(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	for range 10 {
		for _, err := range []error{tenant.ErrNotFound, tenant.ErrVersion, tenant.ErrTooLarge, iotenant.ErrDenied, iotenant.ErrUnsupported, context.Canceled} {
			p.w[ireland].fault.Store(&tenanttest.Fault{Before: err})
			_, got := p.sites.Get(t.Context(), acme, north)
			require.ErrorIs(t, got, err, "no other Region is asked for another answer")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p.w[ireland].lose()
		_, err := p.sites.Get(ctx, acme, north)
		require.ErrorIs(t, err, context.Canceled)
	}
	p.wantState(t, failovertenant.Closed)
}

func TestBreakerSurvivesAPanic(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	p.w[ireland].lose()
	for range 3 {
		p.city(t, acme)
	}
	p.now = p.now.Add(time.Minute)
	store := failovertenant.New([]failovertenant.Region{p.w[ireland].region(ireland)})
	sites := failovertenant.NewRepository(store, &siteSchema, map[string]tenant.Repository[site]{ireland: panicking{}})
	p.w[ireland].restore()
	for range 2 {
		require.Panics(t, func() { _, _ = sites.Get(t.Context(), acme, north) })
	}
	require.Equal(t, failovertenant.Closed, store.States()[ireland])
}

type panicking struct{ tenant.Repository[site] }
