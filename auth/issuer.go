package auth

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/iotenant/iotenant/tenant"
)

// Issuer is an identity provider whose tokens a [Verifier] takes.
type Issuer struct {
	// Names are the values of the claim "iss", compared byte by byte. A user
	// pool has two; see [CognitoIssuer].
	Names []string
	// ClientIDs are the app clients whose tokens are taken: the claim
	// "client_id" of access tokens, "aud" of ID tokens.
	ClientIDs []string
	// Keys are the issuer's keys.
	Keys KeySource
	// Tenant is set for an issuer that serves one tenant, such as a user pool
	// per tenant. Its tokens are that tenant's, need no tenant claim, and are
	// refused if they claim another. Leave it zero only if nobody but the
	// platform can set the tenant claim of this issuer's tokens.
	Tenant tenant.ID
}

// poolPattern is the form of user pool ids that AWS's own verifier knows; the
// Region stands before the '_'.
var poolPattern = regexp.MustCompile(`^((?:eusc-[a-z]{2}|[a-z]{2})-(?:gov-)?[a-z]+-\d)_[a-zA-Z0-9]+$`)

// CognitoIssuer returns the issuer of a Cognito user pool. Its tokens bear one
// of two names, depending on the pool's issuer configuration:
//
//	https://cognito-idp.<Region>.amazonaws.com/<pool>
//	https://issuer-cognito-idp.<Region>.amazonaws.com/<pool>
//
// Both are accepted. The keys are fetched from the first one's
// /.well-known/jwks.json, unless a [KeySet] or other source is put into
// Issuer.Keys. The error is [ErrConfig].
func CognitoIssuer(poolID string, clientIDs []string, optFns ...func(*RemoteKeysOptions)) (Issuer, error) {
	match := poolPattern.FindStringSubmatch(poolID)
	if match == nil {
		return Issuer{}, fmt.Errorf("%w: %q is no user pool id, want for example eu-west-1_AbCd12345", ErrConfig, poolID)
	}
	host := "cognito-idp." + match[1] + ".amazonaws.com/" + poolID
	keys, err := NewRemoteKeys("https://"+host+"/.well-known/jwks.json", optFns...)
	if err != nil {
		return Issuer{}, err
	}
	return Issuer{
		Names:     []string{"https://" + host, "https://issuer-" + host},
		ClientIDs: slices.Clone(clientIDs),
		Keys:      keys,
	}, nil
}

func (i Issuer) check() error {
	switch {
	case len(i.Names) == 0 || slices.Contains(i.Names, ""):
		return fmt.Errorf("%w: an issuer has no name", ErrConfig)
	case len(i.ClientIDs) == 0 || slices.Contains(i.ClientIDs, ""):
		return fmt.Errorf("%w: issuer %s: no client id", ErrConfig, i.Names[0])
	case i.Keys == nil:
		return fmt.Errorf("%w: issuer %s: no keys", ErrConfig, i.Names[0])
	}
	return nil
}
