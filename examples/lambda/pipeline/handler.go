package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/iotenant/iotenant/analytics"
	"github.com/iotenant/iotenant/analytics/lambdaanalytics"
)

// newHandler returns the Lambda function: it puts the messages of an event into
// the channels of their tenants, and what the pipelines make of them into data
// stores.
func newHandler(ingester analytics.Ingester, optFns ...func(*lambdaanalytics.Options)) lambda.Handler {
	return lambdaanalytics.NewIngest(ingester, optFns...)
}

// newTransformer returns the Lambda function that stores nothing: Firehose
// delivers what the pipelines make of its records.
func newTransformer(pipelines lambdaanalytics.Pipelines, optFns ...func(*lambdaanalytics.TransformOptions)) lambda.Handler {
	return lambdaanalytics.NewTransformer(pipelines, optFns...)
}
