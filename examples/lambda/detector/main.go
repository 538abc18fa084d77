// Command detector is a Lambda function that evaluates what devices report with
// the models of their tenants. Its events come from Kinesis, SQS, or straight
// from a rule of AWS IoT Core, which selects
//
//	SELECT *, topic() AS topic, topic(4) AS thing FROM 't/+/d/+/telemetry/#'
//
// Switch ReportBatchItemFailures on, and give the event source a dead-letter
// queue. Its environment is that of package cloud.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/iotenant/iotenant/alerts/lambdaalerts"
	"github.com/iotenant/iotenant/examples/internal/cloud"
)

func main() {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	err := run(logger)
	logger.Error("detector can't start", "error", err)
	os.Exit(1)
}

func run(logger *slog.Logger) error {
	account, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		return err
	}
	runtime, _, err := cloud.NewRuntime(account, os.Getenv, logger)
	if err != nil {
		return err
	}
	lambda.Start(newHandler(runtime, func(o *lambdaalerts.Options) { o.Logger = logger }))
	return nil
}
