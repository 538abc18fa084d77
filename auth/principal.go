package auth

import (
	"context"
	"slices"
	"time"

	"github.com/iotenant/iotenant/tenant"
)

// TokenUse tells the two kinds of Cognito tokens apart: the claim "token_use".
type TokenUse string

// The kinds of tokens.
const (
	// UseAccess is for calling APIs.
	UseAccess TokenUse = "access"
	// UseID tells an application who its user is.
	UseID TokenUse = "id"
)

// Principal is who acts, and for which tenant, taken from a verified token.
// Its slices are shared: don't change them.
type Principal struct {
	// Tenant is never zero in a Principal from an [Authenticator].
	Tenant tenant.ID `json:"tenant"`
	// Subject is the user's id, stable and unique within the issuer.
	Subject string `json:"subject"`
	// Username is empty for a machine.
	Username string `json:"username,omitempty"`
	// ClientID is the app client that the token was issued to.
	ClientID string `json:"clientId,omitempty"`
	// Issuer is who issued the token.
	Issuer   string   `json:"issuer"`
	TokenUse TokenUse `json:"tokenUse"`
	// TokenID is the token's "jti", empty if it has none.
	TokenID string   `json:"tokenId,omitempty"`
	Groups  []string `json:"groups,omitempty"`
	Scopes  []string `json:"scopes,omitempty"`
	// AuthTime is when the user authenticated; zero if the token doesn't say.
	AuthTime time.Time `json:"authTime,omitzero"`
	// IssuedAt is when the token was issued.
	IssuedAt time.Time `json:"issuedAt,omitzero"`
	// Expires is when the token expires.
	Expires time.Time `json:"expires"`
}

// InGroup reports whether the principal is a member of the group.
func (p Principal) InGroup(name string) bool { return slices.Contains(p.Groups, name) }

// HasScope reports whether the token carries the scope.
func (p Principal) HasScope(name string) bool { return slices.Contains(p.Scopes, name) }

type principalKey struct{}

// NewContext returns a context that carries the principal. It is for the
// transport, which has verified who calls; handlers use [FromContext].
func NewContext(ctx context.Context, principal Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, &principal)
}

// FromContext returns the principal that the transport put into the context.
// Handlers take it out, and pass Principal.Tenant on as an argument. The error
// is [ErrUnauthenticated].
func FromContext(ctx context.Context) (Principal, error) {
	principal, ok := ctx.Value(principalKey{}).(*Principal)
	if !ok {
		return Principal{}, ErrUnauthenticated
	}
	return *principal, nil
}
