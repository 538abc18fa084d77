// Package lambdaalerts runs detectors in AWS Lambda: it takes messages from
// Kinesis, SQS and rules of AWS IoT Core, and wakes timers.
//
// # Messages
//
// [NewIngest] makes a function of an alerts.Processor:
//
//	lambda.Start(lambdaalerts.NewIngest(runtime))
//
// Whose a message is, and for which input, a [Decode] says. The default,
// [FromTopic], reads what this rule selects; no device can write the topic:
//
//	SELECT *, topic() AS topic, topic(4) AS thing FROM 't/+/d/+/telemetry/#'
//
// Messages of one tenant are evaluated together, in their order. What fails in
// passing is reported as the event source wants it and comes again: switch
// ReportBatchItemFailures on. What is refused for good, because it is no JSON
// for example, would fail each time: it is given to Options.Refused and not
// reported. A message without an id of its own takes that of its record, so that
// one that comes again is known.
//
// After the messages the function sweeps their tenants, so that actions are
// delivered at once. A failure of that fails no message: they are durable.
//
// # Timers
//
// [NewSweeper] makes the function that schedules start: those of package
// scheduleralerts for one tenant, and a regular one, for all of them.
package lambdaalerts
