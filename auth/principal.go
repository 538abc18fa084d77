package auth

import (
	"context"
	"fmt"
	"slices"
	"strings"
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

func (s *scratch) tenant(issuer *Issuer) (tenant.ID, error) {
	c := &s.claims
	if c.has&hasTenant == 0 {
		if issuer.Tenant.IsZero() {
			return tenant.ID{}, fmt.Errorf("%w: tenant claim is missing", ErrToken)
		}
		return issuer.Tenant, nil
	}
	if !issuer.Tenant.IsZero() && string(c.tenant) == issuer.Tenant.String() {
		return issuer.Tenant, nil
	}
	id, err := tenant.ParseID(string(c.tenant))
	if err != nil {
		return tenant.ID{}, fmt.Errorf("%w: tenant claim: not a tenant id", ErrToken)
	}
	if !issuer.Tenant.IsZero() {
		return tenant.ID{}, fmt.Errorf("%w: tenant claim: not the tenant of the issuer", ErrToken)
	}
	return id, nil
}

// principal copies what it needs of the claims, in one piece of memory.
func (s *scratch) principal(issuer *Issuer) (Principal, error) {
	id, err := s.tenant(issuer)
	if err != nil {
		return Principal{}, err
	}
	c := &s.claims
	use, client, username := UseAccess, c.clientID, c.username
	if string(c.tokenUse) == string(UseID) {
		use, client, username = UseID, c.audiences[0], c.cognitoUsername
	}
	scopes := bytesCount(c.scope, ' ')
	s.text = s.text[:0]
	for _, part := range [...][]byte{c.subject, username, client, c.issuer, c.tokenID, c.scope} {
		s.text = append(s.text, part...)
	}
	for _, group := range c.groups {
		s.text = append(s.text, group...)
	}
	rest := string(s.text)
	take := func(part []byte) (taken string) {
		taken, rest = rest[:len(part)], rest[len(part):]
		return taken
	}
	principal := Principal{
		Tenant:   id,
		TokenUse: use,
		Subject:  take(c.subject),
		Username: take(username),
		ClientID: take(client),
		Issuer:   take(c.issuer),
		TokenID:  take(c.tokenID),
		AuthTime: timeOf(c.authTime, c.has&hasAuthTime != 0),
		IssuedAt: timeOf(c.issuedAt, c.has&hasIssuedAt != 0),
		Expires:  timeOf(c.expires, true),
	}
	names := make([]string, 0, scopes+len(c.groups))
	names = appendFields(names, take(c.scope))
	principal.Scopes = names[:len(names):len(names)]
	for _, group := range c.groups {
		names = append(names, take(group))
	}
	principal.Groups = names[len(principal.Scopes):]
	return principal, nil
}

// bytesCount returns the most fields that text, separated by c, can have.
func bytesCount(text []byte, c byte) (n int) {
	if len(text) > 0 {
		n = 1
	}
	for _, b := range text {
		if b == c {
			n++
		}
	}
	return n
}

func appendFields(to []string, text string) []string {
	for text != "" {
		var field string
		if field, text, _ = strings.Cut(text, " "); field != "" {
			to = append(to, field)
		}
	}
	return to
}

func timeOf(seconds int64, ok bool) time.Time {
	if !ok {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
