// Command pipeline is a Lambda function that takes what devices report: each
// message goes into a channel of its tenant, byte by byte, through the pipelines
// that read it, and into data stores. Its events come from Kinesis, SQS,
// Amazon Data Firehose, or straight from a rule of AWS IoT Core, which selects
//
//	SELECT *, topic() AS topic, topic(4) AS thing FROM 't/+/d/+/telemetry/#'
//
// Its environment is that of package datalake, and
//
//	MODE         ingest; forward, to have Firehose deliver the records too; or
//	             transform, to have it deliver what pipelines make of them, and
//	             store nothing. Default ingest
//	IOT_ENDPOINT the account's endpoint of IoT Core (iot:Data-ATS), for
//	             deviceShadowEnrich; optional, without it that fails
//
// # Event sources
//
//   - Kinesis: FunctionResponseTypes ReportBatchItemFailures, BatchSize 500 or
//     more, MaximumBatchingWindowInSeconds 5, ParallelizationFactor as needed,
//     MaximumRetryAttempts 10, BisectBatchOnFunctionError, and a destination
//     for failures.
//   - SQS: ReportBatchItemFailures, BatchSize 1000 with
//     MaximumBatchingWindowInSeconds 5, a visibility timeout of six times the
//     function's, and a dead-letter queue.
//   - Firehose: a processor Lambda with BufferSizeInMBs 1, and an output for
//     errors. With MODE=transform, dynamic partitioning by
//     !{partitionKeyFromLambda:tenant}.
//
// Large batches make large files: a batch is at least one object for each
// channel and data store in it. The function needs 512 MB and a timeout of a
// minute, more if pipelines call slow functions.
//
// # Permissions
//
//	{"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query"],
//	 "Resource": ["arn:aws:dynamodb:REGION:ACCOUNT:table/TABLE", "arn:aws:dynamodb:REGION:ACCOUNT:table/TABLE/index/*"]},
//	{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
//	 "Resource": "arn:aws:s3:::BUCKET/PREFIXtenants/*"},
//	{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::BUCKET",
//	 "Condition": {"StringLike": {"s3:prefix": "PREFIXtenants/*"}}},
//	{"Effect": "Allow", "Action": "lambda:InvokeFunction",
//	 "Resource": "arn:aws:lambda:REGION:ACCOUNT:function:*_*"},
//	{"Effect": "Allow", "Action": "iot:GetThingShadow",
//	 "Resource": "arn:aws:iot:REGION:ACCOUNT:thing/*"}
//
// besides those of the event source: AWSLambdaKinesisExecutionRole or
// AWSLambdaSQSQueueExecutionRole. Functions of tenants are named
// <tenant>_<name>, so the function's own name must have no '_'.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
)

func main() {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	err := run(logger)
	logger.Error("pipeline can't start", "error", err)
	os.Exit(1)
}

func run(logger *slog.Logger) error {
	account, err := config.LoadDefaultConfig(context.Background())
	if err != nil {
		return err
	}
	handler, err := compose(account, os.Getenv, logger)
	if err != nil {
		return err
	}
	lambda.Start(handler)
	return nil
}
