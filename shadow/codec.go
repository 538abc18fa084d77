package shadow

import (
	"encoding/binary"
	"fmt"
)

// stateFormat is the first byte of an encoded [State].
const stateFormat = 1

// AppendBinary appends the state in a compact form that UnmarshalBinary reads.
// It implements encoding.BinaryAppender.
func (s State) AppendBinary(b []byte) ([]byte, error) {
	deleted := byte(0)
	if s.deleted {
		deleted = 1
	}
	b = append(b, stateFormat, deleted)
	b = binary.AppendUvarint(b, uint64(s.version))
	base := max(s.desired.latest(), s.reported.latest())
	b = binary.AppendVarint(b, base)
	b = encodeValue(b, s.desired, base)
	return encodeValue(b, s.reported, base), nil
}

// UnmarshalBinary reads what AppendBinary wrote. The error is [ErrState].
func (s *State) UnmarshalBinary(b []byte) error {
	d := decoder{text: string(b)}
	if d.byte() != stateFormat {
		return fmt.Errorf("%w: unknown format", ErrState)
	}
	var state State
	state.deleted = d.byte() == 1
	state.version = int64(d.uvarint())
	d.base = d.varint()
	state.desired = d.value(0)
	state.reported = d.value(0)
	if d.failed || d.at != len(d.text) || state.version < 0 || !isSection(state.desired) || !isSection(state.reported) {
		return fmt.Errorf("%w: damaged at byte %d of %d", ErrState, d.at, len(d.text))
	}
	*s = state
	return nil
}

func isSection(v value) bool {
	return v.kind == kindAbsent || v.kind == kindObject && len(v.members) > 0
}

// latest is the greatest time in v.
func (v value) latest() int64 {
	latest := v.time
	if v.kind == kindObject {
		for i := range v.members {
			latest = max(latest, v.members[i].latest())
		}
	}
	return latest
}

// encodeValue writes a kind, then for what was set at a time of its own how
// long before base, then a text or a number of members.
func encodeValue(b []byte, v value, base int64) []byte {
	b = append(b, byte(v.kind))
	switch v.kind {
	case kindScalar:
		b = binary.AppendVarint(b, base-v.time)
		b = encodeText(b, v.text)
	case kindArray:
		b = binary.AppendVarint(b, base-v.time)
		b = encodeText(b, string(appendValue(nil, v)))
	case kindObject:
		b = binary.AppendUvarint(b, uint64(len(v.members)))
		for i := range v.members {
			b = encodeText(b, v.members[i].name)
			b = encodeValue(b, v.members[i].value, base)
		}
	}
	return b
}

func encodeText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// decoder reads along an encoded state. After a failure it reads zeros.
type decoder struct {
	text   string
	at     int
	base   int64
	failed bool
}

func (d *decoder) value(nesting int) value {
	if nesting > maxNesting {
		d.failed = true
	}
	if d.failed {
		return value{}
	}
	v := value{kind: kind(d.byte())}
	switch v.kind {
	case kindAbsent:
	case kindScalar:
		v.time = d.base - d.varint()
		v.text = d.string()
		d.failed = d.failed || v.text == ""
	case kindArray:
		time := d.base - d.varint()
		array, err := parse(d.string())
		d.failed = d.failed || err != nil || array.kind != kindArray
		v.members, v.time = array.members, time
	case kindObject:
		v.members = d.members(nesting)
	default:
		d.failed = true
	}
	return v
}

func (d *decoder) members(nesting int) []member {
	n := d.uvarint()
	if n > uint64(len(d.text)-d.at)/2 { // a member has two bytes at least
		d.failed = true
		return nil
	}
	members := make([]member, n)
	for i := range members {
		members[i].name = d.string()
		members[i].value = d.value(nesting + 1)
	}
	return members
}

func (d *decoder) string() string {
	n := d.uvarint()
	if n > uint64(len(d.text)-d.at) {
		d.failed = true
		return ""
	}
	d.at += int(n)
	return d.text[d.at-int(n) : d.at]
}

func (d *decoder) byte() byte {
	if d.failed || d.at == len(d.text) {
		d.failed = true
		return 0
	}
	d.at++
	return d.text[d.at-1]
}

func (d *decoder) uvarint() uint64 {
	var n uint64
	for shift := 0; shift < 64; shift += 7 {
		b := d.byte()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	d.failed = true
	return 0
}

// varint reads what binary.AppendVarint wrote: the sign in the lowest bit.
func (d *decoder) varint() int64 {
	n := d.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}
