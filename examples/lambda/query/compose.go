package main

import (
	"log/slog"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/iotenant/iotenant/analytics/workeranalytics"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/examples/internal/datalake"
	"github.com/iotenant/iotenant/examples/internal/environment"
)

// compose puts the services together as the environment says. worker is the
// command of the process in which statements run. It calls nothing.
func compose(account aws.Config, env environment.Environment, logger *slog.Logger, worker []string) (services, error) {
	if err := env.Need("USER_POOL_ID", "USER_POOL_CLIENTS"); err != nil {
		return services{}, err
	}
	pool, err := auth.CognitoIssuer(env("USER_POOL_ID"), strings.Split(env("USER_POOL_CLIENTS"), ","))
	if err != nil {
		return services{}, err
	}
	verifier, err := auth.NewVerifier([]auth.Issuer{pool})
	if err != nil {
		return services{}, err
	}
	lake, err := datalake.Open(account, env, func(o *datalake.Options) { o.Logger = logger })
	if err != nil {
		return services{}, err
	}
	engine := workeranalytics.New(lake.Lake, lake.Objects, func(o *workeranalytics.Options) {
		o.Command, o.Processes = worker, 1 // the function answers one request at a time
	})
	return services{authenticator: verifier, gate: lake.Directory, engine: engine, objects: lake.Objects, logger: logger}, nil
}
