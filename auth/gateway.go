package auth

import (
	"fmt"
	"strconv"
	"strings"
)

// Principal returns the principal of a token whose signature and times another
// party of the platform has verified: the JWT authorizer of an API Gateway
// HTTP API, which hands the claims over as texts. Issuer, token use, client
// and tenant are judged as by Authenticate, and the expiry again. claims must
// come from the gateway's event, never from a client.
//
// The gateway writes a list as "[a b]", which is unambiguous because a Cognito
// group has no spaces in its name. The error is [ErrToken].
func (v *Verifier) Principal(gatewayClaims map[string]string) (Principal, error) {
	s := v.scratch.Get().(*scratch)
	defer v.scratch.Put(s)
	if err := s.claims.fromGateway(gatewayClaims, v.options.TenantClaim); err != nil {
		return Principal{}, err
	}
	issuer := v.issuers[gatewayClaims["iss"]]
	if issuer == nil {
		return Principal{}, fmt.Errorf("%w: unknown issuer", ErrToken)
	}
	if err := v.check(&s.claims, issuer, v.options.Now()); err != nil {
		return Principal{}, err
	}
	return s.principal(issuer)
}

func (c *claims) fromGateway(from map[string]string, tenantClaim string) (err error) {
	*c = claims{
		issuer:          []byte(from["iss"]),
		subject:         []byte(from["sub"]),
		tokenUse:        []byte(from["token_use"]),
		clientID:        []byte(from["client_id"]),
		username:        []byte(from["username"]),
		cognitoUsername: []byte(from["cognito:username"]),
		scope:           []byte(from["scope"]),
		tokenID:         []byte(from["jti"]),
	}
	if text, ok := from["aud"]; ok {
		c.audiences = gatewayList(text)
	}
	if text, ok := from["cognito:groups"]; ok {
		if c.groups = gatewayList(text); !isGatewayList(text) {
			return fmt.Errorf("%w: cognito:groups is not a list", ErrToken)
		}
	}
	if text, ok := from[tenantClaim]; ok {
		c.tenant, c.has = []byte(text), c.has|hasTenant
	}
	return c.timesFromGateway(from)
}

func (c *claims) timesFromGateway(from map[string]string) error {
	for _, claim := range [...]struct {
		name string
		to   *int64
		has  claimSet
	}{
		{"exp", &c.expires, hasExpires},
		{"nbf", &c.notBefore, hasNotBefore},
		{"iat", &c.issuedAt, hasIssuedAt},
		{"auth_time", &c.authTime, hasAuthTime},
	} {
		text, ok := from[claim.name]
		if !ok {
			continue
		}
		// The gateway may write a number in exponent form.
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || !(seconds >= 0 && seconds <= maxSeconds) {
			return fmt.Errorf("%w: %s is not a date in seconds", ErrToken, claim.name)
		}
		*claim.to, c.has = int64(seconds), c.has|claim.has
	}
	return nil
}

func isGatewayList(text string) bool {
	return len(text) >= 2 && text[0] == '[' && text[len(text)-1] == ']'
}

// gatewayList splits "[a b]"; a text without brackets is a list of one.
func gatewayList(text string) (list [][]byte) {
	if !isGatewayList(text) {
		return [][]byte{[]byte(text)}
	}
	for field := range strings.FieldsSeq(text[1 : len(text)-1]) {
		list = append(list, []byte(field))
	}
	return list
}
