package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/iotenant/iotenant/auth/lambdaauth"
	"github.com/iotenant/iotenant/examples/internal/api"
)

// newHandler returns the Lambda function: the same handler that examples/local
// serves, behind the events of an API Gateway HTTP API.
//
// A function of your own needs no more: a constructor that takes interfaces
// and returns a handler. The test gives it mocks, main gives it backends.
func newHandler(services api.Services, optFns ...func(*api.Options)) lambda.Handler {
	return lambdaauth.NewHandler(api.New(services, optFns...))
}
