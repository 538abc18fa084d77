package shadow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/memdevice"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/shadow/memshadow"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

// Lamp is what a lamp should be, and says it is.
type Lamp struct {
	On    bool `json:"on"`
	Level int  `json:"level,omitempty"`
}

func newShadows(bus device.Bus) shadow.Shadows {
	store := memtenant.New(tenant.RandomCursorKeys())
	return memshadow.New(memtenant.NewRepository(store, &memshadow.RecordSchema), bus)
}

func ExampleNewTwin() {
	ctx := context.Background()
	id, thing := tenant.MustParseID("acme"), device.MustParseID("lamp-1")
	twin := shadow.NewTwin[Lamp](newShadows(memdevice.NewBus()), shadow.Name{})

	document, err := twin.Edit(ctx, id, thing, func(d *shadow.Document[Lamp]) error {
		d.Desired = &Lamp{On: true, Level: 40}
		return nil
	})
	if err != nil {
		panic(err)
	}
	fmt.Println("version", document.Version, "delta", *document.Delta)

	document, err = twin.Edit(ctx, id, thing, func(d *shadow.Document[Lamp]) error {
		d.Reported = &Lamp{On: true, Level: 40}
		return nil
	})
	if err != nil {
		panic(err)
	}
	fmt.Println("version", document.Version, "delta", document.Delta)
	// Output:
	// version 1 delta {true 40}
	// version 2 delta <nil>
}

func ExampleNewCommander() {
	ctx := context.Background()
	id, thing := tenant.MustParseID("acme"), device.MustParseID("lamp-1")
	bus := memdevice.NewBus()
	shadows := newShadows(bus)

	// A device: it makes true what the delta says, up to a level of 50.
	cancel, err := bus.Subscribe(ctx, id, device.Filter{Thing: thing, Operation: "update/delta"}, func(m device.Message) {
		var delta struct{ State Lamp }
		if err := json.Unmarshal(m.Payload, &delta); err != nil {
			panic(err)
		}
		answer := `{"state":{"reported":{"on":true,"level":40}}}`
		if delta.State.Level > 50 {
			answer = `{"state":{"desired":{"level":null}}}`
		}
		if _, err := shadows.Update(ctx, id, thing, shadow.Name{}, []byte(answer)); err != nil {
			panic(err)
		}
	})
	if err != nil {
		panic(err)
	}
	defer cancel()

	commander := shadow.NewCommander(shadows, bus)
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	command, err := commander.Do(ctx, id, thing, shadow.Name{}, Lamp{On: true, Level: 40})
	fmt.Println(command.Status, string(command.Reported), err)

	command, err = commander.Do(ctx, id, thing, shadow.Name{}, Lamp{On: true, Level: 90})
	fmt.Println(command.Status, errors.Is(err, shadow.ErrRejected))
	// Output:
	// done {"level":40,"on":true} <nil>
	// rejected true
}

func ExampleNewHandler() {
	shadows := newShadows(memdevice.NewBus())
	handler := shadow.NewHandler(shadows, func(*http.Request) (tenant.ID, error) {
		return tenant.MustParseID("acme"), nil // from the verified principal
	})
	server := httptest.NewServer(handler)
	defer server.Close()

	for _, body := range []string{`{"state":{"desired":{"on":true}}}`, `{"state":{"desired":{"on":false}},"version":7}`} {
		response, err := http.Post(server.URL+"/things/lamp-1/shadow", "application/json", strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		fmt.Printf("%d %q\n", response.StatusCode, response.Header.Get("x-amzn-errortype"))
		if err := response.Body.Close(); err != nil {
			panic(err)
		}
	}
	// Output:
	// 200 ""
	// 409 "ConflictException"
}

func ExampleRules() {
	var rules shadow.Rules
	request, err := rules.ParseRequest([]byte(`{"state":{"desired":{"on":true,"level":40},"reported":{"on":true}}}`))
	if err != nil {
		panic(err)
	}
	change, err := rules.Update(shadow.State{}, request, time.Unix(1_800_000_000, 0))
	if err != nil {
		panic(err)
	}
	fmt.Println("version", change.Current.Version())
	fmt.Println("delta", string(rules.Delta(change.Current)))
	// Output:
	// version 1
	// delta {"level":40}
}
