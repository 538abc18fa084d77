// Package tenantmock holds mocks of the interfaces of package tenant, made
// with mockgen. Use them to check calls; to see what code does when a store
// fails, wrap a real one by tenanttest.Faulty instead.
package tenantmock
