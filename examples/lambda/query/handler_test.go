package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"
	"go.uber.org/mock/gomock"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/analyticsmock"
	"github.com/iotenant/iotenant/analytics/duckanalytics"
	"github.com/iotenant/iotenant/analytics/lakeanalytics"
	"github.com/iotenant/iotenant/analytics/memanalytics"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/auth/authmock"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/tenantmock"
)

var north, south = tenant.MustParseID("north"), tenant.MustParseID("south")

// bundle is the function with mocks only.
type bundle struct {
	authenticator *authmock.MockAuthenticator
	gate          *tenantmock.MockGate
	engine        *analyticsmock.MockEngine
	objects       *analyticsmock.MockObjects
}

func setup(t *testing.T) *bundle {
	t.Helper()
	mocks := gomock.NewController(t)
	return &bundle{
		authmock.NewMockAuthenticator(mocks), tenantmock.NewMockGate(mocks), analyticsmock.NewMockEngine(mocks), analyticsmock.NewMockObjects(mocks),
	}
}

// invoke gives the event file to the function.
func invoke(t *testing.T, s services) (response events.APIGatewayV2HTTPResponse) {
	t.Helper()
	event, err := os.ReadFile("testdata/query.json")
	require.NoError(t, err)
	answer, err := newHandler(s).Invoke(t.Context(), event)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(answer, &response))
	return response
}

func (b *bundle) services() services {
	return services{b.authenticator, b.gate, b.engine, b.objects, slog.New(slog.DiscardHandler)}
}

// signIn expects the token of the event file, and takes it for a user of a tenant.
func (b *bundle) signIn(id tenant.ID) {
	principal := auth.Principal{Tenant: id, Subject: "user-1", TokenUse: auth.UseAccess, Expires: time.Now().Add(time.Hour)}
	b.authenticator.EXPECT().Authenticate(gomock.Any(), "a-token").Return(principal, nil)
	b.gate.EXPECT().Admit(gomock.Any(), id).Return(nil)
}

// readings are a result of n rows with a text.
func readings(n int, text string) *analytics.Result {
	return &analytics.Result{
		Columns: []analytics.ResultColumn{{Name: "device", Type: "varchar"}},
		Rows: func(yield func([]analytics.Field, error) bool) {
			for range n {
				if !yield([]analytics.Field{{Text: text}}, nil) {
					return
				}
			}
		},
		Close: func() error { return nil },
	}
}

// TestAttackTenantInTheBody: the token says whose data stores are read, and the
// body says another tenant.
func TestAttackTenantInTheBody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.signIn(north)
	b.engine.EXPECT().Query(gomock.Any(), north, gomock.Any()).Return(readings(1, "press-1"), nil)

	response := invoke(t, b.services())

	require.Equal(t, http.StatusOK, response.StatusCode, response.Body)
	require.Equal(t, "\"device\"\n\"press-1\"\n", response.Body)
	require.Equal(t, "text/csv; charset=utf-8", response.Headers["Content-Type"])
}

func TestLink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.signIn(south)
	b.engine.EXPECT().Query(gomock.Any(), south, gomock.Any()).Return(readings(700, strings.Repeat("x", 10_000)), nil)
	b.objects.EXPECT().Put(gomock.Any(), south, gomock.Any(), gomock.Any())
	b.objects.EXPECT().Link(gomock.Any(), south, gomock.Any(), time.Hour).Return("https://lake.example.com/1", nil)

	response := invoke(t, b.services())

	require.Equal(t, http.StatusOK, response.StatusCode, response.Body)
	require.Contains(t, response.Body, `{"link":"https://lake.example.com/1","format":"csv"`)
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		token, gate, engine error
		want                int
	}{
		"bad token":        {token: auth.ErrToken, want: http.StatusUnauthorized},
		"suspended tenant": {gate: tenant.ErrSuspended, want: http.StatusForbidden},
		"bad SQL":          {engine: fmt.Errorf("%w: line 1", analytics.ErrSQL), want: http.StatusBadRequest},
		"no data store":    {engine: analytics.ErrNoTable, want: http.StatusNotFound},
		"no DuckDB":        {engine: iotenant.ErrUnsupported, want: http.StatusNotImplemented},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.authenticator.EXPECT().Authenticate(gomock.Any(), "a-token").Return(auth.Principal{Tenant: north, Expires: time.Now().Add(time.Hour)}, test.token)
			if test.token == nil {
				b.gate.EXPECT().Admit(gomock.Any(), north).Return(test.gate)
			}
			if test.engine != nil {
				b.engine.EXPECT().Query(gomock.Any(), north, gomock.Any()).Return(nil, test.engine)
			}
			require.Equal(t, test.want, invoke(t, b.services()).StatusCode)
		})
	}
}

// TestTwins asks DuckDB over data stores in memory.
func TestTwins(t *testing.T) {
	t.Parallel()
	objects := memanalytics.NewObjects()
	lake := lakeanalytics.New(objects, tenant.RandomCursorKeys())
	table := analytics.TableID{Kind: analytics.DatastoreTable, Name: "readings"}
	for id, celsius := range map[tenant.ID]float64{north: 96, south: 21} {
		require.NoError(t, lake.Declare(t.Context(), id, analytics.Table{TableID: table}))
		_, err := lake.Append(t.Context(), id, table, []analytics.Row{{ID: "1", At: time.Now(), Payload: fmt.Appendf(nil, `{"device": "press-1", "celsius": %f}`, celsius)}})
		require.NoError(t, err)
	}
	engine := duckanalytics.NewInProcess(lake, objects)
	defer engine.Close()
	probe, err := engine.Query(context.Background(), north, analytics.Statement{SQL: "SELECT 1 AS n", Now: time.Now()})
	if iotenant.KindOf(err) == iotenant.ErrUnsupported {
		t.Skip(err)
	}
	require.NoError(t, err)
	require.NoError(t, probe.Close())
	for id, want := range map[tenant.ID]string{north: "96.0", south: "21.0"} {
		b := setup(t)
		b.signIn(id)
		s := b.services()
		s.engine, s.objects = engine, objects

		response := invoke(t, s)

		require.Equal(t, http.StatusOK, response.StatusCode, response.Body)
		require.Equal(t, "\"device\",\"hottest\"\n\"press-1\",\""+want+"\"\n", response.Body)
	}
}

func TestCompose(t *testing.T) {
	t.Parallel()
	environment := map[string]string{"CURSOR_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", "TABLE": "iotenant"}
	env := func(name string) string { return environment[name] }
	logger := slog.New(slog.DiscardHandler)
	for _, variable := range [][2]string{{"USER_POOL_ID", "eu-west-1_AbCd12345"}, {"USER_POOL_CLIENTS", "1example23456789"}, {"BUCKET", "lake"}} {
		_, err := compose(aws.Config{Region: "eu-west-1"}, env, logger, nil)
		require.EqualError(t, err, "environment variable "+variable[0]+" is not set")
		environment[variable[0]] = variable[1]
	}
	s, err := compose(aws.Config{Region: "eu-west-1"}, env, logger, nil)
	require.NoError(t, err)
	require.NotNil(t, newHandler(s))
	_, err = s.engine.Query(t.Context(), north, analytics.Statement{SQL: "SELECT 1", Now: time.Now()})
	require.ErrorIs(t, err, iotenant.ErrUnsupported, "there is no worker")
	environment["USER_POOL_ID"] = "none"
	_, err = compose(aws.Config{}, env, logger, nil)
	require.Error(t, err)
}
