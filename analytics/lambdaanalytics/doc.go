// Package lambdaanalytics runs analytics in AWS Lambda: it takes messages from
// Kinesis, SQS, Amazon Data Firehose and rules of AWS IoT Core, transforms
// records of Firehose, answers SQL, and makes the contents of data sets.
//
// # Messages
//
// [NewIngest] makes a function of an analytics.Ingester:
//
//	lambda.Start(lambdaanalytics.NewIngest(ingest))
//
// Whose a message is, and for which channel, a [Decode] says. The default,
// [FromTopic], reads what this rule selects; no device can write the topic:
//
//	SELECT *, topic() AS topic, topic(4) AS thing FROM 't/+/d/+/telemetry/#'
//
// With [FromEnvelope] the channel keeps the bytes that the thing sent, also
// those that are no JSON.
//
// Messages of one tenant and channel are put together, in their order; tenants
// do not wait for each other, but for a place among Options.Parallel. What fails
// in passing is reported as the event source wants it and comes again. What is
// refused for good, because its channel does not exist for example, would fail
// each time: it is given to Options.Refused and not reported. A row's id is that
// of the message, else that of its record, so that one that comes again is
// stored once, as long as analytics.Lake remembers it; functions of pipelines
// are called again.
//
// # Event sources
//
//   - Kinesis and SQS: switch ReportBatchItemFailures on. A stream waits for a
//     record that fails in passing, also for the tenants behind it: set
//     MaximumRetryAttempts or MaximumRecordAgeInSeconds, and a destination for
//     failures. A queue has a dead-letter queue, and a visibility timeout of six
//     times that of the function.
//   - Firehose: a transformation of the stream. Its timeout is at most 5
//     minutes. The stream delivers nothing, or, with Options.Forward, what it
//     got; what is refused is in its output for errors.
//   - A rule: one message for each invocation, which is the dearest way.
//
// # Transformation
//
// [NewTransformer] makes a function that stores nothing: pipelines make of each
// record what the stream then delivers, a line of JSON. With dynamic
// partitioning the stream keeps tenants apart in its bucket:
//
//	Prefix: t/!{partitionKeyFromLambda:tenant}/!{partitionKeyFromLambda:datastore}/
//
// What does not fit into a response, 6 MB, is ProcessingFailed; let the stream
// gather no more than a sixth of that if pipelines make much of little.
//
// # Queries and data sets
//
// [NewQuery] answers SQL over the data stores of the tenant that was verified.
// [NewSweeper] and [NewDatasetRunner] make contents: of all that is due, at
// regular intervals, and of one data set.
package lambdaanalytics
