package main

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/auth/authmock"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/examples/internal/api"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/tenantmock"
)

// bundle is the function with mocks only: what it calls is what a test
// expects, and no test needs a database, a network or an account.
type bundle struct {
	authenticator *authmock.MockAuthenticator
	gate          *tenantmock.MockGate
	things        *tenantmock.MockRepository[device.Thing]
	presences     *tenantmock.MockRepository[device.Presence]
	invoke        func(eventFile string) events.APIGatewayV2HTTPResponse
}

var north = tenant.MustParseID("north")

func setup(t *testing.T) *bundle {
	t.Helper()
	mocks := gomock.NewController(t)
	b := &bundle{
		authenticator: authmock.NewMockAuthenticator(mocks),
		gate:          tenantmock.NewMockGate(mocks),
		things:        tenantmock.NewMockRepository[device.Thing](mocks),
		presences:     tenantmock.NewMockRepository[device.Presence](mocks),
	}
	handler := newHandler(api.Services{
		Authenticator: b.authenticator,
		Gate:          b.gate,
		Devices:       device.NewRegistry(b.things, tenantmock.NewMockRepository[device.Credential](mocks), b.presences),
	})
	b.invoke = func(eventFile string) (response events.APIGatewayV2HTTPResponse) {
		event, err := os.ReadFile("testdata/" + eventFile)
		require.NoError(t, err)
		answer, err := handler.Invoke(t.Context(), event)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(answer, &response))
		return response
	}
	return b
}

// signIn expects the token of the event files, and takes it for a user of north.
func (b *bundle) signIn() {
	principal := auth.Principal{Tenant: north, Subject: "user-1", TokenUse: auth.UseAccess, Expires: time.Now().Add(time.Hour)}
	b.authenticator.EXPECT().Authenticate(gomock.Any(), "a-token").Return(principal, nil)
	b.gate.EXPECT().Admit(gomock.Any(), north).Return(nil)
}

func TestGetDevice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.signIn()
	press := device.Thing{ID: device.MustParseID("press-1"), Type: "press"}
	b.things.EXPECT().Get(gomock.Any(), north, tenant.NewKey("press-1"), gomock.Any()).Return(tenant.Item[device.Thing]{Value: press, Version: 7}, nil).AnyTimes()
	b.presences.EXPECT().Get(gomock.Any(), north, gomock.Any(), gomock.Any()).Return(tenant.Item[device.Presence]{}, tenant.ErrNotFound)

	response := b.invoke("get-device.json")

	require.Equal(t, http.StatusOK, response.StatusCode, response.Body)
	require.Equal(t, "application/json", response.Headers["Content-Type"])
	require.JSONEq(t, `{"id": "press-1", "type": "press", "version": "7",
		"createdAt": "0001-01-01T00:00:00Z", "updatedAt": "0001-01-01T00:00:00Z",
		"presence": {"thing": "press-1", "connected": false}}`, response.Body)
}

func TestCreateDevice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.signIn()
	b.things.EXPECT().Put(gomock.Any(), north, gomock.Cond(func(thing device.Thing) bool {
		return thing.ID == device.MustParseID("press-1") && thing.Type == "press"
	}), tenant.IfAbsent()).Return(tenant.Version(1), nil)

	response := b.invoke("create-device.json")

	require.Equal(t, http.StatusCreated, response.StatusCode, response.Body)
}

func TestCreateDeviceTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.signIn()
	b.things.EXPECT().Put(gomock.Any(), north, gomock.Any(), tenant.IfAbsent()).Return(tenant.Version(0), tenant.ErrExists)

	response := b.invoke("create-device.json")

	require.Equal(t, http.StatusConflict, response.StatusCode, response.Body)
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		token error
		gate  error
		want  int
	}{
		"bad token":          {token: auth.ErrToken, want: http.StatusUnauthorized},
		"keys not available": {token: auth.ErrKeys, want: http.StatusServiceUnavailable},
		"suspended tenant":   {gate: tenant.ErrSuspended, want: http.StatusForbidden},
		"unknown tenant":     {gate: tenant.ErrUnknownTenant, want: http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.authenticator.EXPECT().Authenticate(gomock.Any(), "a-token").Return(auth.Principal{Tenant: north, Expires: time.Now().Add(time.Hour)}, test.token)
			if test.token == nil {
				b.gate.EXPECT().Admit(gomock.Any(), north).Return(test.gate)
			}
			require.Equal(t, test.want, b.invoke("get-device.json").StatusCode)
		})
	}
}

func TestComposeNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := compose(func(string) string { return "" })
	require.EqualError(t, err, "environment variable USER_POOL_ID is not set")
}

func TestCompose(t *testing.T) {
	t.Parallel()
	environment := map[string]string{
		"USER_POOL_ID": "eu-west-1_AbCd12345", "USER_POOL_CLIENTS": "1example23456789",
		"CURSOR_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "STORE": t.TempDir() + "/items.db",
	}
	services, err := compose(func(name string) string { return environment[name] })
	require.NoError(t, err)
	require.NotNil(t, newHandler(services))
}
