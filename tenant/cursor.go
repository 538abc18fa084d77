package tenant

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/iotenant/iotenant"
)

// Cursor is a place in the result of a query. It can be handed to clients: it
// is encrypted and authenticated, and means nothing to another tenant, for
// another query, or to a store with other keys. It is safe in a URL.
type Cursor string

// MinCursorKeyLength is the least length of a cursor key in bytes.
const MinCursorKeyLength = 32

// maxCursorLength bounds the work that a forged cursor can cause.
const maxCursorLength = 4096

// CursorKeys seals and opens cursors. The zero CursorKeys is refused.
type CursorKeys struct{ aeads []cipher.AEAD }

// NewCursorKeys makes cursor keys from secrets of at least
// [MinCursorKeyLength] random bytes each. Cursors are sealed with the current
// key. To rotate, make the new key current and pass the old one as previous
// until no client holds a cursor made with it; at most one previous key is
// accepted. All processes that serve the same clients need the same keys.
func NewCursorKeys(current []byte, previous ...[]byte) (CursorKeys, error) {
	if len(previous) > 1 {
		return CursorKeys{}, fmt.Errorf("tenant: %w cursor keys: %d previous keys, limit 1", iotenant.ErrInvalid, len(previous))
	}
	var keys CursorKeys
	for i, secret := range append([][]byte{current}, previous...) {
		if len(secret) < MinCursorKeyLength {
			return CursorKeys{}, fmt.Errorf("tenant: %w cursor key %d: %d bytes, want at least %d", iotenant.ErrInvalid, i+1, len(secret), MinCursorKeyLength)
		}
		aead, err := newCursorAEAD(secret)
		if err != nil {
			return CursorKeys{}, fmt.Errorf("tenant: cursor key %d: %w", i+1, err)
		}
		keys.aeads = append(keys.aeads, aead)
	}
	return keys, nil
}

// RandomCursorKeys returns keys that only this process knows, for tests and
// for stores that live as long as the process.
func RandomCursorKeys() CursorKeys {
	secret := make([]byte, MinCursorKeyLength)
	rand.Read(secret) // never fails
	keys, err := NewCursorKeys(secret)
	if err != nil {
		panic(err)
	}
	return keys
}

func newCursorAEAD(secret []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "iotenant cursor", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Check returns an error of kind iotenant.ErrInvalid for zero CursorKeys.
func (k CursorKeys) Check() error {
	if len(k.aeads) == 0 {
		return fmt.Errorf("tenant: %w cursor keys: zero", iotenant.ErrInvalid)
	}
	return nil
}

// Seal makes a cursor of a position for this tenant and the query with this
// scope, see [QueryPlan.Scope]. Backends call it.
func (k CursorKeys) Seal(id ID, scope, position string) Cursor {
	sealed := k.aeads[0].Seal(nil, nil, []byte(position), cursorContext(id, scope))
	return Cursor(base64.RawURLEncoding.EncodeToString(sealed))
}

// Open returns the position in a cursor, or [ErrCursor] if it was not sealed
// for this tenant and scope with an accepted key. Backends call it.
func (k CursorKeys) Open(id ID, scope string, cursor Cursor) (position string, err error) {
	if len(cursor) > maxCursorLength {
		return "", ErrCursor
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(string(cursor))
	if err != nil {
		return "", ErrCursor
	}
	for _, aead := range k.aeads {
		if opened, err := aead.Open(nil, nil, sealed, cursorContext(id, scope)); err == nil {
			return string(opened), nil
		}
	}
	return "", ErrCursor
}

func cursorContext(id ID, scope string) []byte {
	text := binary.AppendUvarint(nil, uint64(len(id.text)))
	text = append(text, id.text...)
	return append(text, scope...)
}
