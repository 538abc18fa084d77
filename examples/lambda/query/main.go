// Command query is a Lambda function that answers SQL over data stores, behind
// an API Gateway HTTP API, payload format 2.0: a POST of
//
//	{"sql": "SELECT device, avg(celsius) FROM readings GROUP BY 1", "format": "csv"}
//
// with a bearer token of Cognito. Whose data stores are read, the token says. A
// result that is too large for an answer is put into the bucket, and answered
// as a link.
//
// Statements run in a process of their own, without credentials: the function
// starts itself again with the argument sqlworker.
//
// Its environment is that of package datalake, and
//
//	USER_POOL_ID      the Cognito user pool whose tokens are taken
//	USER_POOL_CLIENTS its app clients, separated by commas
//
// DuckDB needs cgo: build for the architecture of the function, statically,
//
//	CGO_ENABLED=1 go build -tags lambda.norpc,osusergo,netgo -ldflags '-s -w -linkmode external -extldflags "-static"'
//
// A build without cgo starts, and answers 501. The function needs 2 GB of memory,
// as much ephemeral storage as the files of a statement take, and a timeout of
// 29 s, which is that of API Gateway.
//
// # Permissions
//
//	{"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query"],
//	 "Resource": "arn:aws:dynamodb:REGION:ACCOUNT:table/TABLE"},
//	{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::BUCKET/PREFIXtenants/*"},
//	{"Effect": "Allow", "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
//	 "Resource": "arn:aws:s3:::BUCKET/PREFIXtenants/*/queries/*"},
//	{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::BUCKET",
//	 "Condition": {"StringLike": {"s3:prefix": "PREFIXtenants/*"}}}
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/iotenant/iotenant/analytics/duckanalytics"
)

// workerArgument makes the program a worker.
const workerArgument = "sqlworker"

func main() {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if len(os.Args) == 2 && os.Args[1] == workerArgument {
		if err := duckanalytics.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	err := run(logger)
	logger.Error("query can't start", "error", err)
	os.Exit(1)
}

func run(logger *slog.Logger) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	account, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		return err
	}
	s, err := compose(account, os.Getenv, logger, []string{self, workerArgument})
	if err != nil {
		return err
	}
	lambda.Start(newHandler(s))
	return nil
}
