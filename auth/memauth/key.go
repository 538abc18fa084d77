package memauth

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
	"github.com/iotenant/iotenant/tenant"
)

// SigningKey is a stored RSA key. Each signs for Options.KeyTTL, and is
// published until its last token has expired.
type SigningKey struct {
	// Sequence numbers the keys: the one with the highest signs.
	Sequence int64 `json:"sequence"`
	// ID is the "kid".
	ID string `json:"id"`
	// Private is the key in PKCS #8, DER.
	Private   []byte    `json:"private"`
	CreatedAt time.Time `json:"createdAt"`
	// SignsUntil is when the next key takes over, Expires when the key is no
	// longer published.
	SignsUntil time.Time `json:"signsUntil"`
	Expires    time.Time `json:"expires"`
}

// String hides the key from fmt.
func (k SigningKey) String() string { return "signing key " + k.ID }

// GoString hides the key from fmt.
func (k SigningKey) GoString() string { return k.String() }

// KeySchema is how a [Provider] keeps its signing keys.
var KeySchema = tenant.Schema[SigningKey]{
	Entity:  "auth-key",
	Key:     func(k *SigningKey) tenant.Key { return tenant.NewKey(fmt.Sprintf("%019d", k.Sequence)) },
	Expires: func(k *SigningKey) time.Time { return k.Expires },
}

const (
	keyBits = 2048
	// keyMargin is how long a key is published after its last token has
	// expired, for verifiers with another clock.
	keyMargin = 5 * time.Minute
	// keysKept is how long the stored keys are taken as known, and
	// unknownKept how soon they are read again for an unknown key id.
	keysKept    = time.Minute
	unknownKept = time.Second
)

// keyring knows the signing keys. It reads them when asked, and then goes on
// with what it read for a while.
type keyring struct {
	keys    tenant.Repository[SigningKey]
	options Options
	reading chan struct{} // held while the stored keys are read
	known   *atomic.Pointer[knownKeys]
}

// knownKeys are the keys as they were read. They are not changed.
type knownKeys struct {
	set    *auth.KeySet // nil if there are no keys
	jwks   []byte
	signer signer
	// signsUntil is when the signer is replaced, rereadAt when the keys are
	// read again.
	last             int64
	signsUntil       time.Time
	readAt, rereadAt time.Time
}

func newKeyring(keys tenant.Repository[SigningKey], options Options) keyring {
	known := new(atomic.Pointer[knownKeys])
	known.Store(&knownKeys{})
	return keyring{keys: keys, options: options, reading: make(chan struct{}, 1), known: known}
}

// Keys implements auth.KeySource with the keys of the repository.
func (p *Provider) Keys(ctx context.Context, kid string) (*auth.KeySet, error) {
	known, err := p.keys.lookUp(ctx, kid)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", auth.ErrKeys, err)
	}
	if known.set == nil {
		return noKeys, nil
	}
	return known.set, nil
}

var noKeys = new(auth.KeySet)

// JWKS returns the handler of /.well-known/jwks.json: the public keys of all
// tokens that are still valid.
func (p *Provider) JWKS() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := p.keys.signer(r.Context()); err != nil {
			p.options.Logger.ErrorContext(r.Context(), "memauth: signing keys", "error", err)
			http.Error(w, "try again later", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(p.keys.known.Load().jwks) // the client is gone: nobody to tell
	})
}

// RotateKeys makes a new key that signs from now on. Tokens of the old one
// stay valid until they expire. It is not needed for the regular rotation.
func (p *Provider) RotateKeys(ctx context.Context) error {
	return p.keys.exclusively(ctx, func() error {
		known, err := p.keys.read(ctx)
		if err != nil {
			return err
		}
		_, err = p.keys.create(ctx, known.last+1)
		return err
	})
}

// signer returns the key that signs now. It makes one if there is none, or if
// the last has signed long enough.
func (k *keyring) signer(ctx context.Context) (signer, error) {
	now := k.options.Now()
	if known := k.known.Load(); now.Before(known.signsUntil) && now.Before(known.rereadAt) {
		return known.signer, nil
	}
	var found signer
	err := k.exclusively(ctx, func() error {
		known, err := k.read(ctx)
		if err == nil && !now.Before(known.signsUntil) {
			known, err = k.create(ctx, known.last+1)
		}
		if err == nil {
			found = known.signer
		}
		return err
	})
	return found, err
}

// lookUp returns the keys, read anew if they are old or kid is not among them.
func (k *keyring) lookUp(ctx context.Context, kid string) (*knownKeys, error) {
	now := k.options.Now()
	known := k.known.Load()
	if known.set != nil && known.set.Has(kid) && now.Before(known.rereadAt) {
		return known, nil
	}
	err := k.exclusively(ctx, func() (err error) {
		known = k.known.Load()
		if now.Before(known.readAt.Add(unknownKept)) && now.Before(known.rereadAt) {
			return nil
		}
		known, err = k.read(ctx)
		return err
	})
	return known, err
}

// exclusively runs one reader or maker of keys at a time.
func (k *keyring) exclusively(ctx context.Context, do func() error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("memauth: %w", context.Cause(ctx))
	}
	select {
	case k.reading <- struct{}{}:
		defer func() { <-k.reading }()
		return do()
	case <-ctx.Done():
		return fmt.Errorf("memauth: %w", context.Cause(ctx))
	}
}

func (k *keyring) read(ctx context.Context) (*knownKeys, error) {
	now := k.options.Now()
	known := &knownKeys{readAt: now, rereadAt: now.Add(keysKept)}
	var public []map[string]string
	for item, err := range tenant.All(ctx, k.keys, tenant.Platform(), tenant.Query{Consistent: true}) {
		if err != nil {
			return nil, fmt.Errorf("memauth: %w", err)
		}
		if tenant.Expired(item.Value.Expires, now) {
			continue
		}
		private, err := item.Value.parse()
		if err != nil {
			return nil, err
		}
		public = append(public, publicJWK(item.Value.ID, &private.PublicKey))
		known.signer = signer{id: item.Value.ID, key: private}
		known.last, known.signsUntil = item.Value.Sequence, k.signsUntil(&item.Value)
		if item.Value.Expires.Before(known.rereadAt) {
			known.rereadAt = item.Value.Expires
		}
	}
	if err := known.publish(public, k.known.Load().set); err != nil {
		return nil, err
	}
	k.known.Store(known)
	return known, nil
}

// signsUntil returns when the next key takes over: in time for the last token
// to expire while this key is published, also if it was made when tokens were
// valid for less long.
func (k *keyring) signsUntil(key *SigningKey) time.Time {
	lastToken := key.Expires.Add(-k.options.TokenTTL - keyMargin)
	if lastToken.Before(key.SignsUntil) {
		return lastToken
	}
	return key.SignsUntil
}

// publish makes the key set. It keeps the one before if nothing changed.
func (k *knownKeys) publish(public []map[string]string, before *auth.KeySet) (err error) {
	if len(public) == 0 {
		return nil
	}
	if k.jwks, err = json.Marshal(map[string]any{"keys": public}); err != nil {
		return fmt.Errorf("memauth: key set: %w", err)
	}
	if k.set, err = auth.ParseJWKS(k.jwks); err != nil {
		return fmt.Errorf("memauth: key set: %w", err)
	}
	if before != nil && before.Equal(k.set) {
		k.set = before
	}
	return nil
}

// create stores a new key, unless another process does so first.
func (k *keyring) create(ctx context.Context, sequence int64) (*knownKeys, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("memauth: new key: %w: %w", iotenant.ErrUnavailable, err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("memauth: new key: %w: %w", iotenant.ErrUnavailable, err)
	}
	now := k.options.Now().UTC().Truncate(time.Second)
	signsUntil := now.Add(k.options.KeyTTL)
	key := SigningKey{
		Sequence:   sequence,
		ID:         newID(),
		Private:    encoded,
		CreatedAt:  now,
		SignsUntil: signsUntil,
		Expires:    signsUntil.Add(k.options.TokenTTL + keyMargin),
	}
	_, err = k.keys.Put(ctx, tenant.Platform(), key, tenant.IfAbsent())
	if err != nil && !errors.Is(err, tenant.ErrExists) {
		return nil, fmt.Errorf("memauth: %w", err)
	}
	if err == nil {
		k.options.Logger.InfoContext(ctx, "memauth: new signing key", slog.String("kid", key.ID))
	}
	return k.read(ctx)
}

func (k SigningKey) parse() (*rsa.PrivateKey, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(k.Private)
	private, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("memauth: stored key %d is damaged: %w", k.Sequence, iotenant.ErrUnavailable)
	}
	return private, nil
}

func publicJWK(id string, key *rsa.PublicKey) map[string]string {
	return map[string]string{
		"kty": "RSA",
		"use": "sig",
		"alg": "RS256",
		"kid": id,
		"n":   base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e":   base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}
}
