package tenant

import (
	"context"
	"fmt"
)

// quotaChunk is how many writes of a batch are tried in one transaction.
const quotaChunk = 50

// BatchWrite implements [Repository]. [ErrQuota] for each write that would
// create one item too many.
func (r *QuotaRepository[T]) BatchWrite(ctx context.Context, id ID, writes []Write[T]) ([]Version, error) {
	if err := id.Check(); err != nil {
		return nil, err
	}
	keys, err := r.keys(writes)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	there, err := r.items.BatchGet(ctx, id, keys, Consistent)
	if err != nil {
		there = nil // one by one
	}
	versions, errs := make([]Version, len(writes)), make([]error, len(writes))
	for from := 0; from < len(writes); from += quotaChunk {
		to := min(from+quotaChunk, len(writes))
		if there != nil && r.writeTogether(ctx, id, writes[from:to], there[from:to], versions[from:to]) {
			continue
		}
		for i := from; i < to; i++ {
			versions[i], errs[i] = r.write(ctx, id, &writes[i])
		}
	}
	if len(failures(errs)) > 0 {
		return versions, &BatchError{Errs: errs}
	}
	return versions, nil
}

// keys returns the key of each write. The error is [ErrBatch].
func (r *QuotaRepository[T]) keys(writes []Write[T]) ([]Key, error) {
	if len(writes) > MaxBatch {
		return nil, fmt.Errorf("%w: %d entries, limit %d", ErrBatch, len(writes), MaxBatch)
	}
	keys, places := make([]Key, len(writes)), make(map[string]int, len(writes))
	for i := range writes {
		write := &writes[i]
		switch write.action {
		case ActionPut:
			keys[i] = r.schema.Key(&write.value)
		case ActionDelete:
			keys[i] = write.key
		default:
			return nil, fmt.Errorf("%w: write %d is zero", ErrBatch, i)
		}
		if keys[i].encoded == "" {
			continue // bad: an error of its own
		}
		if first, ok := places[keys[i].encoded]; ok {
			return nil, fmt.Errorf("%w: writes %d and %d have one key", ErrBatch, first, i)
		}
		places[keys[i].encoded] = i
	}
	return keys, nil
}

// writeTogether tries to apply all writes in one transaction. there says which
// items there were a moment ago.
func (r *QuotaRepository[T]) writeTogether(ctx context.Context, id ID, writes []Write[T], there []Item[T], versions []Version) bool {
	var ops []Op
	var places []int
	added := int64(0)
	for i := range writes {
		present := there[i].Version != 0
		switch {
		case writes[i].action == ActionPut && present:
			ops = append(ops, PutOp(r.schema, writes[i].value, IfPresent()))
		case writes[i].action == ActionPut:
			ops = append(ops, PutOp(r.schema, writes[i].value, IfAbsent()))
			added++
		case present:
			ops = append(ops, DeleteOp(r.schema, writes[i].key, IfPresent()))
			added--
		default:
			continue // a delete of nothing
		}
		places = append(places, i)
	}
	if len(ops) == 0 {
		return true
	}
	written, err := r.count(ctx, id, ops, added)
	if err != nil {
		return false
	}
	for i, place := range places {
		versions[place] = written[i]
	}
	return true
}

func (r *QuotaRepository[T]) write(ctx context.Context, id ID, write *Write[T]) (Version, error) {
	if write.action == ActionDelete {
		return 0, r.Delete(ctx, id, write.key, Always())
	}
	return r.Put(ctx, id, write.value, Always())
}
