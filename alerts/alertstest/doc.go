// Package alertstest helps to test what uses or implements package alerts: the
// contract of [alerts.Notifier] as a test suite, a wrapper that injects faults,
// a notifier that remembers, and a clock that stands still.
package alertstest
