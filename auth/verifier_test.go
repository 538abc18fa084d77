package auth_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/auth/authtest"
	"github.com/iotenant/iotenant/tenant"
)

var acme = tenant.MustParseID("acme")

func newVerifier(t testing.TB, issuers []auth.Issuer, optFns ...func(*auth.VerifierOptions)) *auth.Verifier {
	t.Helper()
	verifier, err := auth.NewVerifier(issuers, optFns...)
	require.NoError(t, err)
	return verifier
}

func setup(t testing.TB, optFns ...func(*auth.VerifierOptions)) (*authtest.Issuer, *auth.Verifier) {
	t.Helper()
	issuer := authtest.NewIssuer(t)
	return issuer, newVerifier(t, []auth.Issuer{issuer.Issuer(t)}, optFns...)
}

func TestVerifier(t *testing.T) {
	t.Parallel()
	issuer, verifier := setup(t)
	claims := issuer.AccessClaims(acme, "user-1", "admins", "operators")
	claims["scope"] = "openid  things/read "
	want := auth.Principal{
		Tenant: acme, Subject: "user-1", Username: "user-1", ClientID: "test-client",
		Issuer: claims["iss"].(string), TokenUse: auth.UseAccess, TokenID: claims["jti"].(string),
		Groups: []string{"admins", "operators"}, Scopes: []string{"openid", "things/read"},
		AuthTime: time.Unix(claims["auth_time"].(int64), 0).UTC(), IssuedAt: time.Unix(claims["iat"].(int64), 0).UTC(),
		Expires: time.Unix(claims["exp"].(int64), 0).UTC(),
	}
	token := issuer.Sign(t, issuer.Header(), claims)
	for range 2 { // the second time from memory
		principal, err := verifier.Authenticate(t.Context(), token)
		require.NoError(t, err)
		require.Equal(t, want, principal)
	}
	require.True(t, want.InGroup("admins") && want.HasScope("openid"))
	require.False(t, want.InGroup("openid") || want.HasScope("admins"))
}

func TestVerifierTakesIDTokensIfAsked(t *testing.T) {
	t.Parallel()
	issuer, verifier := setup(t, func(o *auth.VerifierOptions) { o.TokenUses = []auth.TokenUse{auth.UseID} })
	principal, err := verifier.Authenticate(t.Context(), issuer.Sign(t, issuer.Header(), issuer.IDClaims(acme, "user-1")))
	require.NoError(t, err)
	require.Equal(t, auth.UseID, principal.TokenUse)
	require.Equal(t, "user-1", principal.Username)
	require.Equal(t, "test-client", principal.ClientID)
	_, err = verifier.Authenticate(t.Context(), issuer.AccessToken(t, acme, "user-1"))
	require.ErrorIs(t, err, auth.ErrToken)
}

// publicPEM is the public key in the forms that a confused verifier would use
// as an HMAC secret.
func publicForms(t *testing.T, issuer *authtest.Issuer) [][]byte {
	t.Helper()
	var set struct{ Keys []struct{ N, E string } }
	require.NoError(t, json.Unmarshal(issuer.JWKS(t), &set))
	n, err := base64.RawURLEncoding.DecodeString(set.Keys[0].N)
	require.NoError(t, err)
	key := &rsa.PublicKey{E: 65537}
	key.N = bigInt(n)
	der, err := x509.MarshalPKIXPublicKey(key)
	require.NoError(t, err)
	return [][]byte{n, der, x509.MarshalPKCS1PublicKey(key), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), {}}
}

func unsigned(t *testing.T, header, claims map[string]any) string {
	t.Helper()
	head, err := json.Marshal(header)
	require.NoError(t, err)
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	return base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(payload)
}

func TestAttackAlgorithms(t *testing.T) {
	t.Parallel()
	issuer, verifier := setup(t)
	good := issuer.AccessClaims(acme, "user-1")
	_, _, signature := parts(issuer.Sign(t, issuer.Header(), good))
	var tokens []string
	for _, algorithm := range []any{"none", "None", "NONE", "", nil, "RS384", "RS512", "PS256", "ES256", "HS256", "rs256", "RS256 ", 1, []string{"RS256"}} {
		header := authtest.With(issuer.Header(), "alg", algorithm)
		signed := unsigned(t, header, good)
		tokens = append(tokens, signed+".", signed+"."+signature, issuer.Sign(t, header, good))
	}
	for _, secret := range publicForms(t, issuer) {
		signed := unsigned(t, authtest.With(issuer.Header(), "alg", "HS256"), good)
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(signed))
		tokens = append(tokens, signed+"."+base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
		signed = unsigned(t, authtest.With(issuer.Header(), "alg", "HS512"), good)
		mac = hmac.New(sha512.New, secret)
		mac.Write([]byte(signed))
		tokens = append(tokens, signed+"."+base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
	}
	refuseAll(t, verifier, tokens)
}

func parts(token string) (header, payload, signature string) {
	fields := strings.Split(token, ".")
	return fields[0], fields[1], fields[2]
}

func refuseAll(t *testing.T, verifier *auth.Verifier, tokens []string) {
	t.Helper()
	require.NotEmpty(t, tokens)
	for i, token := range tokens {
		principal, err := verifier.Authenticate(t.Context(), token)
		require.ErrorIs(t, err, auth.ErrToken, "token %d", i)
		require.ErrorIs(t, err, iotenant.ErrDenied)
		require.Zero(t, principal)
	}
}

func TestAttackHeaders(t *testing.T) {
	t.Parallel()
	issuer, verifier := setup(t)
	claims := issuer.AccessClaims(acme, "user-1")
	var tokens []string
	for _, change := range []struct {
		name  string
		value any
	}{
		{"kid", nil}, {"kid", ""}, {"kid", "other"}, {"kid", "TEST-KEY"}, {"kid", "test-key\x00"}, {"kid", "../../../dev/null"},
		{"kid", "' OR 1=1 --"}, {"kid", 1}, {"kid", []string{"test-key"}}, {"crit", []string{"exp"}}, {"crit", []string{}},
	} {
		tokens = append(tokens, issuer.Sign(t, authtest.With(issuer.Header(), change.name, change.value), claims))
	}
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	for _, header := range []string{
		`{"alg":"RS256","kid":"test-key","alg":"RS256"}`,
		`{"alg":"none","kid":"test-key","alg":"RS256"}`,
		`{"alg":"RS256","kid":"test-key","k\u0069d":"test-key"}`,
		`{"ALG":"RS256","kid":"test-key"}`,
		`["RS256"]`, `null`, ``, `{`, `{"alg":"RS256","kid":"test-key"}x`, "{\"alg\":\"RS256\",\"kid\":\"test-key\xff\"}",
	} {
		tokens = append(tokens, issuer.SignRaw(t, []byte(header), payload))
	}
	refuseAll(t, verifier, tokens)
}

// TestAttackKeysInTheHeader offers keys in the token itself. They are no
// evidence, and nothing is fetched.
func TestAttackKeysInTheHeader(t *testing.T) {
	t.Parallel()
	issuer, verifier := setup(t)
	forger := authtest.NewIssuer(t)
	var set struct{ Keys []json.RawMessage }
	require.NoError(t, json.Unmarshal(forger.JWKS(t), &set))
	header := authtest.With(issuer.Header(), "jwk", set.Keys[0])
	header["jku"], header["x5u"] = "http://127.0.0.1:1/jwks.json", "http://127.0.0.1:1/x5u"
	refuseAll(t, verifier, []string{forger.Sign(t, header, issuer.AccessClaims(acme, "user-1"))})
	_, err := verifier.Authenticate(t.Context(), issuer.Sign(t, header, issuer.AccessClaims(acme, "user-1")))
	require.NoError(t, err, "they are ignored in a good token")
}

func TestAttackClaims(t *testing.T) {
	t.Parallel()
	issuer, verifier := setup(t)
	now := time.Now().Unix()
	changes := []struct {
		name  string
		value any
	}{
		{"iss", nil}, {"iss", ""}, {"iss", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Other0000"},
		{"iss", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test00000/"}, {"iss", []string{"x"}}, {"iss", 1},
		{"token_use", nil}, {"token_use", "id"}, {"token_use", "refresh"}, {"token_use", "Access"}, {"token_use", []string{"access"}},
		{"client_id", nil}, {"client_id", "other-client"}, {"client_id", ""}, {"client_id", []string{"test-client"}},
		{"exp", nil}, {"exp", now - 31}, {"exp", 0}, {"exp", -1}, {"exp", fmt.Sprint(now + 3600)}, {"exp", true},
		{"exp", json.Number("1e18")}, {"exp", json.Number("99999999999999999999999999")}, {"exp", json.Number("253402300800")},
		{"nbf", now + 3600}, {"nbf", "0"}, {"nbf", json.Number("9.9e9")}, {"nbf", json.Number("9.9E+9")}, {"nbf", json.Number("99e8")}, {"iat", now + 3600}, {"iat", json.Number("-5")}, {"auth_time", "now"},
		{"sub", nil}, {"sub", ""}, {"sub", 7},
		{"cognito:groups", "admins"}, {"cognito:groups", []any{1}}, {"cognito:groups", []any{"a", nil}}, {"cognito:groups", map[string]any{}},
		{"scope", []string{"a"}}, {"username", 1}, {"jti", 1}, {"cognito:username", []any{}}, {"aud", 1}, {"aud", []any{1}},
	}
	var tokens []string
	for _, change := range changes {
		tokens = append(tokens, issuer.Sign(t, issuer.Header(), authtest.With(issuer.AccessClaims(acme, "user-1"), change.name, change.value)))
	}
	refuseAll(t, verifier, tokens)
}

func TestAttackTenantClaim(t *testing.T) {
	t.Parallel()
	issuer, verifier := setup(t)
	var tokens []string
	for _, value := range []any{
		nil, "", "ab", "ACME", "acme ", " acme", "acme\x00", "acme/b", "_platform", "acme,acme-b", "[acme]", "*", 1, true,
		[]string{"acme"}, []string{}, map[string]any{"id": "acme"}, json.RawMessage("null"), strings.Repeat("a", 37),
	} {
		claims := authtest.With(issuer.AccessClaims(acme, "user-1"), auth.DefaultTenantClaim, value)
		claims["tenant_id"], claims["Custom:tenant_id"], claims["custom:tenant_id "] = "acme", "acme", "acme"
		tokens = append(tokens, issuer.Sign(t, issuer.Header(), claims))
	}
	refuseAll(t, verifier, tokens)
}

func TestAttackDuplicateClaims(t *testing.T) {
	t.Parallel()
	issuer, verifier := setup(t)
	good, err := json.Marshal(issuer.AccessClaims(acme, "user-1"))
	require.NoError(t, err)
	header, err := json.Marshal(issuer.Header())
	require.NoError(t, err)
	_, err = verifier.Authenticate(t.Context(), issuer.SignRaw(t, header, good))
	require.NoError(t, err)
	var tokens []string
	for _, extra := range []string{
		`"custom:tenant_id":"acme-b"`, `"custom:tenant_id":"acme"`, `"custom\u003atenant_id":"acme-b"`, `"exp":9999999999`,
		`"s\u0075b":"admin"`, `"version":2`, `"unknown":1,"unknown":1`, `"":1,"":1`,
	} {
		tokens = append(tokens,
			issuer.SignRaw(t, header, []byte("{"+extra+","+string(good[1:]))),
			issuer.SignRaw(t, header, []byte(string(good[:len(good)-1])+","+extra+"}")))
	}
	members := make([]string, 150)
	for i := range members {
		members[i] = fmt.Sprintf(`"custom:%d":"x"`, i)
	}
	tokens = append(tokens, issuer.SignRaw(t, header, []byte("{"+strings.Join(members, ",")+","+string(good[1:]))))
	refuseAll(t, verifier, tokens)
}

func TestAttackShapes(t *testing.T) {
	t.Parallel()
	issuer, verifier := setup(t)
	good := issuer.AccessToken(t, acme, "user-1")
	header, payload, signature := parts(good)
	tokens := []string{
		".", "..", "...", "a.b.c", header, header + "." + payload, header + "." + payload + ".", "." + payload + "." + signature,
		header + ".." + signature, good + ".", good + "." + signature, "." + good, " " + good, good + " ", good + "\n",
		header + "." + payload + "\r\n." + signature, good + "=", good + "==", header + "=." + payload + "." + signature,
		strings.ReplaceAll(good, ".", ","), good + "A", good[:len(good)-1], strings.ToLower(good),
		header + "." + payload + "." + strings.Repeat("A", 342), header + "." + payload + "." + strings.Repeat("_", 342),
		strings.Repeat("A", auth.MaxTokenLength) + "." + payload + "." + signature, strings.Repeat(".", auth.MaxTokenLength+1),
		strings.Repeat("e", 1<<24), good[:20] + "+" + good[21:], good[:20] + "/" + good[21:], good[:20] + "\x00" + good[21:],
	}
	// The last character of a signature of 256 bytes has four unused bits.
	for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if spelled := good[:len(good)-1] + string(last); spelled != good {
			tokens = append(tokens, spelled)
		}
	}
	_, err := verifier.Authenticate(t.Context(), good)
	require.NoError(t, err)
	refuseAll(t, verifier, tokens)
	_, err = verifier.Authenticate(t.Context(), "")
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
}

func TestAttackTamperedTokens(t *testing.T) {
	t.Parallel()
	issuer, verifier := setup(t)
	token := issuer.AccessToken(t, acme, "user-1")
	rapid.Check(t, func(t *rapid.T) {
		tampered := []byte(token)
		i := rapid.IntRange(0, len(tampered)-1).Draw(t, "position")
		tampered[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		if _, err := verifier.Authenticate(context.Background(), string(tampered)); err == nil {
			t.Fatalf("a token with another byte %d is taken", i)
		}
	})
}

func TestAttackOtherIssuersKey(t *testing.T) {
	t.Parallel()
	one := authtest.NewIssuer(t)
	two := authtest.NewIssuer(t, func(o *authtest.IssuerOptions) {
		o.Name = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test11111"
		o.KeyID = "key-2"
		o.ClientID = "client-2"
	})
	verifier := newVerifier(t, []auth.Issuer{one.Issuer(t), two.Issuer(t)})
	for _, issuer := range []*authtest.Issuer{one, two} {
		_, err := verifier.Authenticate(t.Context(), issuer.AccessToken(t, acme, "user-1"))
		require.NoError(t, err)
	}
	refuseAll(t, verifier, []string{
		two.Sign(t, two.Header(), one.AccessClaims(acme, "user-1")),
		two.Sign(t, one.Header(), one.AccessClaims(acme, "user-1")),
		one.Sign(t, one.Header(), two.AccessClaims(acme, "user-1")),
		one.Sign(t, one.Header(), authtest.With(one.AccessClaims(acme, "user-1"), "client_id", "client-2")),
	})
}

func TestAttackTenantOfAnIssuer(t *testing.T) {
	t.Parallel()
	signer := authtest.NewIssuer(t)
	issuer := signer.Issuer(t)
	issuer.Tenant = acme
	verifier := newVerifier(t, []auth.Issuer{issuer})
	without := authtest.With(signer.AccessClaims(acme, "user-1"), auth.DefaultTenantClaim, nil)
	for _, claims := range []map[string]any{without, signer.AccessClaims(acme, "user-2")} {
		principal, err := verifier.Authenticate(t.Context(), signer.Sign(t, signer.Header(), claims))
		require.NoError(t, err)
		require.Equal(t, acme, principal.Tenant)
	}
	refuseAll(t, verifier, []string{
		signer.AccessToken(t, tenant.MustParseID("acme-b"), "user-1"),
		signer.Sign(t, signer.Header(), authtest.With(without, auth.DefaultTenantClaim, "")),
		signer.Sign(t, signer.Header(), authtest.With(without, auth.DefaultTenantClaim, []string{"acme"})),
	})
}

func TestAttackAudienceOfIDTokens(t *testing.T) {
	t.Parallel()
	issuer, verifier := setup(t, func(o *auth.VerifierOptions) { o.TokenUses = []auth.TokenUse{auth.UseID, auth.UseAccess} })
	claims := issuer.IDClaims(acme, "user-1")
	var tokens []string
	for _, audience := range []any{nil, "", "other", []string{}, []string{"other"}, []string{"test-client", "other"}} {
		changed := authtest.With(claims, "aud", audience)
		changed["client_id"] = "test-client" // means nothing in an ID token
		tokens = append(tokens, issuer.Sign(t, issuer.Header(), changed))
	}
	access := authtest.With(issuer.AccessClaims(acme, "user-1"), "client_id", nil)
	tokens = append(tokens, issuer.Sign(t, issuer.Header(), authtest.With(access, "aud", "test-client")))
	refuseAll(t, verifier, tokens)
	_, err := verifier.Authenticate(t.Context(), issuer.Sign(t, issuer.Header(), authtest.With(claims, "aud", []string{"test-client"})))
	require.NoError(t, err)
}

func TestTimes(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	issuer := authtest.NewIssuer(t, func(o *authtest.IssuerOptions) { o.Now = func() time.Time { return now } })
	sign := func(name string, value any) string {
		return issuer.Sign(t, issuer.Header(), authtest.With(issuer.AccessClaims(acme, "user-1"), name, value))
	}
	for _, test := range []struct {
		skew, at time.Duration
		token    string
		want     error
	}{
		{0, time.Hour - time.Nanosecond, sign("exp", now.Unix()+3600), nil},
		{0, time.Hour, sign("exp", now.Unix()+3600), auth.ErrExpired},
		{30 * time.Second, time.Hour + 30*time.Second - 1, sign("exp", now.Unix()+3600), nil},
		{30 * time.Second, time.Hour + 30*time.Second, sign("exp", now.Unix()+3600), auth.ErrExpired},
		{0, time.Hour, sign("exp", float64(now.Unix()+3600)+0.9), auth.ErrExpired},
		{0, 0, sign("nbf", now.Unix()), nil},
		{0, 0, sign("nbf", now.Unix()+1), auth.ErrToken},
		{time.Second, 0, sign("nbf", now.Unix()+1), nil},
		{0, 0, sign("iat", now.Unix()+1), auth.ErrToken},
		{time.Second, 0, sign("iat", now.Unix()+1), nil},
		{0, 0, sign("iat", nil), nil},
	} {
		verifier := newVerifier(t, []auth.Issuer{issuer.Issuer(t)}, func(o *auth.VerifierOptions) {
			o.Skew = test.skew
			o.Now = func() time.Time { return now.Add(test.at) }
		})
		_, err := verifier.Authenticate(t.Context(), test.token)
		require.ErrorIs(t, err, test.want, "at %s with skew %s", test.at, test.skew)
	}
}

func TestAttackCachedTokenExpires(t *testing.T) {
	t.Parallel()
	now := time.Now()
	issuer, verifier := setup(t, func(o *auth.VerifierOptions) { o.Now = func() time.Time { return now } })
	token := issuer.AccessToken(t, acme, "user-1")
	for range 3 {
		_, err := verifier.Authenticate(t.Context(), token)
		require.NoError(t, err)
	}
	now = now.Add(time.Hour + 31*time.Second)
	_, err := verifier.Authenticate(t.Context(), token)
	require.ErrorIs(t, err, auth.ErrExpired)
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 3} {
		issuer, verifier := setup(t, func(o *auth.VerifierOptions) { o.CacheSize = size })
		for i := range 40 {
			subject := fmt.Sprintf("user-%d", i)
			token := issuer.AccessToken(t, acme, subject)
			for range 2 {
				principal, err := verifier.Authenticate(t.Context(), token)
				require.NoError(t, err)
				require.Equal(t, subject, principal.Subject)
			}
		}
	}
}

func TestEscapedAndUnusualClaims(t *testing.T) {
	t.Parallel()
	issuer, verifier := setup(t)
	header, err := json.Marshal(issuer.Header())
	require.NoError(t, err)
	claims := issuer.AccessClaims(acme, "Ünï\"\\\u2028 \U0001F600", "grüppe", "b/ö")
	text, err := json.MarshalIndent(claims, "", "\t")
	require.NoError(t, err)
	spelled := strings.NewReplacer("ü", `\u00fc`, "/", `\/`, "😀", `\ud83d\ude00`, `"sub"`, `"\u0073ub"`).Replace(string(text))
	principal, err := verifier.Authenticate(t.Context(), issuer.SignRaw(t, header, []byte(spelled)))
	require.NoError(t, err)
	require.Equal(t, claims["sub"], principal.Subject)
	require.Equal(t, []string{"grüppe", "b/ö"}, principal.Groups)
}

func TestNewVerifierRefusesBadConfiguration(t *testing.T) {
	t.Parallel()
	good := authtest.NewIssuer(t).Issuer(t)
	with := func(change func(*auth.Issuer)) []auth.Issuer {
		issuer := good
		change(&issuer)
		return []auth.Issuer{issuer}
	}
	for name, issuers := range map[string][]auth.Issuer{
		"none":      nil,
		"no name":   with(func(i *auth.Issuer) { i.Names = nil }),
		"no client": with(func(i *auth.Issuer) { i.ClientIDs = nil }),
		"no keys":   with(func(i *auth.Issuer) { i.Keys = nil }),
		"empty":     with(func(i *auth.Issuer) { i.ClientIDs = []string{""} }),
		"twice":     {good, good},
	} {
		_, err := auth.NewVerifier(issuers)
		require.ErrorIs(t, err, auth.ErrConfig, name)
	}
	for name, change := range map[string]func(*auth.VerifierOptions){
		"uses":      func(o *auth.VerifierOptions) { o.TokenUses = nil },
		"use":       func(o *auth.VerifierOptions) { o.TokenUses = []auth.TokenUse{"refresh"} },
		"skew":      func(o *auth.VerifierOptions) { o.Skew = -1 },
		"cache":     func(o *auth.VerifierOptions) { o.CacheSize = -1 },
		"claim":     func(o *auth.VerifierOptions) { o.TenantClaim = "" },
		"subject":   func(o *auth.VerifierOptions) { o.TenantClaim = "sub" },
		"client_id": func(o *auth.VerifierOptions) { o.TenantClaim = "client_id" },
		"nickname":  func(o *auth.VerifierOptions) { o.TenantClaim = "nickname" }, // users choose it
	} {
		_, err := auth.NewVerifier([]auth.Issuer{good}, change)
		require.ErrorIs(t, err, auth.ErrConfig, name)
	}
}

func TestCognitoIssuer(t *testing.T) {
	t.Parallel()
	issuer, err := auth.CognitoIssuer("us-gov-west-1_AbCd12345", []string{"client"})
	require.NoError(t, err)
	require.Equal(t, []string{
		"https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_AbCd12345",
		"https://issuer-cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_AbCd12345",
	}, issuer.Names)
	for _, pool := range []string{"", "eu-west-1", "eu-west-1_", "eu-west-1_a/b", "EU-WEST-1_abc", "eu-west-1_abc\n", "evil.com/eu-west-1_a", "xeu-west-1_a"} {
		_, err := auth.CognitoIssuer(pool, []string{"client"})
		require.ErrorIs(t, err, auth.ErrConfig, pool)
	}
	// Both issuer forms verify.
	signer := authtest.NewIssuer(t, func(o *authtest.IssuerOptions) { o.Name = issuer.Names[1] })
	issuer.Keys, issuer.ClientIDs = signer.Issuer(t).Keys, []string{"test-client"}
	verifier := newVerifier(t, []auth.Issuer{issuer})
	for _, name := range issuer.Names {
		claims := authtest.With(signer.AccessClaims(acme, "user-1"), "iss", name)
		principal, err := verifier.Authenticate(t.Context(), signer.Sign(t, signer.Header(), claims))
		require.NoError(t, err)
		require.Equal(t, name, principal.Issuer)
	}
}

func TestVerifierIsConcurrent(t *testing.T) {
	t.Parallel()
	issuer, verifier := setup(t, func(o *auth.VerifierOptions) { o.CacheSize = 2 })
	var tokens []string
	for i := range 6 {
		tokens = append(tokens, issuer.AccessToken(t, acme, fmt.Sprintf("user-%d", i), fmt.Sprintf("group-%d", i)))
	}
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			for i := range 60 {
				n := (i + worker) % len(tokens)
				principal, err := verifier.Authenticate(context.Background(), tokens[n])
				if err != nil || principal.Subject != fmt.Sprintf("user-%d", n) || principal.Groups[0] != fmt.Sprintf("group-%d", n) {
					t.Errorf("token %d gave %+v, %v", n, principal, err)
				}
			}
		})
	}
	wait.Wait()
}

// FuzzVerifier offers anything as the claims of a token that is signed well,
// and compares with encoding/json what is taken.
func FuzzVerifier(f *testing.F) {
	issuer := authtest.NewIssuer(f)
	keys := issuer.Issuer(f)
	header, err := json.Marshal(issuer.Header())
	require.NoError(f, err)
	now := time.Unix(1_800_000_000, 0)
	verifier := newVerifier(f, []auth.Issuer{keys}, func(o *auth.VerifierOptions) { o.Now = func() time.Time { return now } })
	good, err := json.Marshal(authtest.With(issuer.AccessClaims(acme, "user-1", "a", "b"), "exp", now.Unix()+60))
	require.NoError(f, err)
	good = []byte(strings.Replace(string(good), `"iat":`, `"ignored":`, 1))
	f.Add(good)
	f.Add([]byte(strings.Replace(string(good), "acme", `\u0061cme`, 1)))
	f.Add([]byte(strings.Replace(string(good), "user-1", `\ud800`, 1)))
	f.Add([]byte(strings.Replace(string(good), "}", `,"x":[{"y":[1.5e3,null,true,{}]}]}`, 1)))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if len(payload) > 8<<10 {
			return
		}
		principal, err := verifier.Authenticate(context.Background(), issuer.SignRaw(t, header, payload))
		if err != nil {
			return
		}
		var claims struct {
			Issuer   string   `json:"iss"`
			Subject  string   `json:"sub"`
			ClientID string   `json:"client_id"`
			TokenUse string   `json:"token_use"`
			Groups   []string `json:"cognito:groups"`
			Expires  float64  `json:"exp"`
			Tenant   string   `json:"custom:tenant_id"`
		}
		members := map[string]json.RawMessage{}
		if json.Unmarshal(payload, &members) != nil {
			t.Fatalf("claims are taken that are no JSON: %q", payload)
		}
		for name := range members { // encoding/json ignores case
			if strings.ToLower(name) != name {
				delete(members, name)
			}
		}
		exact, err := json.Marshal(members)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(exact, &claims))
		require.Equal(t, claims.Issuer, principal.Issuer)
		require.Equal(t, claims.Subject, principal.Subject)
		require.Equal(t, claims.ClientID, principal.ClientID)
		require.Equal(t, claims.TokenUse, string(principal.TokenUse))
		require.Equal(t, claims.Tenant, principal.Tenant.String())
		require.Equal(t, int64(claims.Expires), principal.Expires.Unix())
		require.ElementsMatch(t, claims.Groups, principal.Groups)
	})
}

func TestVerifyAgreesWithCryptoRSA(t *testing.T) {
	t.Parallel()
	// A key of 3072 bits, and one with a small exponent, work too.
	key, err := rsa.GenerateKey(rand.Reader, 3072)
	require.NoError(t, err)
	set, err := auth.ParseJWKS(jwks(t, map[string]*rsa.PublicKey{"big": &key.PublicKey}))
	require.NoError(t, err)
	signer := authtest.NewIssuer(t)
	issuer := signer.Issuer(t)
	issuer.Keys = set
	verifier := newVerifier(t, []auth.Issuer{issuer})
	signed := unsigned(t, map[string]any{"alg": "RS256", "kid": "big"}, signer.AccessClaims(acme, "user-1"))
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	require.NoError(t, err)
	_, err = verifier.Authenticate(t.Context(), signed+"."+base64.RawURLEncoding.EncodeToString(signature))
	require.NoError(t, err)
}
