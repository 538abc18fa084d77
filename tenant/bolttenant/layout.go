package bolttenant

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// This file is the only one that knows how the file is laid out.
//
//	bucket "iotenant"  key "format"                                -> format
//	bucket "items"     tenant US entity US 'i' key                 -> item
//	                   tenant US entity US 'x' position entry      -> nothing
//	bucket "expiry"    seconds, then the key of the item in items  -> nothing
//
// US is a byte that neither tenant ids nor entity names hold, so that no key
// of one tenant begins with the prefix of another. entry is the encoded index
// key, a separator and the encoded primary key, as tenant.Record makes it.
// The sequence of the bucket "items" is the last version given.
var (
	metaBucket   = []byte("iotenant")
	itemsBucket  = []byte("items")
	expiryBucket = []byte("expiry")

	formatKey = []byte("format")
	format    = []byte("tenant store 1")
)

const (
	separator = '\x1f'
	itemKind  = 'i'
	indexKind = 'x'
)

// appendItemPrefix appends what the keys of all items of an entity begin with.
func appendItemPrefix(dst []byte, id tenant.ID, entity string) []byte {
	dst = append(dst, id.String()...)
	dst = append(dst, separator)
	dst = append(dst, entity...)
	return append(dst, separator, itemKind)
}

// appendIndexPrefix appends what the keys of all entries of an index begin
// with. position is that of the index in the schema.
func appendIndexPrefix(dst []byte, id tenant.ID, entity string, position int) []byte {
	dst = appendItemPrefix(dst, id, entity)
	dst[len(dst)-1] = indexKind
	return append(dst, byte('0'+position))
}

// entityPrefix returns what an item key has in common with all keys of its
// entity: tenant US entity US.
func entityPrefix(itemKey []byte) (prefix []byte, ok bool) {
	tenantEnd := bytes.IndexByte(itemKey, separator)
	entityEnd := tenantEnd + 1 + bytes.IndexByte(itemKey[tenantEnd+1:], separator)
	if tenantEnd <= 0 || entityEnd <= tenantEnd+1 || !bytes.HasPrefix(itemKey[entityEnd+1:], []byte{itemKind}) {
		return nil, false
	}
	return itemKey[:entityEnd+1], true
}

// indexKey returns the key of an entry in the index at position.
func indexKey(entityPrefix []byte, position int, entry []byte) []byte {
	key := make([]byte, 0, len(entityPrefix)+2+len(entry))
	key = append(key, entityPrefix...)
	key = append(key, indexKind, byte('0'+position))
	return append(key, entry...)
}

// primaryKey returns the encoded primary key at the end of an index entry.
func primaryKey(entry []byte) []byte {
	return entry[bytes.IndexByte(entry, indexSeparator)+1:]
}

// indexSeparator is the byte that tenant.Record puts between index key and
// primary key.
const indexSeparator = '\x1e'

// expirySeconds is a time as it is stored: ordered like the times, 0 for never.
type expirySeconds uint64

func secondsOf(t time.Time) expirySeconds {
	if t.IsZero() {
		return 0
	}
	return max(1, expirySeconds(uint64(t.Unix())^1<<63))
}

func (s expirySeconds) passed(now time.Time) bool { return s != 0 && s <= secondsOf(now) }

func expiryKey(seconds expirySeconds, itemKey []byte) []byte {
	key := make([]byte, 0, 8+len(itemKey))
	return append(binary.BigEndian.AppendUint64(key, uint64(seconds)), itemKey...)
}

// parseExpiryKey is the reverse of expiryKey.
func parseExpiryKey(key []byte) (seconds expirySeconds, itemKey []byte, ok bool) {
	if len(key) < 8 {
		return 0, nil, false
	}
	return expirySeconds(binary.BigEndian.Uint64(key)), key[8:], true
}

// An item is stored as version and expiry, 8 bytes each, the length of its
// index entries, these, and the encoded value. An entry is its length, 0 if
// the item is not in that index, and its bytes. Lengths are uvarints.
type itemHeader struct {
	version tenant.Version
	expires expirySeconds
	entries []byte
}

// appendItemHeader appends a header without version, see setVersion.
func appendItemHeader(dst []byte, record *tenant.Record) []byte {
	size := 0
	for _, entry := range record.Index {
		size += uvarintLength(len(entry)) + len(entry)
	}
	dst = binary.BigEndian.AppendUint64(dst, 0)
	dst = binary.BigEndian.AppendUint64(dst, uint64(secondsOf(record.Expires)))
	dst = binary.AppendUvarint(dst, uint64(size))
	for _, entry := range record.Index {
		dst = binary.AppendUvarint(dst, uint64(len(entry)))
		dst = append(dst, entry...)
	}
	return dst
}

func setVersion(item []byte, version tenant.Version) {
	binary.BigEndian.PutUint64(item, uint64(version))
}

func uvarintLength(n int) int {
	length := 1
	for ; n >= 0x80; n >>= 7 {
		length++
	}
	return length
}

// errDamaged: the file holds what this package has not written.
var errDamaged = fmt.Errorf("bolttenant: stored item is damaged: %w", iotenant.ErrUnavailable)

// parseItem splits a stored item.
func parseItem(item []byte) (header itemHeader, value []byte, err error) {
	if len(item) < 17 {
		return itemHeader{}, nil, errDamaged
	}
	header.version = tenant.Version(binary.BigEndian.Uint64(item))
	header.expires = expirySeconds(binary.BigEndian.Uint64(item[8:]))
	size, n := binary.Uvarint(item[16:])
	rest := item[16:]
	if n <= 0 || size > uint64(len(rest)-n) {
		return itemHeader{}, nil, errDamaged
	}
	header.entries = rest[n : n+int(size)]
	return header, rest[n+int(size):], nil
}

// eachEntry calls visit with the entry in each index that the item is in.
func (h itemHeader) eachEntry(visit func(position int, entry []byte)) error {
	rest := h.entries
	for position := 0; len(rest) > 0; position++ {
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			return errDamaged
		}
		if size > 0 {
			visit(position, rest[n:n+int(size)])
		}
		rest = rest[n+int(size):]
	}
	return nil
}
