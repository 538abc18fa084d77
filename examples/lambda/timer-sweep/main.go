// Command timer-sweep is a Lambda function that fires timers and delivers
// actions. Two kinds of schedules of EventBridge start it: those that the
// runtime makes for the moment at which a tenant has something due, and a
// regular one, every five minutes for example, for what those have missed.
//
// Its environment is that of package cloud.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/iotenant/iotenant/examples/internal/cloud"
)

func main() {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	err := run(logger)
	logger.Error("timer-sweep can't start", "error", err)
	os.Exit(1)
}

func run(logger *slog.Logger) error {
	account, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		return err
	}
	runtime, directory, err := cloud.NewRuntime(account, os.Getenv, logger)
	if err != nil {
		return err
	}
	lambda.Start(newHandler(runtime, directory))
	return nil
}
