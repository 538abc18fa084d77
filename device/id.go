package device

import (
	"fmt"
	"strings"

	"github.com/iotenant/iotenant/tenant"
)

// MaxIDLength is the limit of a thing id in bytes. With the longest tenant id
// before it, a thing name has the 128 bytes that AWS IoT Core allows.
const MaxIDLength = 91

// nameSeparator stands between tenant id and thing id in a thing name. No
// tenant id holds it, so a thing name has one reading only.
const nameSeparator = ":"

// ID names a thing within its tenant. Two tenants may use the same ID for
// different things. The zero ID is refused everywhere.
type ID struct{ text string }

// ParseID checks that text is a thing id: 1 to [MaxIDLength] of the characters
// that AWS IoT Core allows in a thing name, a-z, A-Z, 0-9, ':', '_' and '-'.
// The error is [ErrID].
func ParseID(text string) (ID, error) {
	if text == "" || len(text) > MaxIDLength {
		return ID{}, fmt.Errorf("%w: %d bytes long, want 1 to %d", ErrID, len(text), MaxIDLength)
	}
	for i := range len(text) {
		if !isNameByte(text[i]) {
			return ID{}, fmt.Errorf("%w: byte %d is not one of a-z, A-Z, 0-9, ':', '_', '-'", ErrID, i)
		}
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

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == ':' || c == '_' || c == '-'
}

// String returns the id as text, empty for the zero ID.
func (id ID) String() string { return id.text }

// IsZero reports whether id is the zero ID.
func (id ID) IsZero() bool { return id.text == "" }

// Check returns [ErrID] for the zero ID.
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

// ThingName returns the name of a thing that is unique across tenants:
// "<tenant>:<thing>". It is the thing's name in the AWS IoT registry, its MQTT
// client id, and its name in $aws topics.
func ThingName(id tenant.ID, thing ID) string {
	return id.String() + nameSeparator + thing.text
}

// ParseThingName splits a thing name. Errors: tenant.ErrID, [ErrID].
func ParseThingName(name string) (tenant.ID, ID, error) {
	owner, rest, _ := strings.Cut(name, nameSeparator)
	id, err := tenant.ParseID(owner)
	if err != nil {
		return tenant.ID{}, ID{}, err
	}
	thing, err := ParseID(rest)
	if err != nil {
		return tenant.ID{}, ID{}, err
	}
	return id, thing, nil
}
