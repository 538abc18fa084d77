// Package device holds what is connected: things and their credentials, the
// topics on which they speak, and the bus that carries their messages.
//
// # Things
//
// A thing belongs to one tenant. Its [ID] is unique within the tenant; its
// name, see [ThingName], is unique across tenants, and is the thing's name in
// the AWS IoT registry and its MQTT client id. [Registry] keeps things, their
// credentials and their presence in three repositories:
//
//	registry := device.NewRegistry(things, credentials, presences)
//	item, err := registry.Create(ctx, id, device.Thing{ID: device.MustParseID("pump-1"), Type: "pump"})
//	credential, secret, err := registry.AddPassword(ctx, id, item.Value.ID)
//
// # Topics
//
// A device publishes telemetry on "t/<tenant>/d/<thing>/telemetry", with more
// levels behind it if it likes, receives commands on
// "t/<tenant>/d/<thing>/command", and speaks with its shadow on
// "$aws/things/<tenant>:<thing>/shadow". [Topic] builds and parses them; no
// other package does.
//
// # Messages
//
// A transport hands what devices publish to a [Receiver], and acknowledges a
// message only after the receiver has it safe. [Bus] publishes to devices and
// lets parts of a backend follow what is published. Package
// device/mqttdevice is an MQTT broker that does both; device/memdevice has a
// bus for tests.
package device

//go:generate go tool -modfile=../tools/go.mod mockgen -source=bus.go -destination=devicemock/bus.go -package=devicemock -write_source_comment=false -write_package_comment=false
//go:generate go tool -modfile=../tools/go.mod mockgen -source=credential.go -destination=devicemock/credential.go -package=devicemock -write_source_comment=false -write_package_comment=false
//go:generate go tool -modfile=../tools/go.mod mockgen -source=presence.go -destination=devicemock/presence.go -package=devicemock -write_source_comment=false -write_package_comment=false
