package main

import (
	"context"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/workeranalytics"
	"github.com/iotenant/iotenant/examples/internal/datalake"
	"github.com/iotenant/iotenant/examples/internal/environment"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

// compose puts the services together as the environment says. worker is the
// command of the process in which statements run. It calls nothing.
func compose(account aws.Config, env environment.Environment, logger *slog.Logger, worker []string) (services, error) {
	lake, err := datalake.Open(account, env, func(o *datalake.Options) { o.Logger = logger })
	if err != nil {
		return services{}, err
	}
	engine := workeranalytics.New(lake.Lake, lake.Objects, func(o *workeranalytics.Options) { o.Command, o.Processes = worker, 1 })
	datasets := analytics.NewDatasets(lake.Definitions,
		dynamotenant.NewRepository(lake.Store, &analytics.ContentSchema), dynamotenant.NewRepository(lake.Store, &analytics.DatasetStateSchema),
		lake.Objects, engine, func(o *analytics.DatasetsOptions) {
			o.Buckets, o.Snapshots, o.Logger = analytics.ToBuckets(lake.Objects), lake.Lake, logger
			o.Notify = func(ctx context.Context, id tenant.ID, late analytics.LateData) error {
				logger.WarnContext(ctx, "late data", "tenant", id.String(), "dataset", late.Dataset, "rule", late.Rule, "versions", late.Versions)
				return nil
			}
		})
	return services{
		datasets: datasets, lake: lake.Lake, objects: lake.Objects, tenants: lake.Directory.Active, logger: logger,
	}, nil
}
