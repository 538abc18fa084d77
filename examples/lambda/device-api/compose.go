package main

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/analytics/fileanalytics"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/device/memdevice"
	"github.com/iotenant/iotenant/examples/internal/api"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/shadow/memshadow"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
)

// compose puts the services together as the environment says. Users sign in
// with Cognito itself, so the API has no operations for that.
func compose(getenv func(string) string) (api.Services, error) {
	for _, name := range []string{"USER_POOL_ID", "USER_POOL_CLIENTS", "STORE", "CURSOR_KEY"} {
		if getenv(name) == "" {
			return api.Services{}, fmt.Errorf("environment variable %s is not set", name)
		}
	}
	pool, err := auth.CognitoIssuer(getenv("USER_POOL_ID"), strings.Split(getenv("USER_POOL_CLIENTS"), ","))
	if err != nil {
		return api.Services{}, err
	}
	verifier, err := auth.NewVerifier([]auth.Issuer{pool})
	if err != nil {
		return api.Services{}, err
	}
	secret, err := base64.StdEncoding.DecodeString(getenv("CURSOR_KEY"))
	if err != nil {
		return api.Services{}, fmt.Errorf("CURSOR_KEY: %w", err)
	}
	cursors, err := tenant.NewCursorKeys(secret)
	if err != nil {
		return api.Services{}, fmt.Errorf("CURSOR_KEY: %w", err)
	}
	store, err := bolttenant.Open(getenv("STORE"), cursors)
	if err != nil {
		return api.Services{}, err
	}
	telemetry, err := fileanalytics.Open(filepath.Join(filepath.Dir(getenv("STORE")), "telemetry"), cursors)
	if err != nil {
		return api.Services{}, err
	}
	bus := memdevice.NewBus()
	shadows := memshadow.New(bolttenant.NewRepository(store, &memshadow.RecordSchema), bus)
	directory := tenant.NewDirectory(bolttenant.NewRepository(store, &tenant.TenantSchema))
	return api.Services{
		Authenticator: verifier,
		Gate:          directory,
		Tenants:       directory,
		Devices: device.NewRegistry(
			bolttenant.NewRepository(store, &device.ThingSchema),
			bolttenant.NewRepository(store, &device.CredentialSchema),
			bolttenant.NewRepository(store, &device.PresenceSchema),
		),
		Telemetry: telemetry,
		Shadows:   shadows,
		Commands:  shadow.NewCommander(shadows, bus),
		Models:    alerts.NewModels(bolttenant.NewRepository(store, &alerts.ModelSchema), bolttenant.NewRepository(store, &alerts.DetectorSchema)),
		Alerts:    alerts.NewAlerts(bolttenant.NewRepository(store, &alerts.AlertSchema)),
	}, nil
}
