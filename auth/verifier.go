package auth

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// MaxTokenLength is the limit of a token in bytes. Nothing longer is looked at.
const MaxTokenLength = 16 << 10

// DefaultTenantClaim is the custom attribute of a Cognito user that holds the
// tenant id.
//
// An ID token carries it by itself, an access token through a pre token
// generation trigger. The app client must not have it in its WriteAttributes:
// a user's own access token could otherwise change the user's tenant.
const DefaultTenantClaim = "custom:tenant_id"

// VerifierOptions are the options of [NewVerifier].
type VerifierOptions struct {
	// TokenUses are the kinds of tokens that are taken. Default access only.
	TokenUses []TokenUse
	// TenantClaim is the claim that holds the tenant id, as a string: one that
	// only the platform can set. Claims that mean something else are refused,
	// such as "nickname", which users choose. Default [DefaultTenantClaim].
	TenantClaim string
	// Skew is by how much clocks may differ: it is granted to "exp", "nbf"
	// and "iat". Default 30 s.
	Skew time.Duration
	// CacheSize is how many verified tokens are remembered, by a digest of
	// the token, until they expire or their issuer's keys change. 0 means
	// none. Default 4096; one takes about 1 KB.
	CacheSize int
	// Now is the clock. Default time.Now.
	Now func() time.Time
}

// Verifier verifies tokens of the kind that Amazon Cognito issues: JSON Web
// Tokens (RFC 7519) signed with RS256. It is an [Authenticator].
//
// A token is taken if all of this holds:
//
//   - It has at most [MaxTokenLength] bytes, three parts in strict base64url,
//     and its header and claims are JSON objects without duplicate members.
//   - "alg" is RS256, there is no "crit", and "kid" names a key of the issuer.
//   - "iss" is a name of one of the issuers, byte by byte. Only then are keys
//     asked for, and only those of that issuer.
//   - The signature is that key's.
//   - "token_use" is one of Options.TokenUses, and "client_id" of an access
//     token, each "aud" of an ID token, is one of the issuer's clients.
//   - "exp" is there and has not passed; "nbf" and "iat", if there, have.
//   - "sub" is there, and the tenant claim is a string that is a tenant id; see
//     Issuer.Tenant for issuers that serve one tenant.
type Verifier struct {
	issuers  map[string]*Issuer
	options  VerifierOptions
	verified *verifiedTokens
	scratch  sync.Pool
	// header is that of the last good signature: the next token has the same,
	// most likely.
	header atomic.Pointer[goodHeader]
}

// goodHeader is a header that was read, as it stands in the token.
type goodHeader struct{ text, keyID string }

var _ Authenticator = (*Verifier)(nil)

// NewVerifier returns a verifier of the issuers' tokens. The error is
// [ErrConfig].
func NewVerifier(issuers []Issuer, optFns ...func(*VerifierOptions)) (*Verifier, error) {
	options := VerifierOptions{
		TokenUses:   []TokenUse{UseAccess},
		TenantClaim: DefaultTenantClaim,
		Skew:        30 * time.Second,
		CacheSize:   4096,
		Now:         time.Now,
	}
	for _, fn := range optFns {
		fn(&options)
	}
	if err := options.check(); err != nil {
		return nil, err
	}
	byName, err := issuersByName(issuers)
	if err != nil {
		return nil, err
	}
	v := &Verifier{issuers: byName, options: options, verified: newVerifiedTokens(options.CacheSize)}
	v.scratch.New = func() any { return new(scratch) }
	return v, nil
}

func (o VerifierOptions) check() error {
	if len(o.TokenUses) == 0 {
		return fmt.Errorf("%w: no token use is taken", ErrConfig)
	}
	for _, use := range o.TokenUses {
		if use != UseAccess && use != UseID {
			return fmt.Errorf("%w: token use %q, want %q or %q", ErrConfig, use, UseAccess, UseID)
		}
	}
	if o.Skew < 0 || o.CacheSize < 0 {
		return fmt.Errorf("%w: Skew and CacheSize must not be negative", ErrConfig)
	}
	return checkTenantClaim(o.TenantClaim)
}

// reservedClaims mean something else: those of tokens, and the standard
// attributes of OpenID Connect, most of which users choose themselves.
var reservedClaims = []string{
	"", "iss", "sub", "aud", "client_id", "token_use", "username", "cognito:username", "cognito:groups", "cognito:roles",
	"cognito:preferred_role", "scope", "jti", "origin_jti", "event_id", "device_key", "version", "nonce", "identities",
	"exp", "nbf", "iat", "auth_time",
	"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
	"email", "email_verified", "gender", "birthdate", "zoneinfo", "locale", "phone_number", "phone_number_verified",
	"address", "updated_at",
}

func checkTenantClaim(name string) error {
	if slices.Contains(reservedClaims, name) {
		return fmt.Errorf("%w: tenant claim %q", ErrConfig, name)
	}
	return nil
}

func issuersByName(issuers []Issuer) (map[string]*Issuer, error) {
	if len(issuers) == 0 {
		return nil, fmt.Errorf("%w: no issuer", ErrConfig)
	}
	byName := map[string]*Issuer{}
	for _, issuer := range issuers {
		if err := issuer.check(); err != nil {
			return nil, err
		}
		issuer.ClientIDs = slices.Clone(issuer.ClientIDs)
		for _, name := range issuer.Names {
			if byName[name] != nil {
				return nil, fmt.Errorf("%w: issuer %s is there twice", ErrConfig, name)
			}
			byName[name] = &issuer
		}
	}
	return byName, nil
}

// scratch is the memory of one verification.
type scratch struct {
	header    []byte
	payload   []byte
	signature []byte
	decoder   decoder
	claims    claims
	text      []byte
}

// Authenticate implements [Authenticator]. A token that was verified before is
// answered from memory, without looking at its signature again.
func (v *Verifier) Authenticate(ctx context.Context, token string) (Principal, error) {
	if token == "" {
		return Principal{}, ErrUnauthenticated
	}
	if len(token) > MaxTokenLength {
		return Principal{}, fmt.Errorf("%w: %d bytes long, limit %d", ErrToken, len(token), MaxTokenLength)
	}
	now := v.options.Now()
	if v.options.CacheSize == 0 {
		verified, err := v.verify(ctx, token, now)
		return verified.principal, err
	}
	digest := sha256.Sum256(bytesOf(token))
	if known := v.verified.find(digest); known != nil && known.holds(ctx, now) {
		return known.principal, nil
	}
	verified, err := v.verify(ctx, token, now)
	if err != nil {
		return Principal{}, err
	}
	v.verified.add(digest, &verified, now)
	return verified.principal, nil
}

// verify returns a verified token, or why it is refused.
func (v *Verifier) verify(ctx context.Context, token string, now time.Time) (verifiedToken, error) {
	s := v.scratch.Get().(*scratch)
	defer func() {
		clear(s.signature) // what stays in memory is no token
		v.scratch.Put(s)
	}()
	signed, header, err := s.split(token)
	if err != nil {
		return verifiedToken{}, err
	}
	known := v.header.Load()
	if known == nil || known.text != header {
		if known, err = s.readHeader(header); err != nil {
			return verifiedToken{}, err
		}
	}
	if err := s.decoder.claims(&s.claims, s.payload, v.options.TenantClaim); err != nil {
		return verifiedToken{}, err
	}
	issuer := v.issuers[string(s.claims.issuer)]
	if issuer == nil {
		return verifiedToken{}, fmt.Errorf("%w: unknown issuer", ErrToken)
	}
	keys, err := s.checkSignature(ctx, issuer.Keys, known.keyID, signed)
	if err != nil {
		return verifiedToken{}, err
	}
	if v.header.Load() != known {
		v.header.Store(known)
	}
	if err := v.check(&s.claims, issuer, now); err != nil {
		return verifiedToken{}, err
	}
	principal, err := s.principal(issuer)
	if err != nil {
		return verifiedToken{}, err
	}
	return verifiedToken{
		principal: principal,
		source:    issuer.Keys,
		keys:      keys,
		kid:       known.keyID,
		until:     principal.Expires.Add(v.options.Skew),
	}, nil
}

// split decodes claims and signature of a token, and returns what is signed
// and the header in it.
func (s *scratch) split(token string) (signed, header string, err error) {
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	if header == "" || payload == "" || signature == "" || strings.IndexByte(signature, '.') >= 0 {
		return "", "", fmt.Errorf("%w: want three parts", ErrToken)
	}
	// Package base64 skips line breaks; a token has none.
	if strings.IndexByte(token, '\n') >= 0 || strings.IndexByte(token, '\r') >= 0 {
		return "", "", fmt.Errorf("%w: line break", ErrToken)
	}
	if s.payload, err = decode(s.payload, payload); err != nil {
		return "", "", fmt.Errorf("%w: claims: %w", ErrToken, err)
	}
	if s.signature, err = decode(s.signature, signature); err != nil {
		return "", "", fmt.Errorf("%w: signature: %w", ErrToken, err)
	}
	return token[:len(header)+1+len(payload)], header, nil
}

func (s *scratch) readHeader(text string) (read *goodHeader, err error) {
	if s.header, err = decode(s.header, text); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrToken, err)
	}
	head, err := s.decoder.header(s.header)
	if err != nil {
		return nil, err
	}
	if string(head.algorithm) != algorithmRS256 {
		return nil, fmt.Errorf("%w: alg is not %s", ErrToken, algorithmRS256)
	}
	if len(head.keyID) == 0 {
		return nil, fmt.Errorf("%w: kid is missing", ErrToken)
	}
	return &goodHeader{text: strings.Clone(text), keyID: string(head.keyID)}, nil
}

// base64URL refuses the second spelling of the last character, so that a
// token has one form only.
var base64URL = base64.RawURLEncoding.Strict()

func decode(to []byte, text string) ([]byte, error) {
	return base64URL.AppendDecode(to[:0], bytesOf(text))
}

// checkSignature returns the key set under which the signature is good.
func (s *scratch) checkSignature(ctx context.Context, source KeySource, kid, signed string) (*KeySet, error) {
	keys, err := source.Keys(ctx, kid)
	if err != nil {
		return nil, err
	}
	key := keys.keys[kid]
	if key == nil {
		return nil, fmt.Errorf("%w: unknown kid", ErrToken)
	}
	digest := sha256.Sum256(bytesOf(signed))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], s.signature) != nil {
		return nil, fmt.Errorf("%w: bad signature", ErrToken)
	}
	return keys, nil
}

func (v *Verifier) check(c *claims, issuer *Issuer, now time.Time) error {
	use := TokenUse(c.tokenUse)
	if !slices.Contains(v.options.TokenUses, use) {
		return fmt.Errorf("%w: token_use is not taken here", ErrToken)
	}
	if !issuer.hasClient(c, use) {
		return fmt.Errorf("%w: issued to another client", ErrToken)
	}
	if len(c.subject) == 0 {
		return fmt.Errorf("%w: sub is missing", ErrToken)
	}
	return v.checkTimes(c, now)
}

func (i *Issuer) hasClient(c *claims, use TokenUse) bool {
	if use == UseAccess {
		return i.isClient(c.clientID)
	}
	for _, audience := range c.audiences {
		if !i.isClient(audience) {
			return false
		}
	}
	return len(c.audiences) > 0
}

func (i *Issuer) isClient(id []byte) bool {
	for _, client := range i.ClientIDs {
		if client == string(id) {
			return true
		}
	}
	return false
}

func (v *Verifier) checkTimes(c *claims, now time.Time) error {
	latest := now.Add(v.options.Skew).Unix()
	switch {
	case c.has&hasExpires == 0:
		return fmt.Errorf("%w: exp is missing", ErrToken)
	case !now.Before(time.Unix(c.expires, 0).Add(v.options.Skew)):
		return ErrExpired
	case c.has&hasNotBefore != 0 && c.notBefore > latest:
		return fmt.Errorf("%w: not valid yet", ErrToken)
	case c.has&hasIssuedAt != 0 && c.issuedAt > latest:
		return fmt.Errorf("%w: issued in the future", ErrToken)
	}
	return nil
}

// bytesOf returns the bytes of text without copying them. They must not be
// changed or kept.
func bytesOf(text string) []byte { return unsafe.Slice(unsafe.StringData(text), len(text)) }
