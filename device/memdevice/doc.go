// Package memdevice holds what package device needs of the world, in memory:
// a [Bus] for unit tests and for programs of one process, and an [Authority]
// that issues client certificates for the local twin of AWS IoT Core.
package memdevice
