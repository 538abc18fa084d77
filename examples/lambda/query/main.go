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
	"log/slog"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/iotenant/iotenant/examples/internal/environment"
	"github.com/iotenant/iotenant/examples/internal/sqlfunction"
)

func main() {
	sqlfunction.Main(func(account aws.Config, env environment.Environment, logger *slog.Logger, worker []string) (lambda.Handler, error) {
		s, err := compose(account, env, logger, worker)
		if err != nil {
			return nil, err
		}
		return newHandler(s), nil
	})
}
