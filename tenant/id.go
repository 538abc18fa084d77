package tenant

import (
	"fmt"
	"strings"
)

// Limits of a tenant id, in bytes.
const (
	MinIDLength = 3
	MaxIDLength = 36
)

// ID names one tenant. It is opaque: the only way to a usable ID is [ParseID]
// at the edge, from something verified (a token claim, a client certificate, a
// topic of an authenticated connection).
//
// The zero ID is no tenant. Every function of this module refuses it.
type ID struct{ text string }

// ParseID checks that text is a tenant id: 3 to 36 of the characters a-z, 0-9
// and '-', beginning and ending with a letter or digit. A UUID in lower case
// is one. The alphabet leaves out every character that separates keys, topics,
// object prefixes and resource names, so no id can be part of another's.
//
// The error is [ErrID].
func ParseID(text string) (ID, error) {
	if len(text) < MinIDLength || len(text) > MaxIDLength {
		return ID{}, fmt.Errorf("%w: %d bytes long, want %d to %d", ErrID, len(text), MinIDLength, MaxIDLength)
	}
	for i := range len(text) {
		if c := text[i]; !isAlphanumeric(c) && c != '-' {
			return ID{}, fmt.Errorf("%w: byte %d is not one of a-z, 0-9, '-'", ErrID, i)
		}
	}
	if !isAlphanumeric(text[0]) || !isAlphanumeric(text[len(text)-1]) {
		return ID{}, fmt.Errorf("%w: begins or ends with '-'", ErrID)
	}
	return ID{strings.Clone(text)}, nil
}

// MustParseID is [ParseID] for ids written in code. It panics on a bad one.
func MustParseID(text string) ID {
	id, err := ParseID(text)
	if err != nil {
		panic(err)
	}
	return id
}

// platform can't be parsed: '_' is outside the alphabet.
var platform = ID{"_platform"}

// Platform is the id under which the platform keeps what belongs to no single
// tenant: the tenant directory and the users of the local identity provider.
// ParseID never returns it, so nothing that comes from outside can name it.
func Platform() ID { return platform }

func isAlphanumeric(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// String returns the id as text, empty for the zero ID.
func (id ID) String() string { return id.text }

// IsZero reports whether id is the zero ID, which is no tenant.
func (id ID) IsZero() bool { return id.text == "" }

// Check returns [ErrID] for the zero ID. Implementations call it first.
func (id ID) Check() error {
	if id.IsZero() {
		return fmt.Errorf("%w: zero", ErrID)
	}
	return nil
}

// MarshalText returns the id as text. It refuses the zero ID with [ErrID].
func (id ID) MarshalText() ([]byte, error) {
	if err := id.Check(); err != nil {
		return nil, err
	}
	return []byte(id.text), nil
}

// UnmarshalText is [ParseID].
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
