package alertstest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/tenant"
)

// Harness is a notifier under test, and its receivers.
type Harness struct {
	Notifier alerts.Notifier
	// Received returns the ids of the alerts that the tenant's receiver has,
	// in any order, duplicates included.
	Received func(id tenant.ID) []string
	// Refuse makes the receivers refuse from now on, for good or in passing.
	// Nil if they can't; then the sentences about errors are not tested.
	Refuse func(permanent bool)
	// Hang makes the receivers not answer from now on. Nil if they can't.
	Hang func()
}

// TestNotifier checks the contract of [alerts.Notifier], each sentence by a
// subtest with a new harness. The harness must serve [TenantA] and [TenantB].
func TestNotifier(t *testing.T, newHarness func(t *testing.T) Harness) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"a nil error means that the receiver has the alert", testDelivered},
		{"the same alert may be given again", testAgain},
		{"a refusal for good is permanent", testPermanent},
		{"a refusal in passing is not permanent", testPassing},
		{"Notify returns soon after ctx has ended", testHanging},
		{"a call with an ended ctx fails", testCancelled},
		{"the alert is not changed", testUnchanged},
		{"the zero tenant id is refused", testZeroTenant},
		{"no alert of one tenant reaches a receiver of another", testIsolation},
		{"Notify may be called concurrently", testConcurrent},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newHarness(t)) })
	}
}

// The tenants of [TestNotifier].
var (
	TenantA = tenant.MustParseID("tenant-a")
	TenantB = tenant.MustParseID("tenant-b")
)

// soon is how long Notify may take after its context has ended.
const soon = 5 * time.Second

// SampleAlert returns an alert for tests, the same for the same number.
func SampleAlert(number int) alerts.Alert {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	return alerts.Alert{
		ID:    fmt.Sprintf("00000000-0000-3000-8000-%012d", number),
		Model: "boiler", Version: 3, Key: "boiler-7",
		Event: "too hot", State: "hot", At: at, Evaluation: uint64(number), Index: 1,
		Kind: detector.ActionSNS, Target: "arn:aws:sns:eu-west-1:123456789012:boilers",
		Payload: `{"temperature":"93 °C"}`, PayloadType: detector.PayloadJSON,
		Settings: map[string]json.RawMessage{"useBase64": json.RawMessage("true")},
		Status:   alerts.StatusPending, Attempts: 1, NextAttempt: at.Add(time.Minute),
	}
}

func testDelivered(t *testing.T, h Harness) {
	alert := SampleAlert(1)
	if err := h.Notifier.Notify(t.Context(), TenantA, alert); err != nil {
		t.Fatalf("Notify: %v", err)
	}
	if got := h.Received(TenantA); !slices.Contains(got, alert.ID) {
		t.Errorf("received %v, want %s", got, alert.ID)
	}
}

func testAgain(t *testing.T, h Harness) {
	alert := SampleAlert(1)
	for range 2 {
		if err := h.Notifier.Notify(t.Context(), TenantA, alert); err != nil {
			t.Fatalf("Notify: %v", err)
		}
	}
	for _, id := range h.Received(TenantA) {
		if id != alert.ID {
			t.Errorf("received id %s, want %s only", id, alert.ID)
		}
	}
}

func testPermanent(t *testing.T, h Harness) { testRefusal(t, h, true) }
func testPassing(t *testing.T, h Harness)   { testRefusal(t, h, false) }

func testRefusal(t *testing.T, h Harness, permanent bool) {
	if h.Refuse == nil {
		t.Skip("its receivers can't refuse")
	}
	h.Refuse(permanent)
	err := h.Notifier.Notify(t.Context(), TenantA, SampleAlert(1))
	if err == nil {
		t.Fatal("no error")
	}
	if got := alerts.Permanent(err); got != permanent {
		t.Errorf("permanent = %v, want %v: %v", got, permanent, err)
	}
	if strings.Contains(err.Error(), TenantB.String()) {
		t.Errorf("the error tells another tenant's id: %v", err)
	}
}

func testHanging(t *testing.T, h Harness) {
	if h.Hang == nil {
		t.Skip("its receivers can't hang")
	}
	h.Hang()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	err := h.Notifier.Notify(ctx, TenantA, SampleAlert(1))
	if took := time.Since(start); took > soon {
		t.Errorf("took %v after the context had ended", took)
	}
	if err == nil || alerts.Permanent(err) {
		t.Errorf("error %v, want one that may pass", err)
	}
}

func testCancelled(t *testing.T, h Harness) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	alert := SampleAlert(1)
	err := h.Notifier.Notify(ctx, TenantA, alert)
	if err == nil && !slices.Contains(h.Received(TenantA), alert.ID) {
		t.Error("nil error, but the receiver does not have the alert")
	}
	if err != nil && alerts.Permanent(err) {
		t.Errorf("the error is permanent: %v", err)
	}
}

func testUnchanged(t *testing.T, h Harness) {
	alert := SampleAlert(1)
	if err := h.Notifier.Notify(t.Context(), TenantA, alert); err != nil {
		t.Fatalf("Notify: %v", err)
	}
	if want := SampleAlert(1); !reflect.DeepEqual(alert, want) {
		t.Errorf("alert is now %+v, was %+v", alert, want)
	}
}

func testZeroTenant(t *testing.T, h Harness) {
	err := h.Notifier.Notify(t.Context(), tenant.ID{}, SampleAlert(1))
	if !errors.Is(err, tenant.ErrID) {
		t.Errorf("error %v, want tenant.ErrID", err)
	}
}

func testIsolation(t *testing.T, h Harness) {
	ofA, ofB := SampleAlert(1), SampleAlert(2)
	if err := h.Notifier.Notify(t.Context(), TenantA, ofA); err != nil {
		t.Fatalf("Notify: %v", err)
	}
	if err := h.Notifier.Notify(t.Context(), TenantB, ofB); err != nil {
		t.Fatalf("Notify: %v", err)
	}
	if slices.Contains(h.Received(TenantA), ofB.ID) || slices.Contains(h.Received(TenantB), ofA.ID) {
		t.Error("an alert reached another tenant's receiver")
	}
}

func testConcurrent(t *testing.T, h Harness) {
	const callers = 16
	var group sync.WaitGroup
	errs := make([]error, callers)
	for i := range callers {
		group.Go(func() { errs[i] = h.Notifier.Notify(t.Context(), TenantA, SampleAlert(i)) })
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatalf("Notify: %v", err)
	}
	got := h.Received(TenantA)
	for i := range callers {
		if want := SampleAlert(i).ID; !slices.Contains(got, want) {
			t.Errorf("%s was not received", want)
		}
	}
}
