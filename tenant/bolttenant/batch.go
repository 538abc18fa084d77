package bolttenant

import (
	"context"
	"fmt"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/internal/request"
)

// BatchGet implements tenant.Repository. All items are read at one time.
func (r *Repository[T]) BatchGet(ctx context.Context, id tenant.ID, keys []tenant.Key, _ ...func(*tenant.ReadOptions)) ([]tenant.Item[T], error) {
	if err := request.CheckBatchGet(ctx, id, keys); err != nil {
		return nil, err
	}
	tx, err := r.store.read()
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	stored := tx.Bucket(itemsBucket)
	items, errs := make([]tenant.Item[T], len(keys)), make([]error, len(keys))
	itemKey := appendItemPrefix(make([]byte, 0, keySize), id, r.schema.Entity)
	prefix := len(itemKey)
	for i, key := range keys {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if errs[i] = key.Check(); errs[i] != nil {
			continue
		}
		itemKey = append(itemKey[:prefix], key.Encoded()...)
		header, value, err := r.store.find(stored, itemKey)
		if errs[i] = err; value != nil {
			items[i], errs[i] = r.decode(header, value)
		}
	}
	return items, request.Partial(errs)
}

// BatchWrite implements tenant.Repository. It makes a commit for each 8 MiB of
// items, shared with other writers. If a commit fails, all of its writes do, and
// those after it are not tried.
func (r *Repository[T]) BatchWrite(ctx context.Context, id tenant.ID, writes []tenant.Write[T]) ([]tenant.Version, error) {
	steps, errs, err := request.PlanWrites(ctx, id, writes, r.schema, r.codec)
	if err != nil {
		return nil, err
	}
	var changes []change
	var places []int
	for i := range steps {
		if errs[i] == nil {
			changes, places = append(changes, newChange(id, &steps[i])), append(places, i)
		}
	}
	versions := make([]tenant.Version, len(writes))
	for i, outcome := range r.store.write(ctx, changes) {
		versions[places[i]], errs[places[i]] = outcome.version, outcome.err
	}
	return versions, request.Partial(errs)
}

// outcome is what became of a change in a batch.
type outcome struct {
	version tenant.Version
	err     error
}

// write makes each change on its own, in as few commits as their size allows.
func (s *Store) write(ctx context.Context, changes []change) []outcome {
	outcomes := make([]outcome, 0, len(changes))
	for len(outcomes) < len(changes) {
		rest := changes[len(outcomes):]
		made, err := s.commitAlone(ctx, rest[:fittingCommit(rest)])
		outcomes = append(outcomes, made...)
		for err != nil && len(outcomes) < len(changes) {
			failed := &changes[len(outcomes)]
			outcomes = append(outcomes, outcome{err: fmt.Errorf("%w: %s", err, failed.entity)})
		}
	}
	return outcomes
}

// fittingCommit returns how many of the changes one commit takes.
func fittingCommit(changes []change) int {
	var total load
	for i := range changes {
		if total.isFull() {
			return i
		}
		total = total.plus(changes[i].load())
	}
	return len(changes)
}

// commitAlone makes each change on its own, in one commit. An error is that of
// the commit: the outcome of no change is known.
func (s *Store) commitAlone(ctx context.Context, changes []change) ([]outcome, error) {
	outcomes := make([]outcome, len(changes))
	err := s.committer.do(ctx, loadOf(changes), func(tx *transaction) error {
		now := s.options.Now()
		for i := range changes {
			c := &changes[i]
			old, err := tx.check(c.key, c.cond, now)
			if err != nil {
				outcomes[i].err = fmt.Errorf("%w: %s", err, c.entity)
				continue
			}
			outcomes[i].version = tx.apply(c, old, now)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}
