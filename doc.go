// Package iotenant is the Go SDK for multitenant IoT backends on AWS.
//
// The module is a set of importable packages. Each concern of an IoT backend
// has a domain package that holds its types, its rules and a small interface,
// and beside it the implementations of that interface: one that runs on a
// laptop and one that runs on AWS.
//
//   - [github.com/iotenant/iotenant/tenant]: who owns what. Tenant ids, the
//     tenant-keyed repository, the tenant directory.
//   - [github.com/iotenant/iotenant/auth]: who may do what. Token verification,
//     principals, HTTP middleware.
//   - [github.com/iotenant/iotenant/device]: what is connected. Things,
//     credentials, topics, the message bus.
//   - [github.com/iotenant/iotenant/shadow]: desired, reported, delta.
//   - [github.com/iotenant/iotenant/alerts]: detector models, the successor of
//     AWS IoT Events.
//   - [github.com/iotenant/iotenant/analytics]: telemetry kept and asked about.
//
// This package itself holds only the error kinds that all others wrap.
package iotenant
