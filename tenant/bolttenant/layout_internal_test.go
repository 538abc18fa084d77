package bolttenant

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant/tenant"
)

// owned is what a stored key belongs to.
type owned struct {
	id     tenant.ID
	entity string
	kind   int // -1 for items, else the position of an index
}

func (o owned) prefix() []byte {
	if o.kind < 0 {
		return appendItemPrefix(nil, o.id, o.entity)
	}
	return appendIndexPrefix(nil, o.id, o.entity, o.kind)
}

// parseOwned makes what fuzzed texts describe, if the public API lets it
// through.
func parseOwned(id, entity string, kind int, key, primary string) (o owned, stored []byte, ok bool) {
	parsed, err := tenant.ParseID(id)
	if id == tenant.Platform().String() {
		parsed, err = tenant.Platform(), nil
	}
	schema := tenant.Schema[[2]string]{Entity: entity, Key: func(k *[2]string) tenant.Key { return tenant.NewKey(k[1]) }}
	for i := range tenant.MaxIndexes {
		schema.Indexes = append(schema.Indexes, tenant.Index[[2]string]{Name: fmt.Sprintf("i%d", i), Key: func(k *[2]string) tenant.Key { return tenant.NewKey(k[0]) }})
	}
	if err != nil || schema.Check() != nil || kind < -1 || kind >= tenant.MaxIndexes {
		return owned{}, nil, false
	}
	record, err := schema.Record(&[2]string{key, primary})
	if err != nil {
		return owned{}, nil, false
	}
	o = owned{parsed, entity, kind}
	if kind < 0 {
		return o, append(o.prefix(), record.Key...), true
	}
	return o, append(o.prefix(), record.Index[kind]...), true
}

func FuzzAttackKeyPrefixCollision(f *testing.F) {
	f.Add("abc", "site", -1, "k", "k", "abcd", "site", -1, "k", "k")
	f.Add("abc", "site", 0, "k", "k", "abc", "site-x", 0, "k", "k")
	f.Add("abc", "site", -1, "k", "x0k", "abc", "site", 0, "k", "k")
	f.Add("abc", "site", 1, "k", "k", "abc", "site", 2, "k", "k")
	f.Add("_platform", "tenant", -1, "k", "k", "platform", "tenant", -1, "k", "k")
	f.Add("abc", "site", 0, "a b", "c", "abc", "site", 0, "a", "b c")
	f.Fuzz(func(t *testing.T, id1, entity1 string, kind1 int, key1, primary1, id2, entity2 string, kind2 int, key2, primary2 string) {
		a, storedA, okA := parseOwned(id1, entity1, kind1, key1, primary1)
		b, storedB, okB := parseOwned(id2, entity2, kind2, key2, primary2)
		if !okA || !okB {
			return
		}
		require.Equal(t, a == b, bytes.HasPrefix(storedA, b.prefix()), "%q begins with the prefix of %v", storedA, b)
		require.Equal(t, a == b, bytes.HasPrefix(storedB, a.prefix()), "%q begins with the prefix of %v", storedB, a)
		same := a == b && primary1 == primary2 && (a.kind < 0 || key1 == key2)
		require.Equal(t, same, bytes.Equal(storedA, storedB))
		if a.kind < 0 {
			prefix, ok := entityPrefix(storedA)
			require.True(t, ok)
			require.Equal(t, append(bytes.Clone(prefix), itemKind), a.prefix())
			entry := []byte(key1 + string(indexSeparator) + primary1)
			require.Equal(t, append(owned{a.id, a.entity, 3}.prefix(), entry...), indexKey(prefix, 3, entry))
			require.Equal(t, primary1, string(primaryKey(entry)))
			seconds, itemKey, ok := parseExpiryKey(expiryKey(7, storedA))
			require.True(t, ok && seconds == 7)
			require.Equal(t, storedA, itemKey)
		} else {
			_, ok := entityPrefix(storedA)
			require.False(t, ok, "an index entry was taken for an item")
		}
	})
}

func FuzzParseItem(f *testing.F) {
	record := tenant.Record{Key: "k", Index: []string{"a\x1ek", "", "b\x1ek"}, Expires: time.Unix(7, 0)}
	f.Add(append(appendItemHeader(nil, &record), "value"...))
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, item []byte) {
		header, value, err := parseItem(item)
		if err != nil {
			require.ErrorIs(t, err, errDamaged)
			return
		}
		require.Less(t, len(header.entries)+len(value), len(item))
		_ = header.eachEntry(func(_ int, entry []byte) { require.NotEmpty(t, entry) })
	})
}

func TestItemHeader(t *testing.T) {
	t.Parallel()
	long := string(bytes.Repeat([]byte("x"), 300))
	record := tenant.Record{Key: "k", Index: []string{"a\x1ek", "", long}, Expires: time.Unix(7, 0)}
	item := append(appendItemHeader(nil, &record), "value"...)
	setVersion(item, 42)
	header, value, err := parseItem(item)
	require.NoError(t, err)
	require.Equal(t, "value", string(value))
	require.Equal(t, tenant.Version(42), header.version)
	require.False(t, header.expires.passed(time.Unix(7, 0).Add(-1)))
	require.True(t, header.expires.passed(time.Unix(7, 0)))
	entries := map[int]string{}
	require.NoError(t, header.eachEntry(func(position int, entry []byte) { entries[position] = string(entry) }))
	require.Equal(t, map[int]string{0: "a\x1ek", 2: long}, entries)
	for n := range len(item) - len("value") {
		_, _, err := parseItem(item[:n])
		require.ErrorIs(t, err, errDamaged)
	}
}

func TestExpirySecondsAreOrderedLikeTimes(t *testing.T) {
	t.Parallel()
	times := []time.Time{time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Unix(-1, 0), time.Unix(0, 0), time.Unix(1, 0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	for i := range times[1:] {
		require.Less(t, secondsOf(times[i]), secondsOf(times[i+1]))
	}
	require.Zero(t, secondsOf(time.Time{}))
	require.False(t, expirySeconds(0).passed(times[4]))
}
