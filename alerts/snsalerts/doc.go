// Package snsalerts acts on Amazon SNS: it publishes alerts to topics, sends
// them as SMS, and keeps the topics and subscriptions of tenants.
//
// # Topics of tenants
//
// A model names a topic, alerts.Targets decides which one it is. Where tenants
// own their subscriptions, give each its own topic: alerts.ToOwnTargets, and
// [Topics] to create it. A topic that all share, alerts.ToOneTarget, is for
// receivers of the platform: each message has the attribute "tenant", by which
// a subscription can filter. A filter policy routes, it does not isolate: who
// may change a subscription can widen it.
//
// # Messages
//
// The message is the alert's payload, at most 256 KiB with its attributes, the
// default of SNS. The attributes are tenant, model, event, state, alertId, and
// key unless the model has none. To a FIFO topic, an ARN that ends with
// ".fifo", messages of a detector go as a group, and the alert's id removes
// duplicates within five minutes; it is unique over all tenants, so equal
// alerts of two tenants do not collapse.
package snsalerts
