package main

import (
	"context"
	"iter"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/lambdaalerts"
	"github.com/iotenant/iotenant/tenant"
)

// newHandler returns the Lambda function: it fires the timers and delivers the
// actions of the tenant that a schedule names, or of all that are active.
func newHandler(processor alerts.Processor, directory *tenant.Directory) lambda.Handler {
	return lambdaalerts.NewSweeper(processor, func(ctx context.Context) iter.Seq2[tenant.ID, error] { return active(ctx, directory) })
}

func active(ctx context.Context, directory *tenant.Directory) iter.Seq2[tenant.ID, error] {
	return func(yield func(tenant.ID, error) bool) {
		for t, err := range directory.All(ctx) {
			if err == nil && t.Status != tenant.StatusActive {
				continue
			}
			if !yield(t.ID, err) {
				return
			}
		}
	}
}
