// Package memauth is a small real identity provider that runs in the process:
// sign-up, confirmation, login, refresh, profile, sign-out, forgotten
// passwords. It needs no account and no network.
//
//	provider := memauth.New(memauth.Repositories{…}, directory, func(o *memauth.Options) {
//		o.Issuer = "http://localhost:8080"
//		o.Sender = memauth.SenderFunc(mailCode)
//	})
//	verifier, err := auth.NewVerifier([]auth.Issuer{provider.Issuer()})
//	mux.Handle("GET /.well-known/jwks.json", provider.JWKS())
//
// Its tokens have the claims of Amazon Cognito's, so what verifies them
// verifies those of a user pool.
//
// # Tenants
//
// Who signs up has no tenant, and gets no token. The backend decides who
// belongs where, by [Provider.AdminCreateUser] and [Provider.AssignTenant];
// nothing that a client sends can say it.
//
// # Storage
//
// Everything is kept in four repositories; see [Repositories]. Passwords are
// hashed with argon2id, codes and refresh tokens are kept as SHA-256 digests,
// signing keys as they are: protect the store. Several processes may share it.
//
// # Guessing
//
// Failed logins and codes make their username wait, whether or not there is
// such a user; see Options.FreeAttempts. A stranger can thereby delay a user's
// next login, by 15 minutes at most. Only [Provider.SignUp] tells that a
// username is taken.
//
// # Keys
//
// The first login makes an RSA key, and each Options.KeyTTL another takes
// over. Old keys are published until their last token has expired.
package memauth
