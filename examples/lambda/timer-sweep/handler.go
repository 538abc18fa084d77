package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/lambdaalerts"
	"github.com/iotenant/iotenant/tenant"
)

// newHandler returns the Lambda function: it fires the timers and delivers the
// actions of the tenant that a schedule names, or of all that are active.
func newHandler(processor alerts.Processor, directory *tenant.Directory) lambda.Handler {
	return lambdaalerts.NewSweeper(processor, directory.Active)
}
