// Package devicemock holds mocks of the interfaces of package device, made
// with mockgen. Use them to check calls; to see what code does when a bus or a
// receiver fails, wrap a real one with package devicetest instead.
package devicemock
