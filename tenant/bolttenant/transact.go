package bolttenant

import (
	"context"
	"fmt"
	"time"

	"github.com/iotenant/iotenant/tenant"
	"github.com/iotenant/iotenant/tenant/internal/request"
)

var _ tenant.Transactor = (*Store)(nil)

// Transact implements tenant.Transactor. When it returns nil, all of the
// transaction is on disk. Transactions never conflict: they share commits with
// each other and with other writers, one after the other.
func (s *Store) Transact(ctx context.Context, id tenant.ID, ops ...tenant.Op) ([]tenant.Version, error) {
	steps, err := request.PlanTransaction(ctx, id, ops)
	if err != nil {
		return nil, err
	}
	changes := make([]change, len(steps))
	for i := range steps {
		changes[i] = newChange(id, &steps[i])
	}
	var versions []tenant.Version
	err = s.committer.do(ctx, loadOf(changes), func(tx *transaction) (err error) {
		versions, err = tx.applyTogether(changes, s.options.Now())
		return err
	})
	if err != nil {
		return nil, err
	}
	return versions, nil
}

// applyTogether makes all changes if all of their conditions hold, else none.
func (t *transaction) applyTogether(changes []change, now time.Time) ([]tenant.Version, error) {
	olds, errs := make([][]byte, len(changes)), make([]error, len(changes))
	for i := range changes {
		c := &changes[i]
		old, err := t.check(c.key, c.cond, now)
		if err != nil {
			errs[i] = fmt.Errorf("%w: %s", err, c.entity)
		}
		olds[i] = old
	}
	if err := request.Refused(errs); err != nil {
		return nil, err
	}
	versions := make([]tenant.Version, len(changes))
	for i := range changes {
		versions[i] = t.apply(&changes[i], olds[i], now)
	}
	return versions, nil
}

// change is a step of a batch or a transaction as the file takes it.
type change struct {
	action    tenant.Action
	entity    string
	cond      tenant.Condition
	key, item []byte
}

func newChange(id tenant.ID, step *request.Step) change {
	c := change{action: step.Action, entity: step.Entity, cond: step.Cond}
	c.key = append(appendItemPrefix(make([]byte, 0, keySize), id, step.Entity), step.Record.Key...)
	if step.Action == tenant.ActionPut {
		c.item = appendItemHeader(make([]byte, 0, itemSize), &step.Record)
		c.item = append(c.item, step.Data...)
	}
	return c
}

func (c *change) load() load { return load{items: 1, bytes: len(c.key) + len(c.item)} }

func loadOf(changes []change) (total load) {
	for i := range changes {
		total = total.plus(changes[i].load())
	}
	return total
}

// apply makes a change whose condition holds of the old item, and returns the
// version of what it has put.
func (t *transaction) apply(c *change, old []byte, now time.Time) tenant.Version {
	switch c.action {
	case tenant.ActionPut:
		return t.replace(c.key, old, c.item, now)
	case tenant.ActionDelete:
		t.drop(c.key, old)
	case tenant.ActionCheck:
	}
	return 0
}
