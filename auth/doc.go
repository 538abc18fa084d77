// Package auth holds who may act, and for which tenant: verified tokens,
// principals, HTTP middleware, and the identity provider as its users see it.
//
// # Verification
//
// [Verifier] verifies the tokens of Amazon Cognito user pools, and of
// everything that issues tokens of the same form, such as memauth:
//
//	pool, err := auth.CognitoIssuer("eu-west-1_AbCd12345", []string{"1example23456789"})
//	verifier, err := auth.NewVerifier([]auth.Issuer{pool})
//	principal, err := verifier.Authenticate(ctx, token)
//	things, err := registry.List(ctx, principal.Tenant)
//
// The tenant comes from a claim of the verified token, from nowhere else. Who
// can write that claim decides who gets in: see [DefaultTenantClaim].
//
// Keys come from a [KeySource]. [RemoteKeys] fetches them from the URL of the
// configuration, never from one that a token names. [ParseJWKS] makes a source
// of a file's content, with which a Lambda verifies on its first request
// without a network.
//
// # HTTP
//
// [Middleware] lets good bearer tokens of active tenants through. Handlers
// take the principal from the context once, and pass its tenant on as an
// argument:
//
//	secured := auth.Middleware(verifier, directory)
//	mux.Handle("GET /things", secured(listThings))
//
//	principal, err := auth.FromContext(r.Context())
//	things, err := registry.List(ctx, principal.Tenant)
//
// Package lambdaauth puts the same handlers behind API Gateway.
//
// # Identity
//
// [Identity] is sign-up, login, refresh, profile and sign-out. Package memauth
// is an implementation that needs no account.
package auth
