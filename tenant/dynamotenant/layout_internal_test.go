package dynamotenant

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// owner is what a partition belongs to.
type owner struct {
	id     tenant.ID
	entity string
	shard  int
}

// parseOwner makes what fuzzed texts describe, if the public API lets it
// through.
func parseOwner(id, entity string, shard int) (o owner, ok bool) {
	parsed, err := tenant.ParseID(id)
	if id == tenant.Platform().String() {
		parsed, err = tenant.Platform(), nil
	}
	schema := tenant.Schema[string]{Entity: entity, Key: func(s *string) tenant.Key { return tenant.NewKey(*s) }}
	ok = err == nil && schema.Check() == nil && shard >= 0 && shard < MaxShards
	return owner{parsed, entity, shard}, ok
}

func FuzzAttackPartitionCollision(f *testing.F) {
	f.Add("abc", "site", 0, "abcd", "site", 0)
	f.Add("abc", "site", 1, "abc", "site", 11)
	f.Add("abc", "site", 0, "abc", "site-1", 0)
	f.Add("_platform", "tenant", 0, "platform", "tenant", 0)
	f.Add("abc-d", "x", 3, "abc", "d-x", 3)
	f.Fuzz(func(t *testing.T, id1, entity1 string, shard1 int, id2, entity2 string, shard2 int) {
		a, okA := parseOwner(id1, entity1, shard1)
		b, okB := parseOwner(id2, entity2, shard2)
		if !okA || !okB {
			return
		}
		partitionA, partitionB := partitionOf(a.id, a.entity, a.shard), partitionOf(b.id, b.entity, b.shard)
		require.Equal(t, a == b, partitionA == partitionB)
		require.Equal(t, a.id == b.id, strings.HasPrefix(partitionA, "TENANT#"+b.id.String()+"#"), "%q is within what LeadingKeys allow %s", partitionA, b.id)
		id, entity, shard, ok := parsePartition(partitionA)
		require.True(t, ok)
		require.Equal(t, []any{a.id.String(), a.entity, a.shard}, []any{id, entity, shard})
	})
}

func FuzzParsePartition(f *testing.F) {
	for _, seed := range []string{"TENANT#acme#site", "TENANT#acme#site#3", "TENANT#acme#site#03", "TENANT##site", "tenant#a#b", "TENANT#a#b#c#d", "TENANT#a#b#0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, partition string) {
		id, entity, shard, ok := parsePartition(partition)
		if !ok {
			return
		}
		back := "TENANT#" + id + "#" + entity
		if shard > 0 {
			back += "#" + strconv.Itoa(shard)
		}
		require.Equal(t, partition, back)
	})
}

func TestItemComesBack(t *testing.T) {
	t.Parallel()
	at := address{"TENANT#acme#site", "north"}
	expires := time.Unix(1_800_000_000, 0)
	record := tenant.Record{Key: "north", Index: []string{"oslo\x1enorth", "", "a\x1enorth"}, Expires: expires}
	item := newItem(at, &record, encoding{valueName, text("value")}, 1<<64-1)
	require.Len(t, item, 7)
	require.Equal(t, at, addressIn(item))
	require.Equal(t, attributes{"pk": item["pk"], "sk": item["sk"]}, at.key())

	for place, name := range map[string]string{"north": sortName, "oslo\x1enorth": "i1", "a\x1enorth": "i3"} {
		found, err := parseItem(item, at.partition, name)
		require.NoError(t, err)
		require.Equal(t, stored{place: place, version: 1<<64 - 1, expires: expires.Unix(), value: encoding{valueName, text("value")}}, found)
		require.False(t, found.expired(expires.Add(-1)))
		require.True(t, found.expired(expires))
	}
	_, err := parseItem(item, at.partition, "i2")
	require.ErrorIs(t, err, errDamaged)

	forever, err := parseItem(newItem(at, &tenant.Record{}, encoding{portableName, text("raw")}, 1), at.partition, sortName)
	require.NoError(t, err)
	require.False(t, forever.expired(time.Unix(1<<40, 0)))
	require.Equal(t, portableName, forever.value.name)
}

func TestDamagedItemsAreRefused(t *testing.T) {
	t.Parallel()
	at := address{"TENANT#acme#site", "north"}
	for name, damage := range map[string]func(item attributes){
		"no version":             func(item attributes) { delete(item, versionName) },
		"version zero":           func(item attributes) { item[versionName] = number(0) },
		"version is text":        func(item attributes) { item[versionName] = text("1") },
		"version is negative":    func(item attributes) { item[versionName] = &types.AttributeValueMemberN{Value: "-1"} },
		"no value":               func(item attributes) { delete(item, valueName) },
		"expiry is text":         func(item attributes) { item[expiryName] = text("1") },
		"expiry is no integer":   func(item attributes) { item[expiryName] = &types.AttributeValueMemberN{Value: "1.5"} },
		"no sort key":            func(item attributes) { delete(item, sortName) },
		"of another tenant":      func(item attributes) { item[partitionName] = text("TENANT#globex#site") },
		"of a tenant with a '-'": func(item attributes) { item[partitionName] = text("TENANT#acme-b#site") },
		"of nobody":              func(item attributes) { delete(item, partitionName) },
	} {
		item := newItem(at, &tenant.Record{}, encoding{valueName, text("value")}, 1)
		_, err := parseItem(item, at.partition, sortName)
		require.NoError(t, err)
		damage(item)
		_, err = parseItem(item, at.partition, sortName)
		require.ErrorIs(t, err, iotenant.ErrUnavailable, name)
	}
}

// TestShardsNeverChange holds where items are in the tables of users.
func TestShardsNeverChange(t *testing.T) {
	t.Parallel()
	for key, want := range map[string][3]int{"north": {1, 1, 97}, "a\x1fb": {1, 1, 29}, "pump-1": {0, 2, 46}} {
		require.Equal(t, want, [3]int{shardOf(key, 2), shardOf(key, 4), shardOf(key, MaxShards)}, key)
		require.Zero(t, shardOf(key, 1))
	}
}

func TestShardsAreEven(t *testing.T) {
	t.Parallel()
	counts := make([]int, 8)
	for i := range 8000 {
		counts[shardOf(fmt.Sprintf("device-%d", i), len(counts))]++
	}
	for _, count := range counts {
		require.InDelta(t, 1000, count, 150)
	}
}

func TestVersionsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[tenant.Version]bool{0: true}
	for range 10_000 {
		version := newVersion()
		require.False(t, seen[version])
		seen[version] = true
	}
}
