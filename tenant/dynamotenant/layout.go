package dynamotenant

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
)

// This file is the only one that knows how items lie in the table.
//
//	pk     S       TENANT#tenant#entity, and #shard for all shards but shard 0
//	sk     S       the encoded primary key
//	i1…i5  S       the entry in the index at this position, as tenant.Record
//	               makes it; absent if the item is not in that index
//	v      any     the value as attribute values, M for a struct
//	raw    B       instead of v: the value in the portable encoding, where v
//	               would be too large
//	ver    N       the version
//	exp    N       when the item expires in seconds of Unix time; absent for never
//
// The indexes index-1…index-5 have pk as partition key and i1…i5 as sort key.
// '#' is in no tenant id and in no entity name, so that no partition key of
// one tenant begins with the prefix of another.
const (
	partitionName = "pk"
	sortName      = "sk"
	valueName     = "v"
	portableName  = "raw"
	versionName   = "ver"
	expiryName    = "exp"
)

// entryNames and indexNames are by position of the index in a schema.
var (
	entryNames = [tenant.MaxIndexes]string{"i1", "i2", "i3", "i4", "i5"}
	indexNames = [tenant.MaxIndexes]string{"index-1", "index-2", "index-3", "index-4", "index-5"}
)

const (
	partitionPrefix    = "TENANT"
	partitionSeparator = "#"
)

// attributes are an item, or its key, as the SDK has it.
type attributes = map[string]types.AttributeValue

// address is the primary key of an item in the table.
type address struct{ partition, sort string }

// partitionOf returns the partition key of a shard of an entity of a tenant.
func partitionOf(id tenant.ID, entity string, shard int) string {
	partition := partitionPrefix + partitionSeparator + id.String() + partitionSeparator + entity
	if shard == 0 {
		return partition
	}
	return partition + partitionSeparator + strconv.Itoa(shard)
}

// parsePartition is the reverse of partitionOf.
func parsePartition(partition string) (id, entity string, shard int, ok bool) {
	parts := strings.Split(partition, partitionSeparator)
	if len(parts) < 3 || len(parts) > 4 || parts[0] != partitionPrefix || parts[1] == "" || parts[2] == "" {
		return "", "", 0, false
	}
	if len(parts) == 3 {
		return parts[1], parts[2], 0, true
	}
	shard, err := strconv.Atoi(parts[3])
	if err != nil || shard < 1 || strconv.Itoa(shard) != parts[3] {
		return "", "", 0, false
	}
	return parts[1], parts[2], shard, true
}

// key returns the address as the key of a request.
func (a address) key() attributes {
	return attributes{partitionName: text(a.partition), sortName: text(a.sort)}
}

// addressIn returns the address of an item, or in a key.
func addressIn(item attributes) address {
	return address{partition: textIn(item, partitionName), sort: textIn(item, sortName)}
}

// newItem returns an item as it is stored.
func newItem(at address, record *tenant.Record, value encoding, version tenant.Version) attributes {
	item := make(attributes, 5+len(record.Index))
	item[partitionName] = text(at.partition)
	item[sortName] = text(at.sort)
	item[value.name] = value.value
	item[versionName] = number(uint64(version))
	if !record.Expires.IsZero() {
		item[expiryName] = seconds(record.Expires)
	}
	for i, entry := range record.Index {
		if entry != "" {
			item[entryNames[i]] = text(entry)
		}
	}
	return item
}

// errDamaged: the table holds what this package has not written.
var errDamaged = fmt.Errorf("dynamotenant: stored item is damaged: %w", iotenant.ErrUnavailable)

const never = math.MaxInt64

// stored is an item that was read.
type stored struct {
	// place is the sort key in the table or the index from which it was read.
	place   string
	version tenant.Version
	expires int64 // seconds of Unix time, or never
	value   encoding
}

// parseItem splits an item that was read from a partition. It refuses one that
// is of another partition.
func parseItem(item attributes, partition, placeName string) (stored, error) {
	if textIn(item, partitionName) != partition {
		return stored{}, errDamaged
	}
	parsed := stored{place: textIn(item, placeName), value: encoding{valueName, item[valueName]}, expires: never}
	if parsed.value.value == nil {
		parsed.value = encoding{portableName, item[portableName]}
	}
	version, err := strconv.ParseUint(numberIn(item, versionName), 10, 64)
	if err != nil || version == 0 || parsed.place == "" || parsed.value.value == nil {
		return stored{}, errDamaged
	}
	parsed.version = tenant.Version(version)
	if _, ok := item[expiryName]; ok {
		if parsed.expires, err = strconv.ParseInt(numberIn(item, expiryName), 10, 64); err != nil {
			return stored{}, errDamaged
		}
	}
	return parsed, nil
}

// expired reports whether the item is gone at now.
func (s *stored) expired(now time.Time) bool { return s.expires <= now.Unix() }

// seconds returns a time as it is stored.
func seconds(t time.Time) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(t.Unix(), 10)}
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n uint64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatUint(n, 10)}
}

// textIn returns an attribute, empty if it is absent or no string.
func textIn(item attributes, name string) string {
	if s, ok := item[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func numberIn(item attributes, name string) string {
	if n, ok := item[name].(*types.AttributeValueMemberN); ok {
		return n.Value
	}
	return ""
}
