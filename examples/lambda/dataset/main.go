// Command dataset is a Lambda function that makes the contents of data sets. Two
// kinds of schedules of EventBridge start it: a regular one, every minute for
// example, makes whatever is due of all active tenants by the schedules of
// their definitions, delivers it, and tidies up data stores; others make one
// content, at a time of their own, or because data came late:
//
//	{"tenant": "acme", "datasetName": "daily", "versionId": "…"}
//
// Without datasetName it sweeps the tenant. Deliveries to S3 go to deliveries/ in
// the tenant's part of the bucket; late data is logged.
//
// Statements run in a process of their own, as those of command query do, which
// says how both are built. Its environment is that of package datalake. The
// function needs 2 GB of memory, as much ephemeral storage as the files of a
// statement take, and a timeout of 15 minutes. Give it a reserved concurrency
// of 2 and the asynchronous configuration MaximumRetryAttempts 0: what failed is
// done by the next regular one.
//
// # Permissions
//
//	{"Effect": "Allow",
//	 "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:Query"],
//	 "Resource": ["arn:aws:dynamodb:REGION:ACCOUNT:table/TABLE", "arn:aws:dynamodb:REGION:ACCOUNT:table/TABLE/index/*"]},
//	{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
//	 "Resource": "arn:aws:s3:::BUCKET/PREFIXtenants/*"},
//	{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::BUCKET",
//	 "Condition": {"StringLike": {"s3:prefix": "PREFIXtenants/*"}}}
//
// The role of the schedules needs lambda:InvokeFunction on the function; nobody
// else may have it, since an event says whose data set it is.
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
