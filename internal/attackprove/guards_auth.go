package main

var authGuards = []guard{
	{
		name: "tokens are signed with RS256", file: "auth/verifier.go", pkg: "./auth",
		statement: "if string(head.algorithm) != algorithmRS256 {",
		disabled:  "if false {",
		tests:     []string{"TestAttackAlgorithms"},
	}, {
		name: "the signature is the issuer's", file: "auth/verifier.go", pkg: "./auth",
		statement: "if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], s.signature) != nil {",
		disabled:  "if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], s.signature) != nil && false {",
		tests:     []string{"TestAttackOtherIssuersKey", "TestAttackKeysInTheHeader"},
	}, {
		name: "the issuer is one of the configuration", file: "auth/verifier.go", pkg: "./auth",
		statement: "issuer := v.issuers[string(s.claims.issuer)]",
		disabled: `issuer := v.issuers[string(s.claims.issuer)]
	for _, other := range v.issuers {
		if issuer == nil {
			issuer = other
		}
	}`,
		tests: []string{"TestAttackClaims"},
	}, {
		name: "an access token is for one of the clients", file: "auth/verifier.go", pkg: "./auth",
		statement: "return i.isClient(c.clientID)",
		disabled:  "return true",
		tests:     []string{"TestAttackClaims", "TestAttackOtherIssuersKey"},
	}, {
		name: "an ID token is for our clients only", file: "auth/verifier.go", pkg: "./auth",
		statement: "if !i.isClient(audience) {",
		disabled:  "if !i.isClient(audience) && false {",
		tests:     []string{"TestAttackAudienceOfIDTokens"},
	}, {
		name: "the token has not expired", file: "auth/verifier.go", pkg: "./auth",
		statement: "case !now.Before(time.Unix(c.expires, 0).Add(v.options.Skew)):",
		disabled:  "case false:",
		tests:     []string{"TestAttackClaims"},
	}, {
		name: "the token is valid already", file: "auth/verifier.go", pkg: "./auth",
		statement: "case c.has&hasNotBefore != 0 && c.notBefore > latest:",
		disabled:  "case false:",
		tests:     []string{"TestAttackClaims"},
	}, {
		name: "the token was not issued in the future", file: "auth/verifier.go", pkg: "./auth",
		statement: "case c.has&hasIssuedAt != 0 && c.issuedAt > latest:",
		disabled:  "case false:",
		tests:     []string{"TestAttackClaims"},
	}, {
		name: "a token has one spelling", file: "auth/verifier.go", pkg: "./auth",
		statement: "base64.RawURLEncoding.Strict()",
		disabled:  "base64.RawURLEncoding",
		tests:     []string{"TestAttackShapes"},
	}, {
		name: "a token names a tenant", file: "auth/principal.go", pkg: "./auth",
		statement: "if issuer.Tenant.IsZero() {",
		disabled:  "if false {",
		tests:     []string{"TestAttackTenantClaim"},
	}, {
		name: "the issuer of one tenant speaks for that tenant", file: "auth/principal.go", pkg: "./auth",
		statement: "if !issuer.Tenant.IsZero() {",
		disabled:  "if false {",
		tests:     []string{"TestAttackTenantOfAnIssuer"},
	}, {
		name: "no claim occurs twice", file: "auth/claims.go", pkg: "./auth",
		statement: "if !d.remember(name) {",
		disabled:  "if !d.remember(name) && false {",
		tests:     []string{"TestAttackDuplicateClaims", "TestAttackHeaders"},
	}, {
		name: "a remembered token expires", file: "auth/cache.go", pkg: "./auth",
		statement: "if !now.Before(t.until) {",
		disabled:  "if false {",
		tests:     []string{"TestAttackCachedTokenExpires"},
	}, {
		name: "a remembered token dies with its key", file: "auth/cache.go", pkg: "./auth",
		statement: "return err == nil && keys == t.keys",
		disabled:  "return err == nil && keys != nil",
		tests:     []string{"TestAttackRemovedKey", "TestAttackReplacedKeyUnderTheSameID"},
	}, {
		name: "invented key ids cause few fetches", file: "auth/remotekeys.go", pkg: "./auth",
		statement: "if now.Before(r.next) && !force {",
		disabled:  "if false {",
		tests:     []string{"TestAttackUnknownKeyStorm"},
	}, {
		name: "who guesses a refresh token ends no session", file: "auth/memauth/session.go", pkg: "./auth/memauth",
		statement: "if !isDigestOf(session.Family, token.family) {",
		disabled:  "if !isDigestOf(session.Family, token.family) && false {",
		tests:     []string{"TestAttackGuessedRefreshTokenDoesNotEndTheSession"},
	}, {
		name: "a session ends when its user moves or is signed out", file: "auth/memauth/session.go", pkg: "./auth/memauth",
		statement: "user.Epoch != session.Epoch ||",
		disabled:  "",
		tests:     []string{"TestAttackReassignedUserLosesTheOldTenant", "TestAttackSuspendedTenantSessionsStayEnded"},
	}, {
		name: "a refresh token works once", file: "auth/memauth/session.go", pkg: "./auth/memauth",
		statement: "if !isDigestOf(session.Secret, token.secret) {",
		disabled:  "if !isDigestOf(session.Secret, token.secret) && false {",
		tests:     []string{"TestAttackReusedRefreshToken"},
	}, {
		name: "a code is the one that was sent", file: "auth/memauth/signup.go", pkg: "./auth/memauth",
		statement: "u.Code.Purpose == purpose && isDigestOf(u.Code.Digest, u.Subject+\".\"+code)",
		disabled:  "u.Code.Purpose == purpose",
		tests:     []string{"TestAttackGuessedCode"},
	}, {
		name: "a user is one of the caller's tenant", file: "auth/memauth/user.go", pkg: "./auth/memauth",
		statement: "return u.Tenant == id && u.Subject == subject",
		disabled:  "return u.Subject == subject",
		tests:     []string{"TestAttackUserOfAnotherTenant"},
	}, {
		name: "usernames differ in more than case", file: "auth/memauth/user.go", pkg: "./auth/memauth",
		statement: "lower := strings.Map(foldCase, username)",
		disabled:  "lower := username",
		tests:     []string{"TestAttackUsernamesThatDifferInCaseOnly"},
	}, {
		name: "no user belongs to the platform", file: "auth/memauth/admin.go", pkg: "./auth/memauth",
		statement: "if id == tenant.Platform() {",
		disabled:  "if false {",
		tests:     []string{"TestAttackPlatformIsNoUsersTenant"},
	}, {
		name: "guesses of a password are slowed down", file: "auth/memauth/attempt.go", pkg: "./auth/memauth",
		statement: "if now.Before(attempt.Until) {",
		disabled:  "if false {",
		tests:     []string{"TestAttackParallelGuesses"},
	}, {
		name: "the middleware asks whether the tenant is active", file: "auth/middleware.go", pkg: "./auth",
		statement: "return principal, e.gate.Admit(r.Context(), principal.Tenant)",
		disabled:  "return principal, nil",
		tests:     []string{"TestAttackPrincipalOfTheTransport"},
	}, {
		name: "claims of a gateway are judged like those of a token", file: "auth/gateway.go", pkg: "./auth",
		statement: "if err := v.check(&s.claims, issuer, v.options.Now()); err != nil {",
		disabled:  "if err := v.check(&s.claims, issuer, v.options.Now()); err != nil && false {",
		tests:     []string{"TestAttackGatewayClaims"},
	}, {
		name: "a Lambda trusts an authorizer only if told to", file: "auth/lambdaauth/authorizer.go", pkg: "./auth/lambdaauth",
		statement: "if h.options.TrustAuthorizer && e.lambdaContext != nil {",
		disabled:  "if e.lambdaContext != nil {",
		tests:     []string{"TestAttackLambdaAuthorizerContext"},
	}, {
		name: "an authorizer's answer names a tenant", file: "auth/lambdaauth/authorizer.go", pkg: "./auth/lambdaauth",
		statement: "if err := principal.Tenant.Check(); err != nil {",
		disabled:  "if err := principal.Tenant.Check(); err != nil && false {",
		tests:     []string{"TestAttackLambdaAuthorizerContext"},
	}, {
		name: "an authorizer's answer expires with its token", file: "auth/lambdaauth/authorizer.go", pkg: "./auth/lambdaauth",
		statement: "if !h.options.Now().Before(principal.Expires) {",
		disabled:  "if false {",
		tests:     []string{"TestAttackLambdaAuthorizerContext"},
	}, {
		name: "the kind of token is one that is taken", file: "auth/verifier.go", pkg: "./auth",
		statement: "if !slices.Contains(v.options.TokenUses, use) {",
		disabled:  "if !slices.Contains(v.options.TokenUses, use) && false {",
		tests:     []string{"TestAttackIDTokenAsAccessToken"},
	},
}
