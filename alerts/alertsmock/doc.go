// Package alertsmock holds mocks of the interfaces of package alerts, generated
// by mockgen for gomock.
package alertsmock
