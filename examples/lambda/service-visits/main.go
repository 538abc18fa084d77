// Command service-visits is a Lambda function of a service of your own: the
// fitters' app sends a message to an SQS queue when somebody has serviced a
// machine, and the function keeps the machine's record.
//
// It shows how such a service is written and tested. The handler takes
// interfaces of package tenant and returns a function. handler_test.go tests it with
// mocks alone, call by call; store_test.go with an in-memory store whose answers
// get lost, for what has to hold in the end. Neither needs AWS, or a network.
//
// Its environment:
//
//	TABLE      the DynamoDB table of the system, as dynamotenant.Table describes it
//	CURSOR_KEY at least 32 random bytes in base64
//
// Its role needs dynamodb:GetItem and dynamodb:PutItem on the table, its event source
// mapping ReportBatchItemFailures.
package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/dynamotenant"
)

func main() {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	account, err := config.LoadDefaultConfig(context.Background())
	if err == nil {
		err = run(account, logger)
	}
	logger.Error("service-visits can't start", "error", err)
	os.Exit(1)
}

func run(account aws.Config, logger *slog.Logger) error {
	store, err := open(account, os.Getenv)
	if err != nil {
		return err
	}
	lambda.Start(newHandler(services{
		gate:       tenant.NewDirectory(dynamotenant.NewRepository(store, &tenant.TenantSchema)),
		machines:   dynamotenant.NewRepository(store, &machineSchema),
		transactor: store,
		logger:     logger,
	}))
	return nil
}

// open returns the store that the environment names. It calls nothing.
func open(account aws.Config, getenv func(string) string) (*dynamotenant.Store, error) {
	if getenv("TABLE") == "" {
		return nil, errors.New("environment variable TABLE is not set")
	}
	secret, err := base64.StdEncoding.DecodeString(getenv("CURSOR_KEY"))
	if err != nil {
		return nil, fmt.Errorf("CURSOR_KEY: %w", err)
	}
	cursors, err := tenant.NewCursorKeys(secret)
	if err != nil {
		return nil, fmt.Errorf("CURSOR_KEY: %w", err)
	}
	return dynamotenant.New(dynamodb.NewFromConfig(account), getenv("TABLE"), cursors), nil
}
