package auth

import "context"

//go:generate go tool -modfile=../tools/go.mod mockgen -source=authenticator.go -destination=authmock/authenticator.go -package=authmock -write_source_comment=false -write_package_comment=false

// Authenticator turns a token into who acts. [Verifier] is one.
type Authenticator interface {
	// Authenticate verifies a token and returns its principal, whose Tenant
	// is not zero. Errors: [ErrToken], of which [ErrExpired] is one, and
	// [ErrKeys]. It may be called concurrently.
	Authenticate(ctx context.Context, token string) (Principal, error)
}
