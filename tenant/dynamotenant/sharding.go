package dynamotenant

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/iotenant/iotenant/tenant"
)

// MaxShards is the largest [Sharding.Count].
const MaxShards = 128

// Sharding says how an entity of a tenant is spread over partitions. DynamoDB
// writes at most 1,000 units of 1 KB a second to a partition, and reads 3,000
// of 4 KB; a tenant who needs more needs shards. An item is in the shard that
// the hash of its key names. A query reads all shards, so its cost grows with
// their number.
//
// # Growth
//
// To grow, set Count to a multiple of what it was, and Previous to what it was,
// for all processes that write for the tenant at one time: suspend the tenant
// for as long as they may differ, since a process with the old count does not
// see what has moved. The tenant is then served as ever, for more calls, while
// [Store.Reshard] moves items. Each write first looks whether its item has to
// be moved; calls are added as follows. When Reshard has returned nil, set
// Previous to 0; this may reach the processes one by one.
//
//	Get:                   GetItem in the old shard, and once more in the new
//	                       one, if there is nothing in the new one
//	Put, Delete:           GetItem in the old shard, and TransactWriteItems if
//	                       the item is there
//	BatchGet:              BatchGetItem where Get has GetItem
//	BatchWrite, Transact:  BatchGetItem in the old shards, and
//	                       TransactWriteItems for each item that is there
//
// Reads by primary key see each item once throughout, and are consistent. An
// index, which lags, may miss an item or show an older state of it for the
// moment in which it moves. Fewer shards than before are not possible.
type Sharding struct {
	// Count is the number of shards, 1 to [MaxShards]. 0 means 1.
	Count int
	// Previous is the number that it was before, while items are moved; 0
	// when all are in place.
	Previous int
}

// normal returns the sharding with 0 for what means nothing. The error is
// [ErrSharding].
func (s Sharding) normal() (Sharding, error) {
	normal := Sharding{Count: max(s.Count, 1), Previous: s.Previous}
	if normal.Previous == normal.Count {
		normal.Previous = 0
	}
	grown := normal.Previous == 0 || normal.Previous > 0 && normal.Count%normal.Previous == 0
	if s.Count < 0 || s.Count > MaxShards || !grown {
		return Sharding{}, fmt.Errorf("%w: %d shards after %d", ErrSharding, s.Count, s.Previous)
	}
	return normal, nil
}

// shardOf returns the shard of a key among count. It must never change.
func shardOf(key string, count int) int {
	if count <= 1 {
		return 0
	}
	digest := sha256.Sum256([]byte(key))
	return int(binary.BigEndian.Uint64(digest[:]) % uint64(count))
}

// home is where an item belongs, and where it may still be.
type home struct {
	address
	former string // partition, empty unless the item may have to be moved
}

// old returns the address from which the item may have to be moved.
func (h *home) old() address { return address{h.former, h.sort} }

// homeOf returns the home of an item. The error is [ErrSharding].
func (s *Store) homeOf(id tenant.ID, entity, key string) (home, error) {
	sharding, err := s.options.Shards(id, entity).normal()
	if err != nil {
		return home{}, err
	}
	shard := shardOf(key, sharding.Count)
	at := home{address: address{partitionOf(id, entity, shard), key}}
	if sharding.Previous > 0 {
		if former := shardOf(key, sharding.Previous); former != shard {
			at.former = partitionOf(id, entity, former)
		}
	}
	return at, nil
}

// find reads an item; version 0 says that there is none.
//
// While items are moved, it looks into the new place, the old one, and the new
// one again, since an item that was missing in both may have moved in between.
func (s *Store) find(ctx context.Context, at home, entity string, consistent bool) (stored, error) {
	item, err := s.get(ctx, at.address, entity, consistent)
	if err != nil || len(item) > 0 || at.former == "" {
		return parseAnswer(item, at.partition, err)
	}
	item, err = s.get(ctx, at.old(), entity, true)
	if err != nil || len(item) > 0 {
		return parseAnswer(item, at.former, err)
	}
	item, err = s.get(ctx, at.address, entity, true)
	return parseAnswer(item, at.partition, err)
}

// parseAnswer parses what a read has answered.
func parseAnswer(item attributes, partition string, err error) (stored, error) {
	if err != nil || len(item) == 0 {
		return stored{}, err
	}
	return parseItem(item, partition, sortName)
}

// settled returns the address of an item that is to be written, after moving it
// there. Nobody writes into the old place any more, so it stays empty.
func (s *Store) settled(ctx context.Context, id tenant.ID, entity, key string) (address, error) {
	at, err := s.homeOf(id, entity, key)
	if err != nil || at.former == "" {
		return at.address, err
	}
	item, err := s.get(ctx, at.old(), entity, true)
	if err != nil || len(item) == 0 {
		return at.address, err
	}
	return at.address, s.move(ctx, at, item, entity)
}
