package auth_test

import "testing"

// An ID token is for the client that shows its user who signed in. Where access
// tokens are taken, it is refused.
func TestAttackIDTokenAsAccessToken(t *testing.T) {
	t.Parallel()
	issuer, verifier := setup(t)
	claims := issuer.IDClaims(acme, "user-1")
	both := issuer.IDClaims(acme, "user-1")
	both["client_id"] = "test-client"
	refuseAll(t, verifier, []string{
		issuer.Sign(t, issuer.Header(), claims),
		issuer.Sign(t, issuer.Header(), both),
	})
}
