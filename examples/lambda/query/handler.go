package main

import (
	"context"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lambdaanalytics"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/auth/lambdaauth"
	"github.com/iotenant/iotenant/tenant"
)

// services are what the function needs.
type services struct {
	authenticator auth.Authenticator
	gate          tenant.Gate
	engine        analytics.Engine
	objects       analytics.Objects
	logger        *slog.Logger
}

// newHandler returns the Lambda function: behind API Gateway, it answers
// statements over the data stores of the tenant in the bearer token.
func newHandler(s services) lambda.Handler {
	identify := func(ctx context.Context) (tenant.ID, error) {
		principal, err := auth.FromContext(ctx)
		return principal.Tenant, err
	}
	query := lambdaanalytics.NewQuery(s.engine, identify, func(o *lambdaanalytics.QueryOptions) {
		o.Objects, o.Logger = s.objects, s.logger
	})
	secured := auth.Middleware(s.authenticator, s.gate, func(o *auth.MiddlewareOptions) { o.Logger = s.logger })(query)
	return lambdaauth.NewHandler(secured, func(o *lambdaauth.Options) { o.Logger = s.logger })
}
