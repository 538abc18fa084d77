package tenant

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxKeyLength is the limit of an encoded key in bytes: the bytes of its parts
// plus one for each part after the first. DynamoDB allows 1,024 bytes for a
// sort key, and an index entry holds two keys.
const MaxKeyLength = 500

// Separators between the parts of a key and between an index key and the
// primary key. They sort below every byte that a part may hold, so encoded
// keys compare like their parts, and partSeparator follows indexSeparator so
// that the entries of one index key stand together.
const (
	indexSeparator = '\x1e'
	partSeparator  = '\x1f'
	afterSeparator = '\x20'
)

// Key identifies one item of an entity within a tenant, or a place in an index.
// It has one or more parts; keys are ordered part by part, in byte order.
// Keys are comparable with ==. The zero Key is refused.
type Key struct {
	encoded string
	problem string
}

// NewKey makes a key of its parts. A part is non-empty UTF-8 without ASCII
// control characters. A bad part is reported with [ErrKey] by the call that uses the
// key, so that keys can be written in line.
func NewKey(parts ...string) Key {
	size := len(parts) - 1
	for i, part := range parts {
		if problem := checkPart(part); problem != "" {
			return Key{problem: fmt.Sprintf("part %d %s", i+1, problem)}
		}
		size += len(part)
	}
	if size > MaxKeyLength {
		return Key{problem: fmt.Sprintf("%d bytes long, limit %d", size, MaxKeyLength)}
	}
	if len(parts) == 1 {
		return Key{encoded: parts[0]}
	}
	return Key{encoded: strings.Join(parts, string(partSeparator))}
}

func checkPart(part string) (problem string) {
	if part == "" {
		return "is empty"
	}
	for i := range len(part) {
		if part[i] < afterSeparator || part[i] == 0x7f {
			return "holds a control character"
		}
	}
	if !utf8.ValidString(part) {
		return "is not UTF-8"
	}
	return ""
}

// Check returns [ErrKey] if the key is zero or was made of bad parts.
func (k Key) Check() error {
	if k.problem != "" {
		return fmt.Errorf("%w: %s", ErrKey, k.problem)
	}
	if k.encoded == "" {
		return fmt.Errorf("%w: empty", ErrKey)
	}
	return nil
}

// Parts returns the parts of the key.
func (k Key) Parts() []string {
	if k.encoded == "" {
		return nil
	}
	return strings.Split(k.encoded, string(partSeparator))
}

// IsZero reports whether k is the zero Key.
func (k Key) IsZero() bool { return k == Key{} }

// Encoded returns the key as backends store it. Its byte order is the order of
// keys.
func (k Key) Encoded() string { return k.encoded }

// String returns the parts joined by '/', for messages.
func (k Key) String() string {
	return strings.ReplaceAll(k.encoded, string(partSeparator), "/")
}
