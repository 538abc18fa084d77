package memauth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/auth"
)

const (
	saltLength = 16
	hashLength = 32
)

// hasher hashes passwords with argon2id, a limited number at a time: each
// takes a processor and many megabytes.
type hasher struct {
	cost  Argon2
	slots chan struct{}
	// nobody is hashed for users that do not exist.
	nobody string
}

func newHasher(cost Argon2, slots int) hasher {
	nobody := encodeHash(cost, make([]byte, saltLength), make([]byte, hashLength))
	return hasher{cost: cost, slots: make(chan struct{}, slots), nobody: nobody}
}

// hash returns the hash of a password in PHC string format.
func (h hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // never fails
	sum, err := h.sum(ctx, password, salt, h.cost)
	if err != nil {
		return "", err
	}
	return encodeHash(h.cost, salt, sum), nil
}

// verify reports whether password is the one that was hashed.
func (h hasher) verify(ctx context.Context, password, encoded string) (bool, error) {
	cost, salt, want, err := decodeHash(encoded)
	if err != nil {
		return false, err
	}
	got, err := h.sum(ctx, password, salt, cost)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

// outdated reports whether a hash was made with other parameters.
func (h hasher) outdated(encoded string) bool {
	cost, _, _, err := decodeHash(encoded)
	return err != nil || cost != h.cost
}

func (h hasher) sum(ctx context.Context, password string, salt []byte, cost Argon2) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("memauth: %w", context.Cause(ctx))
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("memauth: %w", context.Cause(ctx))
	}
	return argon2.IDKey([]byte(password), salt, cost.Passes, cost.MemoryKiB, cost.Lanes, hashLength), nil
}

func encodeHash(cost Argon2, salt, sum []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, cost.MemoryKiB, cost.Passes, cost.Lanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum))
}

func decodeHash(encoded string) (cost Argon2, salt, sum []byte, err error) {
	fields := strings.Split(encoded, "$")
	version := 0
	if len(fields) == 6 && fields[0] == "" && fields[1] == "argon2id" {
		_, _ = fmt.Sscanf(fields[2], "v=%d", &version)
		_, err = fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &cost.MemoryKiB, &cost.Passes, &cost.Lanes)
	}
	if version != argon2.Version || err != nil || cost.Passes < 1 || cost.Lanes < 1 {
		return Argon2{}, nil, nil, errHash
	}
	if salt, err = base64.RawStdEncoding.DecodeString(fields[4]); err != nil {
		return Argon2{}, nil, nil, errHash
	}
	if sum, err = base64.RawStdEncoding.DecodeString(fields[5]); err != nil || len(sum) != hashLength {
		return Argon2{}, nil, nil, errHash
	}
	return cost, salt, sum, nil
}

var errHash = fmt.Errorf("memauth: stored password hash is damaged: %w", iotenant.ErrUnavailable)

// checkPassword applies the policy to a new password.
func (p *Provider) checkPassword(username, password string) error {
	switch {
	case !utf8.ValidString(password) || len(password) > maxPassword:
		return fmt.Errorf("%w: want at most %d bytes of UTF-8", auth.ErrPassword, maxPassword)
	case utf8.RuneCountInString(password) < p.options.MinPassword:
		return fmt.Errorf("%w: want at least %d characters", auth.ErrPassword, p.options.MinPassword)
	case strings.Contains(strings.ToLower(password), username):
		return fmt.Errorf("%w: holds the username", auth.ErrPassword)
	case strings.Trim(password, password[:1]) == "":
		return fmt.Errorf("%w: one character, repeated", auth.ErrPassword)
	}
	if p.options.CheckPassword == nil {
		return nil
	}
	if err := p.options.CheckPassword(password); err != nil {
		return fmt.Errorf("%w: %w", auth.ErrPassword, err)
	}
	return nil
}
