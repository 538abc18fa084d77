package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/iotenant/iotenant/alerts"
	"github.com/iotenant/iotenant/alerts/lambdaalerts"
)

// newHandler returns the Lambda function: it gives the messages of an event to
// the detectors of their tenants, and has delivered what these decide.
func newHandler(processor alerts.Processor, optFns ...func(*lambdaalerts.Options)) lambda.Handler {
	return lambdaalerts.NewIngest(processor, optFns...)
}
