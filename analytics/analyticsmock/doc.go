// Package analyticsmock holds mocks of the interfaces of package analytics,
// made with mockgen. Use them to check calls; to keep messages in a unit test
// use memanalytics, and to see what code does when a store fails, wrap one by
// analyticstest.Faulty.
package analyticsmock
