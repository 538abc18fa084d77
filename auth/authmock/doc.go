// Package authmock holds mocks of the interfaces of package auth, made with
// mockgen. For real tokens in tests see authtest.NewIssuer.
package authmock
