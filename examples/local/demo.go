package main

import (
	"context"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/auth/memauth"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/examples/internal/api"
	"github.com/iotenant/iotenant/tenant"
)

//go:embed models
var models embed.FS

// The demo: two tenants with a user each, and a device of the same name each;
// and the people who operate the platform, in a tenant of their own.
var (
	north      = tenant.MustParseID("north")
	south      = tenant.MustParseID("south")
	operations = tenant.MustParseID("operations")

	press   = device.MustParseID("press-1")
	machine = device.MustParseID("machine-1")
)

// demoPlan is the plan of the demo's tenants.
var demoPlan = tenant.Plan{Name: "demo", Quotas: map[string]int64{device.ThingSchema.Entity: 10_000}}

type demoUser struct {
	username string
	tenant   tenant.ID
	groups   []string
}

var demoUsers = []demoUser{
	{username: "north-user", tenant: north},
	{username: "south-user", tenant: south},
	{username: "operator", tenant: operations, groups: []string{api.OperatorGroup}},
}

// seed fills an empty data folder with the demo. A start that was cut short is
// made up for by the next.
func (s *system) seed(ctx context.Context) error {
	if err := s.secrets.ensureAccessKeys(north, south); err != nil {
		return err
	}
	if s.secrets.Seeded {
		return nil
	}
	if err := s.directory.PutPlan(ctx, demoPlan); err != nil {
		return err
	}
	for id, name := range map[tenant.ID]string{north: "North plant", south: "South plant", operations: "Platform operations"} {
		if _, err := s.directory.Create(ctx, id, name, tenant.OnPlan(demoPlan.Name)); err != nil && !errors.Is(err, tenant.ErrExists) {
			return err
		}
	}
	for _, user := range demoUsers {
		if err := s.seedUser(ctx, user); err != nil {
			return err
		}
	}
	for _, id := range []tenant.ID{north, south} {
		for _, thing := range []device.ID{press, machine} {
			if err := s.ensureDevice(ctx, id, thing, "press"); err != nil {
				return err
			}
		}
		if _, err := s.certificates.client(ctx, s.devices, id, press); err != nil {
			return err
		}
		if err := s.seedModels(ctx, id); err != nil {
			return err
		}
		if err := s.seedDefinitions(ctx, id); err != nil {
			return err
		}
	}
	s.secrets.Seeded = true
	return s.secrets.save()
}

func (s *system) seedUser(ctx context.Context, user demoUser) error {
	password, err := s.password(user.username)
	if err != nil {
		return err
	}
	_, err = s.identity.AdminCreateUser(ctx, memauth.NewUser{
		Username: user.username, Password: password, Email: user.username + "@example.com", Tenant: user.tenant, Groups: user.groups,
	})
	if errors.Is(err, auth.ErrUserExists) {
		return nil
	}
	return err
}

// password returns the password of a user. It is kept before it is used, so
// that it is known after a crash.
func (s *system) password(username string) (string, error) {
	if known := s.secrets.Passwords[username]; known != "" {
		return known, nil
	}
	s.secrets.Passwords[username] = randomText(10)
	return s.secrets.Passwords[username], s.secrets.save()
}

// ensureDevice makes the device, and a password for it, unless they are there.
func (s *system) ensureDevice(ctx context.Context, id tenant.ID, thing device.ID, kind string) error {
	_, err := s.devices.Create(ctx, id, device.Thing{ID: thing, Type: kind})
	if err != nil && !errors.Is(err, tenant.ErrExists) {
		return err
	}
	name := device.ThingName(id, thing)
	if s.secrets.Passwords[name] != "" {
		return nil
	}
	_, password, err := s.devices.AddPassword(ctx, id, thing)
	if err != nil {
		return err
	}
	s.secrets.Passwords[name] = password
	return s.secrets.save()
}

func (s *system) seedModels(ctx context.Context, id tenant.ID) error {
	entries, err := models.ReadDir("models")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		definition, err := models.ReadFile("models/" + entry.Name())
		if err != nil {
			return err
		}
		if _, err := s.models.Put(ctx, id, definition); err != nil {
			return fmt.Errorf("%s: %w", entry.Name(), err)
		}
	}
	return nil
}

// guide prints what to try.
func (s *system) guide(w io.Writer, fleet int) {
	host, port := hostPort(s.broker.Addresses().TCP)
	keyID, key := s.secrets.accessKeyOf(north)
	values := strings.NewReplacer(
		"{http}", "http://"+s.listener.Addr().String(),
		"{host}", host, "{port}", port,
		"{data}", s.config.data,
		"{secrets}", s.secrets.path,
		"{north password}", s.secrets.Passwords["north-user"],
		"{south password}", s.secrets.Passwords["south-user"],
		"{press}", device.ThingName(north, press),
		"{press password}", s.secrets.Passwords[device.ThingName(north, press)],
		"{press topic}", device.TelemetryTopic(north, press, "").String(),
		"{other topic}", device.TelemetryTopic(south, press, "").String(),
		"{events}", dataPlanePath,
		"{signed}", "--aws-sigv4 aws:amz:eu-west-1:"+dataPlaneService+" --user '"+keyID+":"+key.Secret+"' -H 'Content-Type: application/json'",
		"{analytics}", analyticsPath,
		"{analytics signed}", "--aws-sigv4 aws:amz:eu-west-1:"+analyticsService+" --user '"+keyID+":"+key.Secret+"' -H 'Content-Type: application/json'",
		"{oil}", base64.StdEncoding.EncodeToString([]byte(`{"thing": "press-1", "pressure": 1.5}`)),
		"{reading}", base64.StdEncoding.EncodeToString([]byte(`{"thing": "press-1", "temperature": 21}`)),
		"{compressor}", fleetThing(0).String(),
		"{certificates}", s.certificates.folder,
	)
	text := guideText
	if _, tlsPort := hostPort(s.broker.Addresses().TLS); tlsPort != "" {
		text += strings.ReplaceAll(guideTLSText, "{tls port}", tlsPort)
	}
	if fleet > 0 {
		text += guideFleetText
	}
	if s.lake.engine != nil {
		text += guideSQLText
	} else {
		text += guideNoSQLText
	}
	fmt.Fprintln(w, values.Replace(text))
}

const guideText = `iotenant runs: HTTP {http} (description at /openapi.json), MQTT {host}:{port}, data in {data}

Tenants north and south both have a device press-1. Neither can see the other's.
All passwords are in {secrets}. Try this in another terminal:

# sign in as the user of north, and as the user of south
login() { curl -s {http}/auth/login -H 'Content-Type: application/json' -d "$1" | sed 's/.*"accessToken":"\([^"]*\)".*/\1/'; }
NORTH=$(login '{"username": "north-user", "password": "{north password}"}')
SOUTH=$(login '{"username": "south-user", "password": "{south password}"}')

# the press of north reports three hot readings: a detector raises an alert
for t in 96 97 98; do mosquitto_pub -h {host} -p {port} -i {press} -u {press} -P '{press password}' -q 1 -t {press topic} -m "{\"temperature\": $t}"; done
curl -s {http}/devices/press-1/telemetry -H "Authorization: Bearer $NORTH"
curl -s {http}/alerts -H "Authorization: Bearer $NORTH"

# south sees its own press, which reported nothing; and the press of north may not speak for it
curl -s {http}/devices/press-1/telemetry -H "Authorization: Bearer $SOUTH"
mosquitto_pub -V 5 -h {host} -p {port} -i {press} -u {press} -P '{press password}' -q 1 -t {other topic} -m '{"temperature": 99}'

# a rule needs no model: over 80 for a minute, cleared below 75
curl -s -o /dev/null -w '%{http_code}\n' -X PUT {http}/rules/warm -H "Authorization: Bearer $NORTH" -H 'Content-Type: application/json' -d '{"input": "telemetry", "key": "thing", "when": {"threshold": {"attribute": "temperature", "operator": ">", "value": 80}}, "forSeconds": 60, "clear": {"threshold": {"attribute": "temperature", "operator": "<", "value": 75}}}'

# the protocol of AWS IoT Events, signed with an access key of north: low oil pressure raises an alarm, which is looked at and acknowledged
curl -s {http}{events}/inputs/messages {signed} -d '{"messages": [{"messageId": "1", "inputName": "oil", "payload": "{oil}"}]}'
curl -s {http}{events}/alarms/oil-pressure {signed}
curl -s {http}{events}/alarms/acknowledge {signed} -d '{"acknowledgeActionRequests": [{"requestId": "1", "alarmModelName": "oil-pressure", "keyValue": "press-1", "note": "on my way"}]}'

# a pipeline of north: try an activity; put a message into its channel as a client of AWS IoT Analytics does, and look at the channel
curl -s {http}/activities/run -H "Authorization: Bearer $NORTH" -H 'Content-Type: application/json' -d '{"activity": {"math": {"name": "f", "attribute": "fahrenheit", "math": "temperature * 1.8 + 32"}}, "payloads": [{"temperature": 21}]}'
curl -s {http}{analytics}/messages/batch {analytics signed} -d '{"channelName": "telemetry", "messages": [{"messageId": "1", "payload": "{reading}"}]}'
curl -s '{http}/channels/telemetry/sample' -H "Authorization: Bearer $NORTH"
`

const guideSQLText = `
# data sets and queries in SQL over what the pipeline "readings" made of the telemetry
curl -s {http}/queries -H "Authorization: Bearer $NORTH" -H 'Content-Type: application/json' -d '{"sql": "SELECT thing, count(*) AS readings, max(fahrenheit) AS hottest FROM readings GROUP BY thing"}'
# what each minute was, a minute after it ended: roll-ups, which a restart does not interrupt
curl -s {http}/queries -H "Authorization: Bearer $NORTH" -H 'Content-Type: application/json' -d '{"sql": "SELECT thing, metric, timestamp, count, mean FROM minutes ORDER BY timestamp"}'
curl -s -X POST {http}/datasets/summary/contents -H "Authorization: Bearer $NORTH"
sleep 2; curl -s $(curl -s {http}/datasets/summary/contents/latest -H "Authorization: Bearer $NORTH" | sed 's/.*"uri":"\([^"]*\)".*/\1/; s/\\u0026/\&/g')
`

const guideNoSQLText = `
# SQL needs a worker: stop this, and start it again as
#   make sqlworker && go run ./examples/local
`

const guideTLSText = `
# with a client certificate instead of a password
mosquitto_pub -h {host} -p {tls port} --cafile {certificates}/authority.pem --cert {certificates}/north_press-1.pem --key {certificates}/north_press-1-key.pem -i {press} -q 1 -t {press topic} -m '{"temperature": 70}'
`

const guideFleetText = `
# a command goes to a simulated device of north through its shadow, and comes back reported
curl -s {http}/devices/{compressor}/commands -H "Authorization: Bearer $NORTH" -H 'Content-Type: application/json' -d '{"desired": {"setpoint": 7}, "wait": 10}'
`
