package auth

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
)

//go:generate go tool -modfile=../tools/go.mod mockgen -source=keyset.go -destination=authmock/keyset.go -package=authmock -write_source_comment=false -write_package_comment=false

// KeySource knows the public keys of one issuer. [KeySet] is one that never
// changes, [RemoteKeys] one that fetches, memauth's provider one that rotates.
type KeySource interface {
	// Keys returns the keys that are trusted now. If kid is not among those
	// it knows, it may first look for newer ones, until ctx ends; a set
	// without kid then means that there is no such key. With a known kid it
	// does not wait for the issuer. It returns the same pointer as long as the keys are the
	// same, and may be called concurrently and for every token. The error is
	// [ErrKeys].
	Keys(ctx context.Context, kid string) (*KeySet, error)
}

// Limits of a key set.
const (
	// MaxJWKSSize is the limit of the text of a key set in bytes.
	MaxJWKSSize = 256 << 10
	minKeyBits  = 2048
	maxKeyBits  = 8192
)

// KeySet is a set of RSA public keys by key id. It is immutable, and as such a
// [KeySource]: the offline one.
type KeySet struct {
	keys map[string]*rsa.PublicKey
}

var _ KeySource = (*KeySet)(nil)

type jwk struct {
	KeyType   string `json:"kty"`
	KeyID     string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	Modulus   string `json:"n"`
	Exponent  string `json:"e"`
}

// ParseJWKS reads a JSON Web Key Set (RFC 7517), such as the content of a
// user pool's /.well-known/jwks.json kept in a file. Keys for other purposes
// than RS256 signatures are left out. The error is [ErrJWKS]: for a text that
// is no key set, a usable key without "kid" or with one used twice, a modulus
// outside 2048 to 8192 bits, or if no usable key is left.
func ParseJWKS(text []byte) (*KeySet, error) {
	if len(text) > MaxJWKSSize {
		return nil, fmt.Errorf("%w: %d bytes long, limit %d", ErrJWKS, len(text), MaxJWKSSize)
	}
	var document struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJWKS, err)
	}
	set := &KeySet{keys: map[string]*rsa.PublicKey{}}
	for i, key := range document.Keys {
		if !key.signsRS256() {
			continue
		}
		if err := set.add(key); err != nil {
			return nil, fmt.Errorf("%w: key %d: %w", ErrJWKS, i+1, err)
		}
	}
	if len(set.keys) == 0 {
		return nil, fmt.Errorf("%w: no key for RS256 among %d", ErrJWKS, len(document.Keys))
	}
	return set, nil
}

func (k jwk) signsRS256() bool {
	return k.KeyType == "RSA" && (k.Use == "" || k.Use == "sig") && (k.Algorithm == "" || k.Algorithm == algorithmRS256)
}

func (s *KeySet) add(key jwk) error {
	if key.KeyID == "" {
		return fmt.Errorf("kid is missing")
	}
	if s.keys[key.KeyID] != nil {
		return fmt.Errorf("kid %q is used twice", key.KeyID)
	}
	public, err := key.public()
	if err != nil {
		return err
	}
	s.keys[key.KeyID] = public
	return nil
}

func (k jwk) public() (*rsa.PublicKey, error) {
	modulus, err := base64.RawURLEncoding.DecodeString(k.Modulus)
	if err != nil {
		return nil, fmt.Errorf("n: %w", err)
	}
	exponent, err := base64.RawURLEncoding.DecodeString(k.Exponent)
	if err != nil {
		return nil, fmt.Errorf("e: %w", err)
	}
	n, e := new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent)
	if bits := n.BitLen(); bits < minKeyBits || bits > maxKeyBits || n.Bit(0) == 0 {
		return nil, fmt.Errorf("n: %d bits, want an odd number of %d to %d", bits, minKeyBits, maxKeyBits)
	}
	if e.BitLen() > 31 || e.Int64() < 3 || e.Bit(0) == 0 {
		return nil, fmt.Errorf("e: want an odd number from 3 to 2147483647")
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

// Keys implements [KeySource]. It never fails.
func (s *KeySet) Keys(context.Context, string) (*KeySet, error) { return s, nil }

// Len returns the number of keys.
func (s *KeySet) Len() int { return len(s.keys) }

// Has reports whether the set has a key with this id.
func (s *KeySet) Has(kid string) bool { return s.keys[kid] != nil }

// Equal reports whether both sets hold the same keys under the same ids.
func (s *KeySet) Equal(other *KeySet) bool {
	if len(s.keys) != len(other.keys) {
		return false
	}
	for kid, key := range s.keys {
		if same := other.keys[kid]; same == nil || !key.Equal(same) {
			return false
		}
	}
	return true
}
