package auth_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/auth/authtest"
	"github.com/iotenant/iotenant/internal/bench"
)

// benchToken is an access token of the size that Cognito issues, with what is
// needed to check its signature alone.
func benchToken(b *testing.B) (issuer *authtest.Issuer, token string, key *rsa.PublicKey, digest [32]byte, signature []byte) {
	b.Helper()
	issuer = authtest.NewIssuer(b)
	claims := issuer.AccessClaims(acme, "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", "admins", "operators")
	claims["username"] = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
	claims["device_key"] = "eu-west-1_11111111-2222-3333-4444-555555555555"
	token = issuer.Sign(b, issuer.Header(), claims)
	var set struct{ Keys []struct{ N string } }
	require.NoError(b, json.Unmarshal(issuer.JWKS(b), &set))
	n, err := base64.RawURLEncoding.DecodeString(set.Keys[0].N)
	require.NoError(b, err)
	dot := strings.LastIndexByte(token, '.')
	signature, err = base64.RawURLEncoding.DecodeString(token[dot+1:])
	require.NoError(b, err)
	return issuer, token, &rsa.PublicKey{N: bigInt(n), E: 65537}, sha256.Sum256([]byte(token[:dot])), signature
}

func authenticate(b *testing.B, verifier *auth.Verifier, token string) func(n int) {
	b.Helper()
	ctx := context.Background()
	return func(n int) {
		for range n {
			if _, err := verifier.Authenticate(ctx, token); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkVerify compares a verification with RSA alone.
func BenchmarkVerify(b *testing.B) {
	issuer, token, key, digest, signature := benchToken(b)
	verifier := newVerifier(b, []auth.Issuer{issuer.Issuer(b)}, func(o *auth.VerifierOptions) { o.CacheSize = 0 })
	subject := authenticate(b, verifier, token)
	bench.Ratio(b, 15, subject, func(n int) {
		for range n {
			if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature); err != nil {
				b.Fatal(err)
			}
		}
	}, 1000)
	b.ReportMetric(testing.AllocsPerRun(100, func() { subject(1) }), "allocs/verify")
	b.ReportMetric(float64(len(token)), "token-bytes")
}

// BenchmarkVerifyCached compares a verification from memory with the digest of
// the token and the look-up that it needs.
func BenchmarkVerifyCached(b *testing.B) {
	issuer, token, _, _, _ := benchToken(b)
	subject := authenticate(b, newVerifier(b, []auth.Issuer{issuer.Issuer(b)}), token)
	known := map[[32]byte]bool{sha256.Sum256([]byte(token)): true}
	text := []byte(token)
	bench.Ratio(b, 15, subject, func(n int) {
		for range n {
			if !known[sha256.Sum256(text)] {
				b.Fatal("unknown")
			}
		}
	}, 20000)
	b.ReportMetric(testing.AllocsPerRun(100, func() { subject(1) }), "allocs/verify")
}

// TestCachedVerificationAllocatesNothing holds what the benchmark shows.
func TestCachedVerificationAllocatesNothing(t *testing.T) {
	issuer, verifier := setup(t)
	token := issuer.AccessToken(t, acme, "user-1", "admins")
	ctx := context.Background()
	allocations := testing.AllocsPerRun(100, func() {
		if _, err := verifier.Authenticate(ctx, token); err != nil {
			t.Error(err)
		}
	})
	require.Zero(t, allocations)
}
