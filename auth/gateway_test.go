package auth_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/auth"
)

func gatewayClaims() map[string]string {
	now := time.Now().Unix()
	return map[string]string{
		"iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Test00000", "sub": "user-1", "token_use": "access",
		"client_id": "test-client", "username": "ann", "scope": "openid things/read", "cognito:groups": "[admins operators]",
		"exp": fmt.Sprint(now + 3600), "iat": fmt.Sprint(now), "auth_time": fmt.Sprintf("%e", float64(now)), "jti": "id-1",
		"custom:tenant_id": "acme",
	}
}

func TestGatewayClaims(t *testing.T) {
	t.Parallel()
	_, verifier := setup(t)
	principal, err := verifier.Principal(gatewayClaims())
	require.NoError(t, err)
	require.Equal(t, acme, principal.Tenant)
	require.Equal(t, []string{"admins", "operators"}, principal.Groups)
	require.Equal(t, []string{"openid", "things/read"}, principal.Scopes)
	require.Equal(t, "ann", principal.Username)
	require.False(t, principal.AuthTime.IsZero())

	claims := gatewayClaims()
	delete(claims, "cognito:groups")
	principal, err = verifier.Principal(claims)
	require.NoError(t, err)
	require.Empty(t, principal.Groups)
}

func TestAttackGatewayClaims(t *testing.T) {
	t.Parallel()
	_, verifier := setup(t)
	for name, values := range map[string][]string{
		"iss":              {"", "https://evil.example"},
		"token_use":        {"", "id", "[access]"},
		"client_id":        {"", "other", "[test-client]"},
		"sub":              {""},
		"exp":              {"", "0", "NaN", "+Inf", "-1", "1e300", "soon"},
		"iat":              {fmt.Sprint(time.Now().Unix() + 3600), "x"},
		"nbf":              {fmt.Sprint(time.Now().Unix() + 3600)},
		"cognito:groups":   {"admins", "admins operators", "[admins", ""},
		"custom:tenant_id": {"", "[acme]", "[acme acme-b]", "ACME", "_platform"},
	} {
		for _, value := range values {
			claims := gatewayClaims()
			claims[name] = value
			principal, err := verifier.Principal(claims)
			require.ErrorIs(t, err, auth.ErrToken, "%s %q", name, value)
			require.Zero(t, principal)
		}
	}
	for _, name := range []string{"iss", "sub", "token_use", "client_id", "exp", "custom:tenant_id"} {
		claims := maps.Clone(gatewayClaims())
		delete(claims, name)
		_, err := verifier.Principal(claims)
		require.ErrorIs(t, err, auth.ErrToken, name)
	}
}
