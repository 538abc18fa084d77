package authtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"testing"
	"time"

	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

// IssuerOptions are the options of [NewIssuer].
type IssuerOptions struct {
	// Name is the claim "iss". Default
	// "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test00000".
	Name string
	// ClientID is the app client. Default "test-client".
	ClientID string
	// KeyID is the "kid". Default "test-key".
	KeyID string
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Issuer issues tokens like a Cognito user pool's, for tests of code that
// verifies them.
type Issuer struct {
	options IssuerOptions
	key     *rsa.PrivateKey
}

// NewIssuer returns an issuer with a new key.
func NewIssuer(t testing.TB, optFns ...func(*IssuerOptions)) *Issuer {
	t.Helper()
	options := IssuerOptions{
		Name:     "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test00000",
		ClientID: "test-client",
		KeyID:    "test-key",
		Now:      time.Now,
	}
	for _, fn := range optFns {
		fn(&options)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatalf("authtest: new key: %v", err)
	}
	return &Issuer{options: options, key: key}
}

// Issuer returns what a verifier of the issuer's tokens needs. Its keys are
// offline.
func (i *Issuer) Issuer(t testing.TB) auth.Issuer {
	t.Helper()
	keys, err := auth.ParseJWKS(i.JWKS(t))
	if err != nil {
		t.Fatalf("authtest: %v", err)
	}
	return auth.Issuer{Names: []string{i.options.Name}, ClientIDs: []string{i.options.ClientID}, Keys: keys}
}

// JWKS returns the key set of the issuer.
func (i *Issuer) JWKS(t testing.TB) []byte {
	t.Helper()
	return encode(t, map[string]any{"keys": []any{map[string]any{
		"kty": "RSA",
		"use": "sig",
		"alg": "RS256",
		"kid": i.options.KeyID,
		"n":   base64.RawURLEncoding.EncodeToString(i.key.N.Bytes()),
		"e":   base64.RawURLEncoding.EncodeToString(big.NewInt(int64(i.key.E)).Bytes()),
	}}})
}

// Header returns the header of the issuer's tokens, to be changed and signed.
func (i *Issuer) Header() map[string]any {
	return map[string]any{"kid": i.options.KeyID, "alg": "RS256"}
}

// AccessClaims returns the claims of an access token that is valid for an
// hour, to be changed and signed.
func (i *Issuer) AccessClaims(id tenant.ID, subject string, groups ...string) map[string]any {
	claims := i.claims(id, subject, groups)
	claims["token_use"] = string(auth.UseAccess)
	claims["client_id"] = i.options.ClientID
	claims["username"] = subject
	claims["scope"] = "aws.cognito.signin.user.admin"
	claims["version"] = 2
	return claims
}

// IDClaims returns the claims of an ID token that is valid for an hour, to be
// changed and signed.
func (i *Issuer) IDClaims(id tenant.ID, subject string, groups ...string) map[string]any {
	claims := i.claims(id, subject, groups)
	claims["token_use"] = string(auth.UseID)
	claims["aud"] = i.options.ClientID
	claims["cognito:username"] = subject
	claims["email"] = subject + "@example.com"
	claims["email_verified"] = true
	return claims
}

func (i *Issuer) claims(id tenant.ID, subject string, groups []string) map[string]any {
	now := i.options.Now().Unix()
	claims := map[string]any{
		"iss":                   i.options.Name,
		"sub":                   subject,
		"auth_time":             now,
		"iat":                   now,
		"exp":                   now + 3600,
		"jti":                   rand.Text(),
		"origin_jti":            rand.Text(),
		"event_id":              rand.Text(),
		auth.DefaultTenantClaim: id.String(),
	}
	if len(groups) > 0 {
		claims["cognito:groups"] = groups
	}
	return claims
}

// AccessToken returns an access token of a user of the tenant.
func (i *Issuer) AccessToken(t testing.TB, id tenant.ID, subject string, groups ...string) string {
	t.Helper()
	return i.Sign(t, i.Header(), i.AccessClaims(id, subject, groups...))
}

// Sign returns a token with this header and these claims, whatever they hold,
// and the issuer's RS256 signature.
func (i *Issuer) Sign(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	return i.SignRaw(t, encode(t, header), encode(t, claims))
}

// SignRaw is [Issuer.Sign] for a header and claims that are not JSON objects,
// or not those that a map can hold.
func (i *Issuer) SignRaw(t testing.TB, header, claims []byte) string {
	t.Helper()
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, i.key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatalf("authtest: sign: %v", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// With returns a copy of members with one set, or taken away if value is nil.
func With(members map[string]any, name string, value any) map[string]any {
	changed := maps.Clone(members)
	if changed[name] = value; value == nil {
		delete(changed, name)
	}
	return changed
}

func encode(t testing.TB, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatalf("authtest: %v", err)
	}
	return text
}
