// Package shadow holds what a device should be and what it says it is: the
// device shadow of AWS IoT, with its documents, rules and errors.
//
// # Documents
//
// A shadow has two sections. The backend writes desired, the device writes
// reported; what is in desired and not the same in reported is the delta, which
// is sent to the device. Everything has a version, which grows by one with each
// update, and a time for each value. A thing has one classic shadow, [Name]{},
// and any number of named ones. Nothing needs the device to be online.
//
// [Shadows] is the service: requests and answers are JSON texts as AWS defines
// them. Package memshadow implements it, over any tenant.Repository, and speaks
// the MQTT topics of AWS to devices. [NewHandler] serves it over HTTP.
//
// # Typed access
//
//	type Lamp struct {
//		On    bool `json:"on"`
//		Level int  `json:"level,omitempty"`
//	}
//
//	twin := shadow.NewTwin[Lamp](shadows, shadow.Name{})
//	document, err := twin.Edit(ctx, id, thing, func(d *shadow.Document[Lamp]) error {
//		d.Desired = &Lamp{On: true, Level: 40}
//		return nil
//	})
//
// [Twin.Edit] sends only what changed, on the condition that nobody wrote in
// between, and calls the function again if somebody did.
//
// # Commands
//
// [Commander] sets values in desired and waits until the device reports them:
//
//	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
//	defer cancel()
//	command, err := commander.Do(ctx, id, thing, shadow.Name{}, Lamp{On: true})
//	switch {
//	case err == nil: // reported
//	case errors.Is(err, shadow.ErrPending): // may still come: Wait again
//	case errors.Is(err, shadow.ErrRejected): // the device refused
//	}
//
// # Rules
//
// [Rules] are the pure functions underneath, for tests and for other services:
// merge, delta, metadata, limits and error texts. Sources are the pages "Device
// Shadow service documents", "Device Shadow MQTT topics", "Device Shadow error
// messages" and "AWS IoT Device Shadow service quotas" of the AWS IoT Core
// documentation; where they leave a point open, a member of Rules says how it
// is read here.
package shadow

//go:generate go tool -modfile=../tools/go.mod mockgen -source=shadows.go -destination=shadowmock/shadowmock.go -package=shadowmock -write_source_comment=false -write_package_comment=false
