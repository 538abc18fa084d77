package alerts_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/detector"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/memdevice"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/memtenant"
)

// freezer is a model as AWS IoT Events exports it.
const freezer = `{
  "detectorModelName": "freezer",
  "key": "freezer",
  "detectorModelDefinition": {
    "initialStateName": "ok",
    "states": [
      {"stateName": "ok", "onInput": {"transitionEvents": [
        {"eventName": "thaw", "condition": "$input.telemetry.celsius > -10", "nextState": "warm"}]}},
      {"stateName": "warm",
       "onEnter": {"events": [{"eventName": "too warm", "actions": [
         {"sns": {"targetArn": "arn:aws:sns:eu-west-1:123456789012:kitchen",
                  "payload": {"type": "STRING", "contentExpression": "'${$input.telemetry.freezer} is at ${$input.telemetry.celsius} C'"}}}]}]},
       "onInput": {"transitionEvents": [
         {"eventName": "freeze", "condition": "$input.telemetry.celsius <= -15", "nextState": "ok"}]}}
    ]}}`

func ExampleNewRuntime() {
	ctx := context.Background()
	acme := tenant.MustParseID("acme")
	store := memtenant.New(tenant.RandomCursorKeys())
	detectors := memtenant.NewRepository(store, &alerts.DetectorSchema)
	models := alerts.NewModels(memtenant.NewRepository(store, &alerts.ModelSchema), detectors)
	raised := memtenant.NewRepository(store, &alerts.AlertSchema)

	notifier := alerts.NotifierFunc(func(_ context.Context, id tenant.ID, alert alerts.Alert) error {
		fmt.Printf("%s: %s: %s\n", id, alert.Event, alert.Payload)
		return nil
	})
	runtime := alerts.NewRuntime(models, detectors, raised, notifier)

	if _, err := models.Put(ctx, acme, []byte(freezer)); err != nil {
		fmt.Println(err)
		return
	}
	for i, celsius := range []float64{-18, -9.5, -8} {
		message := alerts.Message{
			Input:   "telemetry",
			ID:      fmt.Sprint("reading-", i),
			Payload: fmt.Appendf(nil, `{"freezer": "kitchen-1", "celsius": %v}`, celsius),
		}
		if err := runtime.Put(ctx, acme, message); err != nil {
			fmt.Println(err)
		}
	}
	if err := runtime.Sweep(ctx, acme); err != nil { // or go runtime.Run(ctx)
		fmt.Println(err)
	}
	detector, err := runtime.Detector(ctx, acme, "freezer", "kitchen-1")
	fmt.Println(detector.State, detector.Evaluations, err)
	// Output:
	// acme: too warm: kitchen-1 is at -9.5 C
	// warm 3 <nil>
}

func ExampleRuntime_Run() {
	store := memtenant.New(tenant.RandomCursorKeys())
	directory := tenant.NewDirectory(memtenant.NewRepository(store, &tenant.TenantSchema))
	detectors := memtenant.NewRepository(store, &alerts.DetectorSchema)
	models := alerts.NewModels(memtenant.NewRepository(store, &alerts.ModelSchema), detectors)
	raised := memtenant.NewRepository(store, &alerts.AlertSchema)
	notified := make(chan alerts.Alert)
	notifier := alerts.NotifierFunc(func(_ context.Context, _ tenant.ID, alert alerts.Alert) error {
		notified <- alert
		return nil
	})

	runtime := alerts.NewRuntime(models, detectors, raised, notifier, func(o *alerts.Options) {
		o.Tenants = func(ctx context.Context) iter.Seq2[tenant.ID, error] {
			return func(yield func(tenant.ID, error) bool) {
				for entry, err := range directory.All(ctx) {
					if !yield(entry.ID, err) {
						return
					}
				}
			}
		}
	})
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	ended := make(chan error)
	go func() { ended <- runtime.Run(ctx) }()

	acme := tenant.MustParseID("acme")
	if _, err := directory.Create(ctx, acme, "Acme Foods"); err != nil {
		fmt.Println(err)
	}
	if _, err := models.Put(ctx, acme, []byte(freezer)); err != nil {
		fmt.Println(err)
	}
	message := alerts.Message{Input: "telemetry", Payload: []byte(`{"freezer": "kitchen-1", "celsius": 4}`)}
	if err := runtime.Put(ctx, acme, message); err != nil {
		fmt.Println(err)
	}
	fmt.Println((<-notified).Payload)
	stop()
	fmt.Println(<-ended)
	// Output:
	// kitchen-1 is at 4 C
	// <nil>
}

func ExampleNewModels() {
	ctx := context.Background()
	acme := tenant.MustParseID("acme")
	store := memtenant.New(tenant.RandomCursorKeys())
	models := alerts.NewModels(
		memtenant.NewRepository(store, &alerts.ModelSchema),
		memtenant.NewRepository(store, &alerts.DetectorSchema))

	for _, definition := range []string{freezer, freezer, strings.Replace(freezer, "> -10", "> -12", 1)} {
		model, err := models.Put(ctx, acme, []byte(definition))
		fmt.Println(model.Name, model.Version, err)
	}
	_, err := models.Put(ctx, acme, []byte(strings.Replace(freezer, "> -10", "> cold", 1)))
	fmt.Println(err)
	// Output:
	// freezer 1 <nil>
	// freezer 1 <nil>
	// freezer 2 <nil>
	// alerts: put model: alerts: invalid model: detector: invalid model
	// ERROR expression-syntax states[0].onInput.transitionEvents[0].condition, line 1, column 28: Failed to parse expression '$input.telemetry.celsius > cold' for condition: bare word cold: a String needs quotes
	//     $input.telemetry.celsius > cold
	//                                ^
}

func ExampleNewAlerts() {
	ctx := context.Background()
	store := memtenant.New(tenant.RandomCursorKeys())
	raised := alerts.NewAlerts(memtenant.NewRepository(store, &alerts.AlertSchema))
	page, err := raised.List(ctx, tenant.MustParseID("acme"), alerts.Filter{Model: "freezer", Limit: 10})
	fmt.Println(len(page.Items), page.Next == "", err)
	// Output: 0 true <nil>
}

func ExampleToTopics() {
	ctx := context.Background()
	acme := tenant.MustParseID("acme")
	bus := memdevice.NewBus()
	cancel, err := bus.Subscribe(ctx, acme, device.Filter{Class: device.ClassCommand}, func(m device.Message) {
		fmt.Printf("%s: %s\n", m.Topic, m.Payload)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer cancel()

	// In Options.Notifiers: {detector.ActionIoTTopic: alerts.ToTopics(bus)}.
	notifier := alerts.ToTopics(bus)
	alert := alerts.Alert{ID: "7e25fd38", Kind: detector.ActionIoTTopic, Target: "t/acme/d/fan-1/command", Payload: "on"}
	fmt.Println(notifier.Notify(ctx, acme, alert))
	alert.Target = "t/other/d/fan-1/command"
	fmt.Println(notifier.Notify(ctx, acme, alert))
	// Output:
	// t/acme/d/fan-1/command: on
	// <nil>
	// alerts: invalid iotTopicPublish action: the topic is not of this tenant
}

// A rule compiles into a detector model.
func ExampleRule() {
	cold := alerts.Condition{Threshold: &alerts.Threshold{Attribute: "temperature", Operator: alerts.Less, Value: 60}}
	rule := alerts.Rule{
		Name: "overheated", Input: "telemetry", Key: "thing",
		When:     alerts.Condition{Threshold: &alerts.Threshold{Attribute: "temperature", Operator: alerts.Greater, Value: 70}},
		For:      30 * time.Second,
		Clear:    &cold,
		Severity: 1,
		Escalate: []alerts.Escalation{{After: 10 * time.Minute, Severity: 2}},
	}
	definition, err := rule.Definition()
	if err != nil {
		panic(err)
	}
	model, err := detector.Load(definition) // or Models.Put, to run it
	if err != nil {
		panic(err)
	}
	fmt.Println(model.Name(), model.Inputs())
	// Output: overheated [telemetry]
}

// What is shelved is kept, and not delivered by a runtime that has these
// shelves in its Options.
func ExampleNewShelves() {
	store := memtenant.New(tenant.RandomCursorKeys())
	shelves := alerts.NewShelves(memtenant.NewRepository(store, &alerts.ShelfSchema))
	ctx, id := context.Background(), tenant.MustParseID("acme")

	_, err := shelves.Put(ctx, id, alerts.Shelf{
		Model: "freezer", Key: "f-7", Until: time.Now().Add(time.Hour), By: "ann", Reason: "being defrosted",
	})
	if err != nil {
		panic(err)
	}
	for shelf, err := range shelves.All(ctx, id) {
		fmt.Println(shelf.Model, shelf.Key, shelf.Reason, err)
	}
	// Output: freezer f-7 being defrosted <nil>
}

// A client of the old service goes on working with another endpoint.
func ExampleNewDataPlane() {
	store := memtenant.New(tenant.RandomCursorKeys())
	detectors := memtenant.NewRepository(store, &alerts.DetectorSchema)
	models := alerts.NewModels(memtenant.NewRepository(store, &alerts.ModelSchema), detectors)
	runtime := alerts.NewRuntime(models, detectors, memtenant.NewRepository(store, &alerts.AlertSchema), nil)
	id := tenant.MustParseID("acme")
	if _, err := models.Put(context.Background(), id, []byte(freezer)); err != nil {
		panic(err)
	}

	// In a program, a middleware such as auth.SignatureMiddleware finds out who
	// calls.
	identify := func(*http.Request) (tenant.ID, error) { return id, nil }
	server := httptest.NewServer(alerts.NewDataPlane(runtime, identify))
	defer server.Close()
	payload := base64.StdEncoding.EncodeToString([]byte(`{"freezer": "f-7", "celsius": -4}`))
	response, err := http.Post(server.URL+"/inputs/messages", "application/json",
		strings.NewReader(`{"messages": [{"messageId": "1", "inputName": "telemetry", "payload": "`+payload+`"}]}`))
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	found, err := runtime.Detector(context.Background(), id, "freezer", "f-7")
	fmt.Println(response.Status, found.State, err)
	// Output: 200 OK warm <nil>
}
