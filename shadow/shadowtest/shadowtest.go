// Package shadowtest checks implementations of shadow.Shadows, and makes them
// fail on purpose.
//
// [TestShadows] checks the contract of shadow.Shadows, one subtest for each
// sentence, with documents as AWS answers them. A backend runs it in its tests:
//
//	func TestShadows(t *testing.T) {
//		shadowtest.TestShadows(t, func(t *testing.T) shadow.Shadows {
//			store := memtenant.New(tenant.RandomCursorKeys())
//			records := memtenant.NewRepository(store, &memshadow.RecordSchema)
//			return memshadow.New(records, memdevice.NewBus())
//		})
//	}
//
// Points that AWS's documentation leaves open, see shadow.Rules, are not part
// of it. [Faulty] is for those who use shadows: it shows what their code does
// when the service fails, also after it has written.
package shadowtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/tenant"
)

// Open makes a service for one test. It need not be empty: tests use thing ids
// of their own. It may use t.Cleanup to close it.
type Open func(t *testing.T) shadow.Shadows

// TestShadows checks the contract of shadow.Shadows on the services that open
// makes.
func TestShadows(t *testing.T, open Open) {
	for _, group := range []struct {
		name  string
		tests []contractTest
	}{
		{"Documents", documentTests},
		{"Refusals", refusalTests},
		{"Versions", versionTests},
		{"Names", nameTests},
		{"Calls", callTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			run(t, open, group.tests)
		})
	}
	t.Run("Isolation", func(t *testing.T) {
		t.Parallel()
		TestIsolation(t, open)
	})
}

// TestIsolation checks that tenants are apart. It is part of [TestShadows].
func TestIsolation(t *testing.T, open Open) { run(t, open, isolationTests) }

func run(t *testing.T, open Open, tests []contractTest) {
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			t.Parallel()
			test.check(newFixture(t, open))
		})
	}
}

// contractTest checks one sentence of the contract.
type contractTest struct {
	sentence string
	check    func(*fixture)
}

// fixture is a service, and what a test needs to speak to it.
type fixture struct {
	*testing.T
	ctx     context.Context
	shadows shadow.Shadows
	a, b    tenant.ID
	thing   device.ID
	config  shadow.Name
}

func newFixture(t *testing.T, open Open) *fixture {
	t.Helper()
	return &fixture{
		T:       t,
		ctx:     t.Context(),
		shadows: open(t),
		a:       tenant.MustParseID("acme"),
		b:       tenant.MustParseID("acme-b"),
		thing:   newThing(),
		config:  shadow.MustParseName("config"),
	}
}

func newThing() device.ID { return device.MustParseID("thing-" + rand.Text()) }

// classic is the name of the classic shadow.
var classic shadow.Name

// update sends a request to the classic shadow of the thing, which must be
// accepted, and returns the answer.
func (f *fixture) update(request string) document {
	f.Helper()
	return f.updateOf(f.a, f.thing, classic, request)
}

func (f *fixture) updateOf(id tenant.ID, thing device.ID, name shadow.Name, request string) document {
	f.Helper()
	answer, err := f.shadows.Update(f.ctx, id, thing, name, []byte(request))
	if err != nil {
		f.Fatalf("Update(%s): %v", request, err)
	}
	return f.read(answer)
}

// get returns the document of the classic shadow, which must be there.
func (f *fixture) get() document {
	f.Helper()
	return f.getOf(f.a, f.thing, classic)
}

func (f *fixture) getOf(id tenant.ID, thing device.ID, name shadow.Name) document {
	f.Helper()
	answer, err := f.shadows.Get(f.ctx, id, thing, name)
	if err != nil {
		f.Fatalf("Get: %v", err)
	}
	return f.read(answer)
}

func (f *fixture) deleteOf(id tenant.ID, thing device.ID, name shadow.Name) document {
	f.Helper()
	answer, err := f.shadows.Delete(f.ctx, id, thing, name)
	if err != nil {
		f.Fatalf("Delete: %v", err)
	}
	return f.read(answer)
}

// document is an answer of a service, decoded.
type document struct {
	State       json.RawMessage `json:"state"`
	Metadata    json.RawMessage `json:"metadata"`
	Version     int64           `json:"version"`
	Timestamp   int64           `json:"timestamp"`
	ClientToken string          `json:"clientToken"`
}

func (f *fixture) read(answer []byte) document {
	f.Helper()
	var d document
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		f.Fatalf("the answer %s is no document: %v", answer, err)
	}
	if d.Timestamp <= 0 {
		f.Errorf("the answer %s has no timestamp", answer)
	}
	return d
}

// wantJSON compares JSON texts, members in any order, numbers by their text.
func (f *fixture) wantJSON(what string, got json.RawMessage, want string) {
	f.Helper()
	if !reflect.DeepEqual(f.decode(got), f.decode([]byte(want))) {
		f.Errorf("%s is\n\t%s, want\n\t%s", what, got, want)
	}
}

func (f *fixture) decode(text []byte) any {
	f.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		f.Fatalf("%q is not JSON: %v", text, err)
	}
	return v
}

func (f *fixture) wantVersion(what string, d document, want int64) {
	f.Helper()
	if d.Version != want {
		f.Errorf("%s has version %d, want %d", what, d.Version, want)
	}
}

func (f *fixture) wantErr(call string, err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Errorf("%s returned the error %v, want one that is %q", call, err, want)
	}
}

// wantRefusal checks that err is AWS's.
func (f *fixture) wantRefusal(call string, err error, code int, message string, kind error) {
	f.Helper()
	var refusal *shadow.Error
	if !errors.As(err, &refusal) || refusal.Code != code || refusal.Message != message {
		f.Errorf("%s returned the error %v, want %d %s", call, err, code, message)
	}
	f.wantErr(call, err, kind)
}

// wantNone checks that there is no such shadow.
func (f *fixture) wantNone(id tenant.ID, thing device.ID, name shadow.Name) {
	f.Helper()
	_, err := f.shadows.Get(f.ctx, id, thing, name)
	f.wantErr("Get of what is not there", err, shadow.ErrNotFound)
}

// names returns the names of all named shadows, page by page.
func (f *fixture) names(id tenant.ID, thing device.ID) []string {
	f.Helper()
	var names []string
	for name, err := range shadow.AllNamed(f.ctx, f.shadows, id, thing) {
		if err != nil {
			f.Fatalf("ListNamed: %v", err)
		}
		names = append(names, name.String())
	}
	return names
}

func (f *fixture) wantNames(id tenant.ID, thing device.ID, want ...string) {
	f.Helper()
	if got := f.names(id, thing); !reflect.DeepEqual(got, want) {
		f.Errorf("ListNamed returned %q, want %q", got, want)
	}
}
