package dynamotenant

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/iotenant/iotenant"
	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/internal/request"
)

// Limits of DynamoDB: entries of a call.
const (
	maxBatchGet   = 100
	maxBatchWrite = 25
)

// What a batch left unprocessed is sent again after a pause, until that made no
// progress so often. Pauses grow from pauseStart to pauseMost, with jitter.
const (
	batchAttempts = 8
	pauseStart    = 25 * time.Millisecond
	pauseMost     = time.Second
)

// errThrottled: DynamoDB left an entry unprocessed too often.
var errThrottled = fmt.Errorf("dynamotenant: left unprocessed %d times: %w", batchAttempts, iotenant.ErrUnavailable)

// BatchGet implements tenant.Repository.
func (r *Repository[T]) BatchGet(ctx context.Context, id tenant.ID, keys []tenant.Key, optFns ...func(*tenant.ReadOptions)) ([]tenant.Item[T], error) {
	if err := request.CheckBatchGet(ctx, id, keys); err != nil {
		return nil, err
	}
	homes, errs := make([]home, len(keys)), make([]error, len(keys))
	var wanted []home
	for i, key := range keys {
		if errs[i] = key.Check(); errs[i] != nil {
			continue
		}
		var err error
		if homes[i], err = r.store.homeOf(id, r.schema.Entity, key.Encoded()); err != nil {
			return nil, err
		}
		wanted = append(wanted, homes[i])
	}
	found := r.store.findAll(ctx, wanted, r.schema.Entity, readOptions(optFns).Consistent)
	items := make([]tenant.Item[T], len(keys))
	for i := range keys {
		if errs[i] == nil {
			items[i], errs[i] = r.decodeReading(found[homes[i].address])
		}
	}
	return items, request.Partial(errs)
}

// decodeReading decodes an entry of a batch, the zero Item for nothing.
func (r *Repository[T]) decodeReading(read reading) (tenant.Item[T], error) {
	if read.err != nil || len(read.item) == 0 {
		return tenant.Item[T]{}, read.err
	}
	found, err := parseItem(read.item, textIn(read.item, partitionName), sortName)
	if err != nil || found.expired(r.store.options.Now()) {
		return tenant.Item[T]{}, err
	}
	return r.decode(&found)
}

// BatchWrite implements tenant.Repository.
func (r *Repository[T]) BatchWrite(ctx context.Context, id tenant.ID, writes []tenant.Write[T]) ([]tenant.Version, error) {
	steps, errs, err := request.PlanWrites(ctx, id, writes, r.schema, r.codec.portable)
	if err != nil {
		return nil, err
	}
	versions := make([]tenant.Version, len(writes))
	var homes []home
	var requests []types.WriteRequest
	var entries []int // of each request
	for i := range steps {
		if errs[i] != nil {
			continue
		}
		at, err := r.store.homeOf(id, r.schema.Entity, steps[i].Record.Key)
		if err != nil {
			return nil, err
		}
		var write types.WriteRequest
		if write, versions[i], errs[i] = writeRequest(&steps[i], writes[i].Value(), at.address); errs[i] == nil {
			homes, requests, entries = append(homes, at), append(requests, write), append(entries, i)
		}
	}
	if err := r.store.settleAll(ctx, homes); err != nil {
		return nil, err
	}
	for j, err := range r.store.writeAll(ctx, requests, r.schema.Entity) {
		if err != nil {
			errs[entries[j]], versions[entries[j]] = err, 0
		}
	}
	return versions, request.Partial(errs)
}

// writeRequest returns a step of a batch in the form of the SDK, and the
// version of what it puts.
func writeRequest(step *request.Step, value any, at address) (write types.WriteRequest, version tenant.Version, err error) {
	if step.Action == tenant.ActionDelete {
		return types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: at.key()}}, 0, nil
	}
	encoded, err := encodeStep(step, value)
	if err != nil {
		return write, 0, err
	}
	version = newVersion()
	return types.WriteRequest{PutRequest: &types.PutRequest{Item: newItem(at, &step.Record, encoded, version)}}, version, nil
}

// reading is what a batch read at an address; zero means nothing.
type reading struct {
	item attributes
	err  error
}

// findAll is find for many items, by their new address.
func (s *Store) findAll(ctx context.Context, homes []home, entity string, consistent bool) map[address]reading {
	addresses := make([]address, len(homes))
	for i := range homes {
		addresses[i] = homes[i].address
	}
	found := s.getAll(ctx, addresses, entity, consistent)
	var moving []home
	var former []address
	for _, at := range homes {
		if read := found[at.address]; at.former != "" && read.err == nil && len(read.item) == 0 {
			moving, former = append(moving, at), append(former, at.old())
		}
	}
	older := s.getAll(ctx, former, entity, true)
	var again []address
	for _, at := range moving {
		if read, ok := older[at.old()]; ok {
			found[at.address] = read
		} else {
			again = append(again, at.address)
		}
	}
	maps.Copy(found, s.getAll(ctx, again, entity, true))
	return found
}

// settleAll is settled for many items.
func (s *Store) settleAll(ctx context.Context, homes []home) error {
	var former []address
	for _, at := range homes {
		if at.former != "" {
			former = append(former, at.old())
		}
	}
	found := s.getAll(ctx, former, "item", true)
	for _, at := range homes {
		read := found[at.old()]
		if read.err != nil {
			return read.err
		}
		if len(read.item) == 0 {
			continue
		}
		if err := s.move(ctx, at, read.item, "item"); err != nil {
			return err
		}
	}
	return nil
}

// getAll reads the items at some addresses, of which some may be equal.
func (s *Store) getAll(ctx context.Context, addresses []address, entity string, consistent bool) map[address]reading {
	found := make(map[address]reading, len(addresses))
	for chunk := range slices.Chunk(distinct(addresses), maxBatchGet) {
		left, err := process(ctx, chunk, func(rest []address) ([]address, error) {
			return s.getChunk(ctx, rest, consistent, found)
		})
		for _, at := range left {
			found[at] = reading{err: failedEntry(ctx, "get "+entity, err)}
		}
	}
	return found
}

func (s *Store) getChunk(ctx context.Context, addresses []address, consistent bool, found map[address]reading) (left []address, err error) {
	keys := make([]attributes, len(addresses))
	for i, at := range addresses {
		keys[i] = at.key()
	}
	wanted := types.KeysAndAttributes{Keys: keys}
	if consistent {
		wanted.ConsistentRead = &consistent
	}
	output, err := s.api.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{s.table: wanted}})
	if err != nil {
		return nil, err
	}
	for _, item := range output.Responses[s.table] {
		found[addressIn(item)] = reading{item: item}
	}
	for _, key := range output.UnprocessedKeys[s.table].Keys {
		left = append(left, addressIn(key))
	}
	return left, nil
}

// writeAll makes writes on different items, and returns the error of each.
func (s *Store) writeAll(ctx context.Context, writes []types.WriteRequest, entity string) []error {
	errs := make([]error, len(writes))
	position := make(map[address]int, len(writes))
	for i := range writes {
		position[addressOf(writes[i])] = i
	}
	for chunk := range slices.Chunk(writes, maxBatchWrite) {
		left, err := process(ctx, chunk, func(rest []types.WriteRequest) ([]types.WriteRequest, error) {
			output, err := s.api.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{s.table: rest}})
			if err != nil {
				return nil, err
			}
			return output.UnprocessedItems[s.table], nil
		})
		for _, write := range left {
			errs[position[addressOf(write)]] = failedEntry(ctx, "write "+entity, err)
		}
	}
	return errs
}

func addressOf(write types.WriteRequest) address {
	if write.PutRequest != nil {
		return addressIn(write.PutRequest.Item)
	}
	return addressIn(write.DeleteRequest.Key)
}

// process sends entries until none are left unprocessed. On an error it
// returns those that were left then.
func process[E any](ctx context.Context, entries []E, send func([]E) (left []E, err error)) ([]E, error) {
	futile := 0 // attempts without progress
	for {
		left, err := send(entries)
		if err != nil {
			return entries, err
		}
		if len(left) == 0 {
			return nil, nil
		}
		futile++
		if len(left) < len(entries) {
			futile = 0
		}
		if futile == batchAttempts {
			return left, errThrottled
		}
		entries = left
		if err := pause(ctx, futile); err != nil {
			return left, err
		}
	}
}

func failedEntry(ctx context.Context, call string, err error) error {
	if errors.Is(err, errThrottled) {
		return err
	}
	return failed(ctx, call, err)
}

// pause waits before another attempt. The error is that of ctx.
func pause(ctx context.Context, attempt int) error {
	longest := min(pauseStart<<min(attempt, 10), pauseMost)
	timer := time.NewTimer(rand.N(longest))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// distinct returns the addresses once each.
func distinct(addresses []address) []address {
	seen := make(map[address]bool, len(addresses))
	return slices.DeleteFunc(slices.Clone(addresses), func(at address) bool {
		known := seen[at]
		seen[at] = true
		return known
	})
}
