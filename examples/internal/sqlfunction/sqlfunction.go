// Package sqlfunction is the main program of a Lambda function that answers
// SQL: it starts itself again as the process in which statements run.
package sqlfunction

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/iotenant/iotenant/analytics/duckanalytics"
	"github.com/iotenant/iotenant/examples/internal/environment"
)

// workerArgument makes the program a worker.
const workerArgument = "sqlworker"

// Compose makes the function as the environment says. worker is the command of
// the process in which statements run.
type Compose func(account aws.Config, env environment.Environment, logger *slog.Logger, worker []string) (lambda.Handler, error)

// Main runs the function, or is its worker.
func Main(compose Compose) {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if len(os.Args) == 2 && os.Args[1] == workerArgument {
		if err := duckanalytics.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	logger.Error("the function can't start", "error", run(compose, logger))
	os.Exit(1)
}

func run(compose Compose, logger *slog.Logger) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	account, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		return err
	}
	handler, err := compose(account, os.Getenv, logger, []string{self, workerArgument})
	if err != nil {
		return err
	}
	lambda.Start(handler)
	return nil
}
