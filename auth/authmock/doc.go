// Package authmock has mocks of the interfaces of package auth, made by
// mockgen.
package authmock
