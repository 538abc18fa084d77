// Package lambdaevent reads the events with which sources of device messages
// invoke Lambda functions: Kinesis, SQS, Amazon Data Firehose, and rules of AWS
// IoT Core. It also writes what Kinesis and SQS want as an answer. [Sweeper] is
// what schedules invoke.
//
// An event is read in two passes over its text, without building what it holds:
// one that tells its source, one that takes its records.
//
// # What a device can write
//
// A rule invokes a function with what a device sent and with what the rule adds,
// in one object. So a device can send what looks like an event of SQS, in which
// it could name any tenant. An event is taken for one of a service only if it
// has no other members than those of that service: what a rule has added a
// member to never is.
package lambdaevent
