package shadow

import (
	"fmt"
	"strings"
)

// MaxNameLength is the limit of the name of a shadow in bytes.
const MaxNameLength = 64

// Name names a shadow of a thing. The zero Name is the classic shadow, of
// which a thing has one and which has no name; all others are named shadows.
type Name struct{ text string }

// ParseName checks that text is the name of a named shadow: 1 to
// [MaxNameLength] of a-z, A-Z, 0-9, '$', ':', '_' and '-'. The error is
// [ErrName], also for an empty text: ask for the classic shadow by Name{}.
func ParseName(text string) (Name, error) {
	if text == "" || len(text) > MaxNameLength {
		return Name{}, fmt.Errorf("%w: %d bytes long, want 1 to %d", ErrName, len(text), MaxNameLength)
	}
	for i := range len(text) {
		if !isNameByte(text[i]) {
			return Name{}, fmt.Errorf("%w: byte %d is not one of a-z, A-Z, 0-9, '$', ':', '_', '-'", ErrName, i)
		}
	}
	return Name{strings.Clone(text)}, nil
}

// MustParseName is [ParseName] for names written in code. It panics on a bad
// one.
func MustParseName(text string) Name {
	name, err := ParseName(text)
	if err != nil {
		panic(err)
	}
	return name
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '$' || c == ':' || c == '_' || c == '-'
}

// String returns the name as text, empty for the classic shadow.
func (n Name) String() string { return n.text }

// IsZero reports whether n means the classic shadow.
func (n Name) IsZero() bool { return n.text == "" }

// MarshalText returns the name as text, empty for the classic shadow.
func (n Name) MarshalText() ([]byte, error) { return []byte(n.text), nil }

// UnmarshalText reads what MarshalText wrote. The error is [ErrName].
func (n *Name) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*n = Name{}
		return nil
	}
	parsed, err := ParseName(string(text))
	if err != nil {
		return err
	}
	*n = parsed
	return nil
}
