package main

import (
	"context"
	"encoding/json"
	"iter"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lambdaanalytics"
	"github.com/iotenant/iotenant/tenant"
)

// services are what the function needs.
type services struct {
	datasets interface {
		lambdaanalytics.Datasets
		Sweep(ctx context.Context, id tenant.ID) error
	}
	lake interface {
		Sweep(ctx context.Context, id tenant.ID) error
	}
	objects analytics.Objects
	tenants func(ctx context.Context) iter.Seq2[tenant.ID, error]
	logger  *slog.Logger
}

// newHandler returns the Lambda function: an event that names a data set makes a
// content of it; any other makes what is due, of one tenant or of all, and
// tidies up.
func newHandler(s services) lambda.Handler {
	return &handler{
		run: lambdaanalytics.NewDatasetRunner(s.datasets, func(o *lambdaanalytics.RunOptions) { o.Logger = s.logger }),
		sweep: lambdaanalytics.NewSweeper(
			lambdaanalytics.Sweeps(s.datasets.Sweep, s.lake.Sweep, lambdaanalytics.SweepResults(s.objects)), s.tenants,
			func(o *lambdaanalytics.SweepOptions) { o.Parallel = 2 }, // one statement runs at a time
		),
	}
}

type handler struct{ run, sweep lambda.Handler }

func (h *handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event struct {
		Dataset *string `json:"datasetName"`
	}
	if json.Unmarshal(payload, &event) == nil && event.Dataset != nil {
		return h.run.Invoke(ctx, payload)
	}
	return h.sweep.Invoke(ctx, payload)
}
