package memshadow

import (
	"encoding"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/iotenant/iotenant/device"
	"github.com/iotenant/iotenant/shadow"
	"github.com/iotenant/iotenant/tenant"
)

// Record is a shadow as it is kept, or what is left of a deleted one.
type Record struct {
	Thing device.ID
	Name  shadow.Name
	State shadow.State
	// Expires is when a deleted shadow's version is forgotten, to the second;
	// zero for one that exists.
	Expires time.Time
}

// RecordSchema is how a [Service] keeps shadows. It has no index.
var RecordSchema = tenant.Schema[Record]{
	Entity:  "shadow",
	Key:     func(r *Record) tenant.Key { return recordKey(r.Thing, r.Name) },
	Expires: func(r *Record) time.Time { return r.Expires },
}

func recordKey(thing device.ID, name shadow.Name) tenant.Key {
	if name.IsZero() {
		return tenant.NewKey(thing.String(), "classic")
	}
	return tenant.NewKey(thing.String(), "named", name.String())
}

func namedPrefix(thing device.ID) tenant.Key { return tenant.NewKey(thing.String(), "named") }

var (
	_ encoding.BinaryAppender    = (*Record)(nil)
	_ encoding.BinaryUnmarshaler = (*Record)(nil)
)

// AppendBinary implements encoding.BinaryAppender.
func (r *Record) AppendBinary(b []byte) ([]byte, error) {
	b = appendText(b, r.Thing.String())
	b = appendText(b, r.Name.String())
	expires := int64(0)
	if !r.Expires.IsZero() {
		expires = r.Expires.Unix()
	}
	return r.State.AppendBinary(binary.AppendVarint(b, expires))
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (r *Record) UnmarshalBinary(b []byte) error {
	var read Record
	thing, b, ok := cutText(b)
	if !ok || read.Thing.UnmarshalText(thing) != nil {
		return fmt.Errorf("memshadow: %w: bad thing", shadow.ErrState)
	}
	name, b, ok := cutText(b)
	if !ok || read.Name.UnmarshalText(name) != nil {
		return fmt.Errorf("memshadow: %w: bad name", shadow.ErrState)
	}
	expires, n := binary.Varint(b)
	if n <= 0 {
		return fmt.Errorf("memshadow: %w: bad expiry", shadow.ErrState)
	}
	if expires != 0 {
		read.Expires = time.Unix(expires, 0).UTC()
	}
	if err := read.State.UnmarshalBinary(b[n:]); err != nil {
		return fmt.Errorf("memshadow: %w", err)
	}
	*r = read
	return nil
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func cutText(b []byte) (text, rest []byte, ok bool) {
	length, n := binary.Uvarint(b)
	if n <= 0 || length > uint64(len(b)-n) {
		return nil, nil, false
	}
	b = b[n:]
	return b[:length], b[length:], true
}
