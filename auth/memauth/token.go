package memauth

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

// common are the claims that Cognito puts into both kinds of tokens. The
// tenant is in the access token too, as a pre token generation trigger would
// put it there.
type common struct {
	Subject   string        `json:"sub"`
	Groups    []string      `json:"cognito:groups,omitempty"`
	Issuer    string        `json:"iss"`
	OriginJTI string        `json:"origin_jti"`
	EventID   string        `json:"event_id"`
	TokenUse  auth.TokenUse `json:"token_use"`
	AuthTime  int64         `json:"auth_time"`
	Expires   int64         `json:"exp"`
	IssuedAt  int64         `json:"iat"`
	TokenID   string        `json:"jti"`
	Tenant    tenant.ID     `json:"custom:tenant_id"`
}

type accessClaims struct {
	common
	ClientID string `json:"client_id"`
	Version  int    `json:"version"`
	Scope    string `json:"scope"`
	Username string `json:"username"`
}

type idClaims struct {
	common
	Audience      string `json:"aud"`
	Username      string `json:"cognito:username"`
	Email         string `json:"email"`
	EmailVerified bool   `json:"email_verified"`
	Name          string `json:"name,omitempty"`
	Locale        string `json:"locale,omitempty"`
	ZoneInfo      string `json:"zoneinfo,omitempty"`
}

// userScope is what Cognito grants to a user who logged in with a password.
const userScope = "aws.cognito.signin.user.admin"

// mint makes the tokens of a session.
func (p *Provider) mint(ctx context.Context, user *User, session *Session, refresh refreshToken) (auth.Tokens, error) {
	signer, err := p.keys.signer(ctx)
	if err != nil {
		return auth.Tokens{}, err
	}
	issued := p.options.Now().Truncate(time.Second)
	expires := issued.Add(p.options.TokenTTL)
	claims := common{
		Subject:   user.Subject,
		Groups:    user.Groups,
		Issuer:    p.options.Issuer,
		OriginJTI: session.ID,
		EventID:   newID(),
		AuthTime:  session.StartedAt.Unix(),
		Expires:   expires.Unix(),
		IssuedAt:  issued.Unix(),
		Tenant:    user.Tenant,
	}
	access := accessClaims{common: claims, ClientID: p.options.ClientID, Version: 2, Scope: userScope, Username: user.Username}
	access.TokenUse, access.TokenID = auth.UseAccess, newID()
	id := idClaims{
		common:   claims,
		Audience: p.options.ClientID,
		Username: user.Username,
		Email:    user.Email,
		// The code of the sign-up, or the backend, vouches for the address.
		EmailVerified: user.Confirmed,
		Name:          user.Name,
		Locale:        user.Locale,
		ZoneInfo:      user.TimeZone,
	}
	id.TokenUse, id.TokenID = auth.UseID, newID()
	tokens := auth.Tokens{RefreshToken: refresh.String(), Expires: expires.UTC()}
	if tokens.AccessToken, err = signer.sign(access); err != nil {
		return auth.Tokens{}, err
	}
	tokens.IDToken, err = signer.sign(id)
	return tokens, err
}

// signer is the key that signs now.
type signer struct {
	id  string
	key *rsa.PrivateKey
}

func (s signer) sign(claims any) (string, error) {
	header, err := json.Marshal(map[string]string{"kid": s.id, "alg": "RS256"})
	if err != nil {
		return "", fmt.Errorf("memauth: token header: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("memauth: token claims: %w", err)
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("memauth: sign token: %w: %w", iotenant.ErrUnavailable, err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}
