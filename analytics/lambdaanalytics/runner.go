package lambdaanalytics

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/tenant"
)

// Datasets are what makes the contents of data sets. An *analytics.Datasets is
// one.
type Datasets interface {
	CreateContent(ctx context.Context, id tenant.ID, dataset, version string) (string, error)
	Produce(ctx context.Context, id tenant.ID, dataset string) error
	Content(ctx context.Context, id tenant.ID, dataset, version string) (analytics.Content, error)
}

// RunOptions are the options of [NewDatasetRunner].
type RunOptions struct {
	// Reserve is how long before the end of the invocation the work ends, so
	// that the answer is still given; but at most half of the time that is
	// left. The content stays asked for. Default 10 s.
	Reserve time.Duration
	// Logger is told of contents that were not made yet. Default: silent.
	Logger *slog.Logger
}

// DatasetRunner is a Lambda function that makes a content of a data set. Give it
// to lambda.Start.
type DatasetRunner struct {
	datasets Datasets
	options  RunOptions
}

// NewDatasetRunner returns the function that makes contents with datasets, when
// it is told to: by hand, by a schedule of its own, or because of late data. For
// the schedules of definitions use [NewSweeper].
func NewDatasetRunner(datasets Datasets, optFns ...func(*RunOptions)) *DatasetRunner {
	options := RunOptions{Reserve: 10 * time.Second, Logger: slog.New(slog.DiscardHandler)}
	for _, fn := range optFns {
		fn(&options)
	}
	return &DatasetRunner{datasets: datasets, options: options}
}

// runAnswer is what the function answers.
type runAnswer struct {
	Version string                 `json:"versionId"`
	State   analytics.ContentState `json:"state"`
	Reason  string                 `json:"reason,omitempty"`
}

// Invoke implements lambda.Handler. Its event is
//
//	{"tenant": "acme", "datasetName": "daily", "versionId": "…"}
//
// where versionId is that of a content whose window is to be run again, or left
// out for a new one. Nobody but the platform may invoke it, since the event says
// whose data set it is. It answers
//
//	{"versionId": "…", "state": "SUCCEEDED"}
//
// or FAILED, with a reason, or CREATING if the content was asked for but could
// not be made yet: a [NewSweeper] function makes it. That is no error, so that
// Lambda does not ask for another one.
//
// Errors: [ErrEvent], those of CreateContent.
func (r *DatasetRunner) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var event struct {
		Tenant  tenant.ID `json:"tenant"`
		Dataset string    `json:"datasetName"`
		Version string    `json:"versionId"`
	}
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEvent, err)
	}
	if event.Tenant.IsZero() || event.Dataset == "" {
		return nil, fmt.Errorf("%w: want tenant and datasetName", ErrEvent)
	}
	version, err := r.datasets.CreateContent(ctx, event.Tenant, event.Dataset, event.Version)
	if err != nil {
		return nil, err
	}
	return json.Marshal(r.produce(ctx, event.Tenant, event.Dataset, version))
}

// produce makes a content that was asked for, and tells how far it is.
func (r *DatasetRunner) produce(ctx context.Context, id tenant.ID, dataset, version string) runAnswer {
	working, cancel := withReserve(ctx, r.options.Reserve)
	defer cancel()
	if err := r.datasets.Produce(working, id, dataset); err != nil {
		r.options.Logger.ErrorContext(ctx, "data set not produced", "tenant", id.String(), "dataset", dataset, "version", version, "error", err)
	}
	content, err := r.datasets.Content(ctx, id, dataset, version)
	if err != nil {
		r.options.Logger.ErrorContext(ctx, "content not read", "tenant", id.String(), "dataset", dataset, "version", version, "error", err)
		return runAnswer{Version: version, State: analytics.ContentCreating}
	}
	return runAnswer{Version: version, State: content.State, Reason: content.Reason}
}
