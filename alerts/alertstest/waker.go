package alertstest

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/tenant"
)

// WakerHarness is a waker under test.
type WakerHarness struct {
	Waker alerts.Waker
	// Woken returns when the tenant will be, or was, woken, in any order.
	Woken func(id tenant.ID) []time.Time
	// Grain is how much later than asked it may be. 0: not at all.
	Grain time.Duration
	// Now is the waker's clock. Default time.Now.
	Now func() time.Time
}

// TestWaker checks the contract of [alerts.Waker], each sentence by a subtest
// with a new harness. The harness must serve [TenantA] and [TenantB].
func TestWaker(t *testing.T, newHarness func(t *testing.T) WakerHarness) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, WakerHarness)
	}{
		{"a nil error means that the tenant will be swept at the time", testWoken},
		{"being woken twice does no harm", testWokenTwice},
		{"a time that has passed means now", testWokenNow},
		{"the zero tenant id is refused", testWakeZeroTenant},
		{"tenants are woken apart", testWakeIsolation},
		{"Wake may be called concurrently", testWakeConcurrently},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newHarness(t)
			if h.Now == nil {
				h.Now = time.Now
			}
			test.run(t, h)
		})
	}
}

func (h *WakerHarness) wake(t *testing.T, id tenant.ID, at time.Time) {
	t.Helper()
	if err := h.Waker.Wake(t.Context(), id, at); err != nil {
		t.Fatalf("Wake: %v", err)
	}
}

// wantWoken checks that the tenant is woken at a time, or up to a grain later.
func (h *WakerHarness) wantWoken(t *testing.T, id tenant.ID, at time.Time) {
	t.Helper()
	woken := h.Woken(id)
	if !slices.ContainsFunc(woken, func(w time.Time) bool { return !w.Before(at) && !w.After(at.Add(h.Grain)) }) {
		t.Errorf("woken at %v, want %v, at most %v later", woken, at, h.Grain)
	}
}

func testWoken(t *testing.T, h WakerHarness) {
	at := h.Now().Add(90*time.Minute + 123456*time.Microsecond)
	h.wake(t, TenantA, at)
	h.wantWoken(t, TenantA, at)
}

func testWokenTwice(t *testing.T, h WakerHarness) {
	at := h.Now().Add(time.Hour)
	for range 3 {
		h.wake(t, TenantA, at)
	}
	h.wake(t, TenantA, at.Add(time.Hour))
	h.wantWoken(t, TenantA, at)
	h.wantWoken(t, TenantA, at.Add(time.Hour))
}

func testWokenNow(t *testing.T, h WakerHarness) {
	now := h.Now()
	h.wake(t, TenantA, time.UnixMicro(0))
	woken := h.Woken(TenantA)
	if !slices.ContainsFunc(woken, func(w time.Time) bool { return !w.After(h.Now().Add(h.Grain)) }) {
		t.Errorf("woken at %v, want about %v", woken, now)
	}
}

func testWakeZeroTenant(t *testing.T, h WakerHarness) {
	if err := h.Waker.Wake(t.Context(), tenant.ID{}, h.Now()); !errors.Is(err, tenant.ErrID) {
		t.Errorf("error %v, want tenant.ErrID", err)
	}
}

func testWakeIsolation(t *testing.T, h WakerHarness) {
	h.wake(t, TenantA, h.Now().Add(time.Hour))
	if woken := h.Woken(TenantB); len(woken) > 0 {
		t.Errorf("another tenant is woken at %v", woken)
	}
}

func testWakeConcurrently(t *testing.T, h WakerHarness) {
	const callers = 16
	at := h.Now().Add(time.Hour)
	var group sync.WaitGroup
	errs := make([]error, callers)
	for i := range callers {
		group.Go(func() { errs[i] = h.Waker.Wake(t.Context(), TenantA, at.Add(time.Duration(i%4)*time.Minute)) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatalf("Wake: %v", err)
	}
	for i := range 4 {
		h.wantWoken(t, TenantA, at.Add(time.Duration(i)*time.Minute))
	}
}
