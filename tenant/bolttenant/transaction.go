package bolttenant

import (
	"bytes"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/iotenant/iotenant/tenant"
)

// transaction is where the writes of a commit happen.
type transaction struct {
	items, expiry *bbolt.Bucket
	version       uint64 // the last one given
	changed       bool
	failed        error // the first failure of the storage: it fails the commit
}

func begin(tx *bbolt.Tx) *transaction {
	items := tx.Bucket(itemsBucket)
	return &transaction{items: items, expiry: tx.Bucket(expiryBucket), version: items.Sequence()}
}

// end returns errUnchanged if there is nothing to commit.
func (t *transaction) end() error {
	if !t.changed {
		return errUnchanged
	}
	if t.version != t.items.Sequence() {
		return t.items.SetSequence(t.version)
	}
	return nil
}

// put stores an item, made by appendItemHeader, if cond holds, and gives it
// the next version.
func (t *transaction) put(itemKey, item []byte, cond tenant.Condition, now time.Time) (tenant.Version, error) {
	old, err := t.check(itemKey, cond, now)
	if err != nil {
		return 0, err
	}
	return t.replace(itemKey, old, item, now), nil
}

// delete removes an item, if cond holds.
func (t *transaction) delete(itemKey []byte, cond tenant.Condition, now time.Time) error {
	old, err := t.check(itemKey, cond, now)
	if err != nil {
		return err
	}
	t.drop(itemKey, old)
	return nil
}

// check returns what is stored, nil for nothing, if cond holds of it.
func (t *transaction) check(itemKey []byte, cond tenant.Condition, now time.Time) (old []byte, err error) {
	old = t.items.Get(itemKey)
	current, err := versionAt(old, now)
	if err != nil {
		return nil, err
	}
	return old, cond.Check(current)
}

// replace stores an item in the place of an old one, nil for none.
func (t *transaction) replace(itemKey, old, item []byte, now time.Time) tenant.Version {
	t.version = max(t.version+1, uint64(max(now.UnixMicro(), 1)))
	setVersion(item, tenant.Version(t.version))
	t.relate(itemKey, old, item)
	t.save(t.items, itemKey, item)
	return tenant.Version(t.version)
}

// sweep removes at most limit expired items and returns how many.
func (t *transaction) sweep(now time.Time, limit int) (removed int) {
	var expired [][]byte
	cursor := t.expiry.Cursor()
	for key, _ := cursor.First(); key != nil && len(expired) < limit; key, _ = cursor.Next() {
		seconds, itemKey, ok := parseExpiryKey(key)
		if ok && !seconds.passed(now) {
			break
		}
		expired = append(expired, bytes.Clone(itemKey))
	}
	for _, itemKey := range expired {
		t.drop(itemKey, t.items.Get(itemKey))
	}
	return len(expired)
}

// drop removes an item, nil for none, and all that relates to it.
func (t *transaction) drop(itemKey, item []byte) {
	if item == nil {
		return
	}
	t.relate(itemKey, item, nil)
	t.remove(t.items, itemKey)
}

// relate replaces the entries of an old item in the indexes and the expiry
// order by those of its successor; nil stands for no item.
func (t *transaction) relate(itemKey, old, successor []byte) {
	before, after := t.related(itemKey, old), t.related(itemKey, successor)
	for _, key := range before {
		if !slices.ContainsFunc(after, key.equal) {
			t.remove(key.bucket, key.key)
		}
	}
	for _, key := range after {
		if !slices.ContainsFunc(before, key.equal) {
			t.save(key.bucket, key.key, nil)
		}
	}
}

type relatedKey struct {
	bucket *bbolt.Bucket
	key    []byte
}

func (k relatedKey) equal(other relatedKey) bool {
	return k.bucket == other.bucket && bytes.Equal(k.key, other.key)
}

// related returns the keys of an item's entries in the indexes and the expiry
// order.
func (t *transaction) related(itemKey, item []byte) (keys []relatedKey) {
	if item == nil {
		return nil
	}
	header, _, err := parseItem(item)
	if err != nil {
		t.fail(err)
		return nil
	}
	if header.expires != 0 {
		keys = append(keys, relatedKey{t.expiry, expiryKey(header.expires, itemKey)})
	}
	if len(header.entries) == 0 {
		return keys
	}
	prefix, ok := entityPrefix(itemKey)
	if !ok {
		t.fail(errDamaged)
		return nil
	}
	t.fail(header.eachEntry(func(position int, entry []byte) {
		keys = append(keys, relatedKey{t.items, indexKey(prefix, position, entry)})
	}))
	return keys
}

func (t *transaction) save(bucket *bbolt.Bucket, key, value []byte) {
	t.changed = true
	t.fail(bucket.Put(key, value))
}

func (t *transaction) remove(bucket *bbolt.Bucket, key []byte) {
	t.changed = true
	t.fail(bucket.Delete(key))
}

func (t *transaction) fail(err error) {
	if t.failed == nil {
		t.failed = err
	}
}

// versionAt returns the version of a stored item for conditions: 0 if there is
// none, or if it has expired.
func versionAt(item []byte, now time.Time) (tenant.Version, error) {
	if item == nil {
		return 0, nil
	}
	header, _, err := parseItem(item)
	if err != nil || header.expires.passed(now) {
		return 0, err
	}
	return header.version, nil
}
