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
//	CURSOR_KEY at least 32 random bytes in base64
//	STORE      the file of the embedded store, on a file system that outlives
//	           the function
//
// The embedded store is for one process: give the function a reserved
// concurrency of 1, and its event source mapping ReportBatchItemFailures.
package main

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/bolttenant"
)

func main() {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	store, err := open(os.Getenv)
	if err != nil {
		logger.Error("service-visits can't start", "error", err)
		os.Exit(1)
	}
	lambda.Start(newHandler(services{
		gate:       tenant.NewDirectory(bolttenant.NewRepository(store, &tenant.TenantSchema)),
		machines:   bolttenant.NewRepository(store, &machineSchema),
		transactor: store,
		logger:     logger,
	}))
}

func open(getenv func(string) string) (*bolttenant.Store, error) {
	secret, err := base64.StdEncoding.DecodeString(getenv("CURSOR_KEY"))
	if err != nil {
		return nil, fmt.Errorf("CURSOR_KEY: %w", err)
	}
	cursors, err := tenant.NewCursorKeys(secret)
	if err != nil {
		return nil, fmt.Errorf("CURSOR_KEY: %w", err)
	}
	return bolttenant.Open(getenv("STORE"), cursors)
}
