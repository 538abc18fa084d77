// Package tenantmock holds mocks of the interfaces of package tenant, made
// with mockgen. Use them to check calls; to see what code does when a store
// fails, wrap a real one by tenanttest.Faulty instead. The tests of
// examples/lambda/service-visits do both for a service of one's own.
package tenantmock
