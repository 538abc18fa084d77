// Package lambdaauth runs the HTTP handlers of this module in AWS Lambda,
// behind an API Gateway HTTP API, and keeps what its authorizers found out.
//
//	secured := auth.Middleware(verifier, directory)(mux)
//	lambda.Start(lambdaauth.NewHandler(secured))
//
// The same handlers serve net/http elsewhere.
//
// # Authorizers
//
// Without an authorizer, or with one that isn't trusted, auth.Middleware
// verifies the bearer token: nothing in the API's configuration can let a
// request in. Two kinds of authorizer can take over the work:
//
//   - A JWT authorizer, with Options.Verifier. API Gateway checks signature,
//     issuer, audience and times, but not "token_use" nor the tenant: the
//     verifier judges the claims, without the signature.
//   - A Lambda authorizer made by [NewAuthorizer], with Options.TrustAuthorizer.
//
// What they say becomes the auth.Principal of the request. If that can't be
// done, the bearer token decides again. auth.Middleware still asks whether the
// tenant is active.
//
// The authorizers' data, and all else in the event, is to be had by [Event].
package lambdaauth
