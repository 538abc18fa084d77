// Command device-api is the HTTP API as an AWS Lambda function behind an API
// Gateway HTTP API, payload format 2.0.
//
// Its environment:
//
//	USER_POOL_ID      the Cognito user pool whose tokens are taken
//	USER_POOL_CLIENTS its app clients, separated by commas
//	CURSOR_KEY        at least 32 random bytes in base64, which seal page cursors
//	STORE             the file of the embedded store, on a file system that
//	                  outlives the function
//
// The embedded store is for one process: give the function a reserved
// concurrency of 1.
package main

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/iotenant/iotenant/examples/internal/api"
)

func main() {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	services, err := compose(os.Getenv)
	if err != nil {
		logger.Error("device-api can't start", "error", err)
		os.Exit(1)
	}
	lambda.Start(newHandler(services, func(o *api.Options) { o.Logger = logger }))
}
