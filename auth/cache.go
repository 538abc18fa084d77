package auth

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// verifiedToken is what is remembered of a token that was good: not the token.
type verifiedToken struct {
	principal Principal
	source    KeySource
	keys      *KeySet // under which it was good
	kid       string
	until     time.Time
}

// holds reports whether the token is still good: not expired, and its issuer's
// keys still those under which it was verified.
func (t *verifiedToken) holds(ctx context.Context, now time.Time) bool {
	if !now.Before(t.until) {
		return false
	}
	keys, err := t.source.Keys(ctx, t.kid)
	return err == nil && keys == t.keys
}

// verifiedTokens is a bounded set of verified tokens by SHA-256 digest.
type verifiedTokens struct {
	size int

	mu       sync.RWMutex
	byDigest map[[sha256.Size]byte]*verifiedToken
}

func newVerifiedTokens(size int) *verifiedTokens {
	return &verifiedTokens{size: size, byDigest: map[[sha256.Size]byte]*verifiedToken{}}
}

func (t *verifiedTokens) find(digest [sha256.Size]byte) *verifiedToken {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byDigest[digest]
}

func (t *verifiedTokens) add(digest [sha256.Size]byte, token *verifiedToken, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.byDigest[digest]; !known && len(t.byDigest) >= t.size {
		t.evict(now)
	}
	t.byDigest[digest] = token
}

// evictionSample is how many tokens are looked at to find one to forget.
const evictionSample = 8

// evict forgets, of a few tokens in the random order of a map, those that have
// expired, or else the one that expires first.
func (t *verifiedTokens) evict(now time.Time) {
	var victim [sha256.Size]byte
	var first time.Time
	looked, expired := 0, false
	for digest, token := range t.byDigest {
		if !now.Before(token.until) {
			delete(t.byDigest, digest)
			expired = true
		} else if first.IsZero() || token.until.Before(first) {
			victim, first = digest, token.until
		}
		if looked++; looked == evictionSample {
			break
		}
	}
	if !expired {
		delete(t.byDigest, victim)
	}
}
