// Package api is the HTTP API of the example backend: sign-in, tenants,
// devices, telemetry, shadows and commands, models, rules and alerts, channels,
// pipelines, data stores and data sets. It is one http.Handler, served by examples/local and, behind API Gateway, by the
// Lambdas.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/tenant"
)

// OperatorGroup is the group of the users who operate the platform. They may
// create, list and suspend tenants.
const OperatorGroup = "operators"

// maxBody is the limit of a request body in bytes: a detector model may have
// 512 KB.
const maxBody = 600 << 10

// Services is what the API is composed of. All are required but Identity,
// Detectors, Shelves, Definitions with Ingest, Reprocessings, Datasets and
// Engine; without these the API lacks their operations.
type Services struct {
	// Authenticator verifies bearer tokens, and Gate decides whether their
	// tenants are served.
	Authenticator auth.Authenticator
	Gate          tenant.Gate

	// Identity is nil where users sign in elsewhere.
	Identity  auth.Identity
	Tenants   *tenant.Directory
	Devices   *device.Registry
	Telemetry analytics.Store
	Shadows   shadow.Shadows
	Commands  *shadow.Commander
	Models    *alerts.Models
	Alerts    *alerts.Alerts
	Detectors *alerts.Runtime
	Shelves   *alerts.Shelves

	Definitions   *analytics.Definitions
	Ingest        *analytics.Ingest
	Reprocessings *analytics.Reprocessings
	Datasets      *analytics.Datasets
	Engine        analytics.Engine
}

// Options are the options of [New].
type Options struct {
	// Logger is told of failures that clients see as status 500 or 503.
	// Default silent.
	Logger *slog.Logger
	// CommandTimeout is the longest time that a command may wait for its
	// device. Default 30 s.
	CommandTimeout time.Duration
	// Disconnect is called after a device was deleted or one of its
	// credentials revoked, to end its connections. Default: it does nothing.
	Disconnect func(tenant.ID, device.ID)
	// KeySet, if set, is served at /.well-known/jwks.json.
	KeySet http.Handler
}

// New returns the handler of the API. Its description is served at
// /openapi.json.
//
// Every operation needs a bearer token of an active tenant, except those that
// are registered as public.
func New(services Services, optFns ...func(*Options)) http.Handler {
	options := Options{Logger: slog.New(slog.DiscardHandler), CommandTimeout: 30 * time.Second, Disconnect: func(tenant.ID, device.ID) {}}
	for _, fn := range optFns {
		fn(&options)
	}
	inner := http.NewServeMux()
	a := &api{Services: services, options: options, inner: inner, root: http.NewServeMux()}
	a.huma = humago.New(inner, config())
	a.huma.UseMiddleware(a.refuseRepeated)
	if a.Identity != nil {
		a.registerAuth()
	}
	a.registerTenants()
	a.registerDevices()
	a.registerTelemetry()
	a.registerAggregates()
	a.registerCharts()
	a.registerShadows()
	a.registerModels()
	a.registerRules()
	a.registerAlerts()
	if a.Detectors != nil {
		a.registerDetectors()
	}
	if a.Shelves != nil {
		a.registerShelves()
	}
	a.registerAnalytics()

	a.root.Handle("GET /openapi.json", inner)
	a.root.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	if options.KeySet != nil {
		a.root.Handle("GET /.well-known/jwks.json", options.KeySet)
	}
	secured := auth.Middleware(services.Authenticator, services.Gate, func(o *auth.MiddlewareOptions) { o.Logger = options.Logger })
	a.root.Handle("/", secured(inner))
	return a.root
}

func (a *api) registerAnalytics() {
	if a.Definitions != nil {
		a.registerDefinitions()
		a.registerIngestion()
	}
	if a.Reprocessings != nil {
		a.registerReprocessing()
	}
	if a.Datasets != nil {
		a.registerContents()
	}
	if a.Engine != nil {
		a.registerQueries()
	}
}

type api struct {
	Services
	options Options
	huma    huma.API
	inner   *http.ServeMux
	root    *http.ServeMux
}

func config() huma.Config {
	config := huma.DefaultConfig("iotenant", "1")
	config.Info.Description = "A multitenant IoT backend. The tenant of a request is that of its bearer token; no parameter names one, except where operators manage tenants."
	config.DocsPath = ""
	config.SchemasPath = ""
	config.CreateHooks = nil
	config.RejectUnknownQueryParameters = true
	config.Transformers = []huma.Transformer{withoutValues}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
	}
	return config
}

// refuseRepeated refuses a query parameter that comes twice, of which only the
// first would be read: lists have commas.
func (a *api) refuseRepeated(ctx huma.Context, next func(huma.Context)) {
	requested := ctx.URL()
	for name, values := range requested.Query() {
		if len(values) > 1 {
			detail := &huma.ErrorDetail{Message: "it is there more than once; separate the values of a list by commas", Location: "query." + name}
			_ = huma.WriteErr(a.huma, ctx, http.StatusUnprocessableEntity, "validation failed", detail)
			return
		}
	}
	next(ctx)
}

// operation registers one operation for users of the tenant.
func operation[I, O any](a *api, op huma.Operation, handle func(context.Context, tenant.ID, *I) (*O, error)) {
	op.Security = []map[string][]string{{"bearer": {}}}
	add(a, op, func(ctx context.Context, input *I) (*O, error) {
		principal, err := auth.FromContext(ctx)
		if err != nil {
			return nil, err
		}
		return handle(ctx, principal.Tenant, input)
	})
}

// operatorOperation registers one operation for operators of the platform.
func operatorOperation[I, O any](a *api, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	op.Security = []map[string][]string{{"bearer": {}}}
	add(a, op, func(ctx context.Context, input *I) (*O, error) {
		principal, err := auth.FromContext(ctx)
		if err != nil {
			return nil, err
		}
		if !principal.InGroup(OperatorGroup) {
			return nil, auth.ErrForbidden
		}
		return handle(ctx, input)
	})
}

// publicOperation registers one operation for everybody.
func publicOperation[I, O any](a *api, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	a.root.Handle(op.Method+" "+op.Path, a.inner)
	add(a, op, handle)
}

func add[I, O any](a *api, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = maxBody
	}
	huma.Register(a.huma, op, func(ctx context.Context, input *I) (*O, error) {
		output, err := handle(ctx, input)
		if err != nil {
			return nil, a.problem(ctx, op.OperationID, err)
		}
		return output, nil
	})
}
